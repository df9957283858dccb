// The counting number, and the formulas run on it.
#include "handgrad/measure/operations.hpp"

#include <charconv>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/updates.hpp"

namespace handgrad::measure {
namespace {

thread_local Operations counted;

/// A number without a value: no formula asks for one. It stands for a float.
struct Counting {
    using Scalar = float;
    struct Condition {};

    Counting() = default;
    template <class U>
    requires std::is_arithmetic_v<U>
    explicit Counting(U /*value*/) {}

    static Counting after(double flops, double instructions, double products = 0) {
        counted.flops += flops;
        counted.instructions += instructions;
        counted.products += products;
        return {};
    }
    static Condition compared() {
        after(0, 1);
        return {};
    }

    friend Counting operator-(Counting /*a*/) { return after(0, 1); }
    friend Counting operator+(Counting /*a*/, Counting /*b*/) { return after(1, 1); }
    friend Counting operator-(Counting /*a*/, Counting /*b*/) { return after(1, 1); }
    friend Counting operator*(Counting /*a*/, Counting /*b*/) { return after(1, 1, 1); }
    friend Counting operator/(Counting /*a*/, Counting /*b*/) { return after(1, 1, 1); }
    friend Counting fma(Counting /*a*/, Counting /*b*/, Counting /*c*/) { return after(2, 1, 1); }
    friend Counting sqrt(Counting /*a*/) { return after(1, 1, 1); }
    friend Counting abs(Counting /*a*/) { return after(0, 1); }
    friend Counting max(Counting /*a*/, Counting /*b*/) { return after(0, 1); }
    friend Counting min(Counting /*a*/, Counting /*b*/) { return after(0, 1); }
    friend Counting round(Counting /*a*/) { return after(0, 1); }
    friend Counting exponent(Counting /*a*/) { return after(1, 4); }                  // two shifts, or, −
    friend Counting scale(Counting /*a*/, Counting /*k*/) { return after(2, 3, 1); }  // +, shift, ×
    friend Condition less(Counting /*a*/, Counting /*b*/) { return compared(); }
    [[maybe_unused]] friend Condition less_equal(Counting /*a*/, Counting /*b*/) { return compared(); }
    friend Condition equal(Counting /*a*/, Counting /*b*/) { return compared(); }
    friend Counting select(Condition /*c*/, Counting /*a*/, Counting /*b*/) { return after(0, 1); }
};

/// Runs the formula of that name once; false when there is none. Of two formulas that share their costly parts, as f
/// and f′, only one: the compiler computes such a part once.
bool run(std::string_view function, std::size_t outputs) {
    const Counting x;
    const std::string_view name = function.substr(0, function.find('+'));
    std::vector<Counting> row(outputs), result(outputs);
    const std::span<const Counting> z(row);
    if (name == "expm1") {
        math::expm1(x);
    } else if (name == "log") {
        math::log(x);
    } else if (name == "log1p") {
        math::log1p(x);
    } else if (name == "erf") {
        math::erf(x);
    } else if (name == "erfc") {
        math::erfc(x);
    } else if (name == "cross_entropy") {
        math::SoftmaxCrossEntropy::value_and_derivative<Counting>(z, z, result);
    } else if (name == "binary_cross_entropy") {
        math::SigmoidBinaryCrossEntropy::value(x, x);
    } else if (name == "adam") {
        Counting w, m, v;
        math::AdamUpdate::apply<Counting>({}, x, w, m, v);
    } else if (const auto activation = find_activation(name)) {
        visit(*activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                F::value(x);
            } else {
                F::template value<Counting>(z, result);
            }
        });
    } else {
        return false;
    }
    return true;
}

}  // namespace

Operations operations(std::string_view function, std::size_t outputs) {
    counted = {};
    if (!run(function, outputs)) {
        return {};
    }
    const double numbers = static_cast<double>(outputs);
    return {.flops = counted.flops / numbers,
            .instructions = counted.instructions / numbers,
            .products = counted.products / numbers};
}

std::size_t outputs_of_row(const Workload& workload) {
    std::size_t outputs = 1;
    const std::string_view text = workload.detail;
    std::from_chars(text.data(), text.data() + text.size(), outputs);  // unchanged when it is no number
    return outputs;
}

}  // namespace handgrad::measure
