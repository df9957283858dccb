// Every quantity by the passes of nn/ and the optimizer, one at a time, each from what stands on the sheet.
#include "handgrad/compare/reworked_sheet.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "handgrad/compare/hypotheses.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/plain_loops.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad::compare {
namespace {

using Vector = std::vector<double>;

/// Half a unit in the sixth digit, as numbers are shown.
constexpr double shown_share = 5e-6;

Vector vector_of(std::span<const double> values) { return {values.begin(), values.end()}; }

Vector sizes_of(std::span<const double> values) {
    Vector sizes;
    for (const double v : values) {
        sizes.push_back(std::fabs(v));
    }
    return sizes;
}

Worked exactly(Vector values) {
    Vector sizes = sizes_of(values);
    return {std::move(values), std::move(sizes)};
}

MatrixView<const double> square(std::span<const double> values, std::size_t size) {
    return {values.data(), size, size};
}

Matrix<double> transposed(MatrixView<const double> M) {
    Matrix<double> result(M.columns(), M.rows());
    for (std::size_t i = 0; i < M.rows(); ++i) {
        for (std::size_t j = 0; j < M.columns(); ++j) {
            result(j, i) = M(i, j);
        }
    }
    return result;
}

Matrix<double> sizes_of(MatrixView<const double> M) {
    Matrix<double> result(M.rows(), M.columns());
    for (std::size_t i = 0; i < M.rows(); ++i) {
        std::ranges::transform(M.row(i), result.row(i).begin(), [](double v) { return std::fabs(v); });
    }
    return result;
}

/// vᵀ M: a factor of Table 2.
Worked row_times(const Worked& v, MatrixView<const double> M) {
    return {certify::row_times(v.value, M), certify::row_times(v.terms, sizes_of(M))};
}

/// The z at which an activation is `a`, found by halving: for those who write a slope in terms of the activation, as
/// σ′ = σ(1 − σ). None where no z leads there, or several that have not one slope.
template <class F>
std::optional<double> preimage(double a, const ActivationSettings& settings) {
    const auto f = [&](double z) { return F::value(z, settings); };
    double reach = 1.0;
    while (!(f(-reach) <= a && a <= f(reach))) {
        reach *= 2.0;
        if (reach > 1e9) {
            return std::nullopt;
        }
    }
    double low = -reach, high = reach;
    for (int halvings = 0; halvings < 100; ++halvings) {
        const double middle = low + 0.5 * (high - low);
        if (f(middle) < a) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (F::facts.kink && (high <= -reach || f(0.0) == a)) {
        return std::nullopt;
    }
    return high;
}

/// The numbers of the table in the place of those that the network sees; empty where they are the same.
Vector raw_numbers(const std::vector<explain::ExplainedCell>& cells, std::span<const double> seen) {
    Vector raw = vector_of(seen);
    for (std::size_t i = 0; i < std::min(cells.size(), raw.size()); ++i) {
        raw[i] = cells[i].number.value_or(raw[i]);
    }
    if (std::ranges::equal(raw, seen)) {
        return {};
    }
    return raw;
}

}  // namespace

bool Worked::finite() const {
    return std::ranges::all_of(value, [](double v) { return std::isfinite(v); });
}

ReworkedSheet::ReworkedSheet(const explain::Explanation& explanation, double share_of_terms)
    : explanation_(explanation),
      trace_(explanation.row->trace),
      share_of_terms_(share_of_terms),
      raw_x_(raw_numbers(explanation.row->inputs, trace_.x.values())),
      raw_y_(raw_numbers(explanation.row->outputs, trace_.y.values())),
      net_(BasicMlp<double>::zeros(explanation.derivation.architecture)),
      settings_(explanation.derivation.architecture.activation_settings()) {
    std::size_t at = 0;
    for (const Matrix<double>& parameter : trace_.parameters) {
        std::ranges::copy(parameter.values(), net_.parameters().begin() + static_cast<std::ptrdiff_t>(at));
        at += parameter.values().size();
    }
    std::vector<Vector> values;
    const auto add_all = [&](const std::vector<Matrix<double>>& from) {
        for (const Matrix<double>& numbers : from) {
            values.push_back(vector_of(numbers.values()));
        }
    };
    add_all(trace_.forward);
    values.push_back({trace_.loss});
    for (const explain::TracedJacobian& traced : trace_.jacobians) {
        Vector& dense = values.emplace_back();
        for (std::size_t i = 0; i < traced.rows(); ++i) {
            for (std::size_t j = 0; j < traced.columns(); ++j) {
                dense.push_back(traced.at(i, j));
            }
        }
    }
    add_all(trace_.deltas);
    add_all(trace_.gradients);
    add_all(trace_.updated);
    for (Vector& numbers : values) {
        ours_.push_back(exactly(std::move(numbers)));
    }
    answered_.assign(ours_.size(), false);
    for (std::size_t i = 0; i < ours_.size(); ++i) {  // the terms of each, with the trace's own numbers before it
        here_.push_back(ours_[i]);
        const std::vector<Worked> ways_there = ways(i);
        if (!ways_there.empty()) {
            for (std::size_t k = 0; k < ours_[i].terms.size(); ++k) {
                ours_[i].terms[k] = std::max(ours_[i].terms[k], ways_there.front().terms[k]);
            }
        }
        here_[i] = ours_[i];
    }
}

ReworkedSheet::Place ReworkedSheet::place(std::size_t i) const {
    const std::size_t L = net_.layers();
    if (i < loss()) {
        return {i % 2 == 0 ? Kind::z : Kind::activation, i / 2};
    }
    if (i <= loss_slope()) {
        return {i == loss() ? Kind::loss : Kind::loss_slope, last()};
    }
    if (i <= jacobian(0)) {
        return {Kind::jacobian, jacobian(0) - i};
    }
    if (i <= delta(0)) {
        return {Kind::delta, delta(0) - i};
    }
    const std::size_t p = i - gradient(0);
    assert(L != 0);  // a sheet is a trace's, and no trace is of a network without layers
    return {p < 2 * L ? Kind::gradient : Kind::updated, p % (2 * L) / 2, p % 2 == 1};
}

std::vector<std::size_t> ReworkedSheet::made_of(std::size_t i) const {
    const auto [kind, l, bias] = place(i);
    const auto with_input = [this, layer = l](std::vector<std::size_t> others) {
        if (layer > 0) {
            others.push_back(a(layer - 1));
        }
        return others;
    };
    switch (kind) {
        case Kind::z:
            return with_input({});
        case Kind::activation:
            return {z(l)};
        case Kind::loss:
        case Kind::loss_slope:
            return {a(last())};
        case Kind::jacobian:
            return {z(l), a(l)};
        case Kind::delta:
            if (l == last()) {
                return {z(l), a(l), loss_slope(), jacobian(l)};
            }
            return {z(l), a(l), delta(l + 1), jacobian(l)};
        case Kind::gradient:
            return bias ? std::vector{delta(l)} : with_input({delta(l)});
        case Kind::updated:
            return {i - 2 * net_.layers()};
    }
    __builtin_unreachable();
}

void ReworkedSheet::put(std::size_t i, std::vector<double> values, bool answered) {
    assert(values.size() == here_[i].value.size());
    for (std::size_t k = 0; k < values.size(); ++k) {
        here_[i].terms[k] = std::fabs(values[k]);
        if (values[k] == ours_[i].value[k]) {
            here_[i].terms[k] = std::max(here_[i].terms[k], ours_[i].terms[k]);
        }
    }
    here_[i].value = std::move(values);
    answered_[i] = answered;
}

std::span<const double> ReworkedSheet::before_step(std::size_t i) const {
    if (place(i).kind != Kind::updated) {
        return {};
    }
    return trace_.parameters[i - updated(0)].values();
}

double ReworkedSheet::steps_without_rate() const { return 1.0 / explanation_.step.optimizer.learning_rate; }

std::span<const double> ReworkedSheet::input(std::size_t l) const {
    if (l == 0) {
        return trace_.x.values();
    }
    return here_[a(l - 1)].value;
}

Worked ReworkedSheet::work_z(MatrixView<const double> W, std::span<const double> b,
                             std::span<const double> from) const {
    Worked result{Vector(W.rows()), Vector(W.rows())};
    plain::linear_forward_row<double>(W, b, from, result.value);
    plain::linear_forward_row<double>(sizes_of(W).view(), sizes_of(b), sizes_of(from), result.terms);
    return result;
}

Worked ReworkedSheet::work_activation(std::size_t l) const {
    Vector values(here_[z(l)].value.size());
    math::row_outputs<double>(net_.architecture().activation(l), settings_, here_[z(l)].value, values);
    return exactly(std::move(values));
}

/// l, or ∂l/∂ŷ, as a function of ŷ alone: the loss behind an identity.
Worked ReworkedSheet::work_loss(bool slope, std::span<const double> y) const {
    const LossFunction& function = explanation_.derivation.loss_function;
    const math::OutputLoss behind_identity = output_loss(function, Activation::identity, settings_);
    const Vector& yhat = here_[a(last())].value;
    const double reduction = reduction_factor(function.kind, yhat.size(), net_.architecture().conventions);
    const auto share = [&](std::size_t k, double at) {
        const std::span<const double> output(&at, 1);
        double dz = 0.0, da = 0.0;
        const double value = math::row_loss<double>(behind_identity, output, output, y.subspan(k, 1), reduction,
                                                    math::Derivatives::logits_yhat, {&dz, 1}, {&da, 1});
        return slope ? da : reduction * value;
    };
    Worked shares{Vector(yhat.size()), Vector(yhat.size())};
    for (std::size_t k = 0; k < yhat.size(); ++k) {
        shares.value[k] = share(k, yhat[k]);
        // Near y the slope loses the digits that ŷ was not written with.
        const double moved = share(k, yhat[k] + shown_share * std::fabs(yhat[k]));
        shares.terms[k] = std::fabs(shares.value[k]);
        if (std::isfinite(moved)) {
            shares.terms[k] = std::max(shares.terms[k], std::fabs(moved - shares.value[k]) / share_of_terms_);
        }
    }
    if (slope) {
        return shares;
    }
    Worked sum{{0.0}, {0.0}};
    for (std::size_t k = 0; k < yhat.size(); ++k) {
        sum.value[0] += shares.value[k];
        sum.terms[0] += shares.terms[k];
    }
    return sum;
}

Worked ReworkedSheet::work_jacobian(std::size_t l, std::span<const double> z, std::span<const double> a,
                                    const Hypothesis& hypothesis) const {
    const Activation f = net_.architecture().activation(l);
    // Softmax takes it that its p sum to 1; what theirs lack goes to one more, which is then left out.
    const std::size_t more = facts(f).elementwise ? 0 : 1;
    TapeLayer<double> layer{f, hypothesis.settings(settings_), net_.architecture().conventions,
                            Matrix<double>(1, z.size() + more), Matrix<double>(1, a.size() + more)};
    std::ranges::copy(z, layer.z.values().begin());
    std::ranges::copy(a, layer.a.values().begin());
    if (more == 1) {
        layer.a(0, a.size()) = std::accumulate(a.begin(), a.end(), 1.0, std::minus<>());
    }
    const explain::TracedJacobian traced = explain::activation_jacobian(layer);
    Vector dense;
    for (std::size_t i = 0; i < z.size(); ++i) {
        for (std::size_t j = 0; j < z.size(); ++j) {
            dense.push_back(traced.at(i, j));
        }
    }
    return exactly(std::move(dense));
}

std::vector<Worked> ReworkedSheet::jacobian_ways(std::size_t l) const {
    const Vector& at = here_[z(l)].value;
    const Vector& out = here_[a(l)].value;
    std::vector<Worked> ways{work_jacobian(l, at, out)};
    Vector from_activation = at;
    visit(net_.architecture().activation(l), [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            for (std::size_t k = 0; k < out.size(); ++k) {
                from_activation[k] = preimage<F>(out[k], settings_).value_or(at[k]);
            }
            ways.push_back(work_jacobian(l, from_activation, out));
        } else {
            ways.push_back(work_jacobian(l, at, work_activation(l).value));
        }
    });
    return ways;
}

