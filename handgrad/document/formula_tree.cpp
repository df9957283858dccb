// A reader of the LaTeX part that formulas are written in.
#include "handgrad/document/formula_tree.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <cstddef>
#include <utility>

namespace handgrad::document {
namespace {

struct Named {
    std::string_view name;
    Role role;
    std::string_view text;
};

constexpr std::array commands{
    Named{"partial", Role::atom, "∂"},     Named{"sigma", Role::atom, "σ"},
    Named{"delta", Role::atom, "δ"},       Named{"Delta", Role::atom, "Δ"},
    Named{"eta", Role::atom, "η"},         Named{"alpha", Role::atom, "α"},
    Named{"beta", Role::atom, "β"},        Named{"mu", Role::atom, "μ"},
    Named{"varepsilon", Role::atom, "ε"},  Named{"pi", Role::atom, "π"},
    Named{"Phi", Role::atom, "Φ"},         Named{"infty", Role::atom, "∞"},
    Named{"dots", Role::atom, "…"},        Named{"cdot", Role::sign, "·"},
    Named{"odot", Role::sign, "⊙"},        Named{"times", Role::text, "×"},
    Named{"le", Role::relation, "≤"},      Named{"ge", Role::relation, "≥"},
    Named{"ne", Role::relation, "≠"},      Named{"ll", Role::relation, "≪"},
    Named{"in", Role::relation, "∈"},      Named{"leftarrow", Role::relation, "←"},
    Named{"to", Role::relation, "→"},      Named{"sum", Role::sum, "Σ"},
    Named{"log", Role::function, "log"},   Named{"exp", Role::function, "exp"},
    Named{"tanh", Role::function, "tanh"}, Named{"max", Role::function, "max"},
    Named{"min", Role::function, "min"},   Named{",", Role::space, " "},
    Named{"quad", Role::space, "  "},      Named{"blank", Role::atom, "____"},
    Named{"{", Role::open, "{"},           Named{"}", Role::close, "}"},
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

Element symbol(Role role, std::string text) { return {.role = role, .text = std::move(text)}; }
Element built(Shape shape, std::vector<Elements> parts) { return {.shape = shape, .parts = std::move(parts)}; }

class Reader {
public:
    explicit Reader(std::string_view formula) : rest_(formula) {}

    /// Up to the end, a closing brace, or where cases separate their parts.
    Elements sequence() {
        Elements elements;
        while (!at_end()) {
            if (rest_.front() == ' ') {
                rest_.remove_prefix(1);
                continue;
            }
            if (!take("\\left") && !take("\\right")) {
                elements.push_back(element());
            }
        }
        return elements;
    }

private:
    [[nodiscard]] bool at_end() const {
        return rest_.empty() || rest_.front() == '}' || rest_.front() == '&' || rest_.starts_with("\\\\") ||
               rest_.starts_with("\\end");
    }
    /// Takes `word` when it stands next and no letter continues it.
    bool take(std::string_view word) {
        const bool name = is_letter(word.back()) && word.front() == '\\';
        const bool there =
            rest_.starts_with(word) && (!name || rest_.size() == word.size() || !is_letter(rest_[word.size()]));
        if (there) {
            rest_.remove_prefix(word.size());
        }
        return there;
    }
    Elements group() {
        assert(rest_.starts_with('{'));
        rest_.remove_prefix(1);
        Elements inside = sequence();
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

    Element element() {
        Element base = take_one();
        while (!rest_.empty() && (rest_.front() == '_' || rest_.front() == '^' || rest_.front() == '\'')) {
            const char which = rest_.front();
            rest_.remove_prefix(1);
            Elements content;
            if (which != '\'' && rest_.starts_with('{')) {
                content = group();
            } else if (which != '\'') {
                content.push_back(take_one());
            }
            base.scripts.push_back({which, std::move(content)});
        }
        return base;
    }

    Element take_one() {
        const char first = rest_.front();
        if (first == '{') {
            return built(Shape::group, {group()});
        }
        if (first == '\\') {
            return command();
        }
        if (is_digit(first)) {
            const std::size_t end = std::min(rest_.find_first_not_of("0123456789."), rest_.size());
            Element number = symbol(Role::atom, std::string(rest_.substr(0, end)));
            number.number = true;
            rest_.remove_prefix(end);
            return number;
        }
        rest_.remove_prefix(1);
        switch (first) {
            case '(':
            case '[':
                return symbol(Role::open, std::string(1, first));
            case ')':
            case ']':
                return symbol(Role::close, std::string(1, first));
            case '|':
                return bar("|");
            case '+':
                return symbol(Role::sign, "+");
            case '/':
                return symbol(Role::text, "/");
            case '-':
                return symbol(Role::sign, "−");
            case '=':
            case '<':
            case '>':
                return symbol(Role::relation, std::string(1, first));
            case ',':
                return symbol(Role::comma, ",");
            default:
                assert(is_letter(first));
                return symbol(Role::atom, std::string(1, first));
        }
    }

    /// Bars open and close in turn.
    Element bar(std::string text) {
        bar_open_ = !bar_open_;
        return symbol(bar_open_ ? Role::open : Role::close, std::move(text));
    }

    Element command() {
        if (take("\\|")) {
            return bar("‖");
        }
        if (take("\\frac")) {
            Elements above = group();
            return built(Shape::fraction, {std::move(above), group()});
        }
        if (take("\\sqrt")) {
            return built(Shape::root, {group()});
        }
        if (take("\\hat")) {
            const bool is_y = take(" y") || take("y") || take("{y}");
            assert(is_y);
            static_cast<void>(is_y);
            return symbol(Role::atom, "ŷ");
        }
        if (take("\\text")) {
            return symbol(Role::text, group_as_written());
        }
        if (take("\\mathrm") || take("\\operatorname")) {
            return symbol(Role::function, group_as_written());
        }
        if (take("\\mathbf")) {  // the indicator
            const std::string one = group_as_written();
            assert(one == "1");
            return symbol(Role::function, "𝟙");
        }
        if (take("\\mathbb")) {
            const std::string letter = group_as_written();
            assert(letter == "R");
            return symbol(Role::atom, "ℝ");
        }
        if (take("\\begin{cases}")) {
            return cases();
        }
        rest_.remove_prefix(1);
        std::size_t end = 0;
        while (end < rest_.size() && is_letter(rest_[end])) {
            ++end;
        }
        const std::string_view name = rest_.substr(0, std::max<std::size_t>(end, 1));
        rest_.remove_prefix(name.size());
        for (const Named& known : commands) {
            if (known.name == name) {
                return symbol(known.role, std::string(known.text));
            }
        }
        assert(false && "a command that `commands` does not have");
        return symbol(Role::text, std::string(name));
    }

    Element cases() {
        std::vector<Elements> parts;
        while (!take("\\end{cases}")) {
            parts.push_back(sequence());
            parts.emplace_back();
            if (rest_.starts_with('&')) {
                rest_.remove_prefix(1);
                parts.back() = sequence();
            }
            if (rest_.starts_with("\\\\")) {
                rest_.remove_prefix(2);
            }
        }
        return built(Shape::cases, std::move(parts));
    }

    std::string_view rest_;
    bool bar_open_ = false;
};

}  // namespace

Elements parse_formula(std::string_view formula) { return Reader(formula).sequence(); }

}  // namespace handgrad::document
