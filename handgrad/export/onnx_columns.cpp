// The steps of data/row_encoder.* and train/decoding.hpp on whole columns: texts are strings here.
#include "handgrad/export/onnx_columns.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/export/onnx_network.hpp"

namespace handgrad::exports {
namespace {

using onnx::DataType;
const OnnxDimension batch = std::string("batch");

/// Columns of names: as they stand in the documentation of an output.
std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

/// The classes as whole numbers, where all are.
std::optional<std::vector<std::int64_t>> whole_numbers(const Preprocessing& columns) {
    std::vector<std::int64_t> numbers;
    for (const std::string& label : columns.classes) {
        std::int64_t number = 0;
        const auto [end, problem] = std::from_chars(label.data(), label.data() + label.size(), number);
        if (!columns.numeric_classes || problem != std::errc{} || end != label.data() + label.size()) {
            return std::nullopt;
        }
        numbers.push_back(number);
    }
    return numbers;
}

template <class T>
class Columns {
public:
    Columns(OnnxGraph& graph, const Model& model, const BasicMlp<T>& net)
        : graph_(graph), columns_(model.preprocessing), net_(net), output_(net.architecture().output) {}

    void add() {
        declare_inputs();
        const bool classes = columns_.task == Task::classification;
        const std::optional<std::vector<std::int64_t>> numbers = whole_numbers(columns_);
        const std::string label =
            classes ? graph_.output("label", numbers ? DataType::int64 : DataType::text, {batch}) : "";
        const std::string answer = declare_answer();
        const std::string x = encoded();
        OnnxNetwork<T> network(graph_, net_, x);
        if (!classes) {
            columns_.task == Task::regression ? in_user_units(network, answer) : shares_of_yes(network, answer);
            return;
        }
        add_label(network, numbers, label);
        probabilities(network, answer);
    }

private:
    void declare_inputs() {
        for (const FeatureColumn& feature : columns_.features) {
            const std::string date = date_column_of(feature.name, columns_.reading.date_columns);
            if (date != feature.name) {
                throw Error(ErrorKind::usage, "column '" + date +
                                                  "' holds dates, which ONNX does not read; train on a table in which "
                                                  "it is numbers, or export the network alone");
            }
            const DataType type = feature.categorical() ? DataType::text : DataType::float64;
            inputs_.push_back(graph_.input(feature.name, type, {batch, std::size_t{1}}));
        }
    }

    std::string declare_answer() {
        std::vector<std::string> targets;
        for (const TargetColumn& target : columns_.targets) {
            targets.push_back(target.name);
        }
        if (columns_.task != Task::classification) {
            return graph_.output(columns_.task == Task::regression ? "prediction" : "probabilities", DataType::float64,
                                 {batch, targets.size()}, listed(targets));
        }
        if (output_ == Activation::sigmoid || output_ == Activation::softmax) {
            return graph_.output("probabilities", DataType::float64, {batch, columns_.classes.size()},
                                 listed(columns_.classes));
        }
        return graph_.output("outputs", DataType::float64, {batch, net_.outputs()});
    }

    std::string joined(const std::vector<std::string>& parts) {
        return parts.size() == 1 ? parts.front() : graph_.node("Concat", parts, {{"axis", std::int64_t{1}}});
    }
    std::string cast(const std::string& tensor, DataType type) {
        return graph_.node("Cast", {tensor}, {{"to", static_cast<std::int64_t>(type)}});
    }

    /// (x − shift)/scale in double of neighbouring columns of numbers, then as the network's numbers.
    std::string numbers(std::size_t first, std::size_t end) {
        std::vector<double> missing, shifts, scales;
        bool imputed = false;
        for (std::size_t c = first; c < end; ++c) {
            const FeatureColumn& feature = columns_.features[c];
            missing.push_back(feature.impute.value_or(std::numeric_limits<double>::quiet_NaN()));
            imputed = imputed || feature.impute;
            shifts.push_back(feature.shift);
            scales.push_back(feature.scale);
        }
        const std::vector<std::size_t> shape{end - first};
        std::string x = joined(
            {inputs_.begin() + static_cast<std::ptrdiff_t>(first), inputs_.begin() + static_cast<std::ptrdiff_t>(end)});
        if (imputed) {
            x = graph_.node("Where", {graph_.node("IsNaN", {x}), graph_.doubles("missing", shape, missing), x});
        }
        x = graph_.node("Sub", {x, graph_.doubles("shift", shape, shifts)});
        x = graph_.node("Div", {x, graph_.doubles("scale", shape, scales)});
        return sizeof(T) == sizeof(double) ? x : cast(x, graph_.numbers());
    }

