// A formula as one line of Unicode text: the rules of spacing, parentheses and scripts.
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/formula_tree.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::document {
namespace {

/// An element as text, before its neighbours are looked at.
struct Piece {
    Role role;
    std::string text;
    bool fraction = false;  ///< which beside another factor needs parentheses
};
using Pieces = std::vector<Piece>;

/// Lowered and raised forms; Unicode has only these that look well beside each other.
struct ScriptForms {
    std::string_view plain;
    std::string_view lowered;  ///< empty: there is none
    std::string_view raised;
};
constexpr std::array script_forms{
    ScriptForms{"0", "₀", "⁰"}, ScriptForms{"1", "₁", "¹"}, ScriptForms{"2", "₂", "²"}, ScriptForms{"3", "₃", "³"},
    ScriptForms{"4", "₄", "⁴"}, ScriptForms{"5", "₅", "⁵"}, ScriptForms{"6", "₆", "⁶"}, ScriptForms{"7", "₇", "⁷"},
    ScriptForms{"8", "₈", "⁸"}, ScriptForms{"9", "₉", "⁹"}, ScriptForms{"(", "₍", "⁽"}, ScriptForms{")", "₎", "⁾"},
    ScriptForms{"+", "₊", "⁺"}, ScriptForms{"−", "₋", "⁻"}, ScriptForms{",", ",", ""},  ScriptForms{"i", "ᵢ", ""},
    ScriptForms{"j", "ⱼ", ""},  ScriptForms{"k", "ₖ", ""},  ScriptForms{"m", "ₘ", ""},  ScriptForms{"p", "ₚ", ""},
    ScriptForms{"s", "ₛ", ""},  ScriptForms{"t", "ₜ", "ᵗ"}, ScriptForms{"T", "", "ᵀ"},
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
        for (const ScriptForms& candidate : script_forms) {
            if (candidate.plain == first) {
                found = which == '_' ? candidate.lowered : candidate.raised;
            }
        }
        if (found.empty()) {
            const bool alone =
                bytes_of_first(content) == content.size() || content.front() == '[' || content.front() == '(';
            return which + when(!alone, "{") + content + when(!alone, "}");
        }
        result += found;
    }
    return result;
}

std::string in_parentheses(bool needed, const std::string& text) {
    return when(needed, "(") + text + when(needed, ")");
}

bool is_operand_end(const Piece& piece) { return piece.role == Role::atom || piece.role == Role::close; }
bool is_operand_start(const Piece& piece) {
    return piece.role == Role::atom || piece.role == Role::open || piece.role == Role::function ||
           piece.role == Role::sum;
}

/// Whether one pair of brackets holds all of it.
bool is_enclosed(const Pieces& pieces) {
    if (pieces.size() < 2 || pieces.front().role != Role::open || pieces.back().role != Role::close) {
        return false;
    }
    int depth = 0;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        if (pieces[i].role == Role::open) {
            ++depth;
        } else if (pieces[i].role == Role::close) {
            --depth;
        }
        if (depth == 0) {
            return false;
        }
    }
    return true;
}

/// Whether the fraction at i stands beside another factor, with or without a blank between them.
bool is_factor(const Pieces& pieces, std::size_t i) {
    std::size_t before = i;
    while (before > 0 && pieces[before - 1].role == Role::space) {
        --before;
    }
    std::size_t after = i + 1;
    while (after < pieces.size() && pieces[after].role == Role::space) {
        ++after;
    }
    return (before > 0 && is_operand_end(pieces[before - 1])) ||
           (after < pieces.size() && is_operand_start(pieces[after]));
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
        const bool after_operand = i > 0 && is_operand_end(pieces[i - 1]);
        const bool before_operand = i + 1 < pieces.size() && is_operand_start(pieces[i + 1]);
        switch (piece.role) {
            case Role::sign:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                if (after_operand) {
                    blank();
                }
                break;
            case Role::relation:
                blank();
                line += piece.text;
                blank();
                break;
            case Role::comma:
                line += piece.text;
                blank();
                break;
            case Role::sum:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                blank();
                break;
            case Role::function:
                if (after_operand) {
                    blank();
                }
                line += piece.text;
                if (before_operand && pieces[i + 1].role != Role::open) {
                    blank();
                }
                break;
            case Role::atom:
            case Role::open:
            case Role::close:
            case Role::space:
            case Role::text:
                line += in_parentheses(piece.fraction && is_factor(pieces, i), piece.text);
        }
    }
    return line;
}

Pieces pieces_of(const Elements& elements);

/// A numerator or denominator on one line.
std::string operand(const Pieces& pieces, bool below) {
    bool sum = false;
    for (const Piece& piece : pieces) {
        sum = sum || piece.role == Role::sign || piece.role == Role::relation || piece.role == Role::sum;
    }
    sum = sum || (pieces.size() == 1 && pieces.front().fraction);
    const bool derivative = !pieces.empty() && pieces.front().text == "∂";
    const bool product = below && pieces.size() > 1 && !derivative;
    return in_parentheses((sum || product) && !is_enclosed(pieces), join(pieces));
}

/// `0 if z < 0; 1 if z ≥ 0`.
std::string cases(const std::vector<Elements>& parts) {
    std::string line;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
        add_item(line, "; ", join(pieces_of(parts[i])));
        line += when(!parts[i + 1].empty(), " " + join(pieces_of(parts[i + 1])));
    }
    return line;
}

Piece bare(const Element& element) {
    switch (element.shape) {
        case Shape::symbol:
            return {element.role, element.text};
        case Shape::group:
            return {Role::atom, join(pieces_of(element.parts[0]))};
        case Shape::fraction:
            return {Role::atom,
                    operand(pieces_of(element.parts[0]), false) + "/" + operand(pieces_of(element.parts[1]), true),
                    true};
        case Shape::root: {
            const Pieces inside = pieces_of(element.parts[0]);
            const bool whole = inside.size() == 1 && !inside.front().fraction;
            return {Role::atom, "√" + in_parentheses(!whole, join(inside))};
        }
        case Shape::cases:
            return {Role::atom, cases(element.parts)};
    }
    __builtin_unreachable();
}

Pieces pieces_of(const Elements& elements) {
    Pieces pieces;
    for (const Element& element : elements) {
        Piece piece = bare(element);
        for (const auto& [which, content] : element.scripts) {
            piece.text = in_parentheses(std::exchange(piece.fraction, false), piece.text);
            if (which == '\'') {
                piece.text += "′";
                continue;
            }
            const bool single = content.size() == 1 && content[0].scripts.empty() && content[0].shape != Shape::group;
            piece.text += script(which, single ? bare(content[0]).text : join(pieces_of(content), true));
        }
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

}  // namespace

std::string unicode_of(std::string_view formula) { return join(pieces_of(parse_formula(formula))); }

}  // namespace handgrad::document
