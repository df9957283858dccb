// One row of cells as the numbers that the network sees, without a table around it and without allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/column_builder.hpp"
#include "handgrad/data/number_like.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/raw_row.hpp"

namespace handgrad {

/// Gives for every row, bit for bit, what apply_preprocessing() gives for a table with that row. A column of dates is
/// one cell: a text of ISO 8601, or a number, the days since 1970-01-01T00:00Z. All calls are const
/// and may be made by several threads at once; none allocates unless it raises, or reads a number from a text of more
/// than 15 bytes or with signs around it.
class RowEncoder {
public:
    explicit RowEncoder(const Preprocessing& preprocessing);

    [[nodiscard]] const std::vector<std::string>& columns() const { return names_; }
    /// Its place in a row. Raises Error(usage) when the model has no such column.
    [[nodiscard]] std::size_t column(std::string_view name) const;

    /// Writes the network's inputs. Raises Error(usage) when the row does not have the model's columns, Error(data)
    /// naming column and cell for a cell that the model cannot use.
    template <class T>
    void encode(const RawRow& row, std::span<T> inputs) const;

private:
    /// A feature, and where its inputs stand; of a column of dates the first of its features.
    struct Place {
        FeatureColumn feature;
        std::size_t first;
        std::vector<FeatureColumn> date_parts;  ///< of a column of dates, in the order of the inputs; else none
        bool texts_only;                        ///< a number in it is read as a text when the table is
        std::map<std::string, std::size_t, std::less<>> categories;
    };

    template <class T>
    void encode_positions(std::span<const double> numbers, std::span<T> inputs) const;
    template <class T>
    void encode_positions(std::span<const Cell> cells, std::span<T> inputs) const;
    /// For a model of numbers alone; false when a cell needs a closer look, and then nothing is to be relied on.
    template <class T>
    bool encode_numbers(std::span<const double> numbers, std::span<T> inputs) const;
    template <class T>
    void encode_names(std::span<const NamedCell> cells, std::span<T> inputs) const;
    void check_size(std::size_t cells) const;

    template <class T>
    void encode_cell(const Place& place, const Cell& cell, std::span<T> inputs) const;
    template <class T>
    static T encode_number(const FeatureColumn& feature, double number);
    template <class T>
    void encode_date(const Place& place, const Cell& cell, std::span<T> inputs) const;
    [[nodiscard]] double number_in(const FeatureColumn& feature, std::string_view text) const;
    /// Which of the place's inputs is 1; none for a category that is not known and may be so.
    [[nodiscard]] std::optional<std::size_t> category_of(const Place& place, double number) const;
    [[nodiscard]] std::optional<std::size_t> category_in(const Place& place, std::string_view text) const;
    [[nodiscard]] std::optional<std::size_t> category_of_missing(const Place& place) const;
    [[nodiscard]] std::optional<std::size_t> unknown_category(const Place& place, std::string_view text) const;
    void add_places(const Preprocessing& preprocessing);

    std::vector<std::string> names_;
    std::vector<Place> places_;
    std::vector<double> shifts_, scales_;  ///< of all columns when they are numbers alone; else empty
    std::map<std::string, std::size_t, std::less<>> index_;
    MissingTexts missing_;
    NumberReader numbers_;
    Unknown unknown_;
};

}  // namespace handgrad