    /// 0 and 1 of each category; the operator fails on a text that it does not know, unless that is to be passed over.
    std::string one_hot(std::size_t c) {
        const FeatureColumn& feature = columns_.features[c];
        std::vector<std::string> texts = feature.categories;
        if (!feature.missing_as.empty()) {
            texts.back().clear();
        }
        const auto count = static_cast<std::int64_t>(texts.size());
        const std::int64_t pass_over = columns_.unknown == Unknown::ignore ? 1 : 0;
        const std::string hot =
            graph_.node("OneHotEncoder", {inputs_[c]}, {{"cats_strings", texts}, {"zeros", pass_over}});
        const std::string rows = graph_.node("Reshape", {hot, graph_.integers("shape", {-1, count})});
        return sizeof(T) == sizeof(double) ? cast(rows, graph_.numbers()) : rows;
    }

    std::string encoded() {
        std::vector<std::string> parts;
        for (std::size_t c = 0; c < columns_.features.size();) {
            if (columns_.features[c].categorical()) {
                parts.push_back(one_hot(c));
                ++c;
                continue;
            }
            const std::size_t first = c;
            while (c < columns_.features.size() && !columns_.features[c].categorical()) {
                ++c;
            }
            parts.push_back(numbers(first, c));
        }
        return joined(parts);
    }

    std::string in_double(const std::string& tensor) {
        return sizeof(T) == sizeof(double) ? tensor : cast(tensor, DataType::float64);
    }

    /// y · scale + shift
    void in_user_units(OnnxNetwork<T>& network, const std::string& answer) {
        std::vector<double> shifts, scales;
        for (const TargetColumn& target : columns_.targets) {
            shifts.push_back(target.shift);
            scales.push_back(target.scale);
        }
        const std::string y = in_double(network.outputs());
        const std::string scaled = graph_.node("Mul", {y, graph_.doubles("target_scale", {scales.size()}, scales)});
        graph_.node("Add", {scaled, graph_.doubles("target_shift", {shifts.size()}, shifts)}, {}, answer);
    }

    void shares_of_yes(OnnxNetwork<T>& network, const std::string& answer) {
        if (output_ == Activation::sigmoid) {
            graph_.node("Sigmoid", {in_double(network.logits())}, {}, answer);
        } else {
            graph_.node("Identity", {in_double(network.outputs())}, {}, answer);
        }
    }

    void add_label(OnnxNetwork<T>& network, const std::optional<std::vector<std::int64_t>>& numbers,
                   const std::string& label) {
        const std::string classes =
            numbers ? graph_.integers("classes", *numbers) : graph_.texts("classes", columns_.classes);
        const std::string y = network.outputs();
        std::string best;
        if (columns_.one_output) {
            const std::string positive = graph_.node("Less", {graph_.number(0.5), y});
            best = graph_.node("Reshape", {cast(positive, DataType::int64), graph_.integers("shape", {-1})});
        } else {
            best = graph_.node("ArgMax", {y}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
        }
        graph_.node("Gather", {classes, best}, {}, label);
    }

    /// In double from the logits, where nothing of them is lost.
    void probabilities(OnnxNetwork<T>& network, const std::string& answer) {
        const OnnxAttribute axis{"axis", std::int64_t{1}};
        if (output_ == Activation::softmax) {
            graph_.node("Softmax", {in_double(network.logits())}, {axis}, answer);
            return;
        }
        if (output_ != Activation::sigmoid) {
            graph_.node("Identity", {in_double(network.outputs())}, {}, answer);
            return;
        }
        const std::string z = in_double(network.logits()), p = graph_.node("Sigmoid", {z});
        if (columns_.one_output) {
            graph_.node("Concat", {graph_.node("Sigmoid", {graph_.node("Neg", {z})}), p}, {axis}, answer);
            return;
        }
        const std::size_t count = net_.outputs();
        const std::vector<double> ones(count, 1.0);
        const std::string sum = graph_.node("MatMul", {p, graph_.doubles("ones", {count, 1}, ones)});
        const std::string nothing = graph_.node("Less", {sum, graph_.number(smallest, DataType::float64)});
        const std::string alike = graph_.number(1.0 / static_cast<double>(count), DataType::float64);
        graph_.node("Where", {nothing, alike, graph_.node("Div", {p, sum})}, {}, answer);
    }

    static constexpr double smallest = std::numeric_limits<double>::denorm_min();

    OnnxGraph& graph_;
    const Preprocessing& columns_;
    const BasicMlp<T>& net_;
    Activation output_;
    std::vector<std::string> inputs_;
};

}  // namespace

template <class T>
void add_model_of_columns(OnnxGraph& graph, const Model& model, const BasicMlp<T>& net) {
    Columns<T>(graph, model, net).add();
}

template void add_model_of_columns(OnnxGraph&, const Model&, const BasicMlp<float>&);
template void add_model_of_columns(OnnxGraph&, const Model&, const BasicMlp<double>&);

}  // namespace handgrad::exports
