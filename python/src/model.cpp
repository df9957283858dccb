// Models for Python: files, what they say of themselves, and what they answer for tables and single rows.
#include "python/src/model.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/export/onnx.hpp"
#include "handgrad/import/import.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/texts.hpp"
#include "handgrad/train/encoding.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/model_predictor.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"
#include "python/src/lookups.hpp"
#include "python/src/network.hpp"

namespace handgrad::python {
namespace {

PyModel load(const Path& path, bool allow_nonfinite) {
    const nb::gil_scoped_release others_may_run;
    Model model = load_model(path.name, allow_nonfinite);
    check_settings(model, path.name.string());
    return {std::move(model)};
}
/// The model of another program's network, and what was assumed for it.
std::pair<PyModel, std::vector<std::string>> import_foreign(const Path& path, const std::vector<std::string>& hidden,
                                                            const std::optional<std::string>& output,
                                                            std::optional<double> leaky_slope,
                                                            std::vector<std::string> inputs,
                                                            std::vector<std::string> targets) {
    imports::ImportOptions options{
        .leaky_slope = leaky_slope, .inputs = std::move(inputs), .targets = std::move(targets)};
    std::ranges::transform(hidden, std::back_inserter(options.hidden), activation_named);
    if (output) {
        options.output = activation_named(*output);
    }
    const nb::gil_scoped_release others_may_run;
    imports::Imported imported = imports::import_model(path.name.string(), options);
    return {{std::move(imported.model)}, std::move(imported.notices)};
}
PyModel from_bytes(const nb::bytes& bytes, const std::string& source) {
    Model model = parse_model({bytes.c_str(), bytes.size()}, source, true);
    check_settings(model, source);
    return {std::move(model)};
}
nb::bytes to_bytes(const PyModel& self) {
    const std::string bytes = serialize_model(self.model);
    return nb::bytes(bytes.data(), bytes.size());
}
void save(const PyModel& self, const Path& path) {
    const nb::gil_scoped_release others_may_run;
    save_model(path.name, self.model);
}

/// The paths of what was written.
nb::typed<nb::list, nb::str> to_onnx(const PyModel& self, const Path& path, bool raw, bool derivatives) {
    nb::list written;
    const std::filesystem::path& name = path.name;
    for (const exports::OnnxFile& file :
         exports::onnx(self.model, {.name = name.stem().string(), .raw = raw, .derivatives = derivatives})) {
        const std::filesystem::path to = name.parent_path() / (file.prefix + name.filename().string());
        write_file_atomically(to, file.bytes);
        written.append(to.string());
    }
    return written;
}

Network network_of(const PyModel& self) {
    return Network(std::visit([](const auto& net) -> AnyMlp { return net; }, self.model.net));
}

/// The same model with other weights, as many.
PyModel with_network(const PyModel& self, const Network& network) {
    Model model = self.model;
    if (network.architecture().sizes != model.architecture().sizes || network.is_double() != model.is_double()) {
        throw Error(ErrorKind::usage, "the network has not the shape and the dtype of the model's");
    }
    std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            std::ranges::copy(net.parameters(), std::get<BasicMlp<T>>(model.net).parameters().begin());
        },
        network.net());
    return {std::move(model)};
}

