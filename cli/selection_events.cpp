// The fields of each event, in the order in which they stand in the line.
#include "cli/selection_events.hpp"

#include <utility>
#include <vector>

#include "cli/event_line.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::cli {
namespace {

Json folds_array(std::span<const select::FoldScore> folds) {
    Json array = Json::array();
    for (const select::FoldScore& fold : folds) {
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
void add_score(Json& json, std::span<const select::MetricSummary> metrics, const std::string& score, bool with_scores) {
    json["score"] = or_null(score);
    std::vector<double> scores;
    std::optional<double> mean, sd;
    for (const select::MetricSummary& metric : metrics) {
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

Json metrics_summary(std::span<const select::MetricSummary> metrics) {
    Json object = Json::object();
    for (const select::MetricSummary& metric : metrics) {
        object[metric.name] = {
            {"scores", metric.scores}, {"mean", metric.mean}, {"sd", metric.sd}, {"baseline", metric.baseline}};
    }
    return object;
}

}  // namespace

std::string trial_event(const select::CrossValidation& result, const SettingValues& settings) {
    Json json = event("trial");
    json["trial"] = 1;
    json["settings"] = settings_object(settings);
    add_score(json, result.metrics, result.score, true);
    json["metrics"] = metrics_summary(result.metrics);
    json["folds"] = folds_array(result.folds);
    return line(json);
}

std::string cross_validation_done_event(const select::CrossValidation& result, double seconds) {
    Json json = event("done");
    json["task"] = name(result.task);
    json["folds"] = result.how.folds;
    json["repeats"] = result.how.repeats;
    json["ordered"] = result.how.ordered;
    json["stratified"] = result.how.stratified && !result.how.ordered && result.task == Task::classification;
    json["fits"] = result.folds.size();
    json["interrupted"] = result.interrupted;
    add_score(json, result.metrics, result.score, false);
    json["seconds"] = seconds;
    return line(json);
}

}  // namespace handgrad::cli
