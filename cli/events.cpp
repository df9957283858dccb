// nlohmann writes doubles with as many digits as read back to the same bits, and NaN and infinities as null.
#include "cli/events.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/describe.hpp"

namespace handgrad::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;

Json event(std::string_view name) { return {{"schema", schema}, {"event", name}}; }

std::string line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json metrics_object(const Metrics& metrics) {
    Json object = Json::object();
    for (const auto& [name, value] : metrics) {
        object[name] = value;
    }
    return object;
}

Json layers_array(const Architecture& shape, bool with_parameters) {
    Json layers = Json::array();
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        Json layer{{"name", layer_name(l)},
                   {"in", shape.sizes[l]},
                   {"out", shape.sizes[l + 1]},
                   {"activation", name(shape.activation(l))}};
        if (with_parameters) {
            layer["parameters"] = parameters_of(shape, l);
        }
        layers.push_back(std::move(layer));
    }
    return layers;
}

std::size_t parameter_count(const Model& model) {
    return std::visit([](const auto& net) { return net.parameters().size(); }, model.net);
}

Json columns_array(const std::vector<FeatureColumn>& features) {
    Json columns = Json::array();
    for (const FeatureColumn& feature : features) {
        Json column{{"name", feature.name}, {"kind", feature.categorical() ? "categories" : "number"}};
        if (feature.categorical()) {
            column["categories"] = feature.categories;
        } else {
            column["impute"] = feature.impute ? Json(*feature.impute) : Json();
            column["shift"] = feature.shift;
            column["scale"] = feature.scale;
        }
        columns.push_back(std::move(column));
    }
    return columns;
}

}  // namespace

std::string start_event(const FitStart& start) {
    Json json = event("start");
    json["rows"] = start.training_rows;
    json["validation_rows"] = start.validation_rows;
    json["test_rows"] = start.test_rows;
    json["features"] = start.model.preprocessing.features.size();
    json["layers"] = layers_array(start.model.architecture(), false);
    json["parameters"] = parameter_count(start.model);
    return line(json);
}

std::string epoch_event(const EpochReport& report, const Metrics& validation) {
    Json json = event("epoch");
    json["epoch"] = report.epoch;
    json["loss"] = report.loss;
    json["validation_loss"] = report.validation_loss;
    json["metrics"] = metrics_object(validation);
    json["learning_rate"] = report.learning_rate;
    json["seconds"] = report.seconds;
    json["rows_per_second"] = report.rows_per_second;
    return line(json);
}

std::string done_event(const FitResult& result, std::string_view stopped, const std::string& model_path) {
    Json json = event("done");
    json["epochs"] = result.training.epochs;
    json["best_epoch"] = result.training.best_epoch;
    json["stopped"] = stopped;
    json["model"] = model_path;
    json["parameters_hash"] = parameters_hash(result.model);
    json["metrics"] = {{"train", metrics_object(result.train_metrics)},
                       {"validation", metrics_object(result.validation_metrics)},
                       {"test", metrics_object(result.test_metrics)}};
    json["baseline"] = {{"on", result.baseline_on}, {"metrics", metrics_object(result.baseline)}};
    json["seconds"] = result.training.seconds;
    return line(json);
}

std::string evaluation_event(const Evaluation& evaluation) {
    Json json = event("evaluation");
    json["rows"] = evaluation.rows;
    json["loss"] = evaluation.loss;
    json["metrics"] = metrics_object(evaluation.metrics);
    return line(json);
}

std::string prediction_event(const PredictionRow& row) {
    const Preprocessing& columns = row.model.preprocessing;
    Json json = event("prediction");
    json["row"] = row.row;
    if (columns.task == Task::regression) {
        for (std::size_t k = 0; k < columns.targets.size(); ++k) {
            json["values"][columns.targets[k].name] = row.prediction.values(row.row, k);
        }
    } else {
        json["predicted"] = columns.classes[row.prediction.classes[row.row]];
        for (std::size_t k = 0; row.probabilities && k < columns.classes.size(); ++k) {
            json["probabilities"][columns.classes[k]] = row.prediction.probabilities(row.row, k);
        }
    }
    for (std::size_t j = 0; j < row.jacobian.columns(); ++j) {
        json["jacobian"][row.jacobian_names[j]] = row.jacobian(row.row, j);
    }
    return line(json);
}