/// A network as a model, so that the program reads it: its inputs are columns as they stand, its outputs these targets,
/// or the probabilities of these classes.
PyModel model_of_network(const Network& network, const std::vector<std::string>& features,
                         const std::vector<std::string>& targets, const std::vector<std::string>& classes,
                         bool numeric_classes, const std::string& task, const std::string& loss, double weight_decay,
                         double huber_delta, double quantile, bool allow_nonfinite) {
    if (task == name(Task::classification) && classes.size() == 1) {
        throw Error(ErrorKind::usage, "'" + classes.front() + "' is the only class; a file tells two or more apart");
    }
    Preprocessing columns{.classes = classes, .numeric_classes = numeric_classes};
    for (const Task each : {Task::regression, Task::classification, Task::multilabel}) {
        if (task == name(each)) {
            columns.task = each;
        }
    }
    for (const std::string& feature : features) {
        columns.features.push_back({.name = feature});
    }
    for (const std::string& target : targets) {
        columns.targets.push_back({.name = target});
    }
    columns.one_output = columns.task == Task::classification && network.architecture().outputs() == 1;
    Model model{.net = network.net(),
                .loss = loss_named(loss, huber_delta, quantile),
                .weight_decay = weight_decay,
                .preprocessing = std::move(columns),
                .provenance = {{"handgrad", std::string(version)}}};
    return {parse_model(serialize_model(model), "the network",
                        allow_nonfinite)};  // what no reader would take is refused here
}

// --- What it says of itself ------------------------------------------------------------------------------------------

nb::object value_of(const SettingValue& value) {
    return std::visit(
        []<class V>(const V& given) -> nb::object {
            if constexpr (std::is_same_v<V, std::monostate>) {
                return nb::none();
            } else {
                return nb::cast(given);
            }
        },
        value);
}

List layers_of(const Architecture& shape) {
    List layers;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        Dict layer;
        layer["name"] = layer_name(l);
        layer["in"] = shape.sizes[l];
        layer["out"] = shape.sizes[l + 1];
        layer["activation"] = std::string(name(shape.activation(l)));
        layer["parameters"] = summary::parameters_of(shape, l);
        layers.append(layer);
    }
    return layers;
}

List columns_of(const Preprocessing& columns) {
    List result;
    for (const FeatureColumn& feature : columns.features) {
        Dict column;
        column["name"] = feature.name;
        column["kind"] = feature.categorical() ? "text" : "number";
        column["categories"] = feature.categories;
        column["impute"] = feature.impute ? nb::cast(*feature.impute) : nb::none();
        column["shift"] = feature.shift;
        column["scale"] = feature.scale;
        column["unit"] = feature.unit;
        result.append(column);
    }
    return result;
}

Dict history_of(const History& history) {
    Dict result;
    for (const std::string& name : history.columns) {
        result[name.c_str()] = array_of(history.column(name));
    }
    return result;
}

/// What inspect says.
Dict info(const PyModel& self) {
    const Model& model = self.model;
    Dict result;
    result["task"] = std::string(name(model.preprocessing.task));
    result["dtype"] = summary::dtype_name(model.is_double());
    result["layers"] = layers_of(model.architecture());
    result["parameters"] = std::visit([](const auto& net) { return net.parameters().size(); }, model.net);
    Dict loss;
    loss["name"] = std::string(name(model.loss.kind));
    loss["huber_delta"] = model.loss.huber_delta;
    loss["quantile"] = model.loss.quantile;
    loss["weight_decay"] = model.weight_decay;
    result["loss"] = loss;
    Dict conventions, targets, settings, provenance;
    for (const auto& [field, choice] : summary::describe_conventions(model.architecture().conventions)) {
        conventions[field.c_str()] = choice;
    }
    result["conventions"] = conventions;
    result["columns"] = columns_of(model.preprocessing);
    for (const TargetColumn& target : model.preprocessing.targets) {
        Dict scaling;
        scaling["shift"] = target.shift;
        scaling["scale"] = target.scale;
        targets[target.name.c_str()] = scaling;
    }
    result["targets"] = targets;
    result["classes"] = model.preprocessing.classes;
    result["weight"] = model.preprocessing.weight;
    for (const auto& [setting, value] : model.settings) {
        settings[setting.c_str()] = value_of(value);
    }
    result["settings"] = settings;
    for (const auto& [key, value] : model.provenance) {
        provenance[key.c_str()] = value;
    }
    result["provenance"] = provenance;
    result["parameters_hash"] = parameters_hash(model);
    return result;
}

std::vector<std::string> feature_names(const PyModel& self) {
    std::vector<std::string> names;
    for (const FeatureColumn& feature : self.model.preprocessing.features) {
        names.push_back(feature.name);
    }
    return names;
}

