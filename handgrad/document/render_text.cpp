// Blocks as plain text.
#include <algorithm>
#include <utility>
#include <variant>

#include "handgrad/base/utf8.hpp"
#include "handgrad/document/layout.hpp"
#include "handgrad/document/render.hpp"

namespace handgrad::document {
namespace {

/// Stands for a blank at which no line may end.
constexpr char kept_blank = '\x02';
constexpr std::size_t longest_kept_whole = 14;

/// Short formulas are not broken.
std::string text_of(const Prose& prose) {
    return written(
        prose, [](std::string_view text) { return std::string(text); },
        [](std::string_view formula) {
            std::string text = unicode_of(formula);
            if (display_width(text) <= longest_kept_whole) {
                std::ranges::replace(text, ' ', kept_blank);
            }
            return text;
        });
}

class TextRenderer {
public:
    void operator()(const Heading& heading) {
        const std::string text = text_of(heading.text);
        paragraph_break();
        write_wrapped(text, "");
        if (!heading.small) {
            std::string line;
            for (std::size_t k = 0; k < std::min(display_width(text), text_width); ++k) {
                line += "═";
            }
            text_ += line + "\n";
        }
        text_ += "\n";
    }
    void operator()(const Paragraph& paragraph) {
        paragraph_break();
        write_wrapped(text_of(paragraph.text), "");
    }
    void operator()(const Items& items) {
        for (const Prose& item : items.list) {
            write_wrapped(text_of(item), "- ");
        }
    }
    void operator()(const Equations& equations) {
        for (const Formula& line : equations.lines) {
            write_wrapped(unicode_of(line), "  ");
        }
    }
    void operator()(const TableOfProse& table) {
        paragraph_break();
        std::vector<std::vector<std::string>> rows{table.heading};
        rows.insert(rows.end(), table.rows.begin(), table.rows.end());
        for (auto& row : rows) {
            for (std::string& cell : row) {
                cell = text_of(cell);
            }
        }
        text_ += table_text(rows);
    }
    void operator()(const Numbers& numbers) { text_ += numbers_text(numbers); }

    std::string take() {
        std::ranges::replace(text_, kept_blank, ' ');
        return std::move(text_);
    }

private:
    /// One empty line, unless there is one or nothing yet.
    void paragraph_break() {
        if (!text_.empty() && !text_.ends_with("\n\n")) {
            text_ += "\n";
        }
    }
    /// The first line behind `mark`, the others under it.
    void write_wrapped(const std::string& line, const std::string& mark) {
        std::string before = mark;
        for (const std::string& part : wrapped(line, text_width - mark.size())) {
            text_ += before + part + "\n";
            before = std::string(mark.size(), ' ');
        }
    }

    std::string text_;
};

}  // namespace

std::string render_text(const Document& document) {
    TextRenderer renderer;
    for (const Block& block : document) {
        std::visit(renderer, block);
    }
    return renderer.take();
}

}  // namespace handgrad::document
