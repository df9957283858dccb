// One backward pass with places where a mistake can stand, and the list of mistakes.
#include "handgrad/compare/variations.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "handgrad/nn/plain_loops.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad::compare {
namespace {

/// What stands for f′ in a hidden layer: of z, of a, and of ∂l/∂a.
using SlopeOf = std::function<double(double z, double a, double da)>;

/// A backward pass, right where nothing is said.
struct Pass {
    const BasicDataset<double>* data = nullptr;  ///< instead of the problem's
    const BasicMlp<double>* forward = nullptr;   ///< weights of the forward pass …
    const BasicMlp<double>* backward = nullptr;  ///< … and of the backward pass
    std::optional<LossFunction> loss = {};       ///< whose derivative is taken
    /// ∂l/∂z of the last layer of one row, from z, ŷ, y and the right one.
    std::function<void(std::span<const double> z, std::span<const double> yhat, std::span<const double> y,
                       std::span<double> dz)>
        output = {};
    std::vector<SlopeOf> slopes = {};     ///< one for each hidden layer; empty ones are right
    std::vector<bool> untransposed = {};  ///< layers whose W stands for Wᵀ
    std::vector<std::size_t> masks = {};  ///< of which layer the slope is taken
    std::vector<bool> z_for_a = {};       ///< layers whose ∂l/∂W takes z of the layer before
};

class Passes {
public:
    explicit Passes(const GradientProblem& problem) : problem_(problem), right_(right_forward(problem)) {}

    [[nodiscard]] GradientValues operator()(const Pass& pass) const {
        if (pass.data == nullptr && pass.forward == nullptr && !pass.loss) {
            // The forward pass is the right one, and there already.
            BasicTape<double> dtape(problem_.net, problem_.data.rows());
            dtape.output().z = right_->dtape.output().z;
            if (pass.output) {
                change_output(pass, problem_.data, right_->tape, dtape);
            }
            return backward(pass, problem_.net, right_->tape, dtape);
        }
        const BasicDataset<double>& data = pass.data == nullptr ? problem_.data : *pass.data;
        const BasicMlp<double>& net = pass.forward == nullptr ? problem_.net : *pass.forward;
        Forward passed(net, data.rows());
        to_loss(net, data, pass.loss.value_or(problem_.loss), passed);
        return backward(pass, net, passed.tape, passed.dtape);
    }

private:
    /// What stands before the backward pass.
    struct Forward {
        Forward(const BasicMlp<double>& net, std::size_t rows) : tape(net, rows), dtape(net, rows) {}
        BasicTape<double> tape, dtape;
    };
    static std::shared_ptr<const Forward> right_forward(const GradientProblem& problem) {
        auto passed = std::make_shared<Forward>(problem.net, problem.data.rows());
        to_loss(problem.net, problem.data, problem.loss, *passed);
        return passed;
    }
    static void to_loss(const BasicMlp<double>& net, const BasicDataset<double>& data, const LossFunction& function,
                        Forward& passed) {
        forward(net, data.x, passed.tape);
        handgrad::loss(function, passed.tape.output(), data.y, passed.dtape.output(),
                       std::vector<double>(data.weights.begin(), data.weights.end()));
    }
    void change_output(const Pass& pass, const BasicDataset<double>& data, const BasicTape<double>& tape,
                       BasicTape<double>& dtape) const {
        const double reduction =
            reduction_factor(problem_.loss.kind, data.y.columns(), problem_.net.architecture().conventions);
        const double total = data.total_weight();
        for (std::size_t row = 0; row < data.rows(); ++row) {
            const std::span<double> dz = dtape.output().z.row(row);
            const double factor = reduction * data.weight(row) / total;
            if (factor == 0.0) {
                continue;
            }
            for (double& v : dz) {
                v /= factor;
            }
            pass.output(tape.output().z.row(row), tape.output().a.row(row), data.y.row(row), dz);
            for (double& v : dz) {
                v *= factor;
            }
        }
    }

