// Settings as a program writes them in one text: `epochs=100 learning_rate=0.01 hidden=32,16`.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad {

/// The settings of train/settings.hpp by their names (or other names: `lr`), each `NAME=VALUE`, divided by blanks. A
/// list has commas between its elements, and what holds blanks, commas or quotes stands in double quotes, with "" for a
/// quote: `target="net weight",price`. Yes and no are `on` and `off`, `true` and `false` or `yes` and `no`;
/// `hidden=none` is no hidden layer. A share of rows is a number; tables of their own are not named here. Raises
/// Error(usage) beginning with `place` for a name that is no setting, or given twice, and for a text that is no value
/// of its kind.
SettingValues parse_settings(std::string_view text, const std::string& place);

/// FitOptions with these settings over the usual ones; the weight decay is that of the optimizer unless it is given.
/// The columns that are targets or categories are to be read as such (FitOptions::reading). Raises Error(usage) as
/// parse_settings(), and for a value out of range or a name that is no choice.
FitOptions parse_fit_options(std::string_view text, const std::string& place);

}  // namespace handgrad