/// ∂l/∂z of the last layer from the logits (derivation §6.5).
Worked ReworkedSheet::fused_delta() const {
    const LossFunction& function = explanation_.derivation.loss_function;
    const math::OutputLoss pair = output_loss(function, net_.architecture().output, settings_);
    const std::size_t K = net_.outputs();
    Vector dz(K), da(K);
    math::row_loss<double>(pair, here_[z(last())].value, here_[a(last())].value, trace_.y.values(),
                           reduction_factor(function.kind, K, net_.architecture().conventions),
                           math::Derivatives::logits_yhat, dz, da);
    return exactly(std::move(dz));
}

std::vector<Worked> ReworkedSheet::delta_ways(std::size_t l) const {
    std::vector<Worked> before;
    if (l == last()) {
        before = {here_[loss_slope()], work_loss(true)};
    } else {
        before = {row_times(here_[delta(l + 1)], net_.weight(l + 1))};
    }
    std::vector<Worked> factors = jacobian_ways(l);
    factors.insert(factors.begin(), here_[jacobian(l)]);
    std::vector<Worked> ways;
    for (const Worked& v : before) {
        for (const Worked& J : factors) {
            ways.push_back(row_times(v, square(J.value, v.value.size())));
        }
    }
    if (l == last()) {
        ways.push_back(fused_delta());
    }
    return ways;
}

