// All combinations of what may stand for the output's slope, the hidden slopes and the kink.
#include "handgrad/compare/hypotheses.hpp"

#include <algorithm>

#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad::compare {
namespace {

constexpr std::size_t most_causes = 2;

/// Right everywhere; wrong in every hidden layer that has a slope to forget; wrong in one of them.
std::vector<std::vector<Slope>> hidden_patterns(const Architecture& shape) {
    const std::size_t hidden = shape.layers() - 1;
    std::vector<std::size_t> sloped;
    for (std::size_t l = 0; l < hidden; ++l) {
        if (shape.activation(l) != Activation::identity) {
            sloped.push_back(l);
        }
    }
    std::vector<std::vector<Slope>> patterns{std::vector<Slope>(hidden, Slope::right)};
    for (const Slope wrong : {Slope::missing, Slope::at_activation}) {
        std::vector<Slope> all(hidden, Slope::right);
        for (const std::size_t l : sloped) {
            all[l] = wrong;
        }
        if (!sloped.empty()) {
            patterns.push_back(all);
        }
        if (sloped.size() < 2) {
            continue;
        }
        for (const std::size_t l : sloped) {
            std::vector<Slope> one(hidden, Slope::right);
            one[l] = wrong;
            patterns.push_back(one);
        }
    }
    return patterns;
}

/// The model's convention at kinks; where there is one, the other too.
std::vector<bool> other_kinks(const Architecture& shape) {
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        if (facts(shape.activation(l)).kink) {
            return {false, true};
        }
    }
    return {false};
}

}  // namespace

std::vector<WrongPass> wrong_passes(const Architecture& shape) {
    std::vector<Slope> outputs{Slope::right};
    if (shape.output != Activation::identity) {
        outputs.push_back(Slope::missing);
        if (facts(shape.output).elementwise) {
            outputs.push_back(Slope::at_activation);
        }
    }
    std::vector<WrongPass> passes;
    for (const bool other_kink : other_kinks(shape)) {
        for (const Slope output : outputs) {
            for (const std::vector<Slope>& hidden : hidden_patterns(shape)) {
                WrongPass pass{Hypothesis{output, hidden, other_kink}, {}, {}};
                const auto add_if = [&](bool wrong, Cause cause) {
                    if (wrong) {
                        pass.causes.push_back(cause);
                    }
                };
                const auto somewhere = [&](Slope wrong) { return std::ranges::find(hidden, wrong) != hidden.end(); };
                add_if(other_kink, Cause::relu_at_zero);
                add_if(output == Slope::missing, Cause::missing_output_derivative);
                add_if(somewhere(Slope::missing), Cause::missing_hidden_derivative);
                add_if(output == Slope::at_activation || somewhere(Slope::at_activation),
                       Cause::derivative_at_activation);
                for (std::size_t l = 0; l < hidden.size(); ++l) {
                    if (hidden[l] != Slope::right) {
                        pass.wrong_layers.push_back(l);
                    }
                }
                if (output == Slope::at_activation) {
                    pass.wrong_layers.push_back(hidden.size());
                }
                if (pass.causes.size() <= most_causes) {
                    passes.push_back(std::move(pass));
                }
            }
        }
    }
    std::ranges::stable_sort(passes, {}, [](const WrongPass& pass) { return pass.causes.size(); });
    return passes;
}

bool stands_at_kink(const BasicMlp<double>& net, const Matrix<double>& x) {
    const ActivationSettings own = net.architecture().activation_settings();
    const ActivationSettings other = Hypothesis{.other_kink = true}.settings(own);
    BasicTape<double> tape(net, x.rows());
    forward(net, x, tape);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const bool differs = visit(net.architecture().activation(l), [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                return std::ranges::any_of(tape.layer(l).z.values(),
                                           [&](double z) { return F::derivative(z, own) != F::derivative(z, other); });
            }
            return false;
        });
        if (differs) {
            return true;
        }
    }
    return false;
}

}  // namespace handgrad::compare
