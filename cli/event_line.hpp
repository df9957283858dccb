// One event of --json: how it begins and how it becomes a line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace handgrad::cli {

using Json = nlohmann::ordered_json;

inline constexpr int event_schema = 1;

inline Json event(std::string_view name) { return {{"schema", event_schema}, {"event", name}}; }

/// nlohmann writes doubles with as many digits as read back to the same bits, and NaN and infinities as null.
inline std::string line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace handgrad::cli
