// The network for Python: its parameters as arrays that share its memory, and what it answers.
#include "python/src/network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "handgrad/base/error.hpp"
#include "handgrad/train/metrics.hpp"
#include "python/src/buffer.hpp"
#include "python/src/lookups.hpp"
#include "python/src/steps.hpp"

namespace handgrad::python {
namespace {

Architecture architecture_of(const std::vector<std::size_t>& sizes, const std::vector<std::string>& hidden,
                             const std::string& output, const std::string& convention, double leaky_slope) {
    Architecture shape{.sizes = sizes,
                       .output = activation_named(output),
                       .leaky_slope = leaky_slope,
                       .conventions = conventions_named(convention)};
    if (hidden.size() == 1) {
        shape.hidden = activation_named(hidden.front());
    } else {
        for (const std::string& name : hidden) {
            shape.each_hidden.push_back(activation_named(name));
        }
    }
    shape.check();
    return shape;
}

AnyMlp make_net(const Architecture& shape, const std::string& dtype, std::optional<std::uint64_t> seed) {
    const auto make = [&]<class T>(T /*number*/) -> AnyMlp {
        return seed ? BasicMlp<T>::random(shape, *seed) : BasicMlp<T>::zeros(shape);
    };
    if (is_double(dtype)) {
        return make(0.0);
    }
    return make(0.0F);
}

/// A capsule that keeps the parameters where they are.
nb::capsule share_of(const std::shared_ptr<AnyMlp>& memory) {
    return {new std::shared_ptr<AnyMlp>(memory),
            [](void* share) noexcept { delete static_cast<std::shared_ptr<AnyMlp>*>(share); }};
}

/// All parameters, one after the other, as an array over the same memory.
nb::any flat(const Network& self) {
    return std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            const std::span<T> numbers = net.parameters();
            return any(nb::ndarray<nb::numpy, T>(numbers.data(), {numbers.size()}, share_of(self.memory())).cast());
        },
        *self.memory());
}

template <class T>
void require(const Network& network, std::size_t columns) {
    if (!std::holds_alternative<BasicMlp<T>>(network.net())) {
        throw nb::type_error("the array has not the dtype of the network");
    }
    if (columns != network.architecture().inputs()) {
        throw Error(ErrorKind::usage, "x has " + std::to_string(columns) + " columns, the network takes " +
                                          std::to_string(network.architecture().inputs()));
    }
}

template <class T>
bool all_finite(std::span<const T> numbers) {
    // x − x is 0 for finite numbers and NaN for all others, and a sum of such is 0 or NaN: no branch in the loop.
    T sum = 0;
    for (const T number : numbers) {
        sum += number - number;
    }
    return sum == T(0);
}

/// Rows as they are given, and what answers for them.
template <class T>
struct Asked {
    Asked(Network& network, RowsBuffer<T> given, Differentiable differentiable = Differentiable::yes)
        : rows(std::move(given)), x(rows.view()) {
        require<T>(network, x.columns());
        predictor.emplace(network.predictor<T>(differentiable));
    }
    RowsBuffer<T> rows;
    MatrixView<const T> x;
    std::optional<BasicPredictor<T>> predictor;
    [[nodiscard]] std::size_t inputs() const { return x.columns(); }
    [[nodiscard]] std::size_t outputs() const { return predictor->outputs(); }
};

/// Calls `answer` with the rows in the network's precision.
template <class Answer>
nb::any answered(Network& network, nb::handle x, Answer&& answer, Differentiable differentiable = Differentiable::yes) {
    return std::visit(
        [&]<class T>(BasicMlp<T>&) { return answer(Asked<T>(network, rows_of<T>(x, "x"), differentiable)); },
        network.net());
}

template <class T>
nb::any outputs_of(const Asked<T>& asked) {
    const NewArray<T> result = new_array<T>({asked.x.rows(), asked.outputs()});
    {
        const nb::gil_scoped_release others_may_run;
        asked.predictor->predict(asked.x, MatrixView<T>(result.data, asked.x.rows(), asked.outputs()));
    }
    return result.array;
}

nb::any outputs(Network& network, nb::handle x) {
    return answered(network, x, []<class T>(const Asked<T>& asked) { return outputs_of(asked); });
}

/// The outputs for rows that need no look by anybody else: of the network's dtype and width, in C order, all finite.
/// None where they are anything else.
nb::any outputs_if_plain(Network& network, nb::handle x) {
    return std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            RowsBuffer<T> rows(x);
            if (!rows.there() || rows.view().columns() != net.inputs() || rows.view().rows() == 0 ||
                !all_finite<T>({rows.view().data(), rows.view().rows() * net.inputs()})) {
                return any(nb::none());
            }
            return outputs_of(Asked<T>(network, std::move(rows)));
        },
        network.net());
}

