// One text of settings taken apart: words, elements, and what each becomes by the type of its field.
#include "handgrad/train/settings_text.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::usage, place + ": " + cause);
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// `NAME=VALUE`, the value cut at its commas.
struct Given {
    std::string name;
    std::vector<std::string> elements;
};

class Scanner {
public:
    Scanner(std::string_view text, const std::string& place) : rest_(text), place_(place) {}

    /// The next setting; none at the end of the text.
    std::optional<Given> next() {
        while (!rest_.empty() && is_blank(rest_.front())) {
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) {
            return std::nullopt;
        }
        const std::size_t end =
            std::min(std::size_t(std::ranges::find_if(rest_, is_blank) - rest_.begin()), rest_.find('='));
        if (end >= rest_.size() || rest_[end] != '=') {
            fail(place_, "'" + std::string(rest_.substr(0, end)) + "' is not NAME=VALUE, with no blanks around the =");
        }
        Given given{.name = std::string(rest_.substr(0, end)), .elements = {}};
        rest_.remove_prefix(end + 1);
        do {
            given.elements.push_back(element(given.name));
        } while (took_comma());
        return given;
    }

private:
    bool took_comma() {
        if (rest_.empty() || rest_.front() != ',') {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    std::string element(const std::string& name) {
        if (!rest_.empty() && rest_.front() == '"') {
            rest_.remove_prefix(1);
            return quoted(name);
        }
        const auto end = std::ranges::find_if(rest_, [](char c) { return is_blank(c) || c == ','; });
        std::string text(rest_.begin(), end);
        rest_.remove_prefix(text.size());
        return text;
    }

    std::string quoted(const std::string& name) {
        std::string text;
        for (;;) {
            const std::size_t quote = rest_.find('"');
            if (quote == std::string_view::npos) {
                fail(place_, name + " has an opening \" without a closing one");
            }
            text += rest_.substr(0, quote);
            rest_.remove_prefix(quote + 1);
            if (rest_.empty() || rest_.front() != '"') {
                break;
            }
            text += '"';
            rest_.remove_prefix(1);
        }
        if (!rest_.empty() && !is_blank(rest_.front()) && rest_.front() != ',') {
            fail(place_, name + ": a blank or a comma belongs behind a closing \"");
        }
        return text;
    }

    std::string_view rest_;
    const std::string& place_;
};

std::uint64_t whole_number(const std::string& text, const std::string& place) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) {
        fail(place, text + " is too large for a number");
    }
    if (error != std::errc{} || end != text.data() + text.size()) {
        fail(place, "'" + text + "' is not a whole number from 0 on");
    }
    return number;
}

double real_number(const std::string& text, const std::string& place) {
    const ParsedNumber number = parse_number(text);
    if (number.problem == NumberProblem::out_of_range) {
        fail(place, text + " is too large for a number");
    }
    if (number.problem == NumberProblem::not_a_number) {
        fail(place, "'" + text + "' is not a number");
    }
    return number.value;
}

bool yes_or_no(const std::string& text, const std::string& place) {
    const auto is = [&](const char* word) { return text == word; };
    if (is("on") || is("true") || is("yes")) {
        return true;
    }
    if (is("off") || is("false") || is("no")) {
        return false;
    }
    fail(place, "'" + text + "' is neither on nor off");
}

template <class F>
struct Bare {
    using type = F;
};
template <class F>
struct Bare<std::optional<F>> {
    using type = F;
};

template <class F>
inline constexpr bool is_list = std::same_as<F, std::vector<std::string>> ||
                                std::same_as<F, std::vector<std::size_t>> || std::same_as<F, std::vector<Activation>>;

/// What a field of type F keeps of these elements; whether it is a name that exists, and in range, is found when it is
/// put there (apply_settings).
template <class F>
SettingValue value_of(const std::vector<std::string>& elements, const std::string& place) {
    if constexpr (std::same_as<F, std::vector<std::size_t>>) {
        if (elements.size() == 1 && (elements.front() == "none" || elements.front().empty())) {
            return std::vector<std::string>{};
        }
        std::vector<std::uint64_t> numbers;
        std::ranges::transform(elements, std::back_inserter(numbers),
                               [&](const std::string& text) { return whole_number(text, place); });
        return numbers;
    } else if constexpr (is_list<F>) {
        return elements.size() == 1 && elements.front().empty() ? std::vector<std::string>{} : elements;
    } else {
        if (elements.size() != 1) {
            fail(place, "has " + std::to_string(elements.size()) + " values with commas between them, and takes one");
        }
        const std::string& text = elements.front();
        if constexpr (std::same_as<F, bool>) {
            return yes_or_no(text, place);
        } else if constexpr (std::same_as<F, double> || std::same_as<F, HeldOut>) {
            return real_number(text, place);
        } else if constexpr (std::same_as<F, std::uint64_t>) {
            return whole_number(text, place);
        } else {
            return text;
        }
    }
}

/// Whether `name` is one of `lr,eta`.
bool among(std::string_view names, std::string_view name) {
    while (!names.empty()) {
        const std::size_t comma = std::min(names.find(','), names.size());
        if (names.substr(0, comma) == name) {
            return true;
        }
        names.remove_prefix(std::min(comma + 1, names.size()));
    }
    return false;
}

void add_value(SettingValues& values, const Given& given, const std::string& place) {
    std::vector<std::string> known;
    const std::size_t before = values.size();
    bool twice = false;
    const FitOptions defaults;
    for_each_setting(defaults, [&]<class F>(const Setting& setting, const F& /*field*/) {
        known.emplace_back(setting.name);
        if (setting.name != given.name && !among(setting.other_names, given.name)) {
            return;
        }
        const std::string name(setting.name);
        twice = values.contains(name);
        values.emplace(name, value_of<typename Bare<F>::type>(given.elements, place + ": " + given.name));
    });
    if (twice) {
        fail(place, given.name + " is given twice; leave out one");
    }
    if (values.size() == before) {
        fail(place, "'" + given.name + "' is not a setting" + did_you_mean(given.name, known));
    }
}

}  // namespace

SettingValues parse_settings(std::string_view text, const std::string& place) {
    SettingValues values;
    Scanner scanner(text, place);
    while (const std::optional<Given> given = scanner.next()) {
        add_value(values, *given, place);
    }
    return values;
}

FitOptions parse_fit_options(std::string_view text, const std::string& place) {
    const SettingValues values = parse_settings(text, place);
    FitOptions options;
    try {
        apply_settings(options, values, place);
    } catch (const Error& error) {  // of a model's file elsewhere, here of the caller's
        throw Error(ErrorKind::usage, error.what());
    }
    settle_optimizer(options, names_of(values));
    options.reading.text_columns = options.columns.categorical;
    options.reading.spelled_columns = options.columns.targets;
    return options;
}

}  // namespace handgrad
