// One graph for the model, and one for each kind of derivative.
#include "handgrad/export/onnx.hpp"

#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/export/onnx_columns.hpp"
#include "handgrad/export/onnx_graph.hpp"
#include "handgrad/export/onnx_network.hpp"

namespace handgrad::exports {
namespace {

void check(const Model& model, const OnnxOptions& options) {
    const std::vector<std::size_t>& sizes = model.architecture().sizes;
    if (options.raw && options.derivatives) {
        throw Error(ErrorKind::usage,
                    "the graphs of derivatives are of the network's own inputs and outputs, the model would be of "
                    "columns and the user's units; write them in two calls");
    }
    constexpr std::size_t most_bytes = std::size_t{1} << 31;
    const std::size_t weights = std::visit([](const auto& net) { return net.parameters().size_bytes(); }, model.net);
    if (weights >= most_bytes) {
        throw Error(ErrorKind::usage,
                    "its weights are " + std::to_string(weights) + " bytes; a file of ONNX holds less than 2147483648");
    }
    const bool columns_fit =
        sizes.front() == model.preprocessing.inputs() && sizes.back() == model.preprocessing.outputs();
    if (options.raw && !columns_fit) {
        throw Error(ErrorKind::usage, "the network has " + std::to_string(sizes.front()) + " inputs and " +
                                          std::to_string(sizes.back()) + " outputs, the model's columns make " +
                                          std::to_string(model.preprocessing.inputs()) + " and " +
                                          std::to_string(model.preprocessing.outputs()));
    }
}

/// The files of one network. CasADi stands several directions of a row side by side, and finds their number by itself;
/// the axes are called by what there are so many of.
template <class T>
class OnnxModel {
public:
    OnnxModel(const Model& model, const BasicMlp<T>& net, const OnnxOptions& options)
        : model_(model), net_(net), options_(options) {}

    std::vector<OnnxFile> files() {
        if (options_.raw) {
            OnnxGraph graph(options_.name, numbers);
            add_model_of_columns(graph, model_, net_);
            return {file("", graph)};
        }
        std::vector<OnnxFile> files{network()};
        if (options_.derivatives) {
            files.push_back(jacobian());
            files.push_back(forward());
            files.push_back(adjoint());
            files.push_back(hessian());
        }
        return files;
    }

private:
    static constexpr onnx::DataType numbers =
        sizeof(T) == sizeof(double) ? onnx::DataType::float64 : onnx::DataType::float32;

    OnnxFile file(const std::string& prefix, const OnnxGraph& graph) const {
        return {prefix, graph.bytes({{"handgrad.parameters", parameters_hash(net_)}})};
    }
    [[nodiscard]] OnnxGraph graph(const std::string& prefix) const { return {prefix + options_.name, numbers}; }
    static std::string input(OnnxGraph& graph, const std::string& name, OnnxDimension rows, OnnxDimension columns) {
        return graph.input(name, numbers, {std::move(rows), std::move(columns)});
    }
    static std::string output(OnnxGraph& graph, const std::string& name, OnnxDimension rows, OnnxDimension columns) {
        return graph.output(name, numbers, {std::move(rows), std::move(columns)});
    }

    OnnxFile network() {
        OnnxGraph made = graph("");
        const std::string x = input(made, "x", "batch", net_.inputs());
        const std::string yhat = output(made, "yhat", "batch", net_.outputs());
        OnnxNetwork<T>(made, net_, x, yhat).outputs();
        return file("", made);
    }
    OnnxFile jacobian() {
        OnnxGraph made = graph("jac_");
        const std::string x = input(made, "x", "batch", net_.inputs());
        const std::string to = output(made, "jac_yhat_x", "batch_outputs", net_.inputs());
        OnnxNetwork<T>(made, net_, x).jacobian(to);
        return file("jac_", made);
    }
    OnnxFile forward() {
        OnnxGraph made = graph("fwd_");
        const std::string x = input(made, "x", "batch", net_.inputs());
        const std::string d = input(made, "fwd_x", "batch", "nfwd_inputs");
        const std::string to = output(made, "fwd_yhat", "batch", "nfwd_outputs");
        OnnxNetwork<T>(made, net_, x).forward(d, to);
        return file("fwd_", made);
    }
    OnnxFile adjoint() {
        OnnxGraph made = graph("adj_");
        const std::string x = input(made, "x", "batch", net_.inputs());
        const std::string v = input(made, "adj_yhat", "batch", "nadj_outputs");
        const std::string to = output(made, "adj_x", "batch", "nadj_inputs");
        OnnxNetwork<T>(made, net_, x).adjoint(v, to);
        return file("adj_", made);
    }
    OnnxFile hessian() {
        OnnxGraph made = graph("jac_adj_");
        const std::string x = input(made, "x", "batch", net_.inputs());
        const std::string v = input(made, "adj_yhat", "batch", net_.outputs());
        const std::string to = output(made, "jac_adj_x_x", "batch_inputs", net_.inputs());
        const std::string transposed = output(made, "jac_adj_x_adj_yhat", "batch_inputs", net_.outputs());
        OnnxNetwork<T>(made, net_, x).hessian(v, to, transposed);
        return file("jac_adj_", made);
    }

    const Model& model_;
    const BasicMlp<T>& net_;
    OnnxOptions options_;
};

}  // namespace

std::vector<OnnxFile> onnx(const Model& model, const OnnxOptions& options) {
    check(model, options);
    return std::visit([&]<class T>(const BasicMlp<T>& net) { return OnnxModel<T>(model, net, options).files(); },
                      model.net);
}

}  // namespace handgrad::exports