nb::any jacobians(Network& network, nb::handle x) {
    return answered(network, x, []<class T>(const Asked<T>& asked) {
        const std::size_t rows = asked.x.rows(), K = asked.outputs(), n = asked.inputs();
        const NewArray<T> result = new_array<T>({rows, K, n});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(rows, K);
            asked.predictor->jacobian(asked.x, yhat.view(), MatrixView<T>(result.data, rows, K * n));
        }
        return result.array;
    });
}

/// v ∂ŷ/∂x, v (rows × K).
nb::any vector_jacobian(Network& network, nb::handle x, nb::handle v) {
    return answered(network, x, [&]<class T>(const Asked<T>& asked) {
        const RowsBuffer<T> of_outputs = rows_of<T>(v, "v");
        const MatrixView<const T> v_rows = of_outputs.view();
        const NewArray<T> result = new_array<T>({asked.x.rows(), asked.inputs()});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(asked.x.rows(), asked.outputs());
            asked.predictor->vector_jacobian(asked.x, v_rows, yhat.view(),
                                             MatrixView<T>(result.data, asked.x.rows(), asked.inputs()));
        }
        return result.array;
    });
}

/// ∂ŷ/∂x u, u (rows × n).
nb::any jacobian_vector(Network& network, nb::handle x, nb::handle u) {
    return answered(network, x, [&]<class T>(const Asked<T>& asked) {
        const RowsBuffer<T> of_inputs = rows_of<T>(u, "u");
        const MatrixView<const T> u_rows = of_inputs.view();
        const NewArray<T> result = new_array<T>({asked.x.rows(), asked.outputs()});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(asked.x.rows(), asked.outputs());
            asked.predictor->jacobian_vector(asked.x, u_rows, yhat.view(),
                                             MatrixView<T>(result.data, asked.x.rows(), asked.outputs()));
        }
        return result.array;
    });
}

/// ∂²ŷ/∂x².
nb::any hessians(Network& network, nb::handle x) {
    const auto answer = []<class T>(const Asked<T>& asked) {
        const std::size_t rows = asked.x.rows(), K = asked.outputs(), n = asked.inputs();
        const NewArray<T> result = new_array<T>({rows, K, n, n});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(rows, K);
            asked.predictor->hessian(asked.x, yhat.view(), MatrixView<T>(result.data, rows, K * n * n));
        }
        return result.array;
    };
    return answered(network, x, answer, Differentiable::twice);
}

/// ∂²(v ŷ)/∂x², v (rows × K).
nb::any weighted_hessians(Network& network, nb::handle x, nb::handle v) {
    const auto answer = [&]<class T>(const Asked<T>& asked) {
        const RowsBuffer<T> of_outputs = rows_of<T>(v, "v");
        const MatrixView<const T> v_rows = of_outputs.view();
        const std::size_t rows = asked.x.rows(), n = asked.inputs();
        const NewArray<T> result = new_array<T>({rows, n, n});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(rows, asked.outputs());
            asked.predictor->weighted_hessian(asked.x, v_rows, yhat.view(), MatrixView<T>(result.data, rows, n * n));
        }
        return result.array;
    };
    return answered(network, x, answer, Differentiable::twice);
}

/// ∂²(v ŷ)/∂x² u, v (rows × K), u (rows × n).
nb::any hessian_vector(Network& network, nb::handle x, nb::handle v, nb::handle u) {
    const auto answer = [&]<class T>(const Asked<T>& asked) {
        const RowsBuffer<T> of_outputs = rows_of<T>(v, "v"), of_inputs = rows_of<T>(u, "u");
        const MatrixView<const T> v_rows = of_outputs.view(), u_rows = of_inputs.view();
        const NewArray<T> result = new_array<T>({asked.x.rows(), asked.inputs()});
        {
            const nb::gil_scoped_release others_may_run;
            Matrix<T> yhat(asked.x.rows(), asked.outputs());
            asked.predictor->hessian_vector(asked.x, v_rows, u_rows, yhat.view(),
                                            MatrixView<T>(result.data, asked.x.rows(), asked.inputs()));
        }
        return result.array;
    };
    return answered(network, x, answer, Differentiable::twice);
}

// --- Scores of a validation set, as scikit-learn's estimators define theirs -----------------------------------------