    [[nodiscard]] GradientValues backward(const Pass& pass, const BasicMlp<double>& net, const BasicTape<double>& tape,
                                          BasicTape<double>& dtape) const {
        const BasicMlp<double>& back = pass.backward == nullptr ? net : *pass.backward;
        BasicMlp<double> gradient = BasicMlp<double>::zeros_like(net);
        for (std::size_t l = net.layers(); l-- > 0;) {
            const Matrix<double>& dz = dtape.layer(l).z;
            const bool z_for_a = l > 0 && !pass.z_for_a.empty() && pass.z_for_a[l];
            const MatrixView<const double> input = z_for_a ? tape.layer(l - 1).z.view() : plain::layer_input(tape, l);
            plain::linear_backward_parameters<double>(dz, input, gradient.weight(l), gradient.bias(l));
            if (l > 0) {
                to_activation(pass, back.weight(l), l, dz, dtape.layer(l - 1).a);
                through_slope(pass, l - 1, tape, dtape.layer(l - 1));
            }
        }
        GradientValues values;
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const MatrixView<const double> W = std::as_const(gradient).weight(l);
            const std::span<const double> b = std::as_const(gradient).bias(l);
            values.emplace_back(W.data(), W.data() + W.rows() * W.columns());
            values.emplace_back(b.begin(), b.end());
        }
        return values;
    }

    static void to_activation(const Pass& pass, MatrixView<const double> W, std::size_t l, const Matrix<double>& dz,
                              Matrix<double>& da) {
        if (pass.untransposed.empty() || !pass.untransposed[l]) {
            plain::linear_backward_input<double>(W, dz, da);
            return;
        }
        Matrix<double> turned(W.columns(), W.rows());
        for (std::size_t i = 0; i < W.rows(); ++i) {
            for (std::size_t j = 0; j < W.columns(); ++j) {
                turned(j, i) = W(i, j);
            }
        }
        plain::linear_backward_input<double>(turned, dz, da);
    }

    static void through_slope(const Pass& pass, std::size_t l, const BasicTape<double>& tape,
                              TapeLayer<double>& dlayer) {
        const std::size_t from = pass.masks.empty() ? l : pass.masks[l];
        const TapeLayer<double>& layer = tape.layer(from);
        if (pass.slopes.empty() || !pass.slopes[l]) {
            plain::activation_backward(layer, dlayer, tape.rows());
            return;
        }
        for (std::size_t i = 0; i < dlayer.z.values().size(); ++i) {
            const double da = dlayer.a.values()[i];
            dlayer.z.values()[i] = da * pass.slopes[l](layer.z.values()[i], layer.a.values()[i], da);
        }
    }

    GradientProblem problem_;
    std::shared_ptr<const Forward> right_;
};

/// The list is gathered part by part.
class List {
public:
    explicit List(const GradientProblem& problem)
        : problem_(problem),
          passes_(problem),
          shape_(problem.net.architecture()),
          hidden_(shape_.layers() - 1),
          right_(std::make_shared<GradientValues>(passes_({}))) {}

    std::vector<Variation> all() {
        slopes();
        outputs();
        orientations();
        inputs();
        batches();
        weights();
        row_weights();
        parameters();
        return std::move(list_);
    }

private:
    void add(Cause cause, std::string detail, std::vector<std::size_t> layers, Pass pass) {
        list_.push_back({.cause = cause,
                         .detail = std::move(detail),
                         .wrong_layers = std::move(layers),
                         .gradient = [passes = passes_, pass = std::move(pass)] { return passes(pass); }});
    }
    /// The same slope in all hidden layers that have one, and in each of several.
    void add_slope(Cause cause, const std::string& detail, const SlopeOf& slope) {
        add_slopes(cause, detail, [&](std::size_t) { return slope; });
    }
    /// … of which each layer has its own.
    void add_slopes(Cause cause, const std::string& detail, const std::function<SlopeOf(std::size_t)>& slope_of_layer) {
        std::vector<std::size_t> sloped;
        for (std::size_t l = 0; l < hidden_; ++l) {
            if (shape_.activation(l) != Activation::identity) {
                sloped.push_back(l);
            }
        }
        if (sloped.empty()) {
            return;
        }
        const auto in_layers = [&](const std::vector<std::size_t>& layers) {
            Pass pass;
            pass.slopes.resize(hidden_);
            for (const std::size_t l : layers) {
                pass.slopes[l] = slope_of_layer(l);
            }
            add(cause, detail, layers, std::move(pass));
        };
        in_layers(sloped);
        for (std::size_t l : sloped) {
            if (sloped.size() > 1) {
                in_layers({l});
            }
        }
    }

