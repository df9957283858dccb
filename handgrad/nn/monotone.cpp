// The signs of a monotone network's weights: which they are, how they are kept, and whether they hold.
#include "handgrad/nn/monotone.hpp"

#include <algorithm>
#include <cmath>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/math/monotone.hpp"

namespace handgrad {

void check_monotone(const Architecture& architecture, InputSigns inputs) {
    checks::equal({"monotone", "inputs"}, inputs.size(), "signs", "the inputs of the network are",
                  architecture.inputs());
    if (std::ranges::any_of(inputs, [](int sign) { return sign < -1 || sign > 1; })) {
        checks::refuse({"monotone", "inputs"}, "must be signs: 1, -1, or 0 for an input that is free");
    }
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        const Activation f = architecture.activation(l);
        const bool last = l + 1 == architecture.layers();
        if (non_decreasing(f, architecture.activation_settings())) {
            continue;
        }
        std::string why = "it falls somewhere, so that no sign of a weight keeps an output from falling";
        if (f == Activation::softmax) {
            why = "its outputs share one sum, so that some fall where others rise";
        } else if (f == Activation::leaky_relu) {
            why = "it falls where z < 0, as its slope there is negative";
        }
        Error refusal(ErrorKind::usage, "monotone columns go together with no " + std::string(name(f)) + ": " + why +
                                            "; take another activation, such as relu, tanh or softplus, or leave the "
                                            "monotone columns out");
        throw std::move(refusal).about("monotone").about(last ? "output_activation" : "hidden_activation");
    }
}

template <class T>
BasicMlp<T> weight_signs(const Architecture& architecture, InputSigns inputs) {
    auto signs = BasicMlp<T>::zeros(architecture);
    check_monotone(architecture, inputs);
    for (std::size_t l = 0; l < signs.layers(); ++l) {
        const MatrixView<T> W = signs.weight(l);
        const bool last = l + 1 == signs.layers();
        for (std::size_t k = 0; k < W.rows(); ++k) {
            const int of_unit = last ? 1 : math::unit_sign(k);
            for (std::size_t j = 0; j < W.columns(); ++j) {
                const int of_input = l == 0 ? inputs[j] : math::unit_sign(j);
                W(k, j) = static_cast<T>(of_unit * of_input);
            }
        }
    }
    return signs;
}

namespace {

template <class T, class Change>
void change_weights(BasicMlp<T>& net, const BasicMlp<T>& signs, const Change& change) {
    checks::equal({"monotone", "signs"}, signs.parameters().size(), "numbers", "the parameters of the network are",
                  net.parameters().size());
    const std::span<const T> sign = signs.parameters();
    const std::span<T> w = net.parameters();
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] = change(w[i], sign[i]);
    }
}

}  // namespace

template <class T>
void hold_signs(BasicMlp<T>& net, const BasicMlp<T>& signs) {
    change_weights(net, signs, [](T w, T sign) { return math::of_sign(w, sign); });
}

template <class T>
void take_signs(BasicMlp<T>& net, const BasicMlp<T>& signs) {
    change_weights(net, signs, [](T w, T sign) { return sign == T(0) ? w : sign * std::fabs(w); });
}

std::string WrongSign::text() const {
    return weight_name(layer) + " [" + std::to_string(output) + "," + std::to_string(input) +
           "] = " + short_number(weight, 9) + " must not be " + (sign > 0 ? "below" : "above") + " 0";
}

template <class T>
std::optional<WrongSign> first_wrong_sign(const BasicMlp<T>& net, InputSigns inputs) {
    const auto signs = weight_signs<T>(net.architecture(), inputs);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> W = net.weight(l), sign = signs.weight(l);
        for (std::size_t k = 0; k < W.rows(); ++k) {
            for (std::size_t j = 0; j < W.columns(); ++j) {
                const T w = W(k, j);
                const bool obeys = sign(k, j) == T(0) || (sign(k, j) > T(0) ? w >= T(0) : w <= T(0));
                if (!obeys) {
                    return WrongSign{l, k, j, static_cast<double>(w), sign(k, j) > T(0) ? 1 : -1};
                }
            }
        }
    }
    return std::nullopt;
}

#define HANDGRAD_INSTANTIATE(T)                                            \
    template BasicMlp<T> weight_signs<T>(const Architecture&, InputSigns); \
    template void hold_signs(BasicMlp<T>&, const BasicMlp<T>&);            \
    template void take_signs(BasicMlp<T>&, const BasicMlp<T>&);            \
    template std::optional<WrongSign> first_wrong_sign(const BasicMlp<T>&, InputSigns);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
