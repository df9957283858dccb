// One event of --json: how it begins and how it becomes a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/json_value.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/metrics.hpp"

namespace handgrad::cli {

inline constexpr int event_schema = 1;

inline Json event(std::string_view name) { return {{"schema", event_schema}, {"event", name}}; }

/// null for what is not there: unless `there`, for an empty text, for no number and for no name.
template <class V>
Json or_null(bool there, const V& value) {
    if (!there) {
        return nullptr;
    }
    return Json(value);
}
inline Json or_null(const std::string& text) { return or_null(!text.empty(), text); }
inline Json or_null(const std::optional<double>& number) { return or_null(number.has_value(), number.value_or(0.0)); }
template <class Named>
Json name_or_null(const std::optional<Named>& named) {
    if (!named) {
        return nullptr;
    }
    return Json(name(*named));
}

/// The metrics, and the settings, each under its name.
Json metrics_object(const Metrics& metrics);
Json settings_object(const SettingValues& settings);

inline std::string line(const Json& json) { return json.text() + "\n"; }

}  // namespace handgrad::cli
