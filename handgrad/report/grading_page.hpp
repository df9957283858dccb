// The marks of a folder of sheets and gradients on one page.
#pragma once

#include <string>

#include "handgrad/compare/grading.hpp"

namespace handgrad::report {

/// One page in HTML that needs nothing beside itself, as report_page(): a line for each file, and under it its marks.
std::string grading_page(const compare::Grading& grading);

}  // namespace handgrad::report
