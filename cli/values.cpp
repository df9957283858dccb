// Numbers are read by the library's own parser: exact, whatever the locale, and nothing may be left over.
#include "cli/values.hpp"

#include "cli/foreign_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::cli {
namespace {

bool parse_flag(const Given& given) {
    if (given.values.empty()) {
        only_value(given);  // an empty array
    }
    const std::string& text = given.values.back();  // the last one wins, as in --shuffle --no-shuffle
    if (text != "true" && text != "false") {
        usage_error(fmt::format("{}: '{}' is neither true nor false", given.place, text));
    }
    return text == "true";
}

}  // namespace

void usage_error(const std::string& message) { throw Error(ErrorKind::usage, message); }

double parse_real(const std::string& place, const std::string& text, SettingRange range) {
    const ParsedNumber number = parse_number(text);
    if (number.problem == NumberProblem::out_of_range) {
        usage_error(fmt::format("{}: {} is too large for a number", place, text));
    }
    if (number.problem == NumberProblem::not_a_number) {
        usage_error(fmt::format("{}: '{}' is not a number", place, text));
    }
    const double x = number.value;
    if (!range.contains(x)) {
        usage_error(fmt::format("{}: {} is out of range; it must be {}", place, text, describe(range)));
    }
    return x;
}

std::size_t parse_count(const std::string& place, const std::string& text, std::size_t lowest) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc::result_out_of_range) {
        usage_error(fmt::format("{}: {} is too large for a number", place, text));
    }
    if (error != std::errc{} || end != text.data() + text.size() || count < lowest) {
        usage_error(fmt::format("{}: '{}' is not a whole number from {} on", place, text, lowest));
    }
    return count;
}

std::size_t parse_choice(const std::string& place, const std::string& text, const std::vector<std::string>& names) {
    auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
        found = std::find(names.begin(), names.end(), native_choice(place, text));
    }
    if (found == names.end()) {
        usage_error(fmt::format("{}: unknown '{}'{}; choose from: {}", place, text, did_you_mean(text, names),
                                fmt::join(names, ", ")));
    }
    return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::string> parse_list(const Given& given) {
    if (given.separate) {
        return given.values;
    }
    std::vector<std::string> result;
    for (const std::string& text : given.values) {
        std::string element;
        bool quoted = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
                element += text[++i];  // "" inside quotes is one quote
            } else if (text[i] == '"' && (quoted || element.empty())) {
                quoted = !quoted;
            } else if (text[i] == ',' && !quoted) {
                result.push_back(std::exchange(element, {}));
            } else {
                element += text[i];
            }
        }
        if (quoted) {
            usage_error(fmt::format("{}: '{}' has an opening \" without a closing one", given.place, text));
        }
        result.push_back(element);
    }
    return result;
}

const std::string& only_value(const Given& given) {
    if (given.values.size() != 1) {
        usage_error(fmt::format("{}: one value is needed, but {} are given ({})", given.place, given.values.size(),
                                fmt::join(given.values, ", ")));
    }
    return given.values.front();
}

Setter into(std::string& value) {
    return [&value](const Given& given) { value = only_value(given); };
}
Setter into(double& value, SettingRange range) {
    return [&value, range](const Given& given) { value = parse_real(given.place, only_value(given), range); };
}
Setter into(std::optional<double>& value, SettingRange range) {
    return [&value, range](const Given& given) { value = parse_real(given.place, only_value(given), range); };
}
Setter into(std::size_t& value, std::size_t lowest) {
    return [&value, lowest](const Given& given) { value = parse_count(given.place, only_value(given), lowest); };
}
Setter into_seed(std::uint64_t& value) {
    static_assert(sizeof(std::size_t) == sizeof(std::uint64_t));
    return [&value](const Given& given) { value = parse_count(given.place, only_value(given)); };
}
Setter into(bool& flag) {
    return [&flag](const Given& given) { flag = parse_flag(given); };
}
Setter into(std::optional<bool>& flag) {
    return [&flag](const Given& given) { flag = parse_flag(given); };
}
Setter into(std::vector<std::string>& list) {
    return [&list](const Given& given) { list = parse_list(given); };
}
Setter into_choice(std::vector<std::string> names, std::function<void(std::size_t)> take) {
    return [names = std::move(names), take = std::move(take)](const Given& given) {
        take(parse_choice(given.place, only_value(given), names));
    };
}

}  // namespace handgrad::cli
