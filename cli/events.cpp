// The fields of each event, in the order in which they stand in the line.
#include "cli/events.hpp"

#include <variant>
#include <vector>

#include "cli/event_line.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/train/metrics.hpp"

namespace handgrad::cli {

Json metrics_object(const Metrics& metrics) {
    Json object = Json::object();
    for (const auto& [name, value] : metrics) {
        object[name] = value;
    }
    return object;
}

namespace {

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

Json limit_parts(const measure::Limit& limit) {
    Json json;
    json["arithmetic"] = limit.arithmetic;
    json["update"] = limit.update;
    json["reading"] = limit.reading;
    json["functions"] = Json::array();
    for (const measure::FunctionPart& part : limit.functions) {
        json["functions"].push_back(
            {{"function", part.function}, {"numbers", part.numbers}, {"seconds", part.seconds}});
    }
    return json;
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
            column["impute"] = or_null(feature.impute);
            column["shift"] = feature.shift;
            column["scale"] = feature.scale;
        }
        columns.push_back(std::move(column));
    }
    return columns;
}

Json settings_json(std::monostate /*nothing chosen*/) { return nullptr; }
template <class V>
Json settings_json(const V& value) {
    return value;
}
}  // namespace

Json settings_object(const SettingValues& settings) {
    Json object = Json::object();
    for (const auto& [name, value] : settings) {
        object[name] = std::visit([](const auto& v) { return settings_json(v); }, value);
    }
    return object;
}

namespace {
/// Of a solver that sees all rows at once.
void add_progress(Json& json, const std::optional<SolverProgress>& progress) {
    if (progress) {
        json["gradient_norm"] = progress->gradient_norm;
        json["evaluations"] = progress->evaluations;
        if (progress->damping) {
            json["damping"] = *progress->damping;
            json["accelerated"] = progress->accelerated;
        } else {
            json["approximate_wolfe"] = progress->approximate;
            json["descent_only"] = progress->descent_only;
        }
    }
}

Json hash_or_null(const std::string& hash) { return hash.empty() ? Json() : Json(hash); }

}  // namespace

std::string start_event(const FitStart& start, const std::map<std::string, std::vector<std::string>>& told) {
    Json json = event("start");
    json["rows"] = start.training_rows;
    json["validation_rows"] = start.validation_rows;
    json["test_rows"] = start.test_rows;
    json["features"] = start.model.preprocessing.features.size();
    json["layers"] = layers_array(start.model.architecture(), false);
    json["parameters"] = parameter_count(start.model);
    json["epoch"] = start.epoch;
    json["parameters_hash"] = nullptr;
    if (start.epoch == 0) {
        json["parameters_hash"] = parameters_hash(start.model);
    }
    json["data_hash"] = start.model.provenance.at("data.hash");
    const TrainingRows& rows = start.model.training_rows;
    const auto began_with = start.model.provenance.find("continued.hash");
    json["validation_hash"] = hash_or_null(rows.validation_hash);
    json["test_hash"] = hash_or_null(rows.test_hash);
    json["continued_hash"] = hash_or_null(began_with == start.model.provenance.end() ? "" : began_with->second);
    json["settings"] = settings_object(start.model.settings);
    json["told"] = told;
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
    json["parameters_hash"] = report.parameters_hash;
    add_progress(json, report.progress);
    for (std::size_t l = 0; l < report.layers.size(); ++l) {
        const LayerFlow& layer = report.layers[l];
        json["layers"].push_back({{"name", layer_name(l)},
                                  {"gradient_rms", layer.gradient_rms},
                                  {"saturated", layer.saturated},
                                  {"dead", layer.dead},
                                  {"moved", layer.moved},
                                  {"starved", layer.starved}});
    }
    return line(json);
}

std::string restart_event(const RestartStart& start) {
    Json json = event("restart");
    json["restart"] = start.number + 1;
    json["restarts"] = start.restarts;
    json["seed"] = start.seed;
    return line(json);
}

std::string refit_event(const RefitStart& start) {
    Json json = event("refit");
    json["rows"] = start.training_rows;
    json["epochs"] = start.epochs;
    json["epoch"] = start.epoch;
    return line(json);
}

