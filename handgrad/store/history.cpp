// Thinning, and the table as JSON: {"columns":[...],"epochs":[[...],...]} with null for what is not a finite number.
#include "handgrad/store/history.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
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
    std::ranges::transform(epoch, epoch.begin(), seven_digits);
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
    return history;
}

}  // namespace handgrad