// --- What it answers -------------------------------------------------------------------------------------------------

ApplyOptions applying(bool allow_extra) { return {.labels = Labels::absent, .allow_extra = allow_extra}; }

Dict predict(const PyModel& self, const PyTable& table, bool allow_extra, std::size_t threads) {
    Prediction prediction;
    {
        const nb::gil_scoped_release others_may_run;
        prediction = handgrad::predict(self.model, table.table, applying(allow_extra), {.threads = threads});
    }
    Dict result;
    result["values"] = array_of(prediction.values);
    const NewArray<std::int64_t> classes = new_array<std::int64_t>({prediction.classes.size()});
    std::ranges::copy(prediction.classes, classes.data);
    result["classes"] = classes.array;
    result["probabilities"] = array_of(prediction.probabilities);
    result["scores"] = array_of(prediction.scores);
    result["are_probabilities"] = prediction.surprisals.columns() > 0;
    result["nonfinite"] = prediction.nonfinite;
    return result;
}

/// Lower and upper ends (rows × targets), or of each row a list of classes.
Dict intervals(const PyModel& self, const PyTable& table, double coverage, bool allow_extra, std::size_t threads) {
    Intervals made;
    {
        const nb::gil_scoped_release others_may_run;
        const Execution execution{.threads = threads};
        const Prediction prediction = handgrad::predict(self.model, table.table, applying(allow_extra), execution);
        made = handgrad::intervals(self.model, table.table, prediction, coverage, applying(allow_extra), execution);
    }
    Dict result;
    result["lower"] = array_of(made.lower);
    result["upper"] = array_of(made.upper);
    nb::list sets;
    for (const std::vector<std::uint32_t>& set : made.sets) {
        nb::list classes;
        for (const std::uint32_t c : set) {
            classes.append(c);
        }
        sets.append(classes);
    }
    result["sets"] = sets;
    return result;
}

Tuple jacobian(const PyModel& self, const PyTable& table, bool allow_extra, std::size_t threads) {
    Matrix<double> derivatives;
    {
        const nb::gil_scoped_release others_may_run;
        derivatives = jacobians(self.model, table.table, applying(allow_extra), {.threads = threads});
    }
    const std::size_t outputs = self.model.architecture().outputs(), inputs = self.model.architecture().inputs();
    return nb::make_tuple(array_of(derivatives, {derivatives.rows(), outputs, inputs}), output_names(self.model),
                          self.model.preprocessing.input_names());
}

/// Whole matrices from their upper triangles.
nb::any hessian(const PyModel& self, const PyTable& table, bool allow_extra, std::size_t threads) {
    Matrix<double> triangles;
    {
        const nb::gil_scoped_release others_may_run;
        triangles = hessians(self.model, table.table, applying(allow_extra), {.threads = threads});
    }
    const std::size_t K = self.model.architecture().outputs(), n = self.model.architecture().inputs();
    const NewArray<double> result = new_array<double>({triangles.rows(), K, n, n});
    const double* from = triangles.values().data();
    for (std::size_t matrix = 0; matrix < triangles.rows() * K; ++matrix) {
        double* to = result.data + matrix * n * n;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = i; j < n; ++j, ++from) {
                to[i * n + j] = to[j * n + i] = *from;
            }
        }
    }
    return result.array;
}

Dict encoded(const PyModel& self, const PyTable& table, bool allow_extra) {
    const EncodedTable encoded = encode(self.model, table.table, allow_extra);
    Dict result;
    std::visit(
        [&]<class T>(const BasicDataset<T>& data) {
            const auto copied = [](const Matrix<T>& from) {
                const NewArray<T> array = new_array<T>({from.rows(), from.columns()});
                std::ranges::copy(from.values(), array.data);
                return array.array;
            };
            result["x"] = copied(data.x);
            if (encoded.labelled()) {
                result["y"] = copied(data.y);
                const NewArray<T> weights = new_array<T>({data.weights.size()});
                std::ranges::copy(data.weights, weights.data);
                result["weights"] = weights.array;
            }
        },
        encoded.data);
    result["inputs"] = encoded.inputs;
    result["outputs"] = encoded.outputs;
    return result;
}

