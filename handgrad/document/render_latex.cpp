// Blocks as a LaTeX article; formulas stand in it as they are.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <variant>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/render.hpp"

namespace handgrad::document {
namespace {

/// What is to be read lies across the page; what is to be filled in by hand stands upright and has room between lines.
constexpr const char* preamble_to_read =
    "\\documentclass[fleqn]{article}\n"
    "\\usepackage[a4paper,landscape,margin=15mm]{geometry}\n"
    "\\newcommand{\\rowstretch}{1.4}\n";
constexpr const char* preamble_of_sheet =
    "\\documentclass[11pt,fleqn]{article}\n"
    "\\usepackage[a4paper,portrait,margin=15mm]{geometry}\n"
    "\\newcommand{\\rowstretch}{1.9}\n";
constexpr const char* preamble =
    "\\usepackage{amsmath,amssymb,array,longtable}\n"
    "\\setlength{\\parindent}{0pt}\n"
    "\\setlength{\\parskip}{4pt}\n"
    "\\setlength{\\mathindent}{1em}\n"
    "\\setlength{\\LTleft}{0pt}\n"
    "\\renewcommand{\\arraystretch}{\\rowstretch}\n"
    "\\newcommand{\\blankof}[1]{\\rule[-0.4ex]{#1}{0.4pt}}\n"  // so wide
    "\\newcommand{\\blank}{\\blankof{0.6\\linewidth}}\n"       // the rest of a formula
    "\\newcommand{\\workspace}{\\vspace{10mm}}\n"              // for the way to an answer
    "\\begin{document}\n";

/// Whether anything is to be filled in.
bool is_sheet(const Document& document) {
    return std::ranges::any_of(document, [](const Block& block) {
        const auto* numbers = std::get_if<Numbers>(&block);
        const auto* table = std::get_if<TableOfProse>(&block);
        const auto has_blank = [](const std::vector<Prose>& row) {
            return std::ranges::any_of(row, [](const Prose& cell) { return cell.find(blank_mark) != Prose::npos; });
        };
        return (numbers != nullptr && numbers->blank) ||
               (table != nullptr && std::ranges::any_of(table->rows, has_blank));
    });
}

std::string millimetres(double length) { return std::to_string(static_cast<int>(length)) + "mm"; }

/// Handwriting takes about so much for a sign, and so much is there for the numbers of a row.
constexpr double sign_width = 2.4, row_width = 118.0;
/// Of a blank for one of so many numbers beside each other: digits, sign, point and a place to spare.
std::string blank_for(const Numbers& numbers, std::size_t beside) {
    const double wanted = sign_width * (numbers.digits + 4);
    return "\\blankof{" + millimetres(std::min(wanted, row_width / static_cast<double>(beside))) + "}";
}

/// Of the UTF-8 character with this first byte.
std::size_t bytes_of_character(std::uint32_t first) {
    constexpr std::array<std::uint32_t, 3> longer{0xC0, 0xE0, 0xF0};
    return 1 + static_cast<std::size_t>(std::ranges::count_if(longer, [&](std::uint32_t l) { return first >= l; }));
}

/// The bytes of the character that starts at `at`, and its number; a byte that is not UTF-8 stands for itself.
struct Character {
    std::uint32_t number;
    std::size_t bytes;
};
Character character_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t first = byte(at);
    const std::size_t bytes = bytes_of_character(first);
    if (bytes == 1 || at + bytes > text.size()) {
        return {first, 1};
    }
    std::uint32_t number = first & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        number = (number << 6U) | (byte(at + i) & 0x3FU);
    }
    return {number, bytes};
}

/// What pdflatex sets without further packages: ASCII and the letters of Western Europe; others by their number.
std::string escaped(std::string_view text) {
    struct Special {
        std::uint32_t character;
        const char* latex;
    };
    static constexpr std::array specials{Special{'\\', "\\textbackslash{}"},
                                         Special{'{', "\\{"},
                                         Special{'}', "\\}"},
                                         Special{'$', "\\$"},
                                         Special{'&', "\\&"},
                                         Special{'#', "\\#"},
                                         Special{'%', "\\%"},
                                         Special{'_', "\\_"},
                                         Special{'^', "\\textasciicircum{}"},
                                         Special{'~', "\\textasciitilde{}"},
                                         Special{'<', "\\textless{}"},
                                         Special{'>', "\\textgreater{}"},
                                         Special{'|', "\\textbar{}"},
                                         Special{'"', "''"},
                                         Special{0xA7, "\\S"}};
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        if (text.substr(at).starts_with(blank_mark)) {
            const std::size_t end = std::min(text.find_first_not_of('_', at), text.size());
            result += "\\blankof{" + millimetres(sign_width * static_cast<double>(end - at)) + "}";
            at = end;
            continue;
        }
        const Character c = character_at(text, at);
        const char* special = nullptr;
        for (const Special& candidate : specials) {
            if (candidate.character == c.number) {
                special = candidate.latex;
            }
        }
        const bool icelandic = (c.number | 0x20U) == 0xF0 || (c.number | 0x20U) == 0xFE;  // not in these fonts
        const bool plain = c.number < 0x80 || (c.number >= 0xC0 && c.number <= 0xFF && c.bytes == 2 && !icelandic);
        if (special != nullptr) {
            result += special;
        } else if (plain) {
            result += text.substr(at, c.bytes);
        } else {
            static constexpr std::string_view digits = "0123456789ABCDEF";
            std::string hexadecimal;
            for (std::uint32_t rest = c.number; rest > 0; rest /= 16) {
                hexadecimal.insert(hexadecimal.begin(), digits[rest % 16]);
            }
            result += "[U+" + hexadecimal + "]";
        }
        at += c.bytes;
    }
    return result;
}