std::string refit_epoch_event(const EpochReport& report) {
    Json json = event("refit_epoch");
    json["epoch"] = report.epoch;
    json["loss"] = report.loss;
    json["learning_rate"] = report.learning_rate;
    json["seconds"] = report.seconds;
    json["rows_per_second"] = report.rows_per_second;
    json["parameters_hash"] = report.parameters_hash;
    add_progress(json, report.progress);
    return line(json);
}

std::string done_event(const FitResult& result, std::string_view stopped, const std::string& model_path,
                       const std::vector<std::string>& warnings) {
    Json json = event("done");
    json["epochs"] = result.training.epochs;
    json["best_epoch"] = result.training.best_epoch;
    json["stopped"] = stopped;
    json["refit"] = result.judged_model.has_value();
    if (!result.restarts.empty()) {
        json["restart"] = result.chosen_restart + 1;
        json["restarts"] = Json::array();
        for (const Restart& one : result.restarts) {
            json["restarts"].push_back({{"seed", one.seed},
                                        {"loss", one.loss},
                                        {"epochs", one.epochs},
                                        {"best_epoch", one.best_epoch},
                                        {"stopped", one.stopped}});
        }
    }
    json["model"] = model_path;
    json["parameters_hash"] = parameters_hash(result.model);
    json["metrics"] = {{"train", metrics_object(result.train_metrics)},
                       {"validation", metrics_object(result.validation_metrics)},
                       {"test", metrics_object(result.test_metrics)}};
    json["baseline"] = {{"on", result.baseline_on}, {"metrics", metrics_object(result.baseline)}};
    json["standing"] = name(result.judged.standing);
    json["warnings"] = warnings;
    json["seconds"] = result.training.seconds;
    add_progress(json, result.training.progress);
    return line(json);
}

namespace {

Json classes_array(const Evaluation& evaluation) {
    Json classes = Json::array();
    for (const ClassScore& score : evaluation.classes) {
        classes.push_back({{"name", score.name},
                           {"rows", score.rows},
                           {"precision", score.precision},
                           {"recall", score.recall},
                           {"f1", score.f1}});
    }
    return classes;
}

/// What there is of a classification; null where there is none.
void add_classes(Json& json, const Evaluation& evaluation, const std::vector<std::string>& names) {
    for (const char* field : {"confusion", "confused", "classes", "macro", "brier", "calibration"}) {
        json[field] = nullptr;
    }
    if (evaluation.classes.empty()) {
        return;
    }
    json["classes"] = classes_array(evaluation);
    json["macro"] = {
        {"precision", evaluation.macro.precision}, {"recall", evaluation.macro.recall}, {"f1", evaluation.macro.f1}};
    if (evaluation.confusion.rows() > 0) {
        Json counts = Json::array();
        for (std::size_t actual = 0; actual < names.size(); ++actual) {
            Json row = Json::array();
            for (const double count : evaluation.confusion.view().row(actual)) {
                row.push_back(static_cast<std::size_t>(count));
            }
            counts.push_back(std::move(row));
        }
        json["confusion"] = {{"classes", names}, {"counts", std::move(counts)}};
    }
    json["confused"] = Json::array();
    for (const Confused& pair : evaluation.confused) {
        json["confused"].push_back(
            {{"class", names[pair.target]}, {"predicted", names[pair.predicted]}, {"rows", pair.rows}});
    }
    if (evaluation.brier) {
        json["brier"] = *evaluation.brier;
    }
    if (evaluation.calibration) {
        json["calibration"] = {{"error", evaluation.calibration->error},
                               {"lowest", evaluation.calibration->lowest},
                               {"highest", evaluation.calibration->highest}};
    }
}

void add_targets(Json& json, const Evaluation& evaluation) {
    json["targets"] = nullptr;
    for (const TargetScore& target : evaluation.targets) {
        Json score = metrics_object(target.metrics);
        score["name"] = target.name;
        json["targets"].push_back(std::move(score));
    }
}

}  // namespace