std::string machine_event(const MachineLimits& limits) {
    Json json = event("machine");
    json["gflops_peak"] = limits.peak * 1e-9;
    json["gflops_peak_double"] = limits.peak_double * 1e-9;
    for (const MemoryLevel level : all_memory_levels) {
        json["bandwidth_gb_s"][std::string(name(level))] = limits.bandwidth_of(level) * 1e-9;
    }
    json["threads"] = limits.threads;
    json["simd"] = name(limits.simd);
    return line(json);
}

std::string workload_event(const Measurement& measured) {
    Json json = event("workload");
    json["id"] = measured.workload.id;
    json["threads"] = measured.threads;
    json["seconds_per_step"] = measured.seconds;
    json["seconds_median"] = measured.median;
    json["gflops"] = measured.flops_per_second * 1e-9;
    json["share_of_limit"] = measured.share();
    json["limit_seconds"] = measured.limit;
    json["rows_per_second"] = measured.rows_per_second;
    if (measured.percentiles) {
        json["p50"] = measured.percentiles->p50;
        json["p99"] = measured.percentiles->p99;
        json["p999"] = measured.percentiles->p999;
    }
    return line(json);
}

std::string comparison_event(const Comparison& comparison) {
    Json tensors = Json::array();
    for (const ComparedTensor& tensor : comparison.tensors) {
        std::string causes;
        for (const Cause cause : tensor.causes) {
            causes += (causes.empty() ? "" : "+") + std::string(name(cause));
        }
        tensors.push_back({{"name", tensor.name},
                           {"verdict", tensor.pass ? "PASS" : "FAIL"},
                           {"cause", tensor.pass ? Json() : Json(causes)},
                           {"coincide", tensor.coincide},
                           {"theirs", tensor.theirs}});
        if (!tensor.where.empty()) {
            tensors.back().update({{"where", tensor.where},
                                   {"their_value", tensor.their_value},
                                   {"our_value", tensor.our_value},
                                   {"relative", tensor.relative}});
        }
    }
    Json json = event("comparison");
    json["verdict"] = comparison.pass ? "PASS" : "FAIL";
    json["rows"] = comparison.rows;
    json["penalty_explains"] = comparison.penalty_explains;
    json["tensors"] = std::move(tensors);
    return line(json);
}

std::string model_event(const Model& model, const std::string& path, const std::string& file_hash) {
    const Preprocessing& columns = model.preprocessing;
    Json json = event("model");
    json["model"] = path;
    json["task"] = columns.task == Task::regression ? "regression" : "classification";
    json["dtype"] = model.is_double() ? "f64" : "f32";
    json["layers"] = layers_array(model.architecture(), true);
    json["parameters"] = parameter_count(model);
    json["leaky_slope"] = model.architecture().leaky_slope;
    json["loss"] = {{"name", name(model.loss.kind)},
                    {"huber_delta", model.loss.huber_delta},
                    {"quantile", model.loss.quantile},
                    {"weight_decay", model.weight_decay}};
    for (const auto& [field, choice] : describe_conventions(model.architecture().conventions)) {
        json["conventions"][field] = choice;
    }
    json["columns"] = columns_array(columns.features);
    json["targets"] = Json::array();
    for (const TargetColumn& target : columns.targets) {
        json["targets"].push_back({{"name", target.name}, {"shift", target.shift}, {"scale", target.scale}});
    }
    json["classes"] = columns.classes;
    json["weight"] = columns.weight.empty() ? Json() : Json(columns.weight);
    json["provenance"] = Json::object();
    for (const auto& [key, value] : model.provenance) {
        json["provenance"][key] = value;
    }
    json["parameters_hash"] = parameters_hash(model);
    json["file_hash"] = file_hash;
    return line(json);
}

}  // namespace handgrad::cli
