// A reader of the LaTeX part that makes pieces, and the rules of spacing and parentheses that join them to a line.
#include "handgrad/explain/notation.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <cstddef>
#include <utility>
#include <vector>

namespace handgrad {
namespace {

enum class Kind { atom, open, close, sign, relation, comma, function, sum, fraction, space, text };

struct Piece {
    Kind kind;
    std::string text;
};
using Pieces = std::vector<Piece>;

struct Named {
    std::string_view name;
    Kind kind;
    std::string_view text;
};

constexpr std::array commands{
    Named{"partial", Kind::atom, "∂"},     Named{"sigma", Kind::atom, "σ"},
    Named{"delta", Kind::atom, "δ"},       Named{"Delta", Kind::atom, "Δ"},
    Named{"eta", Kind::atom, "η"},         Named{"alpha", Kind::atom, "α"},
    Named{"beta", Kind::atom, "β"},        Named{"mu", Kind::atom, "μ"},
    Named{"varepsilon", Kind::atom, "ε"},  Named{"pi", Kind::atom, "π"},
    Named{"Phi", Kind::atom, "Φ"},         Named{"infty", Kind::atom, "∞"},
    Named{"dots", Kind::atom, "…"},        Named{"cdot", Kind::sign, "·"},
    Named{"odot", Kind::sign, "⊙"},        Named{"times", Kind::text, "×"},
    Named{"le", Kind::relation, "≤"},      Named{"ge", Kind::relation, "≥"},
    Named{"ne", Kind::relation, "≠"},      Named{"ll", Kind::relation, "≪"},
    Named{"in", Kind::relation, "∈"},      Named{"leftarrow", Kind::relation, "←"},
    Named{"to", Kind::relation, "→"},      Named{"sum", Kind::sum, "Σ"},
    Named{"log", Kind::function, "log"},   Named{"exp", Kind::function, "exp"},
    Named{"tanh", Kind::function, "tanh"}, Named{"max", Kind::function, "max"},
    Named{"min", Kind::function, "min"},   Named{",", Kind::space, " "},
    Named{"quad", Kind::space, "  "},      Named{"blank", Kind::atom, "____"},
    Named{"{", Kind::open, "{"},           Named{"}", Kind::close, "}"},
};

/// Lowered and raised forms; Unicode has only these that look well beside each other.
struct Script {
    std::string_view plain;
    std::string_view lowered;  ///< empty: there is none
    std::string_view raised;
};
constexpr std::array scripts{
    Script{"0", "₀", "⁰"}, Script{"1", "₁", "¹"}, Script{"2", "₂", "²"}, Script{"3", "₃", "³"}, Script{"4", "₄", "⁴"},
    Script{"5", "₅", "⁵"}, Script{"6", "₆", "⁶"}, Script{"7", "₇", "⁷"}, Script{"8", "₈", "⁸"}, Script{"9", "₉", "⁹"},
    Script{"(", "₍", "⁽"}, Script{")", "₎", "⁾"}, Script{"+", "₊", "⁺"}, Script{"−", "₋", "⁻"}, Script{",", ",", ""},
    Script{"i", "ᵢ", ""},  Script{"j", "ⱼ", ""},  Script{"k", "ₖ", ""},  Script{"m", "ₘ", ""},  Script{"p", "ₚ", ""},
    Script{"s", "ₛ", ""},  Script{"t", "ₜ", "ᵗ"}, Script{"T", "", "ᵀ"},
};

std::size_t bytes_of_first(std::string_view text) {
    std::size_t end = 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        ++end;
    }
    return end;
}

/// `_` or `^` and its content, as lowered or raised characters where all exist.
std::string script(char which, const std::string& content) {
    std::string result;
    for (std::string_view rest = content; !rest.empty();) {
        const std::string_view first = rest.substr(0, bytes_of_first(rest));
        rest.remove_prefix(first.size());
        std::string_view found;
        for (const Script& candidate : scripts) {
            if (candidate.plain == first) {
                found = which == '_' ? candidate.lowered : candidate.raised;
            }
        }
        if (found.empty()) {
            const bool alone =
                bytes_of_first(content) == content.size() || content.front() == '[' || content.front() == '(';
            return which + (alone ? content : "{" + content + "}");
        }
        result += found;
    }
    return result;
}

bool is_operand_end(Kind kind) { return kind == Kind::atom || kind == Kind::close || kind == Kind::fraction; }
bool is_operand_start(Kind kind) {
    return kind == Kind::atom || kind == Kind::open || kind == Kind::fraction || kind == Kind::function ||
           kind == Kind::sum;
}

/// Whether one pair of brackets holds all of it.
bool is_enclosed(const Pieces& pieces) {
    if (pieces.size() < 2 || pieces.front().kind != Kind::open || pieces.back().kind != Kind::close) {
        return false;
    }
    int depth = 0;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        depth += pieces[i].kind == Kind::open ? 1 : pieces[i].kind == Kind::close ? -1 : 0;
        if (depth == 0) {
            return false;
        }
    }
    return true;
}