std::string latex_of(const Prose& prose) {
    return written(prose, escaped, [](std::string_view formula) { return "$" + Formula(formula) + "$"; });
}

/// A cell of a table, its formulas in full size.
std::string cell_of(const Prose& prose) {
    return written(prose, escaped,
                   [](std::string_view formula) { return "$\\displaystyle " + Formula(formula) + "$"; });
}

/// Keeps fractions of neighbouring rows apart.
constexpr const char* strut = "\\rule[-2.4ex]{0pt}{6ex}";
/// Longer tables may run over several pages; LaTeX then needs a second run to place their columns.
constexpr std::size_t most_rows_on_a_page = 18;

/// Columns with long texts get room to be wrapped.
bool is_long(const std::vector<std::vector<Prose>>& rows, std::size_t column) {
    constexpr std::size_t longest_on_a_line = 40;
    for (const auto& row : rows) {
        std::size_t letters = 0;
        written(
            row[column],
            [&](std::string_view text) {
                letters += text.size();
                return std::string();
            },
            [](std::string_view) { return std::string(); });
        if (letters > longest_on_a_line) {
            return true;
        }
    }
    return false;
}

class LatexRenderer {
public:
    explicit LatexRenderer(bool sheet) {
        text_ = preamble_to_read;
        if (sheet) {
            text_ = preamble_of_sheet;
            long_column_ = 110.0;
        }
        text_ += preamble;
    }

    void operator()(const Heading& heading) {
        // Formulas in a title would have to be repeated as plain text for a table of contents: there is none.
        text_ += "\n\\" + when(heading.small, "sub") + "subsection*{" + latex_of(heading.text) + "}\n";
    }
    void operator()(const Paragraph& paragraph) { text_ += "\n" + latex_of(paragraph.text) + "\n"; }
    void operator()(const Items& items) {
        text_ += "\n\\begin{itemize}\n";
        for (const Prose& item : items.list) {
            text_ += "\\item " + latex_of(item) + "\n";
        }
        text_ += "\\end{itemize}\n";
    }
    void operator()(const Equations& equations) {
        for (const Formula& line : equations.lines) {
            display(line);
        }
    }
    void operator()(const TableOfProse& table) {
        const bool runs_on = table.rows.size() > most_rows_on_a_page;
        const std::string kind = runs_on ? "longtable" : "tabular";
        text_ += "\n\\begin{" + kind + "}{@{}";
        for (std::size_t c = 0; c < table.heading.size(); ++c) {
            std::string column = "l";
            if (is_long(table.rows, c)) {
                column = ">{\\raggedright\\arraybackslash}p{" + millimetres(long_column_) + "}";
            }
            text_ += column;
        }
        text_ += "}\n";
        if (!std::ranges::all_of(table.heading, &Prose::empty)) {
            write_row(table.heading);
            text_ += "\\hline\n" + when(runs_on, "\\endhead\n");
        }
        for (const auto& row : table.rows) {
            write_row(row);
        }
        text_ += "\\end{" + kind + "}\n";
    }
    void operator()(const Numbers& numbers) {
        const Formula formula = when(!numbers.formula.empty(), numbers.formula + "=");
        const Formula note = when(!numbers.note.empty(), "\\quad\\text{(" + latex_of(numbers.note) + ")}");
        display(numbers.name + (numbers.updated ? "\\leftarrow " : "=") + formula + matrix(numbers) + note);
        text_ += when(numbers.blank, "\\workspace\n");
    }

    std::string take() { return text_ + "\\end{document}\n"; }

private:
    void display(const Formula& line) { text_ += "\\[" + line + "\\]\n"; }

    static Formula matrix(const Numbers& numbers) {
        if (numbers.layout == Layout::scalar) {
            return entry(numbers, 0, 0, 1);
        }
        const bool lying = numbers.layout == Layout::vector || numbers.layout == Layout::row;
        std::size_t rows = numbers.values.rows(), columns = numbers.values.columns();
        if (lying) {
            columns = std::exchange(rows, 1);
        }
        Formula lines;
        for (const std::size_t i : shown_indices(rows)) {
            Formula line;
            for (const std::size_t j : shown_indices(columns)) {
                add_item(line, "&", lying ? entry(numbers, j, i, columns) : entry(numbers, i, j, columns));
            }
            add_item(lines, "\\\\", line);
        }
        return when(numbers.layout == Layout::diagonal, "\\operatorname{diag}") + "\\begin{bmatrix}" + lines +
               "\\end{bmatrix}" + when(numbers.layout == Layout::vector, "^T");
    }
    static Formula entry(const Numbers& numbers, std::size_t i, std::size_t j, std::size_t beside) {
        if (i == gap || j == gap) {
            return "\\dots";
        }
        if (numbers.blank) {
            return blank_for(numbers, beside);
        }
        return number_formula(numbers.values(i, j), numbers.digits);
    }

    void write_row(const std::vector<Prose>& row) {
        bool high = false;
        for (std::size_t c = 0; c < row.size(); ++c) {
            text_ += when(c > 0, " & ") + cell_of(row[c]);
            high = high || row[c].find("\\frac") != Prose::npos || row[c].find("\\begin") != Prose::npos;
        }
        text_ += when(high, strut) + "\\\\\n";
    }

    double long_column_ = 190.0;  ///< millimetres
    std::string text_;
};

}  // namespace

std::string render_latex(const Document& document) {
    LatexRenderer renderer(is_sheet(document));
    for (const Block& block : document) {
        std::visit(renderer, block);
    }
    return renderer.take();
}

}  // namespace handgrad::document
