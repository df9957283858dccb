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

template <class T>
struct Steps;

/// The weights and biases of a network as arrays over its memory, by their names in files.
Dict arrays_of(const std::shared_ptr<AnyMlp>& memory);

/// Owns the parameters, which Python sees as arrays over this memory and may change at any time; so what is made ready
/// for inference remembers which numbers it was made from. Calls that find them changed make it anew.
class Network {
public:
    explicit Network(AnyMlp net) : net_(std::make_shared<AnyMlp>(std::move(net))) {}

    [[nodiscard]] AnyMlp& net() { return *net_; }
    [[nodiscard]] const AnyMlp& net() const { return *net_; }
    /// Arrays over the parameters share in it, so that they outlive the network.
    [[nodiscard]] const std::shared_ptr<AnyMlp>& memory() const { return net_; }
    [[nodiscard]] const Architecture& architecture() const;
    [[nodiscard]] bool is_double() const { return std::holds_alternative<BasicMlp<double>>(*net_); }

    /// What the five steps need, made when they are first taken.
    template <class T>
    Steps<T>& steps() {
        return *shared_steps<T>();
    }
    template <class T>
    const std::shared_ptr<Steps<T>>& shared_steps();

    /// Of the parameters as they are now. To be called with the interpreter's lock held.
    template <class T>
    BasicPredictor<T> predictor(Differentiable differentiable = Differentiable::yes);

private:
    template <class T>
    struct Ready {
        AlignedVector<T> parameters;
        BasicPredictor<T> predictor;
        Differentiable differentiable;
    };

    std::shared_ptr<AnyMlp> net_;
    std::variant<std::monostate, Ready<float>, Ready<double>> ready_;
    std::variant<std::shared_ptr<Steps<float>>, std::shared_ptr<Steps<double>>> steps_;
};

/// `float32` or `float64`. Raises Error(usage) for other names.
bool is_double(const std::string& dtype);

}  // namespace handgrad::python
