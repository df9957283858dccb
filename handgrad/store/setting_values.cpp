// Settings as JSON, each kind of value in the form that JSON has for it.
#include "handgrad/store/setting_values.hpp"

#include <cstddef>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad {
namespace {

Json to_json(std::monostate /*nothing*/) { return Json{nullptr}; }
Json to_json(bool value) { return Json{value}; }
Json to_json(std::uint64_t value) { return Json{value}; }
Json to_json(double value) { return Json{value}; }
Json to_json(const std::string& value) { return Json{replace_invalid_utf8(value)}; }
template <class T>
Json to_json(const std::vector<T>& values) {
    Json::Array array;
    for (const T& value : values) {
        array.push_back(to_json(value));
    }
    return Json{std::move(array)};
}

[[noreturn]] void fail(const Json& json, const std::string& place, const char* expected) {
    throw Error(ErrorKind::model, place + ": " + excerpt(to_text(json)) + " stands where " + expected + " belongs");
}

template <class T>
std::vector<T> elements(const Json::Array& array, const std::string& place, const char* expected) {
    std::vector<T> values;
    for (std::size_t i = 0; i < array.size(); ++i) {
        const T* value = std::get_if<T>(&array[i].value);
        if (value == nullptr) {
            fail(array[i], place + "[" + std::to_string(i) + "]", expected);
        }
        values.push_back(*value);
    }
    return values;
}

SettingValue from_json(const Json& json, const std::string& place) {
    return std::visit(
        [&]<class J>(const J& value) -> SettingValue {
            if constexpr (std::is_same_v<J, std::nullptr_t>) {
                return std::monostate{};
            } else if constexpr (std::is_same_v<J, Json::Object>) {
                fail(json, place, "a value or a list");
            } else if constexpr (std::is_same_v<J, Json::Array>) {
                const bool numbers = !value.empty() && std::holds_alternative<std::uint64_t>(value.front().value);
                if (numbers) {
                    return elements<std::uint64_t>(value, place, "a whole number");
                }
                return elements<std::string>(value, place, "a text");
            } else {
                return value;
            }
        },
        json.value);
}

}  // namespace

std::string setting_values_text(const SettingValues& values) {
    Json::Object object;
    for (const auto& [name, value] : values) {
        object.push_back({std::string(name), std::visit([](const auto& v) { return to_json(v); }, value)});
    }
    return to_text(Json{std::move(object)});
}

SettingValues read_setting_values(const std::string& text, const std::string& place) {
    const Json json = parse_json(text, place);
    const auto* object = std::get_if<Json::Object>(&json.value);
    if (object == nullptr) {
        fail(json, place, "an object");
    }
    SettingValues values;
    for (const auto& [name, value] : *object) {
        values.emplace(name, from_json(value, place + "." + excerpt(name)));
    }
    return values;
}

}  // namespace handgrad