// --- One row ---------------------------------------------------------------------------------------------------------

/// A row of doubles by the buffer protocol, where it is one.
class RowBuffer {
public:
    explicit RowBuffer(nb::handle object) {
        held_ = PyObject_CheckBuffer(object.ptr()) != 0 &&
                PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
        if (!held_) {
            PyErr_Clear();
        }
    }
    RowBuffer(const RowBuffer&) = delete;
    RowBuffer& operator=(const RowBuffer&) = delete;
    ~RowBuffer() {
        if (held_) {
            PyBuffer_Release(&buffer_);
        }
    }
    [[nodiscard]] bool there() const {
        return held_ && buffer_.ndim == 1 && buffer_.format != nullptr && std::string_view(buffer_.format) == "d";
    }
    [[nodiscard]] std::span<const double> numbers() const {
        return {static_cast<const double*>(buffer_.buf), static_cast<std::size_t>(buffer_.shape[0])};
    }

private:
    Py_buffer buffer_{};
    bool held_ = false;
};

std::string_view utf8(nb::handle text) {
    Py_ssize_t size = 0;
    const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    if (bytes == nullptr) {
        throw nb::python_error();
    }
    return {bytes, static_cast<std::size_t>(size)};
}

/// A number, a text, or None for a missing value. Texts are looked into, not copied.
Cell cell_of(nb::handle object) {
    if (object.is_none()) {
        return {};
    }
    if (PyUnicode_Check(object.ptr())) {
        return utf8(object);
    }
    if (PyBool_Check(object.ptr())) {  // as it stands in a table
        return std::string_view(object.ptr() == Py_True ? "True" : "False");
    }
    const double number = PyFloat_AsDouble(object.ptr());
    if (PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        throw nb::type_error("a row has numbers, texts and None for a missing value, nothing else");
    }
    return number;
}

/// Calls `use` with the row: an array of float64, a list of cells, or a dict of cells by the names of their columns.
template <class Use>
decltype(auto) with_row(nb::handle row, Use&& use) {
    if (const RowBuffer plain(row); plain.there()) {
        return use(RawRow(plain.numbers()));
    }
    if (PyDict_Check(row.ptr())) {
        std::vector<NamedCell> cells;
        for (const auto& [name, value] : nb::borrow<nb::dict>(row)) {
            cells.push_back({utf8(name), cell_of(value)});
        }
        return use(RawRow(cells));
    }
    std::vector<nb::object> alive;
    std::vector<Cell> cells;
    for (nb::handle value : row) {
        alive.push_back(nb::borrow(value));
        cells.push_back(cell_of(value));
    }
    return use(RawRow(cells));
}

class RowPredictor {
public:
    explicit RowPredictor(const PyModel& model)
        : predictor_(model.model, {.threads = 1}), outputs_(predictor_.outputs().size()) {}

