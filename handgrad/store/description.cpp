// The fields of a model's parts listed once, a writer and a strict reader that walk the lists, and what must hold.
#include "handgrad/store/description.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/training_rows.hpp"

namespace handgrad {
namespace {

// --- The fields, for a writer (const) and a reader alike ------------------------------------------------------------

template <class T, class Plain>
concept Is = std::same_as<std::remove_const_t<T>, Plain>;
template <class T>
concept Choice = std::is_enum_v<std::remove_reference_t<T>>;

/// Behind a field that files of format version 1 lack: there it has the value that it has by itself.
struct Later {};
constexpr Later later;
/// Behind a field that stands in files only where there is something in it, so that older programs read all others.
struct WhereNeeded {};
constexpr WhereNeeded where_needed;

template <class Field>
void for_each_field(Is<Architecture> auto& architecture, Field&& field) {
    // Its conventions stand in a text of their own.
    field("sizes", architecture.sizes);
    field("hidden", architecture.hidden);
    field("output", architecture.output);
    field("each_hidden", architecture.each_hidden);
    field("leaky_slope", architecture.leaky_slope);
}

template <class Field>
void for_each_field(Is<Conventions> auto& conventions, Field&& field) {
    field("name", conventions.name);
    for_each_convention(conventions, field);
}

/// The loss with the penalty that is added to it.
template <class D>
struct PenalizedLoss {
    D& description;
};
template <class D, class Field>
void for_each_field(const PenalizedLoss<D>& loss, Field&& field) {
    field("kind", loss.description.loss.kind);
    field("huber_delta", loss.description.loss.huber_delta);
    field("quantile", loss.description.loss.quantile);
    field("weight_decay", loss.description.weight_decay);
}

template <class Field>
void for_each_field(Is<FeatureColumn> auto& column, Field&& field) {
    field("name", column.name);
    field("categories", column.categories);
    field("missing_as", column.missing_as, later);
    field("unit", column.unit, later);
    field("impute", column.impute);
    field("shift", column.shift);
    field("scale", column.scale);
}

template <class Field>
void for_each_field(Is<TargetColumn> auto& column, Field&& field) {
    field("name", column.name);
    field("shift", column.shift);
    field("scale", column.scale);
}

template <class Field>
void for_each_field(Is<ReadOptions> auto& reading, Field&& field) {
    field("delimiter", reading.delimiter);
    field("decimal", reading.decimal);
    field("header", reading.header);
    field("missing", reading.missing);
    field("thousands", reading.thousands, later);
    field("percent", reading.percent, later);
    field("currency", reading.currency, later);
    field("date_columns", reading.date_columns, later);
    field("text_columns", reading.text_columns);
    field("spelled_columns", reading.spelled_columns);
}

template <class Field>
void for_each_field(Is<Preprocessing> auto& preprocessing, Field&& field) {
    field("task", preprocessing.task);
    field("features", preprocessing.features);
    field("targets", preprocessing.targets);
    field("classes", preprocessing.classes);
    field("numeric_classes", preprocessing.numeric_classes);
    field("one_output", preprocessing.one_output);
    field("weight", preprocessing.weight);
    field("class_weights", preprocessing.class_weights, where_needed);
    field("dropped", preprocessing.dropped);
    field("ids", preprocessing.ids, later);
    field("unknown", preprocessing.unknown, later);
    field("reading", preprocessing.reading);
}

template <class Field>
void for_each_field(Is<TrainingRows> auto& rows, Field&& field) {
    field("table_hash", rows.table_hash);
    field("split_hash", rows.split_hash);
    field("validation_hash", rows.validation_hash);
    field("test_hash", rows.test_hash);
    field("constant_answer", rows.constant_answer);
    field("lowest", rows.lowest);
    field("highest", rows.highest);
}

// --- Names of the choices --------------------------------------------------------------------------------------------

template <Choice C>
std::optional<C> find(std::string_view wanted) {
    if constexpr (std::same_as<C, Activation>) {
        return find_activation(wanted);
    } else if constexpr (std::same_as<C, Loss>) {
        return find_loss(wanted);
    } else {
        return find_convention<C>(wanted);
    }
}

// --- Writing --------------------------------------------------------------------------------------------------------

Json to_json(bool value) { return Json{value}; }
Json to_json(std::size_t value) { return Json{std::uint64_t{value}}; }
Json to_json(double value) { return Json{value}; }
Json to_json(std::string_view value) { return Json{std::string(value)}; }
Json to_json(const std::string& value) { return Json{value}; }
/// A character as a text, no character (0) as the empty one.
Json to_json(char value) { return Json{std::string(value == 0 ? 0 : 1, value)}; }
Json to_json(std::optional<double> value) { return value ? Json{*value} : Json{nullptr}; }
Json to_json(Choice auto value) { return Json{std::string(name(value))}; }
template <class T>
Json to_json(const std::vector<T>& values);

template <class Struct>
requires(!Choice<Struct>) Json to_json(const Struct& fields) {
    Json::Object object;
    for_each_field(fields, [&]<class V, class... How>(std::string_view field, const V& value, How... /*how*/) {
        if constexpr ((std::same_as<How, WhereNeeded> || ...)) {
            if (value == V()) {
                return;
            }
        }
        object.push_back({std::string(field), to_json(value)});
    });
    return Json{std::move(object)};
}

template <class T>
Json to_json(const std::vector<T>& values) {
    Json::Array array;
    for (const T& value : values) {
        array.push_back(to_json(value));
    }
    return Json{std::move(array)};
}

// --- Reading: read(json, target, place) raises Error(model) unless json is what the target asks for -----------

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::model, place + ": " + cause);
}

