// The one door to nlohmann's JSON: its parser feeds our values event by event, so that limits hold before anything
// grows.
#include "handgrad/store/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"

namespace handgrad {
namespace {

using Nlohmann = nlohmann::json;

/// Builds a Json from the parser's events. The open arrays and objects stand on a stack, outermost first, and each is
/// moved into the one around it when it closes; so no pointer into a growing container is ever kept.
class Builder : public nlohmann::json_sax<Nlohmann> {
public:
    Builder(const std::string& place, std::size_t first_byte) : place_(place), first_byte_(first_byte) {}

    [[nodiscard]] Json take() { return std::move(*root_); }

    bool null() override { return add(Json{nullptr}); }
    bool boolean(bool value) override { return add(Json{value}); }
    bool number_integer(number_integer_t value) override { return add(Json{static_cast<double>(value)}); }
    bool number_unsigned(number_unsigned_t value) override { return add(Json{std::uint64_t{value}}); }
    bool number_float(number_float_t /*value*/, const string_t& token) override { return add(Json{number(token)}); }
    bool string(string_t& value) override { return add(Json{std::move(value)}); }
    bool binary(binary_t& /*value*/) override { return false; }  // not part of JSON texts
    bool start_object(std::size_t /*elements*/) override { return open(Json{Json::Object{}}); }
    bool start_array(std::size_t /*elements*/) override { return open(Json{Json::Array{}}); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (!open_.back().names.insert(name).second) {
            fail("the name '" + excerpt(name) + "' stands twice in one object");
        }
        open_.back().name = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) override {
        // The parser counts the bytes it has taken, the offending one included.
        const std::size_t byte = first_byte_ + position - 1;
        throw Error(ErrorKind::model, place_ + ": byte " + std::to_string(byte) + ": not JSON: " + cause(error.what()));
    }

private:
    struct Open {
        Json json;
        std::string name = {};             // of the member being read, in an object
        std::set<std::string> names = {};  // of all members so far; no hash that a stranger could flood
    };

    [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorKind::model, place_ + ": " + message); }

    /// What the parser expected or did not like, without its own name, position and the text read so far.
    static std::string cause(std::string what) {
        for (const std::string_view before : {"] ", ": syntax error while parsing "}) {
            const std::size_t found = what.find(before);
            what.erase(0, found == std::string::npos ? 0 : found + before.size());
        }
        const std::size_t read = what.find("; last read: '");
        const std::size_t expected = what.rfind("; expected ");
        if (read != std::string::npos) {
            what.erase(read, expected - read);  // to the end when nothing was expected
        }
        return excerpt(what);
    }

    /// The parser has checked the grammar but puts the locale's decimal point into the token.
    static double number(std::string token) {
        for (char& c : token) {
            if (std::string_view("0123456789+-eE").find(c) == std::string_view::npos) {
                c = '.';
            }
        }
        double value = 0.0;  // stays for a number so small that no double but 0 is near
        std::from_chars(token.data(), token.data() + token.size(), value);
        return value;
    }

    void count_value() {
        if (++values_ > max_json_values) {
            fail("more than " + std::to_string(max_json_values) + " JSON values");
        }
    }
    bool add(Json&& json) {
        count_value();
        put(std::move(json));
        return true;
    }
    bool open(Json&& json) {
        count_value();
        if (open_.size() == max_json_depth) {
            fail("nested deeper than " + std::to_string(max_json_depth) + " levels");
        }
        open_.push_back({std::move(json)});
        return true;
    }
    bool close() {
        Json json = std::move(open_.back().json);
        open_.pop_back();
        put(std::move(json));
        return true;
    }
    void put(Json&& json) {
        if (open_.empty()) {
            root_ = std::move(json);
        } else if (auto* array = std::get_if<Json::Array>(&open_.back().json.value)) {
            array->push_back(std::move(json));
        } else {
            std::get<Json::Object>(open_.back().json.value).push_back({std::move(open_.back().name), std::move(json)});
        }
    }

    const std::string& place_;
    std::size_t first_byte_;
    std::size_t values_ = 0;
    std::vector<Open> open_;
    std::optional<Json> root_;
};

/// Appends the text of a value.
class Writer {
public:
    [[nodiscard]] std::string take() { return std::move(text_); }

    void write(const Json& json) {
        if (++values_ > max_json_values) {
            throw Error(ErrorKind::data, "more than " + std::to_string(max_json_values) + " JSON values");
        }
        std::visit(*this, json.value);
    }

    void operator()(std::nullptr_t) { text_ += "null"; }
    void operator()(bool value) { text_ += value ? "true" : "false"; }
    void operator()(std::uint64_t value) { text_ += std::to_string(value); }
    void operator()(double value) {
        if (!std::isfinite(value)) {
            throw Error(ErrorKind::data, "a number that is not finite cannot be written as JSON");
        }
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        const std::string_view shortest(digits.data(), static_cast<std::size_t>(end - digits.data()));
        text_ += shortest;
        if (shortest.find_first_of(".e") == std::string_view::npos) {
            text_ += ".0";  // else -0 would come back as the whole number 0
        }
    }
    void operator()(const std::string& value) {
        try {
            text_ += Nlohmann(value).dump();
        } catch (const Nlohmann::type_error&) {
            throw Error(ErrorKind::data, "'" + replace_invalid_utf8(value) +
                                             "' is not UTF-8 text; convert the table, for instance with iconv");
        }
    }
    void operator()(const Json::Array& array) {
        text_ += '[';
        for (std::size_t i = 0; i < array.size(); ++i) {
            text_ += i == 0 ? "" : ",";
            write(array[i]);
        }
        text_ += ']';
    }
    void operator()(const Json::Object& object) {
        text_ += '{';
        for (std::size_t i = 0; i < object.size(); ++i) {
            text_ += i == 0 ? "" : ",";
            (*this)(object[i].first);
            text_ += ':';
            write(object[i].second);
        }
        text_ += '}';
    }

private:
    std::string text_;
    std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& place, std::size_t first_byte) {
    Builder builder(place, first_byte);
    Nlohmann::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

std::string to_text(const Json& json) {
    Writer writer;
    writer.write(json);
    return writer.take();
}

std::string excerpt(const std::string& text) {
    constexpr std::size_t longest = 120;
    return text.size() <= longest ? text : replace_invalid_utf8(text.substr(0, longest)) + "...";
}

}  // namespace handgrad