std::string evaluation_event(const Evaluation& evaluation, const Preprocessing& columns,
                             const std::optional<MeasuredIntervals>& measured) {
    Json json = event("evaluation");
    json["rows"] = evaluation.rows;
    json["loss"] = evaluation.loss;
    json["metrics"] = metrics_object(evaluation.metrics);
    json["baseline"] = evaluation.baseline ? metrics_object(*evaluation.baseline) : Json();
    json["standing"] = name(evaluation.standing);
    json["skill"] = {{"rows", evaluation.judged_rows},
                     {"saved", evaluation.skill.saved},
                     {"standard_error", evaluation.skill.standard_error}};
    json["seen_rows"] = evaluation.seen_rows ? Json(*evaluation.seen_rows) : Json();
    json["parts"] = evaluation.seen_rows ? Json::array() : Json();
    for (const PartScore& part : evaluation.parts) {
        json["parts"].push_back({{"name", part.name}, {"rows", part.rows}, {"metrics", metrics_object(part.metrics)}});
    }
    json["before_refit"] = nullptr;
    if (const std::optional<BeforeRefit>& before = evaluation.before_refit) {
        json["before_refit"] = {{"rows", before->rows},
                                {"metrics", metrics_object(before->metrics)},
                                {"baseline", metrics_object(before->baseline)}};
    }
    json["outside"] = nullptr;
    if (evaluation.outside) {
        const double share =
            static_cast<double>(evaluation.outside->rows) / static_cast<double>(evaluation.judged_rows);
        json["outside"] = {{"rows", evaluation.outside->rows}, {"share", share}, {"inputs", Json::array()}};
        for (const OutsideScore::Input& input : evaluation.outside->inputs) {
            json["outside"]["inputs"].push_back({{"name", input.name}, {"rows", input.rows}});
        }
    }
    add_classes(json, evaluation, columns.classes);
    add_targets(json, evaluation);
    json["undefined"] = evaluation.undefined;
    if (measured) {
        json["intervals"] = {{"coverage", measured->wanted}, {"targets", Json::array()}};
        for (std::size_t k = 0; k < measured->found.within.size(); ++k) {
            const auto rows = static_cast<double>(measured->found.rows);
            json["intervals"]["targets"].push_back({{"name", columns.targets[k].name},
                                                    {"within", measured->found.within[k]},
                                                    {"share", static_cast<double>(measured->found.within[k]) / rows},
                                                    {"width", measured->found.width[k]}});
        }
    }
    return line(json);
}

std::string encoded_event(const Model& model, const EncodedTable& encoded, const std::string& path) {
    Json json = event("encoded");
    json["file"] = path;
    json["rows"] = encoded.rows();
    json["inputs"] = encoded.inputs.size();
    json["outputs"] = encoded.outputs.size();
    const Preprocessing& columns = model.preprocessing;
    json["weighted"] = encoded.labelled() && (!columns.weight.empty() || !columns.class_weights.empty());
    json["dtype"] = dtype_name(model.is_double());
    return line(json);
}

std::string exported_event(const std::string& form, const std::vector<std::pair<std::string, std::string>>& files) {
    Json json = event("exported");
    json["to"] = form;
    json["files"] = Json::array();
    for (const auto& [path, bytes] : files) {
        json["files"].push_back({{"file", path}, {"bytes", bytes.size()}});
    }
    return line(json);
}

std::string imported_event(const std::string& path, const imports::Imported& imported) {
    const Model& model = imported.model;
    Json json = event("imported");
    json["model"] = path;
    json["format"] = model.provenance.at("imported.format");
    json["task"] = name(model.preprocessing.task);
    json["dtype"] = dtype_name(model.is_double());
    json["layers"] = layers_array(model.architecture(), true);
    json["parameters"] = parameter_count(model);
    json["notices"] = imported.notices;
    return line(json);
}

