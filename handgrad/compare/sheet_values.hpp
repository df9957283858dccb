// What a value on a line of a sheet looks like: rows of numbers in brackets or without, a diagonal, the identity.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/written_number.hpp"
#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

inline constexpr std::size_t longest_row = std::size_t{64} << 10U;  // no hand fills more

/// What is in brackets behind a number is a note.
std::string_view without_note(std::string_view text);

/// The bracket that closes `open`.
char closing(char open);

/// `diag(1, 2)`, `\operatorname{diag}\{1, 2\}`, `np.diag([1, 2])`: the list; none if it is no such thing.
std::optional<std::string_view> list_of_diagonal(std::string_view value);

/// `I`, `I3`, `eye(3)`.
bool is_identity(std::string_view value);

bool has_number(const WrittenRow& row);
bool has_text(const WrittenRow& row);
/// Numbers and blanks, as many as belong there.
bool fits(std::string_view text, std::size_t count);

/// Of `W x + b = [ 1 2 ]` what the last sign of equality leads to.
std::string_view end_of_chain(std::string_view value);

bool is_square(const explain::Quantity& quantity);

/// `[`, or `(` and `{` around as many numbers as belong in a row.
bool begins_row(const explain::Quantity& quantity, std::string_view text);

/// All rows of a matrix in one text, parted by semicolons, `\\` or line ends; none where they are not just those.
std::vector<std::string> parts_that_fit(const explain::Quantity& quantity, std::string_view text);

}  // namespace handgrad::compare
