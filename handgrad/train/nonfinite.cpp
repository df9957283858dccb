// Where in a step the first value arose that is not finite.
#include "handgrad/train/nonfinite.hpp"

#include <cmath>
#include <cstdio>
#include <vector>

#include "handgrad/math/output_loss.hpp"

namespace handgrad {
namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", std::isnan(value) ? std::fabs(value) : value);
    return text;
}
/// What leaves a layer.
std::string output_name(std::size_t l, std::size_t layers) { return l + 1 == layers ? "yhat" : input_name(l + 1); }

/// Row and column of the first number that is not finite.
struct Place {
    std::size_t row;
    std::size_t unit;
};
template <class T>
std::optional<Place> first_bad(const Matrix<T>& m, std::size_t rows) {
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t unit = 0; unit < m.columns(); ++unit) {
            if (!std::isfinite(m(row, unit))) {
                return Place{row, unit};
            }
        }
    }
    return std::nullopt;
}
std::string unit_is(std::size_t unit, double value) {
    return ", unit " + std::to_string(unit + 1) + ", is " + number(value);
}

/// One row's loss and ∂l/∂z, both before the mean over rows: as the derivation writes them, a loss of ŷ and a product
/// of two factors, and from the logits where that is what is computed.
struct BothForms {
    double literal_loss = 0.0, stable_loss = 0.0;
    std::vector<double> literal_dz, stable_dz;
};
template <class T>
BothForms both_forms(const math::OutputLoss& loss, double reduction, std::span<const T> z, std::span<const T> yhat,
                     std::span<const T> y) {
    BothForms forms;
    const std::size_t K = y.size();
    std::vector<T> dz(K), da(K), literal(K);
    const T factor = static_cast<T>(reduction);
    forms.stable_loss = reduction * static_cast<double>(math::row_loss<T>(loss, z, yhat, y, factor,
                                                                          math::Derivatives::logits_yhat, dz, da));
    forms.stable_dz.assign(dz.begin(), dz.end());
    T sum = T(0);
    visit(loss.kind, [&]<class L>(L) {
        for (std::size_t k = 0; k < K; ++k) {
            if constexpr (L::facts.residual) {
                sum += L::value(yhat[k] - y[k], loss.parameters);
                da[k] = factor * L::derivative(yhat[k] - y[k], loss.parameters);
            } else {
                sum += L::value(yhat[k], y[k], loss.parameters);
                da[k] = factor * L::derivative(yhat[k], y[k], loss.parameters);
            }
        }
    });
    forms.literal_loss = reduction * static_cast<double>(sum);
    visit(loss.output,
          [&]<class G>(G) { math::row_times_jacobian<G, T>(loss.settings, z, yhat, std::span<const T>(da), literal); });
    forms.literal_dz.assign(literal.begin(), literal.end());
    return forms;
}
std::string beside(double literal, double stable) {
    const bool same = literal == stable || (std::isnan(literal) && std::isnan(stable));
    return same ? "" : " (as the derivation writes it " + number(literal) + ", from the logits " + number(stable) + ")";
}

}  // namespace

template <class T>
NonfiniteOrigin first_nonfinite(const BasicTape<T>& tape, const BasicTape<T>& dtape, const BasicMlp<T>& grad,
                                const LossFunction& function, MatrixView<const T> y, double loss) {
    const std::size_t layers = tape.layers(), rows = tape.rows();
    for (std::size_t l = 0; l < layers; ++l) {
        if (const auto bad = first_bad(tape.layer(l).z, rows)) {
            const std::string W = std::to_string(l + 1);
            return {bad->row, layer_name(l) + ", forward: the pre-activation " + z_name(l) + " = W(" + W + ") " +
                                  input_name(l) + " + b(" + W + ")" +
                                  unit_is(bad->unit, static_cast<double>(tape.layer(l).z(bad->row, bad->unit)))};
        }
        if (const auto bad = first_bad(tape.layer(l).a, rows)) {
            return {bad->row, layer_name(l) + ", forward: the activation " + output_name(l, layers) + " = " +
                                  std::string(name(tape.layer(l).activation)) + "(" + z_name(l) + ") at " + z_name(l) +
                                  " = " + number(static_cast<double>(tape.layer(l).z(bad->row, bad->unit))) +
                                  unit_is(bad->unit, static_cast<double>(tape.layer(l).a(bad->row, bad->unit)))};
        }
    }
    const TapeLayer<T>& output = tape.output();
    const math::OutputLoss pair = output_loss(function, output.activation, output.settings);
    const double reduction = reduction_factor(function.kind, y.columns(), output.conventions);
    const auto forms = [&](std::size_t row) {
        return both_forms<T>(pair, reduction, output.z.row(row), output.a.row(row), y.row(row));
    };
    if (!std::isfinite(loss)) {
        for (std::size_t row = 0; row < rows; ++row) {
            const BothForms of_row = forms(row);
            if (!std::isfinite(of_row.stable_loss)) {
                return {row, "the loss " + std::string(name(function.kind)) + ": it is " + number(of_row.stable_loss) +
                                 beside(of_row.literal_loss, of_row.stable_loss)};
            }
        }
        return {std::nullopt, "the loss: the mean over the rows, or the penalty"};
    }
    for (std::size_t l = layers; l-- > 0;) {
        if (const auto bad = first_bad(dtape.layer(l).z, rows)) {
            const double value = static_cast<double>(dtape.layer(l).z(bad->row, bad->unit));
            const bool before = !std::isfinite(dtape.layer(l).a(bad->row, bad->unit));
            std::string factor = "d" + output_name(l, layers) + "/d" + z_name(l);
            if (before) {
                factor = l + 1 == layers ? "dl/dyhat" : "W(" + std::to_string(l + 2) + ")";
            }
            std::string both;
            if (l + 1 == layers) {
                const BothForms of_row = forms(bad->row);
                both = beside(of_row.literal_dz[bad->unit], of_row.stable_dz[bad->unit]);
            }
            return {bad->row, layer_name(l) + ", backward: the derivative of the loss by " + z_name(l) + ", factor " +
                                  factor + unit_is(bad->unit, value) + both};
        }
        const MatrixView<const T> dW = grad.weight(l);
        if (!all_finite(std::span<const T>(dW.data(), dW.rows() * dW.columns())) || !all_finite(grad.bias(l))) {
            return {std::nullopt, layer_name(l) + ", backward: the gradient of its weights, summed over the rows"};
        }
    }
    return {std::nullopt, "the optimizer's step"};
}

template NonfiniteOrigin first_nonfinite(const BasicTape<float>&, const BasicTape<float>&, const BasicMlp<float>&,
                                         const LossFunction&, MatrixView<const float>, double);
template NonfiniteOrigin first_nonfinite(const BasicTape<double>&, const BasicTape<double>&, const BasicMlp<double>&,
                                         const LossFunction&, MatrixView<const double>, double);

}  // namespace handgrad
