// A text with formulas, tables and numbers, block by block, before any renderer gives it a form.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::document {

/// Stands in prose for something to be filled in by hand; more underscores leave more room.
inline constexpr const char* blank_mark = "____";

struct Heading {
    Prose text;
    bool small = false;
};
struct Paragraph {
    Prose text;
};
struct Items {
    std::vector<Prose> list;
};
struct Equations {
    std::vector<Formula> lines;
};
struct TableOfProse {
    std::vector<Prose> heading;
    std::vector<std::vector<Prose>> rows;
};

enum class Layout {
    scalar,
    vector,  ///< a column, printed lying down with ᵀ behind it
    row,     ///< a column whose transpose is meant
    matrix,
    diagonal,  ///< 1 × size, of a diagonal matrix
};
/// Numbers with their name, `z₁ = W⁽¹⁾x + b⁽¹⁾ = […]`, or the blanks for them.
struct Numbers {
    std::string symbol;  ///< in plain letters, by which blanks are read back
    Formula name;
    Formula formula = {};  ///< what it is computed from; may be empty
    Layout layout = Layout::matrix;
    Matrix<double> values;
    bool blank = false;
    bool updated = false;       ///< what stands there is new: ← rather than =
    int digits = usual_digits;  ///< that are shown, or for which blanks have room
    Prose note = {};
};

using Block = std::variant<Heading, Paragraph, Items, Equations, TableOfProse, Numbers>;
using Document = std::vector<Block>;

/// So many rows or columns of a matrix are shown; of more the first ones, dots and the last.
inline constexpr std::size_t most_shown = 8;
/// The indices to show of `count`: all up to `most` (at least 3), else so many places with `gap` where the dots stand.
inline constexpr std::size_t gap = static_cast<std::size_t>(-1);
std::vector<std::size_t> shown_indices(std::size_t count, std::size_t most = most_shown);

}  // namespace handgrad::document
