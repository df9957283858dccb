// The words and tables of results, which are the library's.
#pragma once

#include "handgrad/summary/comparison_text.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/selection_text.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::cli {

using summary::add_wrapped;
using summary::aligned;
using summary::certificate_text;
using summary::comparison_text;
using summary::counted;
using summary::cross_validation_text;
using summary::describe_conventions;
using summary::detection_text;
using summary::diagnosis_text;
using summary::dtype_name;
using summary::evaluation_text;
using summary::fit_text;
using summary::folds_text;
using summary::grouped;
using summary::Heading;
using summary::index_text;
using summary::layer_table;
using summary::metrics_table;
using summary::model_text;
using summary::not_defined;
using summary::parameters_of;
using summary::pass_or_fail;
using summary::remedy;
using summary::rounded;
using summary::sensitivity_text;
using summary::shown;
using summary::standing_words;
using summary::target_names;
using summary::two_columns;
using summary::verdict_text;
using summary::warnings_of;
using summary::wrapped;

}  // namespace handgrad::cli