    void slopes() {
        const ActivationSettings settings = shape_.activation_settings();
        add_slopes(Cause::hidden_derivative_twice, "", [&](std::size_t l) -> SlopeOf {
            return [f = shape_.activation(l), settings](double z, double, double) {
                const double slope = slope_of(f, settings, z);
                return slope * slope;
            };
        });
        add_slope(Cause::slope_of_sigmoid, "a (1 - a)", [](double, double a, double) { return a * (1.0 - a); });
        add_slope(Cause::slope_of_tanh, "1 - a^2", [](double, double a, double) { return 1.0 - a * a; });
        add_slope(Cause::slope_of_relu, "1 for z > 0", [](double z, double, double) { return z > 0.0 ? 1.0 : 0.0; });
        add_slope(Cause::z_in_slope, "z (1 - z)", [](double z, double, double) { return z * (1.0 - z); });
        add_slope(Cause::z_in_slope, "1 - z^2", [](double z, double, double) { return 1.0 - z * z; });
        add_slopes(Cause::mask_inverted, "", [&](std::size_t l) -> SlopeOf {
            return [f = shape_.activation(l), settings](double z, double, double) { return slope_of(f, settings, -z); };
        });
        add_slope(Cause::mask_of_gradient, "", [](double, double, double da) { return da > 0.0 ? 1.0 : 0.0; });
        for (std::size_t l = 0; l < hidden_; ++l) {
            for (std::size_t m = 0; m < hidden_; ++m) {
                if (m != l && shape_.sizes[l + 1] == shape_.sizes[m + 1]) {
                    Pass pass;
                    for (std::size_t i = 0; i < hidden_; ++i) {
                        pass.masks.push_back(i == l ? m : i);
                    }
                    add(Cause::mask_of_other_layer, "of layer " + std::to_string(m + 1), {l}, std::move(pass));
                }
            }
        }
    }