/// r2_score of one output: NaN of the library, where all targets are alike, is 1 where they are met and else 0.
template <class T>
double r2(MatrixView<const T> yhat, MatrixView<const T> y, std::size_t output, std::span<const double> weights) {
    Matrix<double> predicted(y.rows(), 1), target(y.rows(), 1);
    bool met = true;
    for (std::size_t i = 0; i < y.rows(); ++i) {
        predicted(i, 0) = static_cast<double>(yhat(i, output));
        target(i, 0) = static_cast<double>(y(i, output));
        met = met && predicted(i, 0) == target(i, 0);
    }
    const double score = regression_metrics(predicted.view(), target.view(), weights).front().second;
    if (!std::isnan(score)) {
        return score;
    }
    return met ? 1.0 : 0.0;
}

/// The place of the largest, the first of equals.
template <class T>
std::size_t largest(std::span<const T> row) {
    return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

/// Whether a row's classes are those of its targets: several labels each by itself, one class of several, or yes or no.
template <class T>
bool right(std::span<const T> yhat, std::span<const T> y, bool several_labels) {
    if (yhat.size() > 1 && !several_labels) {
        return largest(yhat) == largest(y);
    }
    for (std::size_t k = 0; k < y.size(); ++k) {
        if ((yhat[k] > T(0.5)) != (y[k] > T(0.5))) {
            return false;
        }
    }
    return true;
}

template <class T>
double score(Network& network, const Rows<T>& x, const Rows<T>& y, const std::optional<Numbers<double>>& weights,
             const std::string& kind) {
    require<T>(network, x.shape(1));
    const BasicPredictor<T> predictor = network.predictor<T>();
    if (y.shape(0) != x.shape(0) || y.shape(1) != predictor.outputs() || (weights && weights->shape(0) != x.shape(0))) {
        throw Error(ErrorKind::usage, "validation: y and the weights must have the rows of x, and y the " +
                                          std::to_string(predictor.outputs()) + " outputs of the network");
    }
    const nb::gil_scoped_release others_may_run;
    Matrix<T> yhat(x.shape(0), predictor.outputs());
    predictor.predict(view(x), yhat.view());
    const std::span<const T> numbers = yhat.values();
    if (!all_finite<T>(numbers)) {
        return std::nan("");
    }
    const std::span<const double> of_rows = weights ? view(*weights) : std::span<const double>{};
    double sum = 0.0, total = 0.0;
    if (kind == "r2") {
        for (std::size_t k = 0; k < yhat.columns(); ++k) {
            sum += r2<T>(yhat.view(), view(y), k, of_rows);
        }
        return sum / static_cast<double>(yhat.columns());
    }
    for (std::size_t i = 0; i < yhat.rows(); ++i) {
        const double weight = of_rows.empty() ? 1.0 : of_rows[i];
        const MatrixView<const T> outputs_of = yhat.view();
        sum += right<T>(outputs_of.row(i), view(y).row(i), kind == "labels") ? weight : 0.0;
        total += weight;
    }
    return sum / total;
}

// --- To be pickled: the shape as a dict, the numbers as bytes --------------------------------------------------------

Dict described(const Network& network) {
    const Architecture& shape = network.architecture();
    nb::list hidden;
    for (std::size_t layer = 0; layer + 1 < shape.layers(); ++layer) {
        hidden.append(std::string(name(shape.activation(layer))));
    }
    Dict result;
    result["sizes"] = nb::cast(shape.sizes);
    result["hidden"] = hidden;
    result["output"] = std::string(name(shape.output));
    result["convention"] = std::string(shape.conventions.name);
    result["leaky_slope"] = shape.leaky_slope;
    result["dtype"] = network.is_double() ? "float64" : "float32";
    return result;
}

nb::bytes bytes_of(const Network& network) {
    return std::visit(
        []<class T>(const BasicMlp<T>& net) {
            return nb::bytes(reinterpret_cast<const char*>(net.parameters().data()),
                             net.parameters().size() * sizeof(T));
        },
        network.net());
}

void fill(Network& network, const nb::bytes& bytes) {
    std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            if (bytes.size() != net.parameters().size() * sizeof(T)) {
                throw Error(ErrorKind::usage, "the pickled parameters are not as many as the network has");
            }
            std::memcpy(net.parameters().data(), bytes.c_str(), bytes.size());
        },
        network.net());
}

void restore(Network& network, const std::pair<Dict, nb::bytes>& state) {
    const Dict& d = state.first;
    const Architecture shape = architecture_of(
        nb::cast<std::vector<std::size_t>>(d["sizes"]), nb::cast<std::vector<std::string>>(d["hidden"]),
        nb::cast<std::string>(d["output"]), nb::cast<std::string>(d["convention"]), nb::cast<double>(d["leaky_slope"]));
    new (&network) Network(make_net(shape, nb::cast<std::string>(d["dtype"]), std::nullopt));
    fill(network, state.second);
}

}  // namespace

