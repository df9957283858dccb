// A network of either precision, as Python holds it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/predictor.hpp"
#include "python/src/python.hpp"

namespace handgrad::python {

using AnyMlp = std::variant<BasicMlp<float>, BasicMlp<double>>;

/// Owns the parameters, which Python sees as arrays over this memory and may change at any time; so what is made ready
/// for inference remembers which numbers it was made from. Calls that find them changed make it anew.
class Network {
public:
    explicit Network(AnyMlp net) : net_(std::move(net)) {}

    [[nodiscard]] AnyMlp& net() { return net_; }
    [[nodiscard]] const AnyMlp& net() const { return net_; }
    [[nodiscard]] const Architecture& architecture() const;
    [[nodiscard]] bool is_double() const { return std::holds_alternative<BasicMlp<double>>(net_); }

    /// Of the parameters as they are now. To be called with the interpreter's lock held.
    template <class T>
    BasicPredictor<T> predictor();

private:
    template <class T>
    struct Ready {
        AlignedVector<T> parameters;
        BasicPredictor<T> predictor;
    };

    AnyMlp net_;
    std::variant<std::monostate, Ready<float>, Ready<double>> ready_;
};

/// `float32` or `float64`. Raises Error(usage) for other names.
bool is_double(const std::string& dtype);

}  // namespace handgrad::python
