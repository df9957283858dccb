// Putting values together, and their text; how a text is quoted nlohmann's library knows.
#include "cli/json_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace handgrad::cli {
namespace {

std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string number_text(double value) {
    if (!std::isfinite(value)) {
        return "null";
    }
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos) {
        text += ".0";  // a double stays one
    }
    return text;
}

}  // namespace

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(std::string value) : value_(std::move(value)) {}
Json::Json(std::string_view value) : value_(std::string(value)) {}
Json::Json(const char* value) : value_(std::string(value)) {}

Json::Json(std::initializer_list<Json> values) {
    const auto named = [](const Json& value) {
        const auto* pair = std::get_if<Array>(&value.value_);
        return pair != nullptr && pair->size() == 2 && std::holds_alternative<std::string>(pair->front().value_);
    };
    if (values.size() == 0 || !std::ranges::all_of(values, named)) {
        value_ = Array(values);
        return;
    }
    Object members;
    for (const Json& value : values) {
        const Array& pair = std::get<Array>(value.value_);
        members.names.push_back(std::get<std::string>(pair.front().value_));
        members.values.push_back(pair.back());
    }
    value_ = std::move(members);
}

Json Json::array() {
    Json json;
    json.value_ = Array{};
    return json;
}

Json Json::object() {
    Json json;
    json.value_ = Object{};
    return json;
}

Json& Json::operator[](std::string_view name) {
    if (std::holds_alternative<std::nullptr_t>(value_)) {
        value_ = Object{};
    }
    Object& members = std::get<Object>(value_);
    const auto found = std::ranges::find(members.names, name);
    if (found != members.names.end()) {
        return members.values[static_cast<std::size_t>(found - members.names.begin())];
    }
    members.values.resize(members.names.size() + 1);  // first: a value without its name is none
    members.names.emplace_back(name);
    return members.values.back();
}

void Json::push_back(Json value) {
    if (std::holds_alternative<std::nullptr_t>(value_)) {
        value_ = Array{};
    }
    std::get<Array>(value_).push_back(std::move(value));
}

std::string Json::text() const {
    std::string text;
    write(text);
    return text;
}

void Json::write(std::string& text) const {
    if (const auto* array = std::get_if<Array>(&value_)) {
        text += '[';
        for (std::size_t i = 0; i < array->size(); ++i) {
            text += i == 0 ? "" : ",";
            (*array)[i].write(text);
        }
        text += ']';
    } else if (const auto* object = std::get_if<Object>(&value_)) {
        text += '{';
        for (std::size_t i = 0; i < object->names.size(); ++i) {
            text += i == 0 ? "" : ",";
            text += quoted(object->names[i]) + ":";
            object->values[i].write(text);
        }
        text += '}';
    } else if (const auto* string = std::get_if<std::string>(&value_)) {
        text += quoted(*string);
    } else if (const auto* number = std::get_if<double>(&value_)) {
        text += number_text(*number);
    } else if (const auto* whole = std::get_if<std::int64_t>(&value_)) {
        text += std::to_string(*whole);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&value_)) {
        text += std::to_string(*natural);
    } else if (const auto* flag = std::get_if<bool>(&value_)) {
        text += *flag ? "true" : "false";
    } else {
        text += "null";
    }
}

}  // namespace handgrad::cli
