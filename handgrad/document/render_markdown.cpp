// Blocks as Markdown with pipe tables.
#include <utility>
#include <variant>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/layout.hpp"
#include "handgrad/document/render.hpp"

namespace handgrad::document {
namespace {

/// What Markdown would take for its own is escaped.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (std::string_view("\\`*_{}[]<>#|~$").find(c) != std::string_view::npos) {
            result += '\\';
        }
        result += c;
    }
    return result;
}

std::string markdown_of(const Prose& prose) {
    return written(prose, escaped, [](std::string_view formula) { return escaped(unicode_of(formula)); });
}

class MarkdownRenderer {
public:
    void operator()(const Heading& heading) {
        next();
        std::string mark = text_.empty() ? "# " : "## ";
        if (heading.small) {
            mark = "### ";
        }
        text_ += mark + markdown_of(heading.text) + "\n";
    }
    void operator()(const Paragraph& paragraph) {
        next();
        text_ += markdown_of(paragraph.text) + "\n";
    }
    void operator()(const Items& items) {
        next();
        for (const Prose& item : items.list) {
            text_ += "- " + markdown_of(item) + "\n";
        }
    }
    void operator()(const Equations& equations) {
        next();
        for (const Formula& line : equations.lines) {
            text_ += "- " + escaped(unicode_of(line)) + "\n";
        }
    }
    void operator()(const TableOfProse& table) {
        next();
        write_row(table.heading);
        text_ += "|";
        for (std::size_t c = 0; c < table.heading.size(); ++c) {
            text_ += "---|";
        }
        text_ += "\n";
        for (const auto& row : table.rows) {
            write_row(row);
        }
    }
    void operator()(const Numbers& numbers) {
        if (!in_fence_) {
            next();
            text_ += "```\n";
            in_fence_ = true;
        }
        text_ += numbers_text(numbers);
    }

    std::string take() {
        close_fence();
        return std::move(text_);
    }

private:
    void close_fence() {
        if (std::exchange(in_fence_, false)) {
            text_ += "```\n";
        }
    }
    void next() {
        close_fence();
        text_ += when(!text_.empty(), "\n");
    }
    void write_row(const std::vector<Prose>& row) {
        text_ += "|";
        for (const Prose& cell : row) {
            text_ += " " + markdown_of(cell) + " |";
        }
        text_ += "\n";
    }

    std::string text_;
    bool in_fence_ = false;
};

}  // namespace

std::string render_markdown(const Document& document) {
    MarkdownRenderer renderer;
    for (const Block& block : document) {
        std::visit(renderer, block);
    }
    return renderer.take();
}

}  // namespace handgrad::document