/// Table 2 in the parameter's own shape: δ aᵀ, or δ.
Worked ReworkedSheet::work_gradient(bool bias, const Worked& delta, std::span<const double> from) const {
    const auto times_input = [&](const Vector& d, std::span<const double> a) {
        Matrix<double> dW(d.size(), a.size());
        Vector db(d.size());
        plain::linear_backward_parameters<double>({d.data(), 1, d.size()}, {a.data(), 1, a.size()}, dW, db);
        return bias ? db : vector_of(dW.values());
    };
    return {times_input(delta.value, from), times_input(delta.terms, sizes_of(from))};
}

/// Eq. (4), or what the optimizer makes of it at its first step.
Worked ReworkedSheet::work_update(std::size_t p, std::span<const double> gradient) const {
    BasicMlp<double> moved = net_, all = BasicMlp<double>::zeros_like(net_);
    const auto of = [&](BasicMlp<double>& which) {
        const MatrixView<double> W = which.weight(p / 2);
        return p % 2 == 1 ? which.bias(p / 2) : std::span<double>(W.data(), W.rows() * W.columns());
    };
    std::ranges::copy(gradient, of(all).begin());
    penalty(net_, explanation_.step.penalty, 1, &all);
    Optimizer<double>(net_, explanation_.step.optimizer).update(moved, all);
    return exactly(vector_of(of(moved)));
}