template <class Alternative>
const Alternative& get(const Json& json, const std::string& place, std::string_view expected) {
    const auto* value = std::get_if<Alternative>(&json.value);
    if (value == nullptr) {
        fail(place, excerpt(to_text(json)) + " stands where " + std::string(expected) + " belongs");
    }
    return *value;
}

void read(const Json& json, bool& target, const std::string& place) {
    target = get<bool>(json, place, "true or false");
}
void read(const Json& json, std::size_t& target, const std::string& place) {
    target = get<std::uint64_t>(json, place, "a whole number");
}
void read(const Json& json, double& target, const std::string& place) {
    const auto* whole = std::get_if<std::uint64_t>(&json.value);
    target = whole != nullptr ? static_cast<double>(*whole) : get<double>(json, place, "a number");
}
void read(const Json& json, std::string& target, const std::string& place) {
    target = get<std::string>(json, place, "a text");
}
/// The name of a preset, whose characters live as long as the program.
void read(const Json& json, std::string_view& target, const std::string& place) {
    const auto& text = get<std::string>(json, place, "a text");
    const std::optional<Conventions> preset = find_conventions(text);
    if (!preset) {
        fail(place, "'" + excerpt(text) + "' is not a preset of conventions");
    }
    target = preset->name;
}
void read(const Json& json, char& target, const std::string& place) {
    const auto& text = get<std::string>(json, place, "a text");
    if (text.size() > 1) {
        fail(place, "'" + excerpt(text) + "' has more than one character");
    }
    target = text.empty() ? '\0' : text[0];
}
void read(const Json& json, std::optional<double>& target, const std::string& place) {
    target.reset();
    if (!std::holds_alternative<std::nullptr_t>(json.value)) {
        read(json, target.emplace(), place);
    }
}
template <Choice C>
void read(const Json& json, C& target, const std::string& place) {
    const auto& text = get<std::string>(json, place, "a name");
    const std::optional<C> found = find<C>(text);
    if (!found) {
        fail(place, "'" + excerpt(text) + "' is not a name that this version knows");
    }
    target = *found;
}
template <class T>
void read(const Json& json, std::vector<T>& target, const std::string& place);