    void output_variation(Cause cause, const std::string& detail, decltype(Pass::output) output) {
        Pass pass;
        pass.output = std::move(output);
        add(cause, detail, {hidden_}, std::move(pass));
    }
    void outputs() {
        const ActivationSettings settings = shape_.activation_settings();
        const Activation g = shape_.output;
        if (facts(g).elementwise && g != Activation::identity) {
            output_variation(Cause::output_derivative_twice, "",
                             [g, settings](auto z, auto, auto, std::span<double> dz) {
                                 for (std::size_t k = 0; k < dz.size(); ++k) {
                                     dz[k] *= slope_of(g, settings, z[k]);
                                 }
                             });
        }
        if (g == Activation::softmax) {
            softmax_outputs();
        }
        other_losses();
        logarithms();
    }
    static double slope_of(Activation g, const ActivationSettings& settings, double z) {
        return visit(g, [&]<class G>(G) -> double {
            if constexpr (G::facts.elementwise) {
                return G::derivative(z, settings);
            }
            return 1.0;
        });
    }
    void softmax_outputs() {
        output_variation(Cause::output_derivative_twice, "",
                         [](auto, std::span<const double> p, auto, std::span<double> dz) {
                             const std::vector<double> v(dz.begin(), dz.end());
                             math::Softmax::times_jacobian<double>(p, v, dz);
                         });
        const Loss loss = problem_.loss.kind;
        if (loss == Loss::cross_entropy || loss == Loss::squared_error) {
            // ∂ŷ/∂z = diag(p) − p pᵀ without its second term, behind Eq. (10) or ∂/∂ŷ of −Σ y log ŷ.
            output_variation(
                Cause::softmax_diagonal, "", [loss](auto, std::span<const double> p, auto y, std::span<double> dz) {
                    for (std::size_t k = 0; k < dz.size(); ++k) {
                        const double by_yhat = loss == Loss::cross_entropy ? -y[k] / p[k] : 2.0 * (p[k] - y[k]);
                        dz[k] = by_yhat * p[k] * (1.0 - p[k]);
                    }
                });
        }
        if (problem_.loss.kind == Loss::cross_entropy) {
            const auto of_twice = [](std::span<const double> p, std::span<const double> y, std::span<double> dz) {
                std::vector<double> q(p.size());
                math::Softmax::value<double>(p, q);
                for (std::size_t k = 0; k < dz.size(); ++k) {
                    dz[k] = q[k] - y[k];
                }
            };
            output_variation(Cause::softmax_twice, "",
                             [of_twice](auto, std::span<const double> p, auto y, std::span<double> dz) {
                                 std::vector<double> by_p(dz.size());
                                 of_twice(p, y, by_p);
                                 math::Softmax::times_jacobian<double>(p, by_p, dz);
                             });
            output_variation(
                Cause::softmax_twice, "in the gradient alone",
                [of_twice](auto, std::span<const double> p, auto y, std::span<double> dz) { of_twice(p, y, dz); });
        }
    }
    /// The derivative of another loss of the same outputs.
    void other_losses() {
        const Activation g = shape_.output;
        if (problem_.loss.kind != Loss::squared_error) {
            Pass pass;
            pass.loss = LossFunction(Loss::squared_error);
            add(Cause::squared_error_gradient, "", {hidden_}, std::move(pass));
        }
        const bool sigmoid = g == Activation::sigmoid && problem_.loss.kind != Loss::binary_cross_entropy;
        const bool softmax = g == Activation::softmax && problem_.loss.kind != Loss::cross_entropy;
        if (sigmoid || softmax) {
            Pass pass;
            pass.loss = LossFunction(sigmoid ? Loss::binary_cross_entropy : Loss::cross_entropy);
            add(Cause::cross_entropy_gradient, "", {hidden_}, std::move(pass));
        }
    }
    /// log(ŷ + ε), and ŷ held between ε and 1 − ε.
    void logarithms() {
        const bool binary = problem_.loss.kind == Loss::binary_cross_entropy && shape_.output == Activation::sigmoid;
        const bool classes = problem_.loss.kind == Loss::cross_entropy && shape_.output == Activation::softmax;
        if (!binary && !classes) {
            return;
        }
        for (const auto& [epsilon, text] : {std::pair(1e-3, "0.001"),
                                            {1e-5, "1e-05"},
                                            {1e-6, "1e-06"},
                                            {1e-7, "1e-07"},
                                            {1e-8, "1e-08"},
                                            {1e-10, "1e-10"},
                                            {1e-12, "1e-12"},
                                            {1e-15, "1e-15"},
                                            {1e-16, "1e-16"}}) {
            output_variation(Cause::loss_epsilon, text,
                             [binary, e = epsilon](auto, auto p, auto y, std::span<double> dz) {
                                 by_logarithms(binary, p, y, dz, [&](double at) { return 1.0 / (at + e); });
                             });
            output_variation(Cause::loss_clip, text, [binary, e = epsilon](auto, auto p, auto y, std::span<double> dz) {
                by_logarithms(binary, p, y, dz, [&](double at) { return at < e || at > 1.0 - e ? 0.0 : 1.0 / at; });
            });
        }
    }
    /// Eq. (18) with 1/ŷ and 1/(1 − ŷ) as `over` has them, and Eq. (15) or softmax's Jacobian behind it: literally,
    /// since the mistake lies in what the stable forms cancel (derivation 6.5).
    template <class Over>
    static void by_logarithms(bool binary, std::span<const double> p, std::span<const double> y, std::span<double> dz,
                              const Over& over) {
        std::vector<double> by_p(dz.size());
        for (std::size_t k = 0; k < dz.size(); ++k) {
            by_p[k] = -y[k] * over(p[k]) + (binary ? (1.0 - y[k]) * over(1.0 - p[k]) : 0.0);
        }
        if (!binary) {
            math::Softmax::times_jacobian<double>(p, by_p, dz);
            return;
        }
        for (std::size_t k = 0; k < dz.size(); ++k) {
            dz[k] = by_p[k] * p[k] * (1.0 - p[k]);
        }
    }

