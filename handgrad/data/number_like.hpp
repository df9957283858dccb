// Numbers as people write them: which signs a cell has around its digits, and which settings would read it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "handgrad/data/hints.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// What makes the groups of digits of a number, and what divides them from its fraction. 0: nothing.
struct NumberFormat {
    char thousands;
    char decimal;
};

/// The signs of one cell that is a number to people. Texts point into the cell.
struct LooksLikeNumber {
    bool negative = false;
    std::string body = {};      ///< digits and what stands between them; blanks of every width as ' ', ’ as '
    std::string exponent = {};  ///< `e-3`, or nothing
    bool percent = false;
    bool currency = false;     ///< a sign or a code of a currency
    bool parentheses = false;  ///< for a minus
    bool minus_sign = false;   ///< U+2212
    bool fortran = false;      ///< an exponent behind d or D
    std::string_view unit = {};

    /// The number, when the body is one in this format.
    [[nodiscard]] std::optional<double> value(NumberFormat format) const;
};

/// Nothing for a cell that is no number however its signs are read (inf and nan spelled out are none).
std::optional<LooksLikeNumber> looks_like_number(std::string_view cell);

/// Reads cells as numbers, with the signs that the options allow.
class NumberReader {
public:
    explicit NumberReader(const ReadOptions& options);
    [[nodiscard]] char decimal() const { return format_.decimal; }
    /// parse_number(), and where that is not_a_number what the options say about signs.
    [[nodiscard]] ParsedNumber read(std::string_view bare) const;
    /// The unit or currency that read() left out of a cell that it took for a number; empty for none.
    [[nodiscard]] std::string unit_of(std::string_view bare) const;
    /// Whether read() takes more than parse_number().
    [[nodiscard]] bool takes_signs() const { return signs_; }

private:
    NumberFormat format_;
    bool percent_;
    bool currency_;
    bool marks_;  ///< U+2212 and an exponent behind D
    bool signs_;
};

/// Gathers what the texts of a column look like, and says in the end how they would be read as numbers or dates.
class NumberLikeColumn {
public:
    explicit NumberLikeColumn(char decimal) : decimal_(decimal) {}

    /// `count` cells with this text, the first of them in that row.
    void add(std::string_view text, std::size_t count, std::size_t row);
    /// What to say when at least half of the column's cells are numbers so, `numbers` of them plain ones (`fractions`:
    /// with a decimal sign); nothing otherwise.
    [[nodiscard]] std::optional<NumberLike> decide(std::size_t numbers, bool fractions) const;

private:
    static constexpr std::size_t formats = 10;
    struct First {
        std::size_t row = 0;
        std::string text = {};
    };
    [[nodiscard]] NumberLike numbers_like(std::size_t count, bool fractions) const;
    [[nodiscard]] std::size_t most_in_one_unit() const;

    char decimal_;
    std::size_t texts_ = 0;
    std::size_t signed_ = 0;  ///< cells that look like numbers
    std::size_t dates_ = 0, other_dates_ = 0;
    First first_signed_, first_date_, first_other_date_;
    std::array<std::size_t, formats> fits_{};
    std::array<bool, formats> fractions_{};  ///< whether one of them has a fraction
    std::map<std::string, std::size_t, std::less<>> units_;
    std::size_t with_unit_ = 0;  ///< that is no currency
    std::size_t percent_ = 0, currency_ = 0, parentheses_ = 0, minus_signs_ = 0, fortran_ = 0;
};

}  // namespace handgrad
