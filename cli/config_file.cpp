// TOML is read by toml++ and flattened to sections, keys and texts; the values are checked where the options are.
#include "cli/config_file.hpp"

#define TOML_ENABLE_FORMATTERS 0
// Some of its assertions do not hold for what a stranger writes (`[ = a]`), though the code behind them copes; with NDEBUG
// Clang would be told to rely on them.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <tuple>
#include <utility>

#include "cli/ini_reader.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::cli {
namespace {

[[noreturn]] void fail(const std::string& source, std::size_t line, const std::string& cause) {
    throw Error(ErrorKind::usage, source + ":" + std::to_string(line) + ": " + cause);
}

/// Flattens one document; an entry remembers its place, since toml++ sorts the keys of a table by name.
class Flattened {
public:
    explicit Flattened(const std::string& source) : source_(source) {}

    Config config(const toml::table& document) {
        for (const auto& [key, node] : document) {
            if (const toml::table* section = node.as_table()) {
                result_.sections.push_back({std::string(key.str()), line_of(key)});
                for (const auto& [inner, value] : *section) {
                    take(std::string(key.str()), inner, value);
                }
            } else if (node.is_array_of_tables()) {
                const std::string name(key.str());
                fail(source_, line_of(key), "'[[" + name + "]]' is not the name of a verb, as in [train]");
            } else {
                take("", key, node);
            }
        }
        std::ranges::sort(placed_, {}, [](const Placed& entry) { return std::tuple(entry.entry.line, entry.column); });
        for (Placed& entry : placed_) {
            result_.entries.push_back(std::move(entry.entry));
        }
        std::ranges::sort(result_.sections, {}, &ConfigSection::line);
        return std::move(result_);
    }

private:
    struct Placed {
        ConfigEntry entry;
        std::size_t column;
    };

    static std::size_t line_of(const toml::key& key) { return key.source().begin.line; }

    void take(const std::string& section, const toml::key& key, const toml::node& node) {
        ConfigEntry entry{.section = section, .key = std::string(key.str()), .values = {}, .line = line_of(key)};
        if (const toml::array* array = node.as_array()) {
            entry.array = true;
            for (const toml::node& element : *array) {
                entry.values.push_back(text(entry, element));
            }
        } else {
            entry.values.push_back(text(entry, node));
        }
        placed_.push_back({std::move(entry), key.source().begin.column});
    }

    std::string text(const ConfigEntry& entry, const toml::node& node) const {
        if (const auto* string = node.as_string()) {
            return string->get();
        }
        if (const auto* integer = node.as_integer()) {
            return std::to_string(integer->get());
        }
        if (const auto* flag = node.as_boolean()) {
            return flag->get() ? "true" : "false";
        }
        if (const auto* number = node.as_floating_point()) {
            // 3.0 must not become 3: where a whole number is wanted it is refused, as on the command line.
            std::string shortest = format_number(number->get());
            return shortest.find_first_not_of("-0123456789") == std::string::npos ? shortest + ".0" : shortest;
        }
        std::ostringstream spelt;
        if (const auto* date = node.as_date()) {
            spelt << date->get();
        } else if (const auto* time = node.as_time()) {
            spelt << time->get();
        } else if (const auto* moment = node.as_date_time()) {
            spelt << moment->get();
        } else {
            fail(source_, std::max<std::size_t>(node.source().begin.line, entry.line),
                 "'" + entry.key + "': an option takes a value or an array of values, no " +
                     (node.is_table() ? "table" : "array in an array"));
        }
        return spelt.str();
    }

    const std::string& source_;
    Config result_;
    std::vector<Placed> placed_;
};

bool named_as_ini(const std::string& source) {
    static constexpr std::array extensions{".ini", ".cfg", ".conf"};
    return std::ranges::find(extensions, std::filesystem::path(source).extension()) != extensions.end();
}

Config parse_ini(std::string_view text, const std::string& source) {
    try {
        return read_ini(text);
    } catch (const ConfigProblem& problem) {
        fail(source, problem.line, problem.cause);
    }
}

/// Of two readers that gave up the one that got further knows what was meant. On the same line that is the one of INI,
/// which knows what options are, unless it met what TOML alone has.
Config parse_ini_after(const toml::parse_error& error, std::string_view text, const std::string& source) {
    try {
        return read_ini(text);
    } catch (const ConfigProblem& problem) {
        const std::size_t line = error.source().begin.line;
        if (line > problem.line || (line == problem.line && problem.not_of_ini)) {
            fail(source, line, std::string(error.description()));
        }
        fail(source, problem.line, problem.cause);
    }
}

}  // namespace

Config parse_config(std::string_view text, const std::string& source) {
    if (named_as_ini(source)) {
        return parse_ini(text, source);
    }
    try {
        return Flattened(source).config(toml::parse(text, source));
    } catch (const toml::parse_error& error) {
        return parse_ini_after(error, text, source);
    }
}

}  // namespace handgrad::cli