/// Whether the fraction at i stands beside another factor, with or without a blank between them.
bool is_factor(const Pieces& pieces, std::size_t i) {
    std::size_t before = i;
    while (before > 0 && pieces[before - 1].kind == Kind::space) {
        --before;
    }
    std::size_t after = i + 1;
    while (after < pieces.size() && pieces[after].kind == Kind::space) {
        ++after;
    }
    return (before > 0 && is_operand_end(pieces[before - 1].kind)) ||
           (after < pieces.size() && is_operand_start(pieces[after].kind));
}

/// One line; `tight` in scripts, where no blanks stand.
std::string join(const Pieces& pieces, bool tight = false) {
    std::string line;
    const auto blank = [&] {
        if (!tight && !line.empty() && line.back() != ' ') {
            line += ' ';
        }
    };
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Piece& piece = pieces[i];
        const bool after_operand = i > 0 && is_operand_end(pieces[i - 1].kind);
        const bool before_operand = i + 1 < pieces.size() && is_operand_start(pieces[i + 1].kind);
        switch (piece.kind) {
            case Kind::sign:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                if (after_operand) {
                    blank();
                }
                break;
            case Kind::relation:
                blank();
                line += piece.text;
                blank();
                break;
            case Kind::comma:
                line += piece.text;
                blank();
                break;
            case Kind::sum:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                blank();
                break;
            case Kind::function:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                if (before_operand && pieces[i + 1].kind != Kind::open) {
                    blank();
                }
                break;
            case Kind::fraction:
                line += is_factor(pieces, i) ? "(" + piece.text + ")" : piece.text;
                break;
            default:
                line += piece.text;
        }
    }
    return line;
}

class Reader {
public:
    explicit Reader(std::string_view formula) : rest_(formula) {}

