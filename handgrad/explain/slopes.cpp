// Slopes are looked at on a grid, so that an activation is described by what it does, not by a text of its own.
#include "handgrad/explain/slopes.hpp"

#include <algorithm>
#include <cmath>

#include "handgrad/base/wording.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::explain {
namespace {

/// Where a slope has come as near to its limit as it ever will, unless it grows without bound.
constexpr double far = 64.0;
constexpr double unbounded = 1e6;

double slope_at(Activation activation, const ActivationSettings& settings, double z) {
    double slope = 0.0;
    visit(activation, [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            slope = F::derivative(z, settings);
        }
    });
    return slope;
}

/// How f′ goes: its limits, and where it is largest.
struct Course {
    double left = 0.0;   ///< for z ≪ 0
    double right = 0.0;  ///< for z ≫ 0
    double steepest = 0.0;
    double at = 0.0;
};

/// The grid is refined twice around its largest value: the place is right to 10⁻⁴, the value to 10⁻⁸.
Course course_of(Activation activation, const ActivationSettings& settings) {
    const auto slope = [&](double z) { return std::fabs(slope_at(activation, settings, z)); };
    Course course{.left = slope(-far), .right = slope(far)};
    double low = -far, step = 1.0 / 16;
    std::size_t steps = std::size_t{2} * 64 * 16;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i <= steps; ++i) {
            const double z = low + static_cast<double>(i) * step;
            if (slope(z) > course.steepest) {
                course.steepest = slope(z);
                course.at = z;
            }
        }
        low = course.at - step;
        steps = 64;
        step /= 32;
    }
    return course;
}

document::Prose math(const document::Formula& formula) { return "$" + formula + "$"; }

/// Four significant digits are enough for prose.
document::Formula rounded(double value) {
    if (value == 0.0 || !std::isfinite(value)) {
        return document::number_formula(value);
    }
    const double step = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - 3);
    return document::number_formula(std::round(value / step) * step);
}

/// `The slope of sigmoid is at most 0.25, at z = 0, and falls towards 0 as |z| grows: it is 0.0177 at |z| = 4.`
document::Prose nature(Activation activation, const ActivationSettings& settings) {
    const document::Prose whose = "The slope of " + std::string(name(activation)) + " is ";
    if (!facts(activation).elementwise) {
        return "The entries of the Jacobian of softmax are at most " + math(rounded(0.25)) +
               " in size, and fall towards 0 as one output comes near 1.";
    }
    const Course course = course_of(activation, settings);
    if (facts(activation).piecewise_linear) {
        if (!facts(activation).kink) {
            return whose + math(rounded(course.right)) + " everywhere.";
        }
        return whose + math(rounded(course.right)) + " for every $z>0$, however large, and " +
               math(rounded(course.left)) + " for $z<0$" + when(course.left == 0.0, " (derivation §6.7)") + ".";
    }
    if (course.right > unbounded) {
        return whose + "without bound: it grows with $z$, and falls towards 0 as $z$ falls.";
    }
    if (course.right < 0.5) {
        return whose + "at most " + math(rounded(course.steepest)) + ", at " + math("z=" + rounded(course.at)) +
               ", and falls towards 0 as $|z|$ grows: at $|z|=4$ it is " +
               math(rounded(slope_at(activation, settings, 4.0))) + ".";
    }
    const document::Prose falls = ", and falls towards 0 as $z$ falls: at $z=-4$ it is " +
                                  math(rounded(slope_at(activation, settings, -4.0))) + ".";
    if (course.steepest > course.right) {
        return whose + "at most " + math(rounded(course.steepest)) + ", at " + math("z=" + rounded(course.at)) +
               ", near " + math(rounded(course.right)) + " for large $z$" + falls;
    }
    return whose + "at most " + math(rounded(course.right)) + ", as for large $z$" + falls;
}

double norm(const std::vector<double>& numbers) {
    double squares = 0.0;
    for (const double number : numbers) {
        squares += number * number;
    }
    return std::sqrt(squares);
}
double norm(const Matrix<double>& matrix) {
    return norm(std::vector<double>(matrix.values().begin(), matrix.values().end()));
}