std::string certificate_event(const certify::Certificate& certificate) {
    const auto tensor = [](const certify::CertifiedTensor& of) {
        Json json;
        json["name"] = of.name;
        json["verdict"] = name(of.judgement.verdict);
        json["zero"] = of.judgement.zero;
        json["detection_limit"] = of.judgement.detection_limit;
        json["reason"] = or_null(of.judgement.reason());
        json["run"] = of.run;
        json["entries"] = of.entries;
        json["kinks"] = of.kinks;
        json["failed"] = of.judgement.failed;
        json["worst_ulp"] = of.worst_ulp;
        json["where"] = of.where;
        json["claimed"] = of.claimed;
        json["witness"] = of.witness;
        json["bound"] = of.bound;
        json["factor"] = or_null(of.factor);
        return json;
    };
    Json json = event("certificate");
    json["verdict"] = name(certificate.verdict);
    json["rows"] = certificate.rows;
    json["carrying_rows"] = certificate.carrying_rows;
    json["parameters"] = Json::array();
    for (const certify::CertifiedTensor& parameter : certificate.parameters) {
        json["parameters"].push_back(tensor(parameter));
    }
    json["input"] = tensor(certificate.input);
    json["hessian"] = nullptr;
    if (certificate.hessian.entries > 0) {
        json["hessian"] = tensor(certificate.hessian);
    }
    json["monotone"] = nullptr;
    if (const certify::CertifiedMonotone& monotone = certificate.monotone; !monotone.columns.empty()) {
        json["monotone"] = {{"columns", monotone.columns},
                            {"verdict", name(monotone.verdict)},
                            {"broken_by", or_null(monotone.broken_by)},
                            {"slopes", monotone.slopes},
                            {"against", monotone.against}};
    }
    json["runs"] = Json::array();
    for (const certify::CertifiedRun& run : certificate.runs) {
        json["runs"].push_back(
            {{"what", run.what}, {"verdict", name(run.verdict)}, {"tensors", run.tensors}, {"judged", run.judged}});
    }
    return line(json);
}

std::vector<std::string> OutsideRows::names_of(std::size_t row, const Preprocessing& columns) const {
    std::vector<std::string> names;
    for (std::size_t i = first[row]; i < first[row + 1]; ++i) {
        names.push_back(columns.features[cells[i].feature].name);
    }
    return names;
}

OutsideRows outside_rows(const Model& model, const Table& table, const ApplyOptions& options) {
    OutsideRows outside;
    std::optional<std::vector<OutsideCell>> cells = outside_cells(model, table, options);
    outside.known = cells.has_value();
    outside.cells = std::move(cells).value_or(std::vector<OutsideCell>{});
    outside.first.assign(table.rows + 1, 0);
    for (const OutsideCell& cell : outside.cells) {
        outside.rows += outside.first[cell.row + 1] == 0 ? 1 : 0;
        ++outside.first[cell.row + 1];
    }
    for (std::size_t row = 0; row < table.rows; ++row) {
        outside.first[row + 1] += outside.first[row];
    }
    return outside;
}

std::vector<std::string> set_names(const PredictionRow& row) {
    std::vector<std::string> names;
    for (const std::uint32_t c : row.intervals->sets[row.row]) {
        names.push_back(row.model.preprocessing.classes[c]);
    }
    return names;
}

std::string prediction_event(const PredictionRow& row) {
    const Preprocessing& columns = row.model.preprocessing;
    Json json = event("prediction");
    json["row"] = row.row;
    for (const KeptCells& kept : row.kept) {
        json["kept"][kept.name] = kept.cells[row.row];
    }
    if (columns.task != Task::classification) {
        const bool labels = columns.task == Task::multilabel;
        for (std::size_t k = 0; k < columns.targets.size(); ++k) {
            const double value = row.prediction.values(row.row, k);
            json["values"][columns.targets[k].name] = labels ? answer_of(value) : value;
            if (labels && row.probabilities) {
                json["probabilities"][columns.targets[k].name] = value;
            }
        }
    } else {
        json["predicted"] = columns.classes[row.prediction.classes[row.row]];
        for (std::size_t k = 0; row.probabilities && k < columns.classes.size(); ++k) {
            json["probabilities"][columns.classes[k]] = row.prediction.probabilities(row.row, k);
        }
    }
    const auto add = [&](const char* field, const DerivativeColumns& derivatives) {
        for (std::size_t j = 0; j < derivatives.names.size(); ++j) {
            json[field][derivatives.names[j]] = derivatives.values(row.row, j);
        }
    };
    add("jacobian", row.jacobian);
    add("hessian", row.hessian);
    if (row.intervals != nullptr && columns.task == Task::classification) {
        json["set"] = set_names(row);
    } else if (row.intervals != nullptr) {
        for (std::size_t k = 0; k < columns.targets.size(); ++k) {
            json["lower"][columns.targets[k].name] = row.intervals->lower(row.row, k);
            json["upper"][columns.targets[k].name] = row.intervals->upper(row.row, k);
        }
    }
    if (row.outside != nullptr) {
        json["outside"] = nullptr;
        if (row.outside->known) {
            json["outside"] = row.outside->names_of(row.row, columns);
        }
    }
    return line(json);
}

