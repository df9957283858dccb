// The five steps on one row, by the passes of nn/ and the optimizer of train/, with what they leave behind kept.
#include "handgrad/explain/trace.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::explain {
namespace {

template <class T>
Matrix<double> column(std::span<const T> values) {
    Matrix<double> result(values.size(), 1);
    std::ranges::copy(values, result.values().begin());
    return result;
}

template <class T>
std::vector<Matrix<double>> parameters_of(const BasicMlp<T>& net) {
    std::vector<Matrix<double>> result;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        result.push_back(convert<double>(net.weight(l)));
        result.push_back(column<T>(net.bias(l)));
    }
    return result;
}

}  // namespace

// Rows of the unit matrix sent through the layer, one that holds only ones where the Jacobian is diagonal.
template <class T>
TracedJacobian activation_jacobian(const TapeLayer<T>& layer) {
    const bool diagonal = facts(layer.activation).elementwise;
    const std::size_t size = layer.z.columns();
    Matrix<T> v(diagonal ? 1 : size, size), J(v.rows(), size);
    for (std::size_t i = 0; i < v.rows(); ++i) {
        for (std::size_t j = 0; j < size; ++j) {
            v(i, j) = T(diagonal || i == j ? 1 : 0);
        }
        visit(layer.activation, [&]<class F>(F) {
            math::row_times_jacobian<F, T>(layer.settings, layer.z.row(0), layer.a.row(0), std::span<const T>(v.row(i)),
                                           J.row(i));
        });
    }
    return {diagonal, convert<double>(J)};
}

template <class T>
Trace trace(const BasicMlp<T>& net, const LossFunction& function, std::type_identity_t<std::span<const T>> x,
            std::type_identity_t<std::span<const T>> y, const StepOptions& options) {
    assert(x.size() == net.inputs() && y.size() == net.outputs());
    BasicMlp<T> moved = net;  // step 1, Eq. (1)
    BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
    Optimizer<T> optimizer(net, options.optimizer);
    BasicTape<T> tape(net, 1), dtape(net, 1);

    Trace result;
    forward(net, MatrixView<const T>(x.data(), 1, x.size()), tape);  // step 2, Eq. (2)
    result.loss = loss(function, tape.output(), MatrixView<const T>(y.data(), 1, y.size()), dtape.output());  // step 3
    backward(net, tape, dtape, gradient);  // step 4: the gradient was zero

    result.x = column<T>(x);
    result.y = column<T>(y);
    result.parameters = parameters_of(net);
    result.gradients = parameters_of(gradient);
    result.jacobians.push_back({false, convert<double>(dtape.output().a)});
    for (std::size_t l = 0; l < net.layers(); ++l) {
        result.forward.push_back(column<T>(std::as_const(tape).layer(l).z.row(0)));
        result.forward.push_back(column<T>(std::as_const(tape).layer(l).a.row(0)));
    }
    for (std::size_t l = net.layers(); l-- > 0;) {
        result.jacobians.push_back(activation_jacobian(std::as_const(tape).layer(l)));
        result.deltas.push_back(column<T>(std::as_const(dtape).layer(l).z.row(0)));
    }

    result.penalty = penalty(net, options.penalty, 1, &gradient);
    optimizer.update(moved, gradient);  // step 5, Eq. (4)
    result.updated = parameters_of(moved);
    return result;
}

namespace {

/// What the rules of an optimizer are written from and into.
struct UpdateText {
    const OptimizerOptions& options;
    const Conventions& conventions;
    bool penalised;       ///< the loss holds a penalty, so that the gradient is g, else ∂l/∂w
    document::Formula g;  ///< how the gradient is written
    UpdateFormula formula{};

