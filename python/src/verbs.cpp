// What the program's verbs find out, for Python: numbers by name, and the text that the program would print.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/certify/certificate.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/document/render.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/summary/comparison_text.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/settings.hpp"
#include "python/src/lookups.hpp"
#include "python/src/model.hpp"
#include "python/src/network.hpp"
#include "python/src/settings.hpp"

namespace handgrad::python {
namespace {

ApplyOptions labelled(bool allow_extra) { return {.labels = Labels::required, .allow_extra = allow_extra}; }

nb::object or_none(const std::string& text) { return text.empty() ? nb::none() : nb::cast(text); }
template <class V>
nb::object or_none(const std::optional<V>& value) {
    return value ? nb::cast(*value) : nb::none();
}

// --- evaluate --------------------------------------------------------------------------------------------------------

List targets_of(const Evaluation& evaluation) {
    List targets;
    for (const TargetScore& target : evaluation.targets) {
        Dict scores = metrics_dict(target.metrics);
        scores["name"] = target.name;
        targets.append(scores);
    }
    return targets;
}

Dict class_dict(const ClassScore& score) {
    Dict result;
    result["name"] = score.name;
    result["rows"] = score.rows;
    result["precision"] = score.precision;
    result["recall"] = score.recall;
    result["f1"] = score.f1;
    return result;
}

nb::object calibration_of(const Evaluation& evaluation) {
    if (!evaluation.calibration) {
        return nb::none();
    }
    Dict result;
    result["error"] = evaluation.calibration->error;
    result["lowest"] = evaluation.calibration->lowest;
    result["highest"] = evaluation.calibration->highest;
    return result;
}

nb::object outside_of(const Evaluation& evaluation) {
    if (!evaluation.outside) {
        return nb::none();
    }
    Dict result, inputs;
    for (const OutsideScore::Input& input : evaluation.outside->inputs) {
        inputs[input.name.c_str()] = input.rows;
    }
    result["rows"] = evaluation.outside->rows;
    result["inputs"] = inputs;
    return result;
}

Dict evaluate_table(const PyModel& self, const PyTable& table, bool allow_extra, std::size_t threads) {
    Evaluation evaluation;
    {
        const nb::gil_scoped_release others_may_run;
        evaluation = evaluate(self.model, table.table, labelled(allow_extra), {.threads = threads});
    }
    Dict result;
    result["rows"] = evaluation.rows;
    result["loss"] = evaluation.loss;
    result["metrics"] = metrics_dict(evaluation.metrics);
    result["baseline"] = evaluation.baseline ? nb::object(metrics_dict(*evaluation.baseline)) : nb::none();
    result["standing"] = std::string(name(evaluation.standing));
    result["standing_text"] = standing_text(evaluation, self.model);
    result["judged_rows"] = evaluation.judged_rows;
    result["seen_rows"] = or_none(evaluation.seen_rows);
    List parts, classes, confused;
    for (const PartScore& part : evaluation.parts) {
        Dict of_part;
        of_part["name"] = part.name;
        of_part["rows"] = part.rows;
        of_part["metrics"] = metrics_dict(part.metrics);
        parts.append(of_part);
    }
    result["parts"] = parts;
    for (const ClassScore& score : evaluation.classes) {
        classes.append(class_dict(score));
    }
    result["classes"] = classes;
    result["macro"] = evaluation.classes.empty() ? nb::none() : nb::object(class_dict(evaluation.macro));
    const bool confusion = evaluation.confusion.rows() > 0;
    result["confusion"] = confusion ? nb::object(array_of(evaluation.confusion.view())) : nb::none();
    for (const Confused& pair : evaluation.confused) {
        confused.append(
            nb::make_tuple(evaluation.classes[pair.target].name, evaluation.classes[pair.predicted].name, pair.rows));
    }
    result["confused"] = confused;
    result["brier"] = or_none(evaluation.brier);
    result["calibration"] = calibration_of(evaluation);
    result["targets"] = targets_of(evaluation);
    result["outside"] = outside_of(evaluation);
    result["nonfinite"] = evaluation.nonfinite;
    result["undefined"] = evaluation.undefined;
    result["text"] = summary::evaluation_text(evaluation, self.model);
    return result;
}

// --- Networks on arrays ----------------------------------------------------------------------------------------------

/// The usual one of the output activation where none is named.
LossFunction loss_of(const Network& network, const std::optional<std::string>& named, double huber_delta,
                     double quantile) {
    LossFunction function = usual_loss(network.architecture().output);
    if (named) {
        function = loss_named(*named);
    }
    function.huber_delta = huber_delta;
    function.quantile = quantile;
    check_pair(network.architecture().output, function.kind);
    return function;
}

template <class T, class From>
BasicDataset<T> data_of(const Network& network, const Rows<From>& x, const Rows<From>& y,
                        const std::optional<Numbers<double>>& weights) {
    const auto refuse = [](const std::string& cause) { throw Error(ErrorKind::usage, cause); };
    const Architecture& shape = network.architecture();
    if (x.shape(1) != shape.inputs() || y.shape(1) != shape.outputs()) {
        refuse("x has " + std::to_string(x.shape(1)) + " columns and y " + std::to_string(y.shape(1)) +
               "; the network takes " + std::to_string(shape.inputs()) + " and gives " +
               std::to_string(shape.outputs()));
    }
    if (x.shape(0) != y.shape(0) || (weights && weights->shape(0) != x.shape(0))) {
        refuse("x has " + std::to_string(x.shape(0)) + " rows, y " + std::to_string(y.shape(0)) +
               (weights ? " and weights " + std::to_string(weights->shape(0)) : ""));
    }
    BasicDataset<T> data{convert<T>(view(x)), convert<T>(view(y)), {}};
    if (weights) {
        std::ranges::copy(view(*weights), std::back_inserter(data.weights));
    }
    return data;
}

// --- check -----------------------------------------------------------------------------------------------------------

Dict tensor_dict(const certify::CertifiedTensor& tensor) {
    Dict result;
    result["name"] = tensor.name;
    result["verdict"] = std::string(name(tensor.judgement.verdict));
    result["zero"] = tensor.judgement.zero;
    result["detection_limit"] = tensor.judgement.detection_limit;
    result["reason"] = or_none(tensor.judgement.reason());
    result["run"] = tensor.run;
    result["entries"] = tensor.entries;
    result["failed"] = tensor.judgement.failed;
    result["kinks"] = tensor.kinks;
    result["worst_ulp"] = tensor.worst_ulp;
    result["where"] = tensor.where;
    result["claimed"] = tensor.claimed;
    result["witness"] = tensor.witness;
    result["bound"] = tensor.bound;
    result["factor"] = or_none(tensor.factor);
    return result;
}

Dict certificate_dict(const certify::Certificate& certificate) {
    Dict result;
    result["verdict"] = std::string(name(certificate.verdict));
    result["rows"] = certificate.rows;
    result["carrying_rows"] = certificate.carrying_rows;
    List tensors, runs;
    for (const certify::CertifiedTensor& tensor : certificate.parameters) {
        tensors.append(tensor_dict(tensor));
    }
    tensors.append(tensor_dict(certificate.input));
    if (certificate.hessian.entries > 0) {
        tensors.append(tensor_dict(certificate.hessian));
    }
    result["tensors"] = tensors;
    result["monotone"] = nb::none();
    if (const certify::CertifiedMonotone& monotone = certificate.monotone; !monotone.columns.empty()) {
        Dict promise;
        promise["columns"] = monotone.columns;
        promise["verdict"] = std::string(name(monotone.verdict));
        promise["broken_by"] = or_none(monotone.broken_by);
        promise["slopes"] = monotone.slopes;
        promise["against"] = monotone.against;
        result["monotone"] = promise;
    }
    for (const certify::CertifiedRun& run : certificate.runs) {
        Dict of_run;
        of_run["what"] = run.what;
        of_run["verdict"] = std::string(name(run.verdict));
        of_run["tensors"] = run.tensors;
        of_run["judged"] = run.judged;
        runs.append(of_run);
    }
    result["runs"] = runs;
    result["text"] = summary::certificate_text(certificate);
    return result;
}

Dict check_table(const PyModel& self, const PyTable& table, std::size_t rows, std::uint64_t seed, bool allow_extra,
                 std::size_t threads) {
    certify::Certificate certificate;
    {
        const nb::gil_scoped_release others_may_run;
        certificate = certify::certify(
            self.model, table.table,
            {.rows = rows, .seed = seed, .applying = labelled(allow_extra), .execution = {.threads = threads}});
    }
    return certificate_dict(certificate);
}

/// The engine's own derivatives, or those that are claimed: a gradient in the shape of the network and ∂ŷ/∂x.
template <class T>
Dict check_network(const Network& network, const Rows<T>& x, const Rows<T>& y,
                   const std::optional<Numbers<double>>& weights, const std::optional<std::string>& loss,
                   double huber_delta, double quantile, const Network* gradient,
                   const std::optional<Rows<T>>& jacobians) {
    const LossFunction function = loss_of(network, loss, huber_delta, quantile);
    const BasicDataset<T> data = data_of<T>(network, x, y, weights);
    const auto& net = std::get<BasicMlp<T>>(network.net());
    certify::Certificate certificate;
    {
        const nb::gil_scoped_release others_may_run;
        certify::ClaimedDerivatives<T> claimed;
        if (gradient != nullptr && jacobians) {
            claimed = {std::get<BasicMlp<T>>(gradient->net()), copy(*jacobians)};
        } else {
            claimed = certify::engine_derivatives(net, function, data);
        }
        certificate = certify::certify(net, function, data, claimed);
    }
    return certificate_dict(certificate);
}

// --- compare ---------------------------------------------------------------------------------------------------------

/// Arrays of float64 by name, and in how many binary digits each was computed.
std::vector<NamedArray> arrays_of(const Dict& given) {
    std::vector<NamedArray> arrays;
    using Any = nb::ndarray<const double, nb::numpy, nb::c_contig, nb::device::cpu>;
    for (const auto& [key, value] : given) {
        const auto [array, digits] = nb::cast<std::pair<Any, int>>(value);
        NamedArray& named = arrays.emplace_back();
        named.name = nb::cast<std::string>(key);
        named.digits = digits;
        for (std::size_t axis = 0; axis < array.ndim(); ++axis) {
            named.shape.push_back(array.shape(axis));
        }
        named.values.assign(array.data(), array.data() + array.size());
    }
    return arrays;
}

Dict comparison_dict(const compare::Comparison& comparison, const Model& model) {
    Dict result;
    result["verdict"] = std::string(name(comparison.verdict));
    result["rows"] = comparison.rows;
    result["digits"] = comparison.digits;
    result["orientation"] = std::string(name(comparison.orientation));
    result["missing"] = comparison.missing;
    result["left_out"] = comparison.left_out;
    List tensors;
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        std::string causes, remedies;
        for (const compare::Cause cause : tensor.causes) {
            causes += (causes.empty() ? "" : "+") + std::string(name(cause));
            remedies +=
                (remedies.empty() ? "" : "; ") + summary::remedy(cause, tensor.wrong_layers, comparison.rows, model);
        }
        Dict one;
        one["name"] = tensor.name;
        one["theirs"] = tensor.theirs;
        one["verdict"] = std::string(name(tensor.judgement.verdict));
        one["cause"] = or_none(causes);
        one["detail"] = or_none(tensor.detail);
        one["remedy"] = or_none(remedies);
        one["reason"] = or_none(tensor.as_float ? std::string(compare::as_float_reason) : tensor.judgement.reason());
        one["look_at"] = or_none(tensor.look_at);
        one["shape_problem"] = or_none(tensor.shape_problem);
        one["coincide"] = tensor.coincide;
        one["detection_limit"] = tensor.judgement.detection_limit;
        one["where"] = tensor.where;
        one["their_value"] = tensor.their_value;
        one["our_value"] = tensor.our_value;
        one["relative"] = tensor.relative;
        tensors.append(one);
    }
    result["tensors"] = tensors;
    result["text"] = summary::comparison_text(comparison, model);
    return result;
}

Dict compare_table(const PyModel& self, const PyTable& table, const nb::object& given, bool allow_extra,
                   std::size_t threads) {
    std::vector<NamedArray> theirs;
    std::string source = "gradients";
    if (nb::isinstance<nb::str>(given)) {
        source = nb::cast<std::string>(given);
        theirs = compare::read_gradients(source);
    } else {
        theirs = arrays_of(nb::cast<nb::dict>(given));
    }
    compare::Comparison comparison;
    {
        const nb::gil_scoped_release others_may_run;
        comparison = compare::compare_gradients(self.model, table.table, theirs, source, allow_extra, threads);
    }
    return comparison_dict(comparison, self.model);
}

Dict compare_network(const Network& network, const Rows<double>& x, const Rows<double>& y,
                     const std::optional<Numbers<double>>& weights, const std::optional<std::string>& loss,
                     double huber_delta, double quantile, double penalty, const Dict& given) {
    const LossFunction function = loss_of(network, loss, huber_delta, quantile);
    const BasicDataset<double> data = data_of<double>(network, x, y, weights);
    const std::vector<NamedArray> theirs = arrays_of(given);
    const BasicDataset<float> in_float = data_of<float>(network, x, y, weights);
    const BasicDataset<double> rounded{convert<double>(in_float.x), convert<double>(in_float.y), data.weights};
    Model model{.loss = function};
    std::visit([&](const auto& net) { model.net = net; }, network.net());
    model.weight_decay = penalty;
    compare::Comparison comparison;
    {
        const nb::gil_scoped_release others_may_run;
        const auto net = std::visit([](const auto& own) { return convert<double>(own); }, network.net());
        comparison =
            compare::compare_gradients(net, function, data, theirs, "gradients",
                                       {.penalty = penalty, .rounded = network.is_double() ? nullptr : &rounded});
    }
    return comparison_dict(comparison, model);
}

// --- diagnose, sensitivity -------------------------------------------------------------------------------------------

List layers_of(const diagnose::Diagnosis& diagnosis) {
    List layers;
    for (const diagnose::LayerDiagnosis& layer : diagnosis.layers) {
        Dict one, split;
        one["name"] = layer.name;
        one["gradient_rms"] = layer.gradient_rms;
        one["update_ratio"] = layer.update_ratio;
        one["unchanged"] = layer.unchanged;
        one["saturated"] = layer.saturated;
        one["dead"] = layer.dead;
        one["identical"] = layer.identical;
        one["weight_size"] = layer.weight_size;
        one["reach"] = layer.reach;
        one["starved"] = layer.starved;
        one["factor"] = std::string(name(layer.factor));
        split["gradient"] = layer.split.gradient;
        split["error"] = layer.split.error;
        split["output"] = layer.split.output;
        split["weights"] = layer.split.weights;
        split["slopes"] = layer.split.slopes;
        split["input"] = layer.split.input;
        split["alignment"] = layer.split.alignment;
        one["log10"] = split;
        layers.append(one);
    }
    return layers;
}

/// What is advised, as settings of handgrad.fit; a line or nothing.
std::string advice_text(const std::vector<SettingHint>& settings) {
    const std::string list = spelled(settings);
    return list.empty() ? "" : summary::wrapped("In settings of handgrad.fit: " + list + ".") + "\n";
}

Dict diagnose_table(const PyModel& self, const PyTable& table, const std::optional<double>& learning_rate,
                    std::size_t rows_top, bool allow_extra) {
    OptimizerOptions optimizer = recorded_optimizer(self.model).value_or(OptimizerOptions{.kind = OptimizerKind::sgd});
    optimizer.learning_rate = learning_rate.value_or(optimizer.learning_rate);
    diagnose::Diagnosis diagnosis;
    std::vector<diagnose::RowGradient> top;
    {
        const nb::gil_scoped_release others_may_run;
        diagnosis = diagnose::diagnose(self.model, table.table, optimizer, labelled(allow_extra));
        if (rows_top > 0) {
            top = diagnose::dominant_rows(diagnose::row_gradients(self.model, table.table, labelled(allow_extra)),
                                          rows_top);
        }
    }
    Dict result, advised, course;
    result["rows"] = diagnosis.rows;
    result["factor"] = std::string(name(diagnosis.factor));
    result["layers"] = layers_of(diagnosis);
    result["loss"] = diagnosis.loss;
    result["constant_loss"] = diagnosis.constant_loss;
    result["unexplained"] = diagnosis.unexplained;
    course["course"] = std::string(name(diagnosis.course.course));
    course["since"] = or_none(diagnosis.course.since);
    course["text"] = diagnosis.course.text;
    result["training"] = course;
    List changes, rows;
    for (const diagnose::WhatIf& change : diagnosis.what_if) {
        Dict one;
        one["change"] = change.change;
        one["gradient_rms"] = change.gradient_rms;
        one["weight_scale"] = change.weight_scale;
        changes.append(one);
    }
    result["what_if"] = changes;
    for (const diagnose::RowGradient& row : top) {
        Dict one;
        one["row"] = row.row;
        one["norm"] = row.norm;
        one["cosine"] = row.cosine;
        rows.append(one);
    }
    result["rows_top"] = rows;
    for (const SettingHint& hint : diagnosis.try_settings) {
        advised[hint.name.c_str()] = hint.value;
    }
    result["advice"] = advised;
    result["verdict"] = diagnosis.text;
    result["text"] = summary::diagnosis_text(diagnosis, top, table.table, advice_text(diagnosis.try_settings));
    return result;
}

Dict sensitivity_table(const PyModel& self, const PyTable& table, std::size_t repeats, std::uint64_t seed,
                       bool allow_extra, std::size_t threads) {
    const std::vector<std::string> targets = summary::target_names(self.model.preprocessing);
    const bool with_labels =
        std::ranges::all_of(targets, [&](const std::string& target) { return table.table.find(target) != nullptr; });
    const ApplyOptions apply{.labels = with_labels ? Labels::required : Labels::absent, .allow_extra = allow_extra};
    std::vector<diagnose::ColumnSensitivity> columns;
    {
        const nb::gil_scoped_release others_may_run;
        columns = diagnose::sensitivity(self.model, table.table, apply,
                                        {.repeats = repeats, .seed = seed, .stop = signalled}, {.threads = threads});
    }
    if (PyErr_Occurred() != nullptr) {
        throw nb::python_error();
    }
    List list;
    for (const diagnose::ColumnSensitivity& column : columns) {
        Dict one;
        one["name"] = column.name;
        one["target"] = column.target;
        one["mean"] = column.mean;
        one["sd"] = column.sd;
        one["rms"] = column.rms;
        one["sign"] = column.sign;
        one["effect"] = column.effect;
        one["permutation"] = column.permutation;
        list.append(one);
    }
    Dict result;
    result["rows"] = table.table.rows;
    result["columns"] = list;
    result["text"] = summary::sensitivity_text(columns, table.table.rows);
    return result;
}

// --- explain, report -------------------------------------------------------------------------------------------------

explain::StepOptions step_of(explain::StepOptions step, const Dict& settings) {
    try {
        return explain::overruled(std::move(step), setting_values(settings), "settings");
    } catch (const Error& error) {  // of a model's file elsewhere, here of the caller's
        throw Error(ErrorKind::usage, error.what());
    }
}

nb::object dense(const explain::TracedJacobian& jacobian) {
    Matrix<double> all(jacobian.rows(), jacobian.columns());
    for (std::size_t i = 0; i < all.rows(); ++i) {
        for (std::size_t j = 0; j < all.columns(); ++j) {
            all(i, j) = jacobian.at(i, j);
        }
    }
    return array_of(all.view());
}

/// In the shape of the quantity: vectors have one axis.
nb::object shaped(const Matrix<double>& numbers, const explain::Quantity& quantity) {
    if (quantity.vector) {
        return array_of(numbers.view(), {numbers.values().size()});
    }
    return array_of(numbers.view());
}

nb::object numbers_of(const explain::Explanation& explanation) {
    if (!explanation.row) {
        return nb::none();
    }
    const explain::Derivation& derivation = explanation.derivation;
    const explain::Trace& trace = explanation.row->trace;
    Dict result, forward, jacobians, deltas, gradients, updated;
    for (std::size_t i = 0; i < derivation.forward.size(); ++i) {
        const explain::Quantity& quantity = derivation.forward[i].quantity;
        forward[quantity.symbol.c_str()] = shaped(trace.forward[i], quantity);
    }
    for (std::size_t i = 0; i < derivation.jacobians.size(); ++i) {
        jacobians[derivation.jacobians[i].quantity.symbol.c_str()] = dense(trace.jacobians[i]);
    }
    for (std::size_t i = 0; i < derivation.deltas.size(); ++i) {
        const explain::Quantity& quantity = derivation.deltas[i].quantity;
        deltas[quantity.symbol.c_str()] = shaped(trace.deltas[i], quantity);
    }
    for (std::size_t i = 0; i < derivation.backward.size(); ++i) {
        const explain::BackwardRow& row = derivation.backward[i];
        gradients[row.parameter.c_str()] = shaped(trace.gradients[i], row.quantity);
        updated[row.parameter.c_str()] = shaped(trace.updated[i], row.quantity);
    }
    result["x"] = array_of(trace.x.view(), {trace.x.values().size()});
    result["y"] = array_of(trace.y.view(), {trace.y.values().size()});
    result["forward"] = forward;
    result["loss"] = trace.loss;
    result["penalty"] = trace.penalty;
    result["jacobians"] = jacobians;
    result["deltas"] = deltas;
    result["gradients"] = gradients;
    result["updated"] = updated;
    return result;
}

Dict explanation_dict(const explain::Explanation& explanation, bool components, bool blank,
                      const std::optional<int>& digits) {
    if (digits && (*digits < explain::fewest_digits || *digits > explain::most_digits)) {
        throw Error(ErrorKind::usage, "digits: " + std::to_string(*digits) + " is out of range; from " +
                                          std::to_string(explain::fewest_digits) + " to " +
                                          std::to_string(explain::most_digits));
    }
    const document::Document document =
        explain::compose(explanation, {.components = components, .blank = blank, .digits = digits});
    Dict result;
    result["text"] = document::render_text(document);
    result["markdown"] = document::render_markdown(document);
    result["latex"] = document::render_latex(document);
    result["html"] = document::render_html(document);
    result["numbers"] = blank ? nb::none() : numbers_of(explanation);
    return result;
}

/// Python counts from 0, where the library's words count from 1.
void require_row(const PyTable& table, std::int64_t row) {
    const auto rows = static_cast<std::int64_t>(table.table.rows);
    if (row < 0 || row >= rows) {
        throw Error(ErrorKind::usage, "explain: there is no row " + std::to_string(row) + "; " + table.table.source +
                                          " has the rows 0 to " + std::to_string(rows - 1));
    }
}

/// `row` from 0.
Dict explain_model(const PyModel& self, const PyTable* table, std::int64_t number, const Dict& settings,
                   bool components, bool blank, const std::optional<int>& digits, bool allow_extra) {
    if (table != nullptr) {
        require_row(*table, number);
    }
    const auto row = static_cast<std::size_t>(number);
    const explain::StepOptions step = step_of(explain::step_options_of(self.model), settings);
    const explain::Explanation explanation = table == nullptr
                                                 ? explain::explain(self.model, step)
                                                 : explain::explain(self.model, step, table->table, row, allow_extra);
    return explanation_dict(explanation, components, blank, digits);
}

Dict explain_network(const Network& network, const std::optional<std::string>& loss, double huber_delta,
                     double quantile, const Dict& settings, bool components, bool blank,
                     const std::optional<int>& digits) {
    const LossFunction function = loss_of(network, loss, huber_delta, quantile);
    const explain::Explanation explanation =
        explain::explain(network.architecture(), function, step_of({}, settings), network.is_double());
    return explanation_dict(explanation, components, blank, digits);
}

Dict report_table(const PyModel& self, const PyTable& table, const std::optional<Path>& path, std::size_t rows_top,
                  std::size_t certificate_rows, std::uint64_t seed, bool allow_extra, std::size_t threads) {
    report::Report report;
    std::string page;
    {
        const nb::gil_scoped_release others_may_run;
        report = report::make_report(self.model, table.table,
                                     {.certified_rows = certificate_rows,
                                      .worst_rows = rows_top,
                                      .seed = seed,
                                      .allow_extra = allow_extra,
                                      .execution = {.threads = threads}});
        page = report::report_page(report, self.model);
        if (path) {
            write_file_atomically(path->name, page);
        }
    }
    Dict result;
    result["path"] = path ? text_of_path(path->name.string()) : nb::none();
    result["html"] = page;
    result["rows"] = report.rows;
    result["metrics"] = metrics_dict(report.evaluation.metrics);
    result["verdict"] = std::string(name(report.certificate.verdict));
    result["factor"] = std::string(name(report.diagnosis.factor));
    result["text"] = summary::wrapped(report.diagnosis.text) + "\n";
    return result;
}

template <class T>
void bind_check_network(nb::module_& m) {
    m.def("check_network", &check_network<T>, nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(),
          nb::arg("weights").noconvert().none(), nb::arg("loss").none(), nb::arg("huber_delta"), nb::arg("quantile"),
          nb::arg("gradient").none(), nb::arg("jacobians").noconvert().none());
}

}  // namespace

