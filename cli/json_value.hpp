// A JSON value that events are put together from: nothing here allocates when it is thrown away, or is left half built.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace handgrad::cli {

/// Any value; the members of an object keep their order. Built as nlohmann's values are, whose destructor allocates (a
/// list of what is to be destroyed), so that a program short of memory dies in it, and whose operator[] leaves an
/// object without memory behind when there is none.
class Json {
public:
    Json();
    // NOLINTBEGIN(google-explicit-constructor): values become JSON where JSON is asked for
    Json(std::nullptr_t);
    template <std::same_as<bool> B>
    Json(B value) : value_(value) {}
    template <std::signed_integral I>
    Json(I value) : value_(std::int64_t{value}) {}
    template <std::unsigned_integral I>
    requires(!std::same_as<I, bool>) Json(I value) : value_(std::uint64_t{value}) {}
    template <std::floating_point F>
    Json(F value) : value_(double{value}) {}
    Json(std::string value);
    Json(std::string_view value);
    Json(const char* value);
    template <class V>
    Json(const std::vector<V>& values) : value_(Array(values.begin(), values.end())) {}
    template <class V>
    Json(const std::map<std::string, V>& members) : value_(Object{}) {
        for (const auto& [name, value] : members) {
            (*this)[name] = value;
        }
    }
    /// An object where all are pairs of a name and a value, else an array.
    Json(std::initializer_list<Json> values);
    // NOLINTEND(google-explicit-constructor)

    static Json array();
    static Json object();

    /// The member of that name, null until something is put there; null becomes an object.
    Json& operator[](std::string_view name);
    /// Appends; null becomes an array.
    void push_back(Json value);

    /// Without blanks, in UTF-8; what is not UTF-8 becomes U+FFFD. Doubles have as many digits as read back to the same
    /// bits; NaN and infinities are null.
    [[nodiscard]] std::string text() const;

private:
    using Array = std::vector<Json>;
    struct Object {
        std::vector<std::string> names;
        std::vector<Json> values;  ///< one for each name
    };

    void write(std::string& text) const;

    std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

}  // namespace handgrad::cli