    /// In one square layer, and in all of them: one line of code is wrong once.
    void orientations() {
        std::vector<std::size_t> square;
        for (std::size_t l = 1; l <= hidden_; ++l) {
            if (shape_.sizes[l] == shape_.sizes[l + 1] && shape_.sizes[l] > 1) {
                Pass pass;
                pass.untransposed.assign(hidden_ + 1, false);
                pass.untransposed[l] = true;
                add(Cause::untransposed_weights, "", {l}, std::move(pass));
                square.push_back(l);
            }
        }
        if (square.size() > 1) {
            Pass pass;
            pass.untransposed.assign(hidden_ + 1, false);
            for (const std::size_t l : square) {
                pass.untransposed[l] = true;
            }
            add(Cause::untransposed_weights, "", square, std::move(pass));
        }
        if (hidden_ > 0) {
            Pass pass;
            pass.z_for_a.assign(hidden_ + 1, true);
            add(Cause::z_for_activation, "", {}, std::move(pass));
        }
    }

    void inputs() {
        if (problem_.unscaled == nullptr) {
            return;
        }
        const auto with = [&](Cause cause, const Matrix<double>& x, const Matrix<double>& y) {
            auto data = std::make_shared<BasicDataset<double>>(BasicDataset<double>{x, y, problem_.data.weights});
            list_.push_back({.cause = cause, .gradient = [passes = passes_, data] {
                                 Pass pass;
                                 pass.data = data.get();
                                 return passes(pass);
                             }});
        };
        const BasicDataset<double>& raw = *problem_.unscaled;
        with(Cause::unscaled_inputs, raw.x, problem_.data.y);
        with(Cause::unscaled_targets, problem_.data.x, raw.y);
        with(Cause::unscaled_inputs, raw.x, raw.y);
        list_.back().detail = "and targets";
    }

    void batches() {
        const std::size_t rows = problem_.data.rows();
        for (const std::size_t size : problem_.batches) {
            if (size == 0 || size >= rows) {
                continue;
            }
            part("the first " + std::to_string(size), 0, size);
            part("the last " + std::to_string(size), rows - size, size);
            if (rows % size != 0) {
                part("the last " + std::to_string(rows % size), rows - rows % size, rows % size);
            }
        }
    }
    void part(const std::string& what, std::size_t first, std::size_t count) {
        auto data = std::make_shared<BasicDataset<double>>();
        data->x = Matrix<double>(count, problem_.data.x.columns());
        data->y = Matrix<double>(count, problem_.data.y.columns());
        for (std::size_t i = 0; i < count; ++i) {
            std::ranges::copy(problem_.data.x.row(first + i), data->x.row(i).begin());
            std::ranges::copy(problem_.data.y.row(first + i), data->y.row(i).begin());
            if (!problem_.data.weights.empty()) {
                data->weights.push_back(problem_.data.weights[first + i]);
            }
        }
        if (!(data->total_weight() > 0.0)) {
            return;
        }
        list_.push_back({.cause = Cause::part_of_batch, .detail = what + " rows", .gradient = [passes = passes_, data] {
                             Pass pass;
                             pass.data = data.get();
                             return passes(pass);
                         }});
        // That part once more beside all rows: the gradient was not set to zero after it.
        list_.push_back({.cause = Cause::accumulated,
                         .detail = "with " + what + " rows once more",
                         .gradient = [passes = passes_, right = right_, data] {
                             Pass pass;
                             pass.data = data.get();
                             GradientValues sum = *right;
                             const GradientValues other = passes(pass);
                             for (std::size_t t = 0; t < sum.size(); ++t) {
                                 std::ranges::transform(sum[t], other[t], sum[t].begin(), std::plus());
                             }
                             return sum;
                         }});
    }