void bind_verbs(nb::module_& m) {
    m.def("evaluate", &evaluate_table, nb::arg("model"), nb::arg("table"), nb::arg("allow_extra"), nb::arg("threads"));
    m.def("check_table", &check_table, nb::arg("model"), nb::arg("table"), nb::arg("rows"), nb::arg("seed"),
          nb::arg("allow_extra"), nb::arg("threads"));
    bind_check_network<float>(m);
    bind_check_network<double>(m);
    m.def("compare_table", &compare_table, nb::arg("model"), nb::arg("table"), nb::arg("gradients"),
          nb::arg("allow_extra"), nb::arg("threads"));
    m.def("compare_network", &compare_network, nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(),
          nb::arg("weights").noconvert().none(), nb::arg("loss").none(), nb::arg("huber_delta"), nb::arg("quantile"),
          nb::arg("penalty"), nb::arg("gradients"));
    m.def("diagnose", &diagnose_table, nb::arg("model"), nb::arg("table"), nb::arg("learning_rate").none(),
          nb::arg("rows_top"), nb::arg("allow_extra"));
    m.def("sensitivity", &sensitivity_table, nb::arg("model"), nb::arg("table"), nb::arg("repeats"), nb::arg("seed"),
          nb::arg("allow_extra"), nb::arg("threads"));
    m.def("explain_model", &explain_model, nb::arg("model"), nb::arg("table").none(), nb::arg("row"),
          nb::arg("settings"), nb::arg("components"), nb::arg("blank"), nb::arg("digits").none(),
          nb::arg("allow_extra"));
    m.def("explain_network", &explain_network, nb::arg("network"), nb::arg("loss").none(), nb::arg("huber_delta"),
          nb::arg("quantile"), nb::arg("settings"), nb::arg("components"), nb::arg("blank"), nb::arg("digits").none());
    m.def("report", &report_table, nb::arg("model"), nb::arg("table"), nb::arg("path").none(), nb::arg("rows_top"),
          nb::arg("certificate_rows"), nb::arg("seed"), nb::arg("allow_extra"), nb::arg("threads"));
}

}  // namespace handgrad::python
