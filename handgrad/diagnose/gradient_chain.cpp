// One walk over the rows that adds up what every factor does.
#include "handgrad/diagnose/gradient_chain.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "handgrad/diagnose/row_blocks.hpp"

namespace handgrad::diagnose {
namespace {

/// The sums of one layer while rows come by.
struct LayerSums {
    long double delta = 0.0L, dactivation = 0.0L, input = 0.0L, largest = 0.0L, slope = 0.0L, saturated = 0.0L;
    std::vector<bool> alive;  // of each unit: not flat in some row
};

/// The slopes of one row of z; for softmax p(1 − p) of the largest p, for all alike: where one class holds everything,
/// no output moves.
template <class T>
void slopes_of(const TapeLayer<T>& layer, std::size_t row, std::vector<double>& slopes) {
    const std::span<const T> z = layer.z.row(row);
    visit(layer.activation, [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            for (std::size_t i = 0; i < z.size(); ++i) {
                slopes[i] = std::abs(static_cast<double>(F::derivative(z[i], layer.settings)));
            }
        } else {
            const std::span<const T> p = layer.a.row(row);
            const auto top = std::ranges::max_element(p);
            double rest = 0.0;  // 1 − p without cancellation
            for (auto other = p.begin(); other != p.end(); ++other) {
                if (other != top) {
                    rest += static_cast<double>(*other);
                }
            }
            std::ranges::fill(slopes, static_cast<double>(*top) * rest);
        }
    });
}

double steepest_slope(Activation activation) {
    return activation == Activation::sigmoid || activation == Activation::softmax ? math::Sigmoid::derivative(0.0)
                                                                                  : 1.0;
}

template <class T>
double largest(std::span<const T> v) {
    double top = 0.0;
    for (const T number : v) {
        top = std::max(top, std::abs(static_cast<double>(number)));
    }
    return top;
}

/// Targets and residuals of the outputs, for how much is left to learn.
struct ErrorSums {
    std::vector<long double> y, yy;  // Σ share·y, Σ share·y² of each output
    long double error = 0.0L, error_flat = 0.0L;
    double lowest = std::numeric_limits<double>::infinity(), highest = -std::numeric_limits<double>::infinity();
};

/// One block of one layer.
template <class T>
void add_layer(const Block<T>& block, std::size_t l, bool bounded, double flat, LayerSums& sums, ErrorSums* errors) {
    const TapeLayer<T>& layer = block.tape.layer(l);
    const TapeLayer<T>& dlayer = block.dtape.layer(l);
    const std::size_t units = layer.z.columns();
    std::vector<double> slopes(units);
    for (std::size_t row = 0; row < block.rows(); ++row) {
        const long double share = block.shares[row];
        if (share == 0.0L) {
            continue;
        }
        sums.delta += squares(dlayer.z.row(row)) / share;
        sums.dactivation += squares(dlayer.a.row(row)) / share;
        sums.input += share * squares(block.input(l, row));
        const long double top = largest(block.input(l, row));
        sums.largest += share * top * top;
        slopes_of(layer, row, slopes);
        sums.slope += share * squares(std::span<const double>(slopes)) / static_cast<long double>(units);
        for (std::size_t i = 0; i < units; ++i) {
            const bool is_flat = slopes[i] < flat;
            sums.saturated += is_flat && bounded ? share / static_cast<long double>(units) : 0.0L;
            sums.alive[i] = sums.alive[i] || !is_flat;
            if (errors != nullptr) {
                const long double y = block.y(row, i), d = static_cast<long double>(layer.a(row, i)) - y;
                errors->y[i] += share * y;
                errors->yy[i] += share * y * y;
                errors->lowest = std::min(errors->lowest, static_cast<double>(y));
                errors->highest = std::max(errors->highest, static_cast<double>(y));
                errors->error += share * d * d;
                errors->error_flat += is_flat && bounded ? share * d * d : 0.0L;
            }
        }
    }
}

double root(long double sum) { return static_cast<double>(std::sqrt(sum)); }

/// How much of the targets the outputs miss.
void finish_errors(const ErrorSums& errors, GradientChain& chain) {
    long double spread = 0.0L, squares_of_y = 0.0L;
    for (std::size_t k = 0; k < errors.y.size(); ++k) {
        squares_of_y += errors.yy[k];
        spread += std::max(0.0L, errors.yy[k] - errors.y[k] * errors.y[k]);
    }
    const ActivationFacts& output = facts(chain.layers.back().activation);
    chain.target_spread = root(spread / static_cast<long double>(errors.y.size()));
    if (spread == 0.0L && chain.layers.back().bounded()) {  // one class alone: half the range stands for its spread
        const long double half = 0.5L * (output.highest - output.lowest);
        spread = half * half * static_cast<long double>(errors.y.size());
    }
    chain.unexplained = spread == 0.0L ? 1.0 : static_cast<double>(errors.error / spread);
    chain.error_in_flat_rows = errors.error == 0.0L ? 0.0 : static_cast<double>(errors.error_flat / errors.error);
    if (squares_of_y > 0.0L) {
        chain.error_by_zero = static_cast<double>(errors.error / squares_of_y);
    }
    chain.error_by_first =
        static_cast<double>(errors.error / std::max(squares_of_y, static_cast<long double>(errors.y.size())));
    chain.target_size = root(squares_of_y / static_cast<long double>(errors.y.size()));
    chain.lowest_target = errors.lowest;
    chain.highest_target = errors.highest;
}

/// The root mean square of each input; rows that count more count more.
template <class T>
std::vector<double> column_sizes(const BasicDataset<T>& data, std::span<const double> shares) {
    std::vector<long double> sums(data.x.columns());
    for (std::size_t row = 0; row < data.rows(); ++row) {
        const std::span<const T> x = data.x.row(row);
        for (std::size_t j = 0; j < x.size() && shares[row] > 0.0; ++j) {
            sums[j] +=
                static_cast<long double>(shares[row]) * static_cast<long double>(x[j]) * static_cast<long double>(x[j]);
        }
    }
    std::vector<double> sizes;
    std::ranges::transform(sums, std::back_inserter(sizes), root);
    return sizes;
}

}  // namespace