    void setting(const char* letter, double value) {
        add_item(formula.settings, ", ", "$" + document::Formula(letter) + "=" + document::number_formula(value) + "$");
    }
    void note(const document::Prose& text) { add_item(formula.note, " ", text); }
    /// What the optimizer remembers at first, as `$v=0$`.
    void fresh_state(const document::Prose& state) {
        note("A model file does not keep what its optimizer remembers, so this is a first step from fresh state: " +
             state + ".");
    }
};

/// Steps with momentum.
void add_momentum_rules(UpdateText& text) {
    const bool nesterov = text.options.nesterov;
    std::vector<document::Formula>& rules = text.formula.rules;
    if (text.conventions.momentum == Momentum::gradient_sum) {
        rules.push_back("v\\leftarrow\\mu v+" + text.g);
        rules.push_back(nesterov ? "w\\leftarrow w-\\eta\\left(" + text.g + "+\\mu v\\right)"
                                 : "w\\leftarrow w-\\eta v");
    } else {
        rules.push_back("v\\leftarrow\\mu v-\\eta\\," + text.g);
        rules.push_back(nesterov ? "w\\leftarrow w+\\mu v-\\eta\\," + text.g : "w\\leftarrow w+v");
    }
}

// One function for each optimizer of the list: its rules, what the first of its steps does, and its settings beside η.

void describe(optimizers::Sgd /*optimizer*/, UpdateText& text) {
    const document::Formula plain = "w\\leftarrow w-\\eta\\," + text.g;
    text.formula.first_step = plain;
    if (text.options.momentum == 0.0) {
        text.formula.rules.push_back(plain);
        return;
    }
    text.setting("\\mu", text.options.momentum);
    add_momentum_rules(text);
    if (text.options.nesterov) {
        text.formula.first_step = "w\\leftarrow w-\\eta(1+\\mu)\\," + text.g;
    }
    text.fresh_state("$v=0$");
}

/// `decay` is what a step takes off w before the rest.
void describe_adam(UpdateText& text, const document::Formula& decay) {
    text.setting("\\beta_1", text.options.beta1);
    text.setting("\\beta_2", text.options.beta2);
    text.setting("\\varepsilon", text.options.epsilon);
    const bool before = text.conventions.adam_epsilon == AdamEpsilon::before_correction;
    const document::Formula w = "w\\leftarrow w" + decay;
    const document::Formula square = text.penalised ? "g^2" : "\\left(" + text.g + "\\right)^2";
    text.formula.rules.push_back("m\\leftarrow\\beta_1m+(1-\\beta_1)\\," + text.g);
    text.formula.rules.push_back("v\\leftarrow\\beta_2v+(1-\\beta_2)\\," + square);
    const std::string corrected = before ? "\\frac{\\sqrt{1-\\beta_2^t}}{1-\\beta_1^t}\\frac{m}{\\sqrt{v}+\\varepsilon}"
                                         : "\\frac{m/(1-\\beta_1^t)}{\\sqrt{v/(1-\\beta_2^t)}+\\varepsilon}";
    text.formula.rules.push_back(w + "-\\eta" + corrected);
    text.formula.first_step = w + "-\\eta\\frac{" + text.g + "}{\\left|" + text.g + "\\right|+\\varepsilon" +
                              when(before, "/\\sqrt{1-\\beta_2}") + "}";
    text.fresh_state("$m=v=0$ and $t=1$");
}

void describe(optimizers::Adam /*optimizer*/, UpdateText& text) { describe_adam(text, ""); }

void describe(optimizers::Adamw /*optimizer*/, UpdateText& text) {
    const bool all = text.conventions.penalty == Penalty::all_parameters;
    describe_adam(text, "-\\eta\\alpha w");
    text.setting("\\alpha", text.options.weight_decay);
    text.note("The decay $\\eta\\alpha w$ takes weights " + std::string(all ? "and biases." : "only."));
}

}  // namespace

UpdateFormula describe_update(const StepOptions& options, const Conventions& conventions) {
    const bool penalised = options.penalty != 0.0;
    UpdateText text{.options = options.optimizer,
                    .conventions = conventions,
                    .penalised = penalised,
                    .g = penalised ? "g" : "\\frac{\\partial l}{\\partial w}"};
    text.setting("\\eta", options.optimizer.learning_rate);
    if (penalised) {
        text.formula.rules.emplace_back("g=\\frac{\\partial l}{\\partial w}+\\alpha w");
    }
    visit(options.optimizer.kind, [&]<class O>(O optimizer) {
        if constexpr (TakesSteps<O>) {
            describe(optimizer, text);
        } else {
            throw Error(ErrorKind::usage, "optimizer: " + std::string(O::facts.name) +
                                              " takes no single steps that could be written down; take sgd, adam or "
                                              "adamw")
                .about("optimizer", "sgd");
        }
    });
    if (penalised) {
        const bool all = conventions.penalty == Penalty::all_parameters;
        text.setting("\\alpha", options.penalty);
        text.note(
            "The loss of this model holds the penalty $\\frac{1}{2}\\alpha\\|w\\|^2$ of " +
            std::string(all ? "weights and biases." : "the weights; for a bias $g=\\frac{\\partial l}{\\partial w}$."));
    }
    return std::move(text.formula);
}

template TracedJacobian activation_jacobian(const TapeLayer<float>&);
template TracedJacobian activation_jacobian(const TapeLayer<double>&);
template Trace trace(const BasicMlp<float>&, const LossFunction&, std::span<const float>, std::span<const float>,
                     const StepOptions&);
template Trace trace(const BasicMlp<double>&, const LossFunction&, std::span<const double>, std::span<const double>,
                     const StepOptions&);

}  // namespace handgrad::explain