std::vector<Worked> ReworkedSheet::ways(std::size_t i) const {
    const auto [kind, l, bias] = place(i);
    std::vector<Worked> result;
    switch (kind) {
        case Kind::z:
            result = {work_z(l, net_.weight(l))};
            break;
        case Kind::activation:
            result = {work_activation(l)};
            break;
        case Kind::loss:
        case Kind::loss_slope:
            result = {work_loss(kind == Kind::loss_slope)};
            break;
        case Kind::jacobian:
            result = jacobian_ways(l);
            break;
        case Kind::delta:
            result = delta_ways(l);
            break;
        case Kind::gradient:
            result = {work_gradient(l, bias, here_[delta(l)])};
            break;
        case Kind::updated:
            result = {work_update(i - updated(0), here_[i - 2 * net_.layers()].value)};
            break;
    }
    std::erase_if(result, [](const Worked& way) { return !way.finite(); });
    return result;
}

// --- Mistakes -------------------------------------------------------------------------------------------------------

Worked ReworkedSheet::wrong_jacobian(std::size_t l, const Hypothesis& hypothesis) const {
    const Slope slope = hypothesis.slope(l, net_.layers());
    const Vector& at = here_[z(l)].value;
    const Vector& out = here_[a(l)].value;
    if (slope == Slope::missing) {
        Vector unit(out.size() * out.size());
        for (std::size_t i = 0; i < out.size(); ++i) {
            unit[i * out.size() + i] = 1.0;
        }
        return exactly(std::move(unit));
    }
    if (slope == Slope::at_activation) {
        return work_jacobian(l, out, out, hypothesis);
    }
    return hypothesis.other_kink ? work_jacobian(l, at, out, hypothesis) : here_[jacobian(l)];
}

