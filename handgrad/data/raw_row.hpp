// One row of cells as a program has it at hand: numbers and texts in the units of the table, by position or by name.
#pragma once

#include <concepts>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace handgrad {

/// A number (NaN where the value is missing) or a text, which is not copied.
class Cell {
public:
    Cell() = default;  ///< missing
    template <class Number>
    requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, char>)
        Cell(Number number)  // NOLINT(google-explicit-constructor)
        : number_(static_cast<double>(number)) {}
    Cell(std::string_view text) : is_text_(true), text_(text) {}     // NOLINT(google-explicit-constructor)
    Cell(const std::string& text) : Cell(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
    Cell(const char* text) : Cell(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool is_text() const { return is_text_; }
    [[nodiscard]] double number() const { return number_; }        ///< NaN for a text
    [[nodiscard]] std::string_view text() const { return text_; }  ///< empty for a number

private:
    bool is_text_ = false;
    double number_ = std::numeric_limits<double>::quiet_NaN();
    std::string_view text_;
};

/// `{"area", 120}`.
struct NamedCell {
    std::string_view column;
    Cell value;
};

/// A row as an argument: a view, made where a function is called. By position: doubles (in any std::span, vector or
/// array), cells, or `{120, "Rome"}`; by name, in any order: `{{"area", 120}, {"city", "Rome"}}`.
class RawRow {
public:
    using Cells = std::variant<std::span<const double>, std::span<const Cell>, std::span<const NamedCell>>;

    template <class Row>
    requires std::constructible_from < std::span<const double>,
    const Row& > RawRow(const Row& numbers)  // NOLINT
        : cells_(std::span<const double>(numbers)) {}
    template <class Row>
    requires std::constructible_from < std::span<const Cell>,
    const Row& > RawRow(const Row& cells)  // NOLINT
        : cells_(std::span<const Cell>(cells)) {}
    template <class Row>
    requires std::constructible_from < std::span<const NamedCell>,
    const Row& > RawRow(const Row& cells)  // NOLINT
        : cells_(std::span<const NamedCell>(cells)) {}
    RawRow(std::initializer_list<Cell> cells) : cells_(std::span(cells.begin(), cells.size())) {}
    RawRow(std::initializer_list<NamedCell> cells) : cells_(std::span(cells.begin(), cells.size())) {}

    [[nodiscard]] const Cells& cells() const { return cells_; }

private:
    Cells cells_;
};

}  // namespace handgrad