std::string machine_event(const measure::MachineLimits& limits) {
    Json json = event("machine");
    json["gflops_peak"] = limits.peak * 1e-9;
    json["gflops_peak_double"] = limits.peak_double * 1e-9;
    for (const measure::MemoryLevel level : measure::all_memory_levels) {
        json["bandwidth_gb_s"][std::string(name(level))] = limits.bandwidth_of(level) * 1e-9;
    }
    json["threads"] = limits.threads;
    json["simd"] = name(limits.simd);
    return line(json);
}

std::string listed_event(const measure::Workload& workload) {
    Json json = event("listed");
    json["id"] = workload.id;
    json["kind"] = name(workload.kind);
    json["widths"] = workload.sizes;
    json["hidden"] = name(workload.hidden);
    json["output"] = name(workload.output);
    json["loss"] = name(workload.loss);
    json["optimizer"] = name(workload.update);
    json["rows"] = workload.batch;
    json["batches"] = workload.batches;
    json["double"] = workload.double_precision;
    json["on_request"] = workload.on_request;
    json["flops"] = measure::flops(workload);
    json["flops_whole_vectors"] = Json::object();
    for (const std::size_t lanes : {std::size_t{8}, std::size_t{16}}) {
        json["flops_whole_vectors"][std::to_string(lanes)] = measure::flops_in_whole_vectors(workload, lanes);
    }
    json["parameters"] = measure::parameters(workload);
    return line(json);
}

std::string workload_event(const measure::Measurement& measured) {
    Json json = event("workload");
    json["id"] = measured.workload.id;
    json["threads"] = measured.threads;
    json["seconds_per_step"] = measured.seconds;
    json["seconds_median"] = measured.median;
    json["gflops"] = measured.flops_per_second * 1e-9;
    json["share_of_limit"] = measured.share();
    json["limit_seconds"] = measured.limit.seconds();
    json["share_of_peak"] = measured.share_of_peak;
    json["whole_vectors"] = measured.whole_vectors;
    json["limit"] = limit_parts(measured.limit);
    json["rows_per_second"] = measured.rows_per_second;
    if (measured.percentiles) {
        json["p50"] = measured.percentiles->p50;
        json["p99"] = measured.percentiles->p99;
        json["p999"] = measured.percentiles->p999;
    }
    return line(json);
}

std::string diagnosis_event(const diagnose::Diagnosis& diagnosis, const std::vector<diagnose::RowGradient>& top,
                            const Table& table) {
    Json json = event("diagnosis");
    json["rows"] = diagnosis.rows;
    json["factor"] = name(diagnosis.factor);
    json["loss"] = diagnosis.loss;
    json["constant_loss"] = diagnosis.constant_loss;
    json["unexplained"] = diagnosis.unexplained;
    json["training"] = {{"course", name(diagnosis.course.course)},
                        {"epochs", diagnosis.course.epochs},
                        {"since", diagnosis.course.since ? Json(*diagnosis.course.since) : Json()},
                        {"text", diagnosis.course.text}};
    json["output_cancels"] = diagnosis.output_cancels;
    json["optimizer"] = diagnosis.optimizer;
    json["layers"] = Json::array();
    for (const diagnose::LayerDiagnosis& layer : diagnosis.layers) {
        const diagnose::GradientSplit& split = layer.split;
        json["layers"].push_back({{"name", layer.name},
                                  {"gradient_rms", layer.gradient_rms},
                                  {"update_ratio", layer.update_ratio},
                                  {"unchanged", layer.unchanged},
                                  {"saturated", layer.saturated},
                                  {"dead", layer.dead},
                                  {"identical", layer.identical},
                                  {"weight_size", layer.weight_size},
                                  {"reach", layer.reach},
                                  {"starved", layer.starved},
                                  {"factor", name(layer.factor)},
                                  {"log10",
                                   {{"gradient", split.gradient},
                                    {"error", split.error},
                                    {"output", split.output},
                                    {"weights", split.weights},
                                    {"slopes", split.slopes},
                                    {"input", split.input},
                                    {"alignment", split.alignment}}}});
    }
    json["what_if"] = Json::array();
    for (const diagnose::WhatIf& row : diagnosis.what_if) {
        for (std::size_t l = 0; l < row.gradient_rms.size(); ++l) {
            json["what_if"].push_back({{"change", row.change},
                                       {"layer", layer_name(l)},
                                       {"gradient_rms", row.gradient_rms[l]},
                                       {"weight_scale", row.weight_scale[l]}});
        }
    }
    if (!top.empty()) {
        json["rows_top"] = Json::array();
        for (const diagnose::RowGradient& row : top) {
            json["rows_top"].push_back({{"line", table.lines.empty() ? Json() : Json(table.lines[row.row])},
                                        {"row", row.row},
                                        {"norm", row.norm},
                                        {"cosine", row.cosine}});
        }
    }
    json["try"] = Json::object();
    for (const SettingHint& hint : diagnosis.try_settings) {
        json["try"][hint.name] = hint.value;
    }
    json["text"] = diagnosis.text;
    return line(json);
}