    void weights() {
        const bool any_bias = [&] {
            for (std::size_t l = 0; l <= hidden_; ++l) {
                for (const double b : problem_.net.bias(l)) {
                    if (b != 0.0) {
                        return true;
                    }
                }
            }
            return false;
        }();
        if (any_bias) {
            auto net = std::make_shared<BasicMlp<double>>(problem_.net);
            for (std::size_t l = 0; l <= hidden_; ++l) {
                std::ranges::fill(net->bias(l), 0.0);
            }
            with_weights(Cause::bias_left_out, "", net, net);
        }
        for (const double rate : problem_.learning_rates) {
            auto net = std::make_shared<BasicMlp<double>>(problem_.net);
            std::size_t at = 0;
            for (std::size_t t = 0; t < right_->size(); ++t) {
                for (std::size_t i = 0; i < (*right_)[t].size(); ++i) {
                    const double of_penalty = problem_.penalty.empty() ? 0.0 : problem_.penalty[t][i];
                    net->parameters()[at++] -= rate * ((*right_)[t][i] + of_penalty);
                }
            }
            char text[64];
            std::snprintf(text, sizeof text, "by %g times the gradient", rate);
            with_weights(Cause::updated_weights, text, nullptr, net);
        }
    }
    void row_weights() {
        if (problem_.data.weights.empty()) {
            return;
        }
        auto data = std::make_shared<BasicDataset<double>>(BasicDataset<double>{problem_.data.x, problem_.data.y, {}});
        list_.push_back({.cause = Cause::row_weights, .gradient = [passes = passes_, data] {
                             Pass pass;
                             pass.data = data.get();
                             return passes(pass);
                         }});
    }
    void parameters() {
        list_.push_back({.cause = Cause::parameters, .penalised = false, .gradient = [problem = &problem_] {
                             GradientValues values;
                             for (std::size_t l = 0; l < problem->net.layers(); ++l) {
                                 const MatrixView<const double> W = problem->net.weight(l);
                                 const std::span<const double> b = problem->net.bias(l);
                                 values.emplace_back(W.data(), W.data() + W.rows() * W.columns());
                                 values.emplace_back(b.begin(), b.end());
                             }
                             return values;
                         }});
    }
    void with_weights(Cause cause, const std::string& detail, std::shared_ptr<BasicMlp<double>> forward,
                      std::shared_ptr<BasicMlp<double>> backward) {
        list_.push_back({.cause = cause,
                         .detail = detail,
                         .gradient = [passes = passes_, forward = std::move(forward), backward = std::move(backward)] {
                             Pass pass;
                             pass.forward = forward.get();
                             pass.backward = backward.get();
                             return passes(pass);
                         }});
    }

    const GradientProblem& problem_;
    Passes passes_;
    const Architecture& shape_;
    std::size_t hidden_;
    std::shared_ptr<GradientValues> right_;
    std::vector<Variation> list_;
};

}  // namespace

GradientValues right_gradient(const GradientProblem& problem) { return Passes(problem)({}); }

std::vector<Variation> variations(const GradientProblem& problem) { return List(problem).all(); }

}  // namespace handgrad::compare