/// From the δ above that stands on the sheet, or where none was written from one with the same mistake.
Worked ReworkedSheet::wrong_delta(std::size_t l, const Hypothesis& hypothesis) const {
    Worked before = here_[loss_slope()];
    if (l < last()) {
        const Worked above = answered_[delta(l + 1)] ? here_[delta(l + 1)] : wrong_delta(l + 1, hypothesis);
        before = row_times(above, net_.weight(l + 1));
    }
    return row_times(before, square(wrong_jacobian(l, hypothesis).value, before.value.size()));
}

void ReworkedSheet::add_wrong_slopes(std::size_t i, std::vector<WrongWay>& to) const {
    const auto [kind, l, bias] = place(i);
    if (kind != Kind::jacobian && kind != Kind::delta && kind != Kind::gradient) {
        return;
    }
    std::vector<WrongPass> passes = wrong_passes(net_.architecture());
    std::erase_if(passes, [](const WrongPass& pass) { return pass.causes.size() != 1; });
    std::ranges::stable_sort(passes, {}, [](const WrongPass& pass) {  // one layer before all of them
        return std::pair(pass.causes.front(), pass.wrong_layers.size());
    });
    for (const WrongPass& pass : passes) {
        Worked result = kind == Kind::jacobian ? wrong_jacobian(l, pass.hypothesis) : wrong_delta(l, pass.hypothesis);
        if (kind == Kind::gradient) {
            result = work_gradient(l, bias, result);
        }
        to.push_back({pass.causes.front(), pass.wrong_layers, std::move(result)});
    }
}

/// f′ of −z in a layer of the ReLU family.
void ReworkedSheet::add_inverted_masks(std::size_t i, std::vector<WrongWay>& to) const {
    const auto [kind, l, bias] = place(i);
    const bool back = kind == Kind::jacobian || kind == Kind::delta || kind == Kind::gradient;
    if (!back || !facts(net_.architecture().activation(l)).kink) {
        return;
    }
    Vector turned = here_[z(l)].value;
    for (double& one : turned) {
        one = -one;
    }
    Worked result = work_jacobian(l, turned, here_[a(l)].value);
    if (kind != Kind::jacobian) {
        Worked before = here_[loss_slope()];
        if (l < last()) {
            before = row_times(here_[delta(l + 1)], net_.weight(l + 1));
        }
        result = row_times(before, square(result.value, before.value.size()));
    }
    if (kind == Kind::gradient) {
        result = work_gradient(l, bias, result);
    }
    to.push_back({Cause::mask_inverted, {l}, std::move(result)});
}

/// What is forgotten on the way forward, and what enters in the place of what should.
void ReworkedSheet::add_slips(std::size_t i, std::vector<WrongWay>& to) const {
    const auto [kind, l, bias] = place(i);
    const auto add = [&](Slip slip, Worked result) {
        to.push_back({.cause = Cause::unexplained, .wrong_layers = {}, .result = std::move(result), .slip = slip});
    };
    const bool activated_before = l > 0 && net_.architecture().activation(l - 1) != Activation::identity;
    if (kind == Kind::z) {
        const MatrixView<const double> W = net_.weight(l);
        const Vector nothing(W.rows(), 0.0);
        add(Slip::missing_bias, work_z(W, nothing, input(l)));
        if (activated_before) {
            add(Slip::missing_activation, work_z(W, net_.bias(l), here_[z(l - 1)].value));
        }
        if (l == 0 && !raw_x_.empty()) {
            add(Slip::raw_input, work_z(W, net_.bias(l), raw_x_));
        }
    } else if (kind == Kind::activation && net_.architecture().activation(l) != Activation::identity) {
        add(Slip::missing_activation, here_[z(l)]);
    } else if ((kind == Kind::loss || kind == Kind::loss_slope) && !raw_y_.empty()) {
        add(Slip::raw_target, work_loss(kind == Kind::loss_slope, raw_y_));
    } else if (kind == Kind::gradient && !bias && activated_before) {
        add(Slip::missing_activation, work_gradient(bias, here_[delta(l)], here_[z(l - 1)].value));
    } else if (kind == Kind::gradient && !bias && l == 0 && !raw_x_.empty()) {
        add(Slip::raw_input, work_gradient(bias, here_[delta(l)], raw_x_));
    }
}