    /// ŷ of a model with one output as a number, else as an array.
    [[nodiscard]] nb::any predict(nb::handle row) const {
        return with_row(row, [&](const RawRow& cells) -> nb::any {
            if (outputs_ == 1) {
                return any(nb::float_(predictor_.predict(cells)));
            }
            const NewArray<double> yhat = new_array<double>({outputs_});
            predictor_.predict(cells, {yhat.data, outputs_});
            return yhat.array;
        });
    }
    [[nodiscard]] nb::str classify(nb::handle row) const {
        const Classified found = with_row(row, [&](const RawRow& cells) { return predictor_.classify(cells); });
        return nb::str(found.name.data(), found.name.size());
    }
    [[nodiscard]] nb::any probabilities(nb::handle row) const {
        const NewArray<double> result = new_array<double>({predictor_.classes().size()});
        with_row(row, [&](const RawRow& cells) {
            static_cast<void>(predictor_.classify(cells, {result.data, predictor_.classes().size()}));
        });
        return result.array;
    }
    [[nodiscard]] Tuple jacobian(nb::handle row) const {
        const std::size_t n = predictor_.inputs().size();
        const NewArray<double> yhat = new_array<double>({outputs_}), J = new_array<double>({outputs_, n});
        with_row(row, [&](const RawRow& cells) {
            predictor_.jacobian(cells, {yhat.data, outputs_}, MatrixView<double>(J.data, outputs_, n));
        });
        return nb::make_tuple(yhat.array, J.array);
    }
    [[nodiscard]] Tuple hessian(nb::handle row) const {
        const std::size_t n = predictor_.inputs().size();
        const NewArray<double> yhat = new_array<double>({outputs_}), H = new_array<double>({outputs_, n, n});
        with_row(row, [&](const RawRow& cells) {
            predictor_.hessian(cells, {yhat.data, outputs_}, {H.data, outputs_ * n * n});
        });
        return nb::make_tuple(yhat.array, H.array);
    }
    [[nodiscard]] std::vector<std::string> columns() const {
        return {predictor_.columns().begin(), predictor_.columns().end()};
    }
    [[nodiscard]] std::vector<std::string> outputs() const {
        return {predictor_.outputs().begin(), predictor_.outputs().end()};
    }
    [[nodiscard]] std::vector<std::string> inputs() const {
        return {predictor_.inputs().begin(), predictor_.inputs().end()};
    }

private:
    ModelPredictor predictor_;
    std::size_t outputs_;
};

constexpr auto row_doc =
    "row: an array of float64 with a number for each of `columns`, a list of numbers and texts (None where a value is "
    "missing), or a dict of them by column.";

void bind_row_predictor(nb::module_& m) {
    nb::class_<RowPredictor>(m, "Predictor",
                             "A model in use for one raw row at a time, fast: numbers and texts as in the table in, "
                             "values in the user's units out. May be called by several threads at once.")
        .def("predict", &RowPredictor::predict, nb::arg("row"),
             (std::string("yhat: a float of a model with one output, else an array (outputs,). ") + row_doc).c_str())
        .def("__call__", &RowPredictor::predict, nb::arg("row"), "As predict().")
        .def("classify", &RowPredictor::classify, nb::arg("row"), (std::string("The class. ") + row_doc).c_str())
        .def("predict_proba", &RowPredictor::probabilities, nb::arg("row"),
             (std::string("The probability of each class, (classes,). ") + row_doc).c_str())
        .def("jacobian", &RowPredictor::jacobian, nb::arg("row"),
             (std::string("yhat, (outputs,), and its derivatives by the inputs in the user's units, (outputs, inputs), "
                          "as `outputs` and `inputs` name them. ") +
              row_doc)
                 .c_str())
        .def("hessian", &RowPredictor::hessian, nb::arg("row"),
             (std::string("yhat, (outputs,), and its second derivatives by the inputs in the user's units, (outputs, "
                          "inputs, inputs). ") +
              row_doc)
                 .c_str())
        .def_prop_ro("columns", &RowPredictor::columns)
        .def_prop_ro("outputs", &RowPredictor::outputs)
        .def_prop_ro("inputs", &RowPredictor::inputs);
}

}  // namespace

Dict metrics_dict(const Metrics& metrics) {
    Dict result;
    for (const auto& [metric, value] : metrics) {
        result[metric.c_str()] = value;
    }
    return result;
}

