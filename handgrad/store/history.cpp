// Thinning, and the table as JSON: {"columns":[...],"epochs":[[...],...]} with null for what is not a finite number.
#include "handgrad/store/history.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad {
namespace {

double seven_digits(double value) {
    std::array<char, 32> text{};
    const auto written = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 6);
    double rounded = value;
    std::from_chars(text.data(), written.ptr, rounded);
    return rounded;
}

bool is_multiple(double epoch, std::size_t step) { return std::fmod(epoch, static_cast<double>(step)) == 0.0; }

/// The distance between epochs that are kept; the first and the last may stand apart from the rest.
std::size_t step_of(const std::vector<std::vector<double>>& epochs) {
    return epochs.size() < 4 ? 1 : static_cast<std::size_t>(epochs[2][0] - epochs[1][0]);
}

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::model, place + ": " + cause);
}

void require(bool good, const std::string& cause) {
    if (!good) {
        throw Error(ErrorKind::model, cause);
    }
}

constexpr std::string_view of_validation = "validation.";
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest_epoch = 0x1p53;  // beyond it the next one is not a double

struct Range {
    double lowest = -infinity, highest = infinity;
};
/// What is measured of each layer, and in which range it lies.
struct LayerNumber {
    std::string_view name;
    Range range;
};
constexpr std::array layer_numbers{LayerNumber{"gradient_rms", {.lowest = 0.0}}, LayerNumber{"saturated", {0.0, 1.0}},
                                   LayerNumber{"dead", {0.0, 1.0}}, LayerNumber{"moved", {.lowest = 0.0}},
                                   LayerNumber{"starved", {0.0, 1.0}}};

/// Of a column that check_columns() has let through.
Range range_of(std::string_view column) {
    if (column == "learning_rate") {
        return {.lowest = 0.0};
    }
    if (!column.starts_with("linear")) {
        return {};
    }
    const auto found = std::ranges::find(layer_numbers, column.substr(column.find('.') + 1), &LayerNumber::name);
    assert(found != layer_numbers.end());
    return found->range;
}

/// Those of history_columns(), whatever the metrics are called, with the layers or without.
void check_columns(const std::vector<std::string>& columns, std::size_t layers) {
    std::vector<std::string> metrics;
    std::set<std::string_view> names;
    for (const std::string& column : columns) {
        require(names.insert(column).second, "the column '" + excerpt(column) + "' stands twice");
        if (column.starts_with(of_validation)) {
            metrics.push_back(column.substr(of_validation.size()));
        }
    }
    const std::vector<std::string> plain = history_columns(metrics, 0);
    for (const std::string& column : plain) {
        require(names.contains(column), "the column '" + column + "' is missing");
    }
    for (std::size_t c = 0; c < std::min(plain.size(), columns.size()); ++c) {
        require(columns[c] == plain[c],
                "the column '" + excerpt(columns[c]) + "' stands where '" + plain[c] + "' belongs");
    }
    require(columns.size() == plain.size() || columns == history_columns(metrics, layers),
            "its columns of layers are not those of " + std::to_string(layers) + " layers");
}

double number_of(const Json& json, const std::string& place) {
    if (const auto* whole = std::get_if<std::uint64_t>(&json.value)) {
        return static_cast<double>(*whole);
    }
    if (const auto* number = std::get_if<double>(&json.value)) {
        return *number;
    }
    if (std::holds_alternative<std::nullptr_t>(json.value)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    fail(place, excerpt(to_text(json)) + " stands where a number belongs");
}

const Json::Array& list_of(const Json::Object& object, std::string_view name, const std::string& place) {
    const auto found = std::ranges::find(object, name, &Json::Object::value_type::first);
    const auto* list = found == object.end() ? nullptr : std::get_if<Json::Array>(&found->second.value);
    if (list == nullptr) {
        fail(place, "the list '" + std::string(name) + "' is missing");
    }
    return *list;
}

}  // namespace

void History::add(std::vector<double> epoch) {
    assert(epoch.size() == columns.size() && !columns.empty() && columns.front() == "epoch");
    assert(epochs.empty() || epoch[0] > epochs.back()[0]);
    std::transform(epoch.begin() + 1, epoch.end(), epoch.begin() + 1, seven_digits);  // the epoch itself is counted
    const std::size_t step = step_of(epochs);
    const auto wanted = [&](double number, std::size_t each) {
        return is_multiple(number, each) || number == epochs.front()[0];
    };
    if (!epochs.empty() && !wanted(epochs.back()[0], step)) {  // it was there only because it was the last
        epochs.pop_back();
    }
    epochs.push_back(std::move(epoch));
    if (epochs.size() > std::clamp(most_numbers / columns.size(), std::size_t{16}, most_epochs)) {
        const double last = epochs.back()[0];
        std::erase_if(epochs,
                      [&](const std::vector<double>& old) { return old[0] != last && !wanted(old[0], 2 * step); });
    }
}

