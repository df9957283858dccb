// Cells by position or by name, each encoded as its column's feature says.
#include "handgrad/data/row_encoder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/data/feature_cells.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const FeatureColumn& feature, const CellProblem& problem) {
    fail_about(ErrorKind::data, "the row: column " + in_quotes(feature.name) + ": " + problem.cause, problem.settings);
}

}  // namespace

RowEncoder::RowEncoder(const Preprocessing& preprocessing)
    : missing_(preprocessing.reading.missing), numbers_(preprocessing.reading), unknown_(preprocessing.unknown) {
    add_places(preprocessing);
    const bool numbers = std::ranges::none_of(
        places_, [](const Place& place) { return place.feature.categorical() || !place.date_parts.empty(); });
    if (numbers) {
        std::ranges::transform(preprocessing.features, std::back_inserter(shifts_), &FeatureColumn::shift);
        std::ranges::transform(preprocessing.features, std::back_inserter(scales_), &FeatureColumn::scale);
    }
}

void RowEncoder::add_places(const Preprocessing& preprocessing) {
    const std::vector<std::string>& text_columns = preprocessing.reading.text_columns;
    std::size_t first = 0;
    for (const FeatureColumn& feature : preprocessing.features) {
        const std::string column = date_column_of(feature.name, preprocessing.reading.date_columns);
        const bool date = column != feature.name;
        if (!date || names_.empty() || names_.back() != column) {  // the parts of a date stand beside each other
            Place& place = places_.emplace_back(
                Place{.feature = feature,
                      .first = first,
                      .date_parts = {},
                      .texts_only = std::ranges::find(text_columns, feature.name) != text_columns.end(),
                      .categories = {}});
            for (std::size_t i = 0; i < feature.categories.size(); ++i) {
                place.categories.emplace(feature.categories[i], i);
            }
            index_.emplace(column, names_.size());
            names_.push_back(column);
        }
        if (date) {
            places_.back().date_parts.push_back(feature);
        }
        first += feature.inputs();
    }
}

std::size_t RowEncoder::column(std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) {
        throw Error(ErrorKind::usage, "the row: the model has no column " + in_quotes(name) +
                                          did_you_mean(name, names_) + "; it has " + listed(names_));
    }
    return found->second;
}

template <class T>
void RowEncoder::encode(const RawRow& row, std::span<T> inputs) const {
    if (const auto* numbers = std::get_if<std::span<const double>>(&row.cells())) {
        encode_positions(*numbers, inputs);
    } else if (const auto* cells = std::get_if<std::span<const Cell>>(&row.cells())) {
        encode_positions(*cells, inputs);
    } else {
        encode_names(std::get<std::span<const NamedCell>>(row.cells()), inputs);
    }
}

template <class T>
void RowEncoder::encode_positions(std::span<const double> numbers, std::span<T> inputs) const {
    check_size(numbers.size());
    if (!shifts_.empty() && encode_numbers(numbers, inputs)) {
        return;
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const Place& place = places_[i];
        if (place.feature.categorical() || !place.date_parts.empty()) {
            encode_cell(place, numbers[i], inputs);
        } else {
            inputs[place.first] = encode_number<T>(place.feature, numbers[i]);
        }
    }
}

template <class T>
bool RowEncoder::encode_numbers(std::span<const double> numbers, std::span<T> inputs) const {
    bool finite = true;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        inputs[i] = static_cast<T>(quotient(numbers[i], shifts_[i], scales_[i]));
        finite = finite && std::isfinite(inputs[i]);
    }
    return finite;
}

template <class T>
void RowEncoder::encode_positions(std::span<const Cell> cells, std::span<T> inputs) const {
    check_size(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
        encode_cell(places_[i], cells[i], inputs);
    }
}

template <class T>
void RowEncoder::encode_names(std::span<const NamedCell> cells, std::span<T> inputs) const {
    constexpr T not_yet = std::numeric_limits<T>::quiet_NaN();  // no cell becomes that
    std::ranges::fill(inputs, not_yet);
    std::size_t next = 0;  // most callers name columns in their order
    for (const NamedCell& cell : cells) {
        const std::size_t at = next < names_.size() && names_[next] == cell.column ? next : column(cell.column);
        const Place& place = places_[at];
        next = at + 1;
        if (!std::isnan(inputs[place.first])) {
            throw Error(ErrorKind::usage,
                        "the row: column " + in_quotes(cell.column) + " stands there twice; leave out one");
        }
        encode_cell(place, cell.value, inputs);
    }
    if (cells.size() == places_.size()) {
        return;
    }
    std::vector<std::string> missing;
    for (const Place& place : places_) {
        if (std::isnan(inputs[place.first])) {
            missing.push_back(place.feature.name);
        }
    }
    throw Error(ErrorKind::usage, "the row: the model needs " + listed(missing) +
                                      ", not there; add it, with NaN where the value is missing");
}

void RowEncoder::check_size(std::size_t cells) const {
    if (cells != places_.size()) {
        throw Error(ErrorKind::usage, "the row has " + counted(cells, "cell") + ", but the model " +
                                          counted(places_.size(), "column") + ": give one for each of " +
                                          listed(names_));
    }
}

