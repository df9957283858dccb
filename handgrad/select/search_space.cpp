// Values are read as a text of settings is read (train/settings_text.hpp), and tried on options before they are taken.
#include "handgrad/select/search_space.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/select/search_points.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/settings_text.hpp"

namespace handgrad::selection {
namespace {

enum class Kind { name, number, whole };

/// A setting that can be searched: whether it has ranges, and on which scale.
struct Searchable {
    const Setting* setting;
    Kind kind;
    bool logarithmic = false;
};
constexpr std::array<Searchable, most_dimensions> searchable{{{&settings::hidden, Kind::whole, true},
                                                              {&settings::hidden_activation, Kind::name},
                                                              {&settings::optimizer, Kind::name},
                                                              {&settings::learning_rate, Kind::number, true},
                                                              {&settings::weight_decay, Kind::number, true},
                                                              {&settings::batch, Kind::whole, true},
                                                              {&settings::momentum, Kind::number},
                                                              {&settings::beta1, Kind::number},
                                                              {&settings::schedule, Kind::name},
                                                              {&settings::epochs, Kind::whole, true},
                                                              {&settings::scale, Kind::name},
                                                              {&settings::init, Kind::name}}};

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::usage, place + ": " + cause);
}

/// Raises Error(usage) unless the setting may have this value.
void try_value(const std::string& setting, const SettingValue& value, const std::string& place) {
    FitOptions options;
    try {
        apply_settings(options, {{setting, value}}, place);
    } catch (const Error& error) {
        throw Error(ErrorKind::usage, error.what());
    }
}

const Searchable& find_searchable(const std::string& written, const std::string& place) {
    std::string name = written;
    std::ranges::replace(name, '-', '_');
    for (const Searchable& one : searchable) {
        const std::string others = "," + std::string(one.setting->other_names) + ",";
        if (one.setting->name == name || (!name.empty() && others.find("," + name + ",") != std::string::npos)) {
            return one;
        }
    }
    const std::vector<std::string> names = searchable_settings();
    fail(place, "'" + written + "' cannot be searched" + did_you_mean(name, names) + "; choose from: " + quoted(names));
}

double read_number(const std::string& text, const std::string& place) {
    const ParsedNumber number = parse_number(text);
    if (number.problem == NumberProblem::not_a_number || number.problem == NumberProblem::out_of_range) {
        fail(place, "'" + text + "' is not a number");
    }
    return number.value;
}

/// `32x16` as the widths 32,16.
SettingValue read_value(const Searchable& of, const std::string& text, const std::string& place) {
    const std::string name(of.setting->name);
    std::string written = text;
    if (of.setting == &settings::hidden) {
        std::ranges::replace(written, 'x', ',');
    }
    const SettingValue value = parse_settings(name + "=" + written, place).at(name);
    try_value(name, value, place);
    return value;
}

SettingValue number_value(const Dimension& dimension, double number) {
    if (!dimension.whole) {
        return number;
    }
    const auto whole = static_cast<std::uint64_t>(number);
    if (dimension.setting == settings::hidden.name) {
        return std::vector<std::uint64_t>{whole};
    }
    return whole;
}

Dimension read_range(const Searchable& of, const std::string& text, std::size_t dots, const std::string& place) {
    Dimension range{.setting = std::string(of.setting->name), .text = text, .logarithmic = of.logarithmic};
    if (of.kind == Kind::name) {
        fail(place, range.setting + " has names and no range; list them: " + range.setting + "=A,B");
    }
    range.whole = of.kind == Kind::whole;
    range.lowest = read_number(text.substr(0, dots), place);
    range.highest = read_number(text.substr(dots + 2), place);
    if (!(range.lowest < range.highest)) {
        fail(place, "the range " + text + " is empty: the smaller end comes first");
    }
    if (range.logarithmic && range.lowest <= 0.0) {
        fail(place, "the range " + text +
                        " is on a logarithmic scale, which has no 0: begin above it, or list values: " + range.setting +
                        "=0," + text.substr(dots + 2));
    }
    if (range.whole && (range.lowest != std::floor(range.lowest) || range.highest != std::floor(range.highest))) {
        fail(place, "the ends of " + text + " are to be whole numbers");
    }
    for (const double end : {range.lowest, range.highest}) {
        try_value(range.setting, number_value(range, end), place);
    }
    return range;
}

std::vector<std::string> cut_at_commas(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        parts.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return parts;
}

/// Three digits, so that tables can be read and typed, and no library's last bit matters.
double short_value(double value) {
    constexpr int digits = 3;
    return parse_number(short_number(value, digits)).value;
}

}  // namespace