Dict arrays_of(const std::shared_ptr<AnyMlp>& memory) {
    Dict result;
    const nb::capsule owner = share_of(memory);
    std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            for (std::size_t layer = 0; layer < net.layers(); ++layer) {
                const MatrixView<T> W = net.weight(layer);
                const std::span<T> b = net.bias(layer);
                result[weight_name(layer).c_str()] =
                    nb::ndarray<nb::numpy, T>(W.data(), {W.rows(), W.columns()}, owner).cast();
                result[bias_name(layer).c_str()] = nb::ndarray<nb::numpy, T>(b.data(), {b.size()}, owner).cast();
            }
        },
        *memory);
    return result;
}

const Architecture& Network::architecture() const {
    return std::visit([](const auto& net) -> const Architecture& { return net.architecture(); }, *net_);
}

template <class T>
BasicPredictor<T> Network::predictor(Differentiable differentiable) {
    const auto& net = std::get<BasicMlp<T>>(*net_);
    const std::span<const T> now = net.parameters();
    auto* ready = std::get_if<Ready<T>>(&ready_);
    // Bit by bit: a NaN is what it was, and -0 is not 0.
    const bool current = ready != nullptr && std::memcmp(ready->parameters.data(), now.data(), now.size_bytes()) == 0;
    if (!current || ready->differentiable < differentiable) {
        ready = &ready_.template emplace<Ready<T>>(AlignedVector<T>(now.begin(), now.end()),
                                                   BasicPredictor<T>(net, {}, differentiable), differentiable);
    }
    return ready->predictor;
}
template <class T>
const std::shared_ptr<Steps<T>>& Network::shared_steps() {
    auto* steps = std::get_if<std::shared_ptr<Steps<T>>>(&steps_);
    if (steps == nullptr || *steps == nullptr) {
        steps_ = std::make_shared<Steps<T>>(std::get<BasicMlp<T>>(*net_));
        steps = std::get_if<std::shared_ptr<Steps<T>>>(&steps_);
    }
    return *steps;
}
template const std::shared_ptr<Steps<float>>& Network::shared_steps();
template const std::shared_ptr<Steps<double>>& Network::shared_steps();
template BasicPredictor<float> Network::predictor(Differentiable);
template BasicPredictor<double> Network::predictor(Differentiable);

bool is_double(const std::string& dtype) {
    if (dtype != "float32" && dtype != "float64") {
        throw Error(ErrorKind::usage, "dtype '" + dtype + "' is neither float32 nor float64");
    }
    return dtype == "float64";
}

void bind_network(nb::module_& m) {
    nb::class_<Network>(m, "Network", "A network and its parameters.")
        .def(
            "__init__",
            [](Network* self, const std::vector<std::size_t>& sizes, const std::vector<std::string>& hidden,
               const std::string& output, const std::string& convention, double leaky_slope, const std::string& dtype,
               std::optional<std::uint64_t> seed) {
                new (self)
                    Network(make_net(architecture_of(sizes, hidden, output, convention, leaky_slope), dtype, seed));
            },
            nb::arg("sizes"), nb::arg("hidden"), nb::arg("output"), nb::arg("convention"), nb::arg("leaky_slope"),
            nb::arg("dtype"), nb::arg("seed").none())
        .def("arrays", [](const Network& self) { return arrays_of(self.memory()); })
        .def("flat", &flat)
        .def("described", &described)
        .def("outputs", &outputs, nb::arg("x"))
        .def("outputs_if_plain", &outputs_if_plain, nb::arg("x"))
        .def("jacobians", &jacobians, nb::arg("x"))
        .def("vector_jacobian", &vector_jacobian, nb::arg("x"), nb::arg("v"))
        .def("jacobian_vector", &jacobian_vector, nb::arg("x"), nb::arg("u"))
        .def("hessians", &hessians, nb::arg("x"))
        .def("weighted_hessians", &weighted_hessians, nb::arg("x"), nb::arg("v"))
        .def("hessian_vector", &hessian_vector, nb::arg("x"), nb::arg("v"), nb::arg("u"))
        .def("score", &score<float>, nb::arg("x").noconvert(), nb::arg("y").noconvert(),
             nb::arg("weights").noconvert().none(), nb::arg("kind"))
        .def("score", &score<double>, nb::arg("x").noconvert(), nb::arg("y").noconvert(),
             nb::arg("weights").noconvert().none(), nb::arg("kind"))
        .def_prop_ro("dtype", [](const Network& self) { return self.is_double() ? "float64" : "float32"; })
        .def("__copy__", [](const Network& self) { return Network(self.net()); })
        .def("__deepcopy__", [](const Network& self, const Dict& /*memo*/) { return Network(self.net()); })
        .def("__getstate__", [](const Network& self) { return std::pair(described(self), bytes_of(self)); })
        .def("__setstate__", &restore);
}

}  // namespace handgrad::python
