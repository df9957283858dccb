// What the files of this room share about the text of a cell: trimming it, and showing it in a message.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace handgrad {

/// Without the spaces and tabs around it.
std::string_view trimmed(std::string_view cell);

/// ASCII letters in lower case; every other byte as it is.
std::string lower_case(std::string_view text);

/// Whether the cell spells an infinity: inf or infinity, with or without a sign, in any case.
bool spells_infinity(std::string_view cell);

bool is_utf8(std::string_view text);

/// The text between single quotes for a message: at most 40 characters of it, bytes that would spoil a terminal or are
/// not UTF-8 as \xNN.
std::string in_quotes(std::string_view text);

/// `'a', 'b', 'c'` for a message; of many names the first eight and how many more there are.
std::string listed(std::span<const std::string> names);

/// What format_number() gives, without allocation.
inline constexpr std::size_t spelled_bytes = 32;  // the longest is -2.2250738585072014e-308, 24 bytes
std::string_view spell_number(double value, std::array<char, spelled_bytes>& buffer);

/// `3 rows`, `1 row`.
std::string counted(std::size_t count, std::string_view noun);

}  // namespace handgrad