/// Wᵀδ: what arrives from the layer above.
std::vector<double> sent_down(const Matrix<double>& weight, const Matrix<double>& delta) {
    std::vector<double> result(weight.columns(), 0.0);
    for (std::size_t k = 0; k < weight.rows(); ++k) {
        for (std::size_t i = 0; i < weight.columns(); ++i) {
            result[i] += weight(k, i) * delta(k, 0);
        }
    }
    return result;
}

class Study {
public:
    Study(const Derivation& derivation, const Trace* trace)
        : d_(derivation), shape_(derivation.architecture), t_(trace), layers_(shape_.layers()) {}

    Slopes write() {
        for (std::size_t l = 0; l < layers_; ++l) {
            add_factor(l);
        }
        natures();
        bounds();
        if (t_ != nullptr) {
            for (std::size_t l = 0; l < layers_; ++l) {
                const Matrix<double>& gradient = t_->gradients[2 * l];
                result_.gradient_rms.push_back(norm(gradient) /
                                               std::sqrt(static_cast<double>(gradient.values().size())));
            }
            least_left();
            first_beside_last();
        }
        return std::move(result_);
    }

private:
    [[nodiscard]] std::size_t last() const { return layers_ - 1; }

    void add_factor(std::size_t l) {
        const Activation activation = shape_.activation(l);
        const math::OutputLoss pair{
            .kind = d_.loss_function.kind, .parameters = {}, .output = shape_.output, .settings = {}};
        SlopeFactor factor{.symbol = d_.jacobians[layers_ - l].quantity.symbol,
                           .layer_name = d_.forward[2 * l + 1].layer_name,
                           .activation = activation,
                           .units = shape_.sizes[l + 1],
                           .steepest = {},
                           .cancels = l == last() && pair.fused(),
                           .row = {}};
        if (!facts(activation).elementwise) {
            factor.steepest = 0.25;
        } else if (const Course course = course_of(activation, shape_.activation_settings());
                   course.steepest <= unbounded) {
            factor.steepest = course.steepest;
        }
        if (t_ != nullptr) {
            factor.row = slopes_of_row(l, factor);
        }
        result_.factors.push_back(std::move(factor));
    }

    [[nodiscard]] SlopesOfRow slopes_of_row(std::size_t l, const SlopeFactor& factor) const {
        const TracedJacobian& jacobian = t_->jacobians[layers_ - l];
        const double flat_below = slope_at(Activation::sigmoid, {}, 4.0) / slope_at(Activation::sigmoid, {}, 0.0);
        SlopesOfRow row;
        row.smallest = std::fabs(jacobian.at(0, 0));
        for (std::size_t i = 0; i < jacobian.rows(); ++i) {
            const double slope = std::fabs(jacobian.at(i, i));
            row.smallest = std::min(row.smallest, slope);
            row.largest = std::max(row.largest, slope);
            row.mean += slope / static_cast<double>(jacobian.rows());
            if (factor.steepest && slope < flat_below * *factor.steepest) {
                ++row.flat;
            }
        }
        if (factor.cancels) {
            return row;
        }
        const Matrix<double>& delta = t_->deltas[last() - l];
        double arrives = norm(t_->jacobians[0].value);
        if (l < last()) {
            arrives = norm(sent_down(t_->parameters[2 * (l + 1)], t_->deltas[last() - l - 1]));
        }
        if (arrives > 0.0 && std::isfinite(arrives)) {
            row.passed = norm(delta) / arrives;
        }
        return row;
    }

    void natures() {
        for (const Activation activation : all_activations) {
            bool used = false;
            for (const SlopeFactor& factor : result_.factors) {
                used = used || (factor.activation == activation && !factor.cancels);
            }
            if (used) {
                result_.text.push_back(nature(activation, shape_.activation_settings()));
            }
        }
    }

    /// `f′` of layer l, as a formula.
    [[nodiscard]] document::Formula slope_name(std::size_t l) const { return result_.factors[l].layer_name + "'"; }