std::vector<double> History::column(std::string_view name) const {
    const auto found = std::ranges::find(columns, name);
    std::vector<double> numbers;
    if (found != columns.end()) {
        for (const std::vector<double>& epoch : epochs) {
            numbers.push_back(epoch[static_cast<std::size_t>(found - columns.begin())]);
        }
    }
    return numbers;
}

std::vector<std::string> history_columns(const std::vector<std::string>& metrics, std::size_t layers) {
    std::vector<std::string> columns{"epoch", "loss", "validation_loss", "learning_rate"};
    for (const std::string& name : metrics) {
        columns.push_back(std::string(of_validation) + name);
    }
    for (std::size_t l = 0; l < layers; ++l) {
        for (const LayerNumber& what : layer_numbers) {
            columns.push_back(layer_name(l) + "." + std::string(what.name));
        }
    }
    return columns;
}

void check(const History& history, std::size_t layers) {
    check_columns(history.columns, layers);
    require(!history.epochs.empty(), "it has no epochs");
    const std::vector<double>* before = nullptr;
    for (const std::vector<double>& epoch : history.epochs) {
        require(epoch.size() == history.columns.size(),
                "an epoch has not one number for each of the " + std::to_string(history.columns.size()) + " columns");
        const bool whole = epoch[0] >= 0.0 && epoch[0] <= largest_epoch && std::trunc(epoch[0]) == epoch[0];
        require(whole, "an epoch is not a whole number");
        require(before == nullptr || epoch[0] > (*before)[0], "its epochs do not follow each other");
        before = &epoch;
        for (std::size_t c = 1; c < epoch.size(); ++c) {
            const Range range = range_of(history.columns[c]);
            const bool inside = std::isnan(epoch[c]) || (epoch[c] >= range.lowest && epoch[c] <= range.highest);
            require(inside, "a number of the column '" + excerpt(history.columns[c]) + "' is out of range");
        }
    }
}

std::string history_text(const History& history) {
    Json::Array columns, epochs;
    for (const std::string& name : history.columns) {
        columns.push_back(Json{replace_invalid_utf8(name)});
    }
    for (const std::vector<double>& epoch : history.epochs) {
        Json::Array numbers;
        for (const double number : epoch) {
            numbers.push_back(std::isfinite(number) ? Json{number} : Json{nullptr});
        }
        numbers.front() = Json{static_cast<std::uint64_t>(epoch.front())};
        epochs.push_back(Json{std::move(numbers)});
    }
    Json::Object object;  // member by member: of a list GCC 12 destroys elements twice when one cannot be made
    object.push_back({"columns", Json{std::move(columns)}});
    object.push_back({"epochs", Json{std::move(epochs)}});
    return to_text(Json{std::move(object)});
}

History read_history(const std::string& text, const std::string& place) {
    const Json json = parse_json(text, place);
    const auto* object = std::get_if<Json::Object>(&json.value);
    if (object == nullptr || object->size() != 2) {
        fail(place, excerpt(text) + " stands where columns and epochs belong");
    }
    History history;
    for (const Json& name : list_of(*object, "columns", place)) {
        const auto* column = std::get_if<std::string>(&name.value);
        if (column == nullptr) {
            fail(place, excerpt(to_text(name)) + " stands where the name of a column belongs");
        }
        history.columns.push_back(*column);
    }
    if (history.columns.empty() || history.columns.front() != "epoch") {
        fail(place, "its first column is not 'epoch'");
    }
    for (const Json& row : list_of(*object, "epochs", place)) {
        const auto* numbers = std::get_if<Json::Array>(&row.value);
        if (numbers == nullptr || numbers->size() != history.columns.size()) {
            fail(place,
                 "an epoch has not one number for each of the " + std::to_string(history.columns.size()) + " columns");
        }
        std::vector<double> epoch;
        for (const Json& number : *numbers) {
            epoch.push_back(number_of(number, place));
        }
        if (!(epoch[0] >= 0.0) || (!history.epochs.empty() && !(epoch[0] > history.epochs.back()[0]))) {
            fail(place, "its epochs do not follow each other");
        }
        history.epochs.push_back(std::move(epoch));
    }
    if (history.epochs.empty()) {
        fail(place, "it has no epochs");
    }
    return history;
}

}  // namespace handgrad