template <class T>
void RowEncoder::encode_cell(const Place& place, const Cell& cell, std::span<T> inputs) const {
    const FeatureColumn& feature = place.feature;
    if (!place.date_parts.empty()) {
        encode_date(place, cell, inputs);
        return;
    }
    if (!feature.categorical()) {
        inputs[place.first] =
            encode_number<T>(feature, cell.is_text() ? number_in(feature, cell.text()) : cell.number());
        return;
    }
    const std::optional<std::size_t> category =
        cell.is_text() ? category_in(place, cell.text()) : category_of(place, cell.number());
    const std::span<T> one_hot = inputs.subspan(place.first, feature.inputs());
    std::ranges::fill(one_hot, T(0));
    if (category) {
        one_hot[*category] = T(1);
    }
}

template <class T>
void RowEncoder::encode_date(const Place& place, const Cell& cell, std::span<T> inputs) const {
    Moment moment{.days = cell.number(), .clock = false, .hours = 0.0};
    const bool missing = cell.is_text() ? missing_.contains(trimmed(cell.text())) : std::isnan(cell.number());
    if (cell.is_text() && !missing) {
        const std::optional<Moment> read = parse_moment(cell.text(), true);
        if (!read) {
            fail(place.feature, {in_quotes(cell.text()) + " is no date or time of ISO 8601"});
        }
        moment = *read;
    }
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    const DateParts parts = missing ? DateParts{none, none, none} : date_parts(moment);
    for (std::size_t i = 0; i < place.date_parts.size(); ++i) {
        const FeatureColumn& part = place.date_parts[i];
        double number = parts.days;
        if (part.name.ends_with(date_part_names[1])) {
            number = parts.day_part;
        } else if (part.name.ends_with(date_part_names[2])) {
            number = parts.year_part;
        }
        inputs[place.first + i] = encode_number<T>(part, number);
    }
}

template <class T>
T RowEncoder::encode_number(const FeatureColumn& feature, double number) {
    if (!std::isfinite(number)) {
        if (std::isinf(number)) {
            fail(feature, infinite_cause(number));
        }
        if (!feature.impute) {
            fail(feature, missing_number_cause(""));
        }
        number = *feature.impute;
    }
    const double value = scaled(number, feature.shift, feature.scale);
    const T input = static_cast<T>(value);
    if (!std::isfinite(input)) {
        fail(feature, too_large_cause<T>(number, value));
    }
    return input;
}

/// As the reader of tables reads a cell.
double RowEncoder::number_in(const FeatureColumn& feature, std::string_view text) const {
    const std::string_view bare = trimmed(text);
    if (missing_.contains(bare)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    const auto [value, problem] = numbers_.read(bare);
    if (problem == NumberProblem::out_of_range) {
        fail(feature, {in_quotes(text) + " is out of range (a double holds at most 1.8e308); rescale the column"});
    }
    if (problem == NumberProblem::none && missing_.means(value)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (!feature.unit.empty() && problem == NumberProblem::none) {
        const std::string unit = numbers_.unit_of(bare);
        if (!unit.empty() && !same_unit(unit, feature.unit)) {
            fail(feature, {other_unit_cause(feature, unit)});
        }
    }
    if (problem == NumberProblem::not_a_number) {
        fail(feature, {in_quotes(text) + " is not a number, and the model learned numbers there; correct it"});
    }
    return value;
}

std::optional<std::size_t> RowEncoder::category_of_missing(const Place& place) const {
    if (!place.feature.missing_as.empty()) {
        return place.feature.categories.size() - 1;
    }
    if (unknown_ == Unknown::error) {
        fail(place.feature, missing_category_cause(place.feature, ""));
    }
    return std::nullopt;
}

std::optional<std::size_t> RowEncoder::unknown_category(const Place& place, std::string_view text) const {
    if (unknown_ == Unknown::error) {
        fail(place.feature, unknown_category_cause(place.feature, std::string(text)));
    }
    return std::nullopt;
}

std::optional<std::size_t> RowEncoder::category_of(const Place& place, double number) const {
    if (std::isnan(number)) {
        return category_of_missing(place);
    }
    std::array<char, spelled_bytes> buffer{};
    const std::string_view text = spell_number(number, buffer);
    const auto found = place.categories.find(text);
    return found == place.categories.end() ? unknown_category(place, text) : found->second;
}

std::optional<std::size_t> RowEncoder::category_in(const Place& place, std::string_view text) const {
    const std::string_view bare = trimmed(text);
    if (missing_.contains(bare)) {
        return category_of_missing(place);
    }
    for (const std::string_view as_text : {text, bare}) {
        if (const auto found = place.categories.find(as_text); found != place.categories.end()) {
            return found->second;
        }
    }
    const ParsedNumber parsed = numbers_.read(bare);
    if (!place.texts_only && parsed.problem == NumberProblem::none) {
        return category_of(place, parsed.value);
    }
    return unknown_category(place, text);
}

template void RowEncoder::encode(const RawRow&, std::span<float>) const;
template void RowEncoder::encode(const RawRow&, std::span<double>) const;

}  // namespace handgrad