double flat_slope() { return math::Sigmoid::derivative(4.0) / math::Sigmoid::derivative(0.0); }

bool ChainLayer::bounded() const {
    return std::isfinite(facts(activation).lowest) && std::isfinite(facts(activation).highest);
}

double ChainLayer::weight_size() const { return weight_norm * std::sqrt(static_cast<double>(units)) / first_size; }

bool GradientChain::finite() const {
    return std::isfinite(error_by_zero) && std::ranges::all_of(layers, [](const ChainLayer& layer) {
               return std::isfinite(layer.delta) && std::isfinite(layer.input) && std::isfinite(layer.gradient) &&
                      std::isfinite(layer.weight_norm);
           });
}

double first_weights_size(const Architecture& architecture, std::size_t l) {
    const auto in = static_cast<double>(architecture.sizes[l]), out = static_cast<double>(architecture.sizes[l + 1]);
    if (facts(architecture.activation(l)).relu_family) {
        return std::sqrt(2.0 / in);
    }
    return std::sqrt(2.0 / (in + out));
}

template <class T>
GradientChain measure_chain(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                            BasicMlp<T>& gradient) {
    const std::vector<double> shares = row_shares(data);
    GradientChain chain{.layers = std::vector<ChainLayer>(net.layers()), .rows = data.rows()};
    chain.residual_loss = facts(function.kind).residual;
    std::vector<LayerSums> sums(net.layers());
    for (std::size_t l = 0; l < net.layers(); ++l) {
        chain.layers[l].activation = net.architecture().activation(l);
        chain.layers[l].steepest = steepest_slope(chain.layers[l].activation);
        sums[l].alive.resize(net.architecture().sizes[l + 1]);
    }
    ErrorSums errors{.y = std::vector<long double>(net.outputs()), .yy = std::vector<long double>(net.outputs())};
    gradient = for_each_block(net, function, data, shares, [&](const Block<T>& block) {
        for (std::size_t l = 0; l < net.layers(); ++l) {
            add_layer(block, l, chain.layers[l].bounded(), flat_slope() * chain.layers[l].steepest, sums[l],
                      l + 1 == net.layers() ? &errors : nullptr);
        }
    });
    for (std::size_t l = 0; l < net.layers(); ++l) {
        ChainLayer& layer = chain.layers[l];
        const MatrixView<const T> W = net.weight(l);
        const std::size_t units = W.rows();
        layer.units = units;
        layer.weights = units * W.columns();
        layer.delta = root(sums[l].delta);
        layer.dactivation = root(sums[l].dactivation);
        layer.input = root(sums[l].input);
        layer.largest_input = root(sums[l].largest);
        layer.slope = root(sums[l].slope);
        layer.weight_norm =
            root(squares(std::span<const T>(W.data(), layer.weights)) / static_cast<long double>(units));
        layer.saturated = static_cast<double>(sums[l].saturated);
        layer.first_size = first_weights_size(net.architecture(), l) * std::sqrt(static_cast<double>(layer.weights));
        const auto dead = std::ranges::count(sums[l].alive, false);
        layer.dead = layer.bounded() ? 0.0 : static_cast<double>(dead) / static_cast<double>(units);
        layer.gradient = root(squares(std::span<const T>(gradient.weight(l).data(), layer.weights)));
    }
    finish_errors(errors, chain);
    chain.column_sizes = column_sizes(data, shares);
    return chain;
}

template GradientChain measure_chain(const BasicMlp<float>&, const LossFunction&, const BasicDataset<float>&,
                                     BasicMlp<float>&);
template GradientChain measure_chain(const BasicMlp<double>&, const LossFunction&, const BasicDataset<double>&,
                                     BasicMlp<double>&);

}  // namespace handgrad::diagnose
