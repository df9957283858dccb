// The events of cv and tune.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/tuning.hpp"
#include "handgrad/store/setting_values.hpp"

namespace handgrad::cli {

/// `trial` of a cross-validation: `settings` (all of the training), `score` (the name of the metric that counts),
/// `scores` (its values, fold by fold), `mean`, `sd`; `metrics`, of each `scores`, `mean`, `sd` and `baseline`;
/// `folds`, of each `repeat`, `fold` (both from 1), `training_rows`, `test_rows`, `seed`, `metrics`, `epochs`,
/// `best_epoch`, `stopped`, `failure` (null without one) and `seconds`.
std::string trial_event(const selection::CrossValidation& result, const SettingValues& settings);
/// `done` of a cross-validation: `task`, `folds` and `repeats` asked for, `ordered`, `stratified`, `fits` that have
/// ended, `interrupted`, `score`, `mean`, `sd`, `seconds`.
std::string cross_validation_done_event(const selection::CrossValidation& result, double seconds);

/// `trial` of a search: as above, `settings` those that were searched, and `rung` (from 1, the last that it has come
/// to), `share` of its epochs there, `complete` (all folds have been judged there), `parameters` of its network,
/// `failure` (null without one).
std::string trial_event(const selection::Tuning& tuning, const selection::Trial& trial);

/// What became of the best trial.
struct Refitted {
    std::string model;            ///< the file; empty when none was written
    std::string parameters_hash;  ///< likewise
    std::string command;          ///< that trains it; empty without a best trial
    Metrics metrics;              ///< of the rows that it learned from
};
/// `done` of a search: as above, with `trials`, `exhaustive`, `search` (values by setting), `search_method`, `halving`,
/// `rungs` (of each `share` and `trials`), `best` and `smallest` (of each `trial`, `settings`, `mean`, `sd`,
/// `parameters`; null without one), `command`, `model`, `parameters_hash` and `metrics` of the model.
std::string tuning_done_event(const selection::Tuning& tuning, const Refitted& refitted, double seconds);

}  // namespace handgrad::cli