SettingValue Dimension::at(double u) const {
    if (!values.empty()) {
        const auto place = static_cast<std::size_t>(u * static_cast<double>(values.size()));
        return values[std::min(place, values.size() - 1)];
    }
    const double end = whole ? highest + 1.0 : highest;
    double value = lowest + u * (end - lowest);
    if (logarithmic) {
        value = lowest * std::pow(end / lowest, u);
    }
    if (whole) {
        return number_value(*this, std::clamp(std::floor(value), lowest, highest));
    }
    return std::clamp(short_value(value), lowest, highest);
}

std::optional<std::size_t> Dimension::count() const {
    if (!values.empty()) {
        return values.size();
    }
    if (!whole) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(highest - lowest) + 1;
}

std::vector<std::string> searchable_settings() {
    std::vector<std::string> names;
    for (const Searchable& one : searchable) {
        names.emplace_back(one.setting->name);
    }
    return names;
}

Dimension parse_dimension(std::string_view text, const std::string& place) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        fail(place, "'" + std::string(text) + "' is not NAME=VALUES, as hidden=8,16,32 or learning-rate=1e-4..0.1");
    }
    const Searchable& of = find_searchable(std::string(text.substr(0, equals)), place);
    const std::string values(text.substr(equals + 1));
    const std::string here = place + ": " + std::string(of.setting->name);
    if (values.empty()) {
        fail(here, "no values are named");
    }
    if (const std::size_t dots = values.find(".."); dots != std::string::npos) {
        return read_range(of, values, dots, here);
    }
    Dimension list{.setting = std::string(of.setting->name), .text = values};
    for (const std::string& one : cut_at_commas(values)) {
        if (one.empty()) {
            fail(here, "'" + values + "' has a value that is empty");
        }
        const SettingValue value = read_value(of, one, here);
        if (std::ranges::find(list.values, value) != list.values.end()) {
            fail(here, "'" + one + "' is named twice");
        }
        list.values.push_back(value);
    }
    return list;
}

std::vector<Dimension> usual_space(const FitOptions& options, std::size_t rows, std::span<const std::string> fixed) {
    const auto is_fixed = [&](std::string_view name) { return std::ranges::find(fixed, name) != fixed.end(); };
    const bool plain_sgd = is_fixed(settings::optimizer.name) && options.training.optimizer.kind == OptimizerKind::sgd;
    std::string batches = "16";
    for (const std::size_t batch : {32U, 64U, 128U}) {
        if (2 * batch <= rows) {
            batches += "," + std::to_string(batch);
        }
    }
    std::vector<Dimension> space;
    for (const std::string& text :
         {std::string("hidden=8,16,32,64,128,16x16,32x32,64x64"), std::string("hidden_activation=relu,tanh,silu"),
          std::string("learning_rate=") + (plain_sgd ? "0.001..1" : "0.0003..0.03"),
          std::string("weight_decay=1e-06..1"), std::string("optimizer=adam,adamw"), "batch=" + batches}) {
        Dimension dimension = parse_dimension(text, "the usual search");
        if (!is_fixed(dimension.setting)) {
            space.push_back(std::move(dimension));
        }
    }
    return space;
}

SettingValues settings_at(std::span<const Dimension> space, std::span<const double> point) {
    SettingValues values;
    for (std::size_t d = 0; d < space.size(); ++d) {
        values[space[d].setting] = space[d].at(point[d]);
    }
    return values;
}

SettingValues meaningful(SettingValues values, OptimizerKind otherwise) {
    OptimizerOptions optimizer{.kind = otherwise};
    if (const auto named = values.find(std::string(settings::optimizer.name)); named != values.end()) {
        apply_settings(optimizer, {*named}, "search");
    }
    for (const std::string& name : without_meaning(optimizer.kind)) {
        values.erase(name);
    }
    if (optimizer.kind == OptimizerKind::sgd) {
        values.erase(std::string(settings::beta1.name));
    } else {
        values.erase(std::string(settings::momentum.name));
    }
    return values;
}

std::vector<SettingValues> all_combinations(std::span<const Dimension> space, std::size_t most) {
    std::vector<SettingValues> all{SettingValues{}};
    for (const Dimension& dimension : space) {
        const std::optional<std::size_t> count = dimension.count();
        if (!count || *count > most / all.size()) {
            return {};
        }
        std::vector<SettingValues> longer;
        for (const SettingValues& before : all) {
            for (std::size_t i = 0; i < *count; ++i) {
                SettingValues& values = longer.emplace_back(before);
                if (!dimension.values.empty()) {
                    values[dimension.setting] = dimension.values[i];
                } else {
                    values[dimension.setting] = number_value(dimension, dimension.lowest + static_cast<double>(i));
                }
            }
        }
        all = std::move(longer);
    }
    return all;
}

}  // namespace handgrad::selection
