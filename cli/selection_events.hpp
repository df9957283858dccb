// The events of cv and tune.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "handgrad/select/cross_validation.hpp"
#include "handgrad/store/setting_values.hpp"

namespace handgrad::cli {

/// `trial` of a cross-validation: `settings` (all of the training), `score` (the name of the metric that counts),
/// `scores` (its values, fold by fold), `mean`, `sd`; `metrics`, of each `scores`, `mean`, `sd` and `baseline`;
/// `folds`, of each `repeat`, `fold` (both from 1), `training_rows`, `test_rows`, `seed`, `metrics`, `epochs`,
/// `best_epoch`, `stopped`, `failure` (null without one) and `seconds`.
std::string trial_event(const select::CrossValidation& result, const SettingValues& settings);
/// `done` of a cross-validation: `task`, `folds` and `repeats` asked for, `ordered`, `stratified`, `fits` that have
/// ended, `interrupted`, `score`, `mean`, `sd`, `seconds`.
std::string cross_validation_done_event(const select::CrossValidation& result, double seconds);

}  // namespace handgrad::cli