/// The numbers of a gradient read in the other order; Wᵀ in the place of a square W.
void ReworkedSheet::add_transposed(std::size_t i, std::span<const Worked> bases, std::vector<WrongWay>& to) const {
    const auto [kind, l, bias] = place(i);
    const auto add = [&](Worked result) { to.push_back({Cause::transposed, {}, std::move(result)}); };
    const MatrixView<const double> W = net_.weight(l);
    const auto turned = [&](std::span<const double> numbers) {
        return vector_of(transposed({numbers.data(), W.rows(), W.columns()}).values());
    };
    if (kind == Kind::z && W.rows() == W.columns()) {
        add(work_z(l, transposed(W)));
    } else if (kind == Kind::delta && l < last()) {
        const MatrixView<const double> above = net_.weight(l + 1);
        if (above.rows() == above.columns()) {
            const Worked v = row_times(here_[delta(l + 1)], transposed(above));
            add(row_times(v, square(here_[jacobian(l)].value, v.value.size())));
        }
    } else if (kind == Kind::gradient && !bias) {
        for (const Worked& base : bases) {
            add({turned(base.value), turned(base.terms)});
        }
    } else if (kind == Kind::updated && !bias) {
        add(work_update(2 * l, turned(here_[i - 2 * net_.layers()].value)));
    }
}

std::vector<WrongWay> ReworkedSheet::wrong_ways(std::size_t i) const {
    std::vector<Worked> bases = ways(i);
    if (ours_[i].finite()) {
        bases.push_back(ours_[i]);
    }
    std::vector<WrongWay> result;
    add_transposed(i, bases, result);
    add_slips(i, result);
    const std::span<const double> start = before_step(i);
    if (!start.empty()) {
        for (const Worked& base : bases) {
            Worked without_rate = base;
            for (std::size_t k = 0; k < base.value.size(); ++k) {
                without_rate.value[k] = start[k] + steps_without_rate() * (base.value[k] - start[k]);
            }
            result.push_back({Cause::unexplained, {}, std::move(without_rate), Slip::missing_rate});
        }
    }
    for (const WrongScale& scale : wrong_scales(net_.outputs(), 1.0, 1)) {
        if (scale.causes.empty() || scale.causes.front() == Cause::accumulated) {
            continue;
        }
        for (const Worked& base : bases) {
            Worked scaled = base;
            for (std::size_t k = 0; k < base.value.size(); ++k) {
                if (start.empty()) {
                    scaled.value[k] = scale.value * base.value[k];
                    scaled.terms[k] = std::fabs(scale.value) * base.terms[k];
                } else {
                    scaled.value[k] = start[k] + scale.value * (base.value[k] - start[k]);
                }
            }
            result.push_back({scale.causes.front(), {}, std::move(scaled)});
        }
    }
    add_wrong_slopes(i, result);
    add_inverted_masks(i, result);
    const Place here = place(i);
    if (here.kind == Kind::gradient && here.bias) {
        const Vector& d = here_[delta(here.layer)].value;
        double sum = 0.0;
        for (const double entry : d) {
            sum += entry;
        }
        result.push_back({Cause::bias_sum, {}, exactly(Vector(d.size(), sum))});
    }
    std::erase_if(result, [](const WrongWay& way) { return !way.result.finite(); });
    return result;
}

}  // namespace handgrad::compare