    /// Up to the end, a closing brace, or where cases separate their parts.
    Pieces sequence() {
        Pieces pieces;
        while (!at_end()) {
            if (rest_.front() == ' ') {
                rest_.remove_prefix(1);
                continue;
            }
            if (!take("\\left") && !take("\\right")) {
                element(pieces);
            }
        }
        return pieces;
    }

private:
    [[nodiscard]] bool at_end() const {
        return rest_.empty() || rest_.front() == '}' || rest_.front() == '&' || rest_.starts_with("\\\\") ||
               rest_.starts_with("\\end");
    }
    /// Takes `word` when it stands next and no letter continues it.
    bool take(std::string_view word) {
        const bool name = std::isalpha(static_cast<unsigned char>(word.back())) != 0 && word.front() == '\\';
        const bool there =
            rest_.starts_with(word) &&
            (!name || rest_.size() == word.size() || std::isalpha(static_cast<unsigned char>(rest_[word.size()])) == 0);
        if (there) {
            rest_.remove_prefix(word.size());
        }
        return there;
    }
    Pieces group() {
        assert(rest_.starts_with('{'));
        rest_.remove_prefix(1);
        Pieces inside = sequence();
        assert(rest_.starts_with('}'));
        rest_.remove_prefix(1);
        return inside;
    }
    std::string group_as_written() {
        assert(rest_.starts_with('{'));
        const std::size_t end = rest_.find('}');
        assert(end != std::string_view::npos);
        std::string inside(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        return inside;
    }

    void element(Pieces& pieces) {
        pieces.push_back(take_one());
        while (!rest_.empty() && (rest_.front() == '_' || rest_.front() == '^' || rest_.front() == '\'')) {
            const char which = rest_.front();
            rest_.remove_prefix(1);
            Piece& base = pieces.back();
            if (base.kind == Kind::fraction) {
                base = {Kind::atom, "(" + base.text + ")"};
            }
            if (which == '\'') {
                base.text += "′";
            } else {
                base.text += script(which, rest_.starts_with('{') ? join(group(), true) : take_one().text);
            }
        }
    }

    Piece take_one() {
        const char first = rest_.front();
        if (first == '{') {
            return {Kind::atom, join(group())};
        }
        if (first == '\\') {
            return command();
        }
        if (std::isdigit(static_cast<unsigned char>(first)) != 0) {
            const std::size_t end = std::min(rest_.find_first_not_of("0123456789."), rest_.size());
            std::string number(rest_.substr(0, end));
            rest_.remove_prefix(end);
            return {Kind::atom, std::move(number)};
        }
        rest_.remove_prefix(1);
        switch (first) {
            case '(':
            case '[':
                return {Kind::open, std::string(1, first)};
            case ')':
            case ']':
                return {Kind::close, std::string(1, first)};
            case '|':
                return bar("|");
            case '+':
                return {Kind::sign, "+"};
            case '/':
                return {Kind::text, "/"};
            case '-':
                return {Kind::sign, "−"};
            case '=':
            case '<':
            case '>':
                return {Kind::relation, std::string(1, first)};
            case ',':
                return {Kind::comma, ","};
            default:
                assert(std::isalpha(static_cast<unsigned char>(first)) != 0);
                return {Kind::atom, std::string(1, first)};
        }
    }

    /// Bars open and close in turn.
    Piece bar(std::string_view text) {
        bar_open_ = !bar_open_;
        return {bar_open_ ? Kind::open : Kind::close, std::string(text)};
    }

    /// A numerator or denominator on one line.
    static std::string operand(const Pieces& pieces, bool below) {
        bool sum = false;
        for (const Piece& piece : pieces) {
            sum = sum || piece.kind == Kind::sign || piece.kind == Kind::relation || piece.kind == Kind::sum;
        }
        sum = sum || (pieces.size() == 1 && pieces.front().kind == Kind::fraction);
        const bool derivative = !pieces.empty() && pieces.front().text == "∂";
        const bool product = below && pieces.size() > 1 && !derivative;
        const std::string line = join(pieces);
        return (sum || product) && !is_enclosed(pieces) ? "(" + line + ")" : line;
    }

    Piece command() {
        if (take("\\|")) {
            return bar("‖");
        }
        if (take("\\frac")) {
            const Pieces above = group();
            const Pieces below = group();
            return {Kind::fraction, operand(above, false) + "/" + operand(below, true)};
        }
        if (take("\\sqrt")) {
            const Pieces inside = group();
            return {Kind::atom, inside.size() == 1 ? "√" + join(inside) : "√(" + join(inside) + ")"};
        }
        if (take("\\hat")) {
            const bool is_y = take(" y") || take("y") || take("{y}");
            assert(is_y);
            static_cast<void>(is_y);
            return {Kind::atom, "ŷ"};
        }
        if (take("\\text")) {
            return {Kind::text, group_as_written()};
        }
        if (take("\\mathrm") || take("\\operatorname")) {
            return {Kind::function, group_as_written()};
        }
        if (take("\\mathbf")) {  // the indicator
            const std::string one = group_as_written();
            assert(one == "1");
            return {Kind::function, "𝟙"};
        }
        if (take("\\mathbb")) {
            const std::string letter = group_as_written();
            assert(letter == "R");
            return {Kind::atom, "ℝ"};
        }
        if (take("\\begin{cases}")) {
            return {Kind::atom, cases()};
        }
        rest_.remove_prefix(1);
        std::size_t end = 0;
        while (end < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[end])) != 0) {
            ++end;
        }
        const std::string_view name = rest_.substr(0, end == 0 ? 1 : end);
        rest_.remove_prefix(name.size());
        for (const Named& known : commands) {
            if (known.name == name) {
                return {known.kind, std::string(known.text)};
            }
        }
        assert(!"a command that formulas do not use");
        return {Kind::text, std::string(name)};
    }

    /// `0 if z < 0; 1 if z ≥ 0`.
    std::string cases() {
        std::string line;
        while (!take("\\end{cases}")) {
            line += (line.empty() ? "" : "; ") + join(sequence());
            if (rest_.starts_with('&')) {
                rest_.remove_prefix(1);
                line += " " + join(sequence());
            }
            if (rest_.starts_with("\\\\")) {
                rest_.remove_prefix(2);
            }
        }
        return line;
    }

    std::string_view rest_;
    bool bar_open_ = false;
};

}  // namespace

std::string unicode_of(std::string_view formula) { return join(Reader(formula).sequence()); }

}  // namespace handgrad
