// A formula taken apart, for the renderers that do not read LaTeX themselves: Unicode text and MathML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handgrad::document {

/// How an element stands among its neighbours.
enum class Role { atom, open, close, sign, relation, comma, function, sum, space, text };

/// What an element is made of.
enum class Shape {
    symbol,    ///< its text
    group,     ///< parts[0], in braces
    fraction,  ///< parts[0] over parts[1]
    root,      ///< of parts[0]
    cases,  ///< value and condition in turn: parts[0] if parts[1], parts[2] if parts[3] …; a condition may be empty
};

struct Element;
using Elements = std::vector<Element>;

/// `_`, `^` or `'` behind an element; a prime has no content.
struct Script {
    char which;
    Elements content;
};

struct Element {
    Role role = Role::atom;
    Shape shape = Shape::symbol;
    std::string text{};  ///< of a symbol, in Unicode
    std::vector<Elements> parts{};
    std::vector<Script> scripts{};  ///< in the order written
    bool number = false;            ///< a symbol of digits
};

/// Reads the part of LaTeX that notation.hpp describes; asserts on anything else.
Elements parse_formula(std::string_view formula);

}  // namespace handgrad::document