template <class Struct>
requires(!Choice<Struct>) void read(const Json& json, Struct&& target, const std::string& place) {
    const auto& object = get<Json::Object>(json, place, "an object");
    std::set<std::string_view> unknown;
    for (const auto& member : object) {
        unknown.insert(member.first);
    }
    for_each_field(target, [&](std::string_view field, auto& value, auto... may_lack) {
        const auto found = std::ranges::find(object, field, &Json::Object::value_type::first);
        if (found == object.end()) {
            if (sizeof...(may_lack) > 0) {
                return;
            }
            fail(place, "the field '" + std::string(field) + "' is missing");
        }
        unknown.erase(field);
        read(found->second, value, place + "." + std::string(field));
    });
    if (!unknown.empty()) {
        fail(place, "'" + excerpt(std::string(*unknown.begin())) + "' is not a field that this version knows");
    }
}

template <class T>
void read(const Json& json, std::vector<T>& target, const std::string& place) {
    const auto& array = get<Json::Array>(json, place, "a list");
    target = std::vector<T>(array.size());
    for (std::size_t i = 0; i < array.size(); ++i) {
        read(array[i], target[i], place + "[" + std::to_string(i) + "]");
    }
}

}  // namespace

std::string training_rows_text(const TrainingRows& rows) { return to_text(to_json(rows)); }
TrainingRows read_training_rows(std::string_view text, const std::string& place) {
    TrainingRows rows;
    read(parse_json(text, place), rows, place);
    return rows;
}

namespace {

/// What a file may describe is told by what the user can change.
std::string columns_text(const Preprocessing& preprocessing) {
    std::size_t categories = 0;
    for (const FeatureColumn& feature : preprocessing.features) {
        categories += feature.categories.size();
    }
    try {
        return to_text(to_json(preprocessing));
    } catch (const Error& error) {
        if (preprocessing.features.size() + categories < max_json_values / 16) {
            throw;  // a text that is not UTF-8
        }
        throw Error(ErrorKind::data, std::to_string(preprocessing.features.size()) + " columns with " +
                                         std::to_string(categories) +
                                         " categories are more than a model file describes (" + error.what() +
                                         "); drop the columns with the most categories")
            .about("drop");
    }
}

}  // namespace

std::map<std::string, std::string> description_texts(const Description& description) {
    Json::Object provenance;
    for (const auto& [key, value] : description.provenance) {
        provenance.push_back({key, Json{replace_invalid_utf8(value)}});
    }
    return {{"architecture", to_text(to_json(description.architecture))},
            {"conventions", to_text(to_json(description.architecture.conventions))},
            {"loss", to_text(to_json(PenalizedLoss<const Description>{description}))},
            {"preprocessing", columns_text(description.preprocessing)},
            {"provenance", to_text(Json{std::move(provenance)})}};
}

Description read_description(const std::map<std::string, std::string>& texts, const std::string& source) {
    const auto parsed = [&](const std::string& key, auto&& visit) {
        const std::string place = source + ": " + key;
        visit(parse_json(texts.at(key), place), place);
    };
    Description description;
    Architecture& architecture = description.architecture;
    parsed("architecture", [&](const Json& json, const std::string& place) { read(json, architecture, place); });
    parsed("conventions",
           [&](const Json& json, const std::string& place) { read(json, architecture.conventions, place); });
    parsed("loss", [&](const Json& json, const std::string& place) {
        read(json, PenalizedLoss<Description>{description}, place);
    });
    parsed("preprocessing",
           [&](const Json& json, const std::string& place) { read(json, description.preprocessing, place); });
    parsed("provenance", [&](const Json& json, const std::string& place) {
        for (const auto& [key, value] : get<Json::Object>(json, place, "an object")) {
            read(value, description.provenance[key], place + "." + excerpt(key));
        }
    });
    return description;
}

}  // namespace handgrad