std::string sensitivity_event(const std::vector<diagnose::ColumnSensitivity>& columns, std::size_t rows) {
    Json json = event("sensitivity");
    json["rows"] = rows;
    json["columns"] = Json::array();
    for (const diagnose::ColumnSensitivity& column : columns) {
        json["columns"].push_back({{"name", column.name},
                                   {"target", column.target},
                                   {"mean", column.mean},
                                   {"sd", column.sd},
                                   {"rms", column.rms},
                                   {"sign", column.sign},
                                   {"effect", column.effect},
                                   {"permutation", column.permutation}});
    }
    return line(json);
}

std::string comparison_event(const compare::Comparison& comparison) {
    Json tensors = Json::array();
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        std::string causes;
        for (const compare::Cause cause : tensor.causes) {
            add_item(causes, "+", name(cause));
        }
        std::string reason = tensor.judgement.reason();
        if (tensor.as_float) {
            reason = compare::as_float_reason;
        }
        Json one{{"name", tensor.name},
                 {"verdict", name(tensor.judgement.verdict)},
                 {"zero", tensor.judgement.zero},
                 {"detection_limit", tensor.judgement.detection_limit},
                 {"reason", or_null(reason)},
                 {"cause", or_null(causes)},
                 {"detail", or_null(tensor.detail)},
                 {"look_at", or_null(tensor.look_at)},
                 {"coincide", tensor.coincide},
                 {"theirs", tensor.theirs}};
        if (!tensor.where.empty()) {
            one["where"] = tensor.where;
            one["their_value"] = tensor.their_value;
            one["our_value"] = tensor.our_value;
            one["relative"] = tensor.relative;
        }
        tensors.push_back(std::move(one));
    }
    Json json = event("comparison");
    json["verdict"] = name(comparison.verdict);
    json["rows"] = comparison.rows;
    json["orientation"] = name(comparison.orientation);
    json["missing"] = comparison.missing;
    json["left_out"] = comparison.left_out;
    json["tensors"] = std::move(tensors);
    return line(json);
}

std::string model_event(const Model& model, const std::string& path, const std::string& file_hash) {
    const Preprocessing& columns = model.preprocessing;
    Json json = event("model");
    json["model"] = path;
    json["task"] = name(columns.task);
    json["dtype"] = dtype_name(model.is_double());
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
    json["weight"] = or_null(columns.weight);
    json["class_weights"] = columns.class_weights;
    json["intervals"] = nullptr;
    if (!model.conformity.empty()) {
        json["intervals"] = {{"method", name(model.conformity.method)},
                             {"scores", model.conformity.scores.rows()},
                             {"networks", model.conformity.networks.size()}};
    }
    if (!model.history.empty()) {
        json["history"] = {{"columns", model.history.columns}, {"epochs", model.history.epochs}};
    }
    json["settings"] = settings_object(model.settings);
    json["provenance"] = Json::object();
    for (const auto& [key, value] : model.provenance) {
        json["provenance"][key] = value;
    }
    json["parameters_hash"] = parameters_hash(model);
    json["file_hash"] = file_hash;
    return line(json);
}

std::string report_event(const report::Report& report, const std::string& path) {
    Json json = event("report");
    json["report"] = path;
    json["rows"] = report.rows;
    json["loss"] = report.evaluation.loss;
    json["metrics"] = metrics_object(report.evaluation.metrics);
    json["certificate"] = name(report.certificate.verdict);
    json["factor"] = name(report.diagnosis.factor);
    return line(json);
}

}  // namespace handgrad::cli