    /// What the slopes from layer l on multiply together: the bound of each, and their product.
    [[nodiscard]] document::Prose product_from(std::size_t l) const {
        constexpr std::size_t most_written_out = 4;
        double product = 1.0;
        document::Formula factors;
        std::size_t count = 0;
        for (std::size_t above = l; above < layers_; ++above) {
            const SlopeFactor& factor = result_.factors[above];
            if (factor.cancels) {
                continue;
            }
            if (!factor.steepest) {
                return "of any size";
            }
            product *= *factor.steepest;
            add_item(factors, "\\cdot", rounded(*factor.steepest));
            ++count;
        }
        const bool written_out = count > 1 && count <= most_written_out;
        return "of at most " + math(when(written_out, factors + "=") + rounded(product));
    }

    [[nodiscard]] document::Prose slopes_in(std::size_t l) const {
        std::size_t end = layers_;
        if (result_.factors.back().cancels) {
            --end;
        }
        const document::Prose where = "$\\partial l/\\partial W^{(" + std::to_string(l + 1) + ")}$ holds ";
        if (end == l) {
            return where + "no slope.";
        }
        const std::size_t count = end - l;
        document::Prose which = math(slope_name(l));
        if (count == 2) {
            which += " and " + math(slope_name(end - 1));
        } else if (count > 2) {
            which += " to " + math(slope_name(end - 1));
        }
        return where + "the " + when(count == 1, "slope ") + when(count > 1, "slopes ") + which + ": weights aside " +
               when(count > 1, "together ") + "a factor " + product_from(l) + ".";
    }

    void bounds() {
        if (result_.factors.back().cancels) {
            result_.text.push_back(math("g'") + " cancels against the loss (derivation §6.6): $\\delta_{" +
                                   std::to_string(layers_) + "}$ is computed without it.");
        }
        result_.text.push_back(slopes_in(0));
        if (layers_ > 1) {
            result_.text.push_back(slopes_in(last()));
        }
        relu_instead();
    }

    /// The end of §5, where it applies: an f that goes flat for large z.
    void relu_instead() {
        bool flat = false;
        for (std::size_t l = 0; l < last(); ++l) {
            flat = flat || course_of(shape_.activation(l), shape_.activation_settings()).right < 0.5;
        }
        if (flat) {
            result_.text.emplace_back("The slope of relu would be 1 for every $z>0$, however large.");
        }
    }

    void least_left() {
        const SlopeFactor* least = nullptr;
        for (const SlopeFactor& factor : result_.factors) {
            const bool less = factor.row->passed && (least == nullptr || *factor.row->passed < *least->row->passed);
            if (less) {
                least = &factor;
            }
        }
        if (least == nullptr) {
            return;
        }
        const SlopesOfRow& row = *least->row;
        document::Prose text = math(least->layer_name + "'") +
                               " leaves least in this row: " + math(rounded(100 * *row.passed)) +
                               " % of the gradient that arrives at it";
        if (row.flat > 0) {
            text += "; " + std::to_string(row.flat) + " of its " + plural(least->units, "unit") +
                    when(row.flat == 1, " is flat") + when(row.flat > 1, " are flat");
        }
        result_.row_text.push_back(text + ".");
    }

    void first_beside_last() {
        if (layers_ == 1) {
            return;
        }
        const double first = result_.gradient_rms.front(), behind = result_.gradient_rms.back();
        document::Prose text = "The root mean square of $\\partial l/\\partial W^{(1)}$ is " + math(rounded(first)) +
                               ", that of $\\partial l/\\partial W^{(" + std::to_string(layers_) + ")}$ " +
                               math(rounded(behind));
        if (behind > 0.0 && std::isfinite(first / behind)) {
            text += ", a ratio of " + math(rounded(first / behind));
        }
        result_.row_text.push_back(text + ". One row is no diagnosis; that takes a whole table.");
    }

    const Derivation& d_;
    const Architecture& shape_;
    const Trace* t_;
    std::size_t layers_;
    Slopes result_;
};

}  // namespace

Slopes study_slopes(const Derivation& derivation, const Trace* trace) { return Study(derivation, trace).write(); }

}  // namespace handgrad::explain