nb::any array_of(MatrixView<const double> matrix) { return array_of(matrix, {matrix.rows(), matrix.columns()}); }
nb::any array_of(MatrixView<const double> matrix, std::vector<std::size_t> shape) {
    const NewArray<double> array = new_array<double>(std::move(shape));
    for (std::size_t i = 0; i < matrix.rows(); ++i) {
        std::ranges::copy(matrix.row(i), array.data + i * matrix.columns());
    }
    return array.array;
}
nb::any array_of(const std::vector<double>& numbers) {
    const NewArray<double> array = new_array<double>({numbers.size()});
    std::ranges::copy(numbers, array.data);
    return array.array;
}

void bind_model(nb::module_& m) {
    bind_row_predictor(m);
    nb::class_<PyModel>(m, "Model", "What was trained, and everything that its use needs.")
        .def("to_bytes", &to_bytes)
        .def("save", &save, nb::arg("path"))
        .def("to_onnx", &to_onnx, nb::arg("path"), nb::arg("raw"), nb::arg("derivatives"))
        .def("network", &network_of)
        .def("with_network", &with_network, nb::arg("network"))
        .def("info", &info)
        .def("text", [](const PyModel& self) { return summary::model_text(self.model, "model", ""); })
        .def("layers_text", [](const PyModel& self) { return summary::layer_table(self.model); })
        .def("history", [](const PyModel& self) { return history_of(self.model.history); })
        .def("note", [](PyModel& self, const std::string& key,
                        const std::string& value) { self.model.provenance[key] = value; })
        .def(
            "noted",
            [](const PyModel& self, const std::string& key) -> std::optional<std::string> {
                const auto found = self.model.provenance.find(key);
                if (found == self.model.provenance.end()) {
                    return std::nullopt;
                }
                return found->second;
            },
            nb::arg("key"))
        .def("predict", &predict, nb::arg("table"), nb::arg("allow_extra"), nb::arg("threads"))
        .def("intervals", &intervals, nb::arg("table"), nb::arg("coverage"), nb::arg("allow_extra"), nb::arg("threads"))
        .def("jacobian", &jacobian, nb::arg("table"), nb::arg("allow_extra"), nb::arg("threads"))
        .def("hessian", &hessian, nb::arg("table"), nb::arg("allow_extra"), nb::arg("threads"))
        .def("encode", &encoded, nb::arg("table"), nb::arg("allow_extra"))
        .def("predictor", [](const PyModel& self) { return RowPredictor(self); })
        .def_prop_ro("task", [](const PyModel& self) { return std::string(name(self.model.preprocessing.task)); })
        .def_prop_ro("classes", [](const PyModel& self) { return self.model.preprocessing.classes; })
        .def_prop_ro("numeric_classes", [](const PyModel& self) { return self.model.preprocessing.numeric_classes; })
        .def_prop_ro("targets", [](const PyModel& self) { return summary::target_names(self.model.preprocessing); })
        .def_prop_ro("features", &feature_names)
        .def_prop_ro("inputs", [](const PyModel& self) { return self.model.preprocessing.input_names(); })
        .def_prop_ro("dates", [](const PyModel& self) { return self.model.preprocessing.reading.date_columns; })
        .def_prop_ro("weight", [](const PyModel& self) { return self.model.preprocessing.weight; })
        .def_prop_ro("parameters_hash", [](const PyModel& self) { return parameters_hash(self.model); });
    m.def("load_model", &load, nb::arg("path"), nb::arg("allow_nonfinite"));
    m.def("import_model", &import_foreign, nb::arg("path"), nb::arg("hidden"), nb::arg("output").none(),
          nb::arg("leaky_slope").none(), nb::arg("inputs"), nb::arg("targets"));
    m.def("model_of_network", &model_of_network, nb::arg("network"), nb::arg("features"), nb::arg("targets"),
          nb::arg("classes"), nb::arg("numeric_classes"), nb::arg("task"), nb::arg("loss"), nb::arg("weight_decay"),
          nb::arg("huber_delta") = 1.0, nb::arg("quantile") = 0.5, nb::arg("allow_nonfinite") = false);
    m.def("parse_model", &from_bytes, nb::arg("bytes"), nb::arg("source"));
}

}  // namespace handgrad::python
