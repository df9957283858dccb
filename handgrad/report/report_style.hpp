// How the report looks: on light and dark screens of any width, and on paper.
#pragma once

#include <string_view>

namespace handgrad::report {

extern const std::string_view report_style;

}  // namespace handgrad::report
