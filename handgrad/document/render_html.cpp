// Blocks as HTML.
#include <cstddef>
#include <utility>
#include <variant>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/document/html.hpp"
#include "handgrad/document/render.hpp"

namespace handgrad::document {

std::string escape_html(std::string_view text) {
    std::string result;
    for (const char c : without_direction_marks(replace_invalid_utf8(text))) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
        }
    }
    return result;
}

std::string element(std::string_view name, std::string_view content) {
    std::string result = "<";
    result.append(name).append(">").append(content).append("</").append(name.substr(0, name.find(' '))).append(">");
    return result;
}

std::string html_of(const Prose& prose) {
    return written(prose, escape_html, [](std::string_view formula) { return mathml_of(formula); });
}

namespace {

class HtmlRenderer {
public:
    void operator()(const Heading& heading) {
        html_ += element(heading.small ? "h4" : "h3", html_of(heading.text)) + "\n";
    }
    void operator()(const Paragraph& paragraph) { html_ += element("p", html_of(paragraph.text)) + "\n"; }
    void operator()(const Items& items) {
        std::string list;
        for (const Prose& item : items.list) {
            list += element("li", html_of(item)) + "\n";
        }
        html_ += element("ul", list) + "\n";
    }
    void operator()(const Equations& equations) {
        for (const Formula& line : equations.lines) {
            html_ += element("div class=\"wide\"", mathml_of(line, true)) + "\n";
        }
    }
    void operator()(const TableOfProse& table) {
        std::string rows;
        bool headed = false;
        for (const Prose& cell : table.heading) {
            headed = headed || !cell.empty();
        }
        if (headed) {
            rows += element("thead", line(table.heading, "th scope=\"col\"")) + "\n";
        }
        std::string body;
        for (const auto& row : table.rows) {
            body += line(row, "td") + "\n";
        }
        html_ +=
            element("div class=\"wide\"", element("table class=\"formulas\"", rows + element("tbody", body))) + "\n";
    }
    void operator()(const Numbers& numbers) {
        const Formula formula = when(!numbers.formula.empty(), numbers.formula + "=");
        std::string math = mathml_of(numbers.name + (numbers.updated ? "\\leftarrow " : "=") + formula);
        math.insert(math.size() - std::string_view("</math>").size(), matrix(numbers));
        const std::string note = when(!numbers.note.empty(), " " + element("span", html_of(numbers.note)));
        html_ += element("div class=\"wide\"", math + note) + "\n";
    }

    std::string take() { return std::move(html_); }

private:
    static std::string line(const std::vector<Prose>& cells, std::string_view kind) {
        std::string row;
        for (const Prose& cell : cells) {
            row += element(kind, html_of(cell));
        }
        return element("tr", row);
    }

    /// Of many rows or columns the first and the last; a column whose transpose is meant as a row.
    static std::string matrix(const Numbers& numbers) {
        if (numbers.layout == Layout::scalar) {
            return entry(numbers, 0, 0);
        }
        const bool lying = numbers.layout == Layout::row;
        std::size_t down = numbers.values.rows(), across = numbers.values.columns();
        if (lying) {
            std::swap(down, across);
        }
        std::string rows;
        for (const std::size_t i : shown_indices(down)) {
            std::string cells;
            for (const std::size_t j : shown_indices(across)) {
                cells += element("mtd", lying ? entry(numbers, j, i) : entry(numbers, i, j));
            }
            rows += element("mtr", cells);
        }
        return when(numbers.layout == Layout::diagonal, "<mi>diag</mi>") +
               element("mrow", "<mo fence=\"true\" form=\"prefix\">[</mo>" + element("mtable", rows) +
                                   "<mo fence=\"true\" form=\"postfix\">]</mo>");
    }
    static std::string entry(const Numbers& numbers, std::size_t i, std::size_t j) {
        if (i == gap || j == gap) {
            return "<mo>…</mo>";
        }
        return numbers.blank ? element("mtext", blank_mark) : number(numbers.values(i, j), numbers.digits);
    }
    static std::string number(double value, int digits) {
        const std::string math = mathml_of(number_formula(value, digits));
        constexpr std::string_view open = "<math>", close = "</math>";
        return math.substr(open.size(), math.size() - open.size() - close.size());
    }

    std::string html_;
};

}  // namespace

std::string render_html(const Document& document) {
    HtmlRenderer renderer;
    for (const Block& block : document) {
        std::visit(renderer, block);
    }
    return renderer.take();
}

}  // namespace handgrad::document
