// The fields of each event, in the order in which they stand in the line.
#include "cli/selection_events.hpp"

#include <utility>
#include <vector>

#include "cli/event_line.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::cli {
namespace {

Json folds_array(std::span<const selection::FoldScore> folds) {
    Json array = Json::array();
    for (const selection::FoldScore& fold : folds) {
        array.push_back({{"repeat", fold.repeat + 1},
                         {"fold", fold.number + 1},
                         {"training_rows", fold.training_rows},
                         {"test_rows", fold.test_rows},
                         {"seed", fold.seed},
                         {"metrics", metrics_object(fold.metrics)},
                         {"epochs", fold.epochs},
                         {"best_epoch", fold.best_epoch},
                         {"stopped", fold.stopped},
                         {"failure", or_null(fold.failure)},
                         {"seconds", fold.seconds}});
    }
    return array;
}

/// The metric that counts, as a whole.
void add_score(Json& json, std::span<const selection::MetricSummary> metrics, const std::string& score,
               bool with_scores) {
    json["score"] = or_null(score);
    std::vector<double> scores;
    std::optional<double> mean, sd;
    for (const selection::MetricSummary& metric : metrics) {
        if (metric.name == score) {
            scores = metric.scores;
            mean = metric.mean;
            sd = metric.sd;
        }
    }
    if (with_scores) {
        json["scores"] = scores;
    }
    json["mean"] = or_null(mean);
    json["sd"] = or_null(sd);
}

Json metrics_summary(std::span<const selection::MetricSummary> metrics) {
    Json object = Json::object();
    for (const selection::MetricSummary& metric : metrics) {
        object[metric.name] = {
            {"scores", metric.scores}, {"mean", metric.mean}, {"sd", metric.sd}, {"baseline", metric.baseline}};
    }
    return object;
}

void add_folds(Json& json, Task task, const selection::FoldOptions& how) {
    json["task"] = name(task);
    json["folds"] = how.folds;
    json["repeats"] = how.repeats;
    json["ordered"] = how.ordered;
    json["stratified"] = how.stratified && !how.ordered && task == Task::classification;
}

Json chosen(const selection::Tuning& tuning, const std::optional<std::size_t>& number) {
    if (!number) {
        return nullptr;
    }
    const selection::Trial& trial = tuning.trials[*number];
    return {{"trial", trial.number + 1},
            {"settings", settings_object(trial.settings)},
            {"mean", trial.mean()},
            {"sd", trial.sd()},
            {"parameters", trial.parameters()}};
}

}  // namespace

std::string trial_event(const selection::CrossValidation& result, const SettingValues& settings) {
    Json json = event("trial");
    json["trial"] = 1;
    json["settings"] = settings_object(settings);
    add_score(json, result.metrics, result.score, true);
    json["metrics"] = metrics_summary(result.metrics);
    json["folds"] = folds_array(result.folds);
    return line(json);
}

std::string trial_event(const selection::Tuning& tuning, const selection::Trial& trial) {
    Json json = event("trial");
    json["trial"] = trial.number + 1;
    json["settings"] = settings_object(trial.settings);
    add_score(json, trial.metrics, tuning.score, true);
    json["metrics"] = metrics_summary(trial.metrics);
    json["rung"] = trial.rung + 1;
    json["share"] = tuning.rungs[trial.rung];
    json["complete"] = trial.complete;
    json["parameters"] = trial.parameters();
    json["failure"] = or_null(trial.failure);
    json["folds"] = folds_array(trial.folds);
    return line(json);
}

std::string tuning_done_event(const selection::Tuning& tuning, const Refitted& refitted, double seconds) {
    Json json = event("done");
    add_folds(json, tuning.task, tuning.options.how);
    json["trials"] = tuning.trials.size();
    json["exhaustive"] = tuning.exhaustive;
    json["search"] = Json::object();
    for (const selection::Dimension& dimension : tuning.options.space) {
        json["search"][dimension.setting] = dimension.text;
    }
    json["search_method"] = tuning.options.method == selection::SearchMethod::sobol ? "sobol" : "random";
    json["halving"] = tuning.options.halving;
    json["rungs"] = Json::array();
    for (std::size_t rung = 0; rung < tuning.rungs.size(); ++rung) {
        json["rungs"].push_back({{"share", tuning.rungs[rung]}, {"trials", tuning.sizes[rung]}});
    }
    json["interrupted"] = tuning.interrupted;
    json["score"] = or_null(tuning.score);
    json["best"] = chosen(tuning, tuning.best);
    json["smallest"] = chosen(tuning, tuning.smallest);
    json["command"] = or_null(refitted.command);
    json["model"] = or_null(refitted.model);
    json["parameters_hash"] = or_null(refitted.parameters_hash);
    json["metrics"] = {{"train", metrics_object(refitted.metrics)}};
    json["seconds"] = seconds;
    return line(json);
}

std::string cross_validation_done_event(const selection::CrossValidation& result, double seconds) {
    Json json = event("done");
    add_folds(json, result.task, result.how);
    json["fits"] = result.folds.size();
    json["interrupted"] = result.interrupted;
    add_score(json, result.metrics, result.score, false);
    json["seconds"] = seconds;
    return line(json);
}

}  // namespace handgrad::cli
