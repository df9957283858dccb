// One entry for each activation and each loss; a new one without an entry does not compile.
#include "handgrad/explain/formulas.hpp"

#include <cassert>
#include <cmath>

#include "handgrad/base/wording.hpp"
#include "handgrad/explain/literal_limits.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::explain {
namespace {

/// 1/K, ½ or nothing before a sum over outputs.
document::Formula coefficient(Reduction reduction) {
    switch (reduction) {
        case Reduction::sum:
            return "";
        case Reduction::mean:
            return "\\frac{1}{K}";
        case Reduction::half_sum:
            return "\\frac{1}{2}";
    }
    __builtin_unreachable();
}

Reduction reduction_of(Loss loss, const Conventions& conventions) {
    switch (loss) {
        case Loss::squared_error:
            return conventions.squared_error;
        case Loss::binary_cross_entropy:
            return conventions.binary_cross_entropy;
        case Loss::cross_entropy:
            return Reduction::sum;
        default:
            return conventions.other_losses;
    }
}

/// A step at the kink: `below` left of it, `above` right of it.
document::Formula step(const document::Formula& left_side, const document::Formula& right_side,
                       const document::Formula& below, const document::Formula& at, const document::Formula& above) {
    const auto row = [&](const document::Formula& value, const char* relation) {
        return value + "&\\text{if }" + left_side + relation + right_side;
    };
    document::Formula rows = row(below, "<") + "\\\\" + row(at, "=") + "\\\\" + row(above, ">");
    if (at == above) {
        rows = row(below, "<") + "\\\\" + row(above, "\\ge ");
    } else if (at == below) {
        rows = row(below, "\\le ") + "\\\\" + row(above, ">");
    }
    return "\\begin{cases}" + rows + "\\end{cases}";
}

/// The indicator of the numbers from 0 on, or of those above 0.
document::Formula indicator_of(bool with_zero) {
    return "\\mathbf{1}_{" + when(with_zero, "[") + when(!with_zero, "(") + "0,\\infty)}";
}
/// `factor` before a sum in brackets, or the sum alone without one.
document::Formula times_sum(const document::Formula& factor, const char* open, const document::Formula& sum,
                            const char* close) {
    if (factor.empty()) {
        return sum;
    }
    return factor + open + sum + close;
}

/// ` in float32`, said once in a reason.
document::Prose in_precision(const LiteralLimits& limits) { return " in " + std::string(limits.precision); }

/// `$z\le-44.37$`: true of the number printed and of all beyond it.
document::Prose from(const char* before, double limit) { return "$" + std::string(before) + outward(limit) + "$"; }

document::Prose sigmoid_slope_why(const LiteralLimits& limits) {
    return "As written, (12) to (15) are 0 for " + from("z\\le", limits.slope_is_zero) + " and NaN for " +
           from("z\\le", limits.slope_is_nan) + in_precision(limits) +
           ": $e^{-z}$ grows too large. $\\sigma(1-\\sigma)$ is no way out: 0 from " +
           from("z=", limits.sigmoid_is_one) + " on. $t$ never overflows.";
}
document::Prose minus_exp_why(const LiteralLimits& limits) {
    return "$e^{-z}$ overflows for " + from("z\\le", -limits.exp_is_infinite) + in_precision(limits);
}

constexpr std::string_view e_to_minus_abs = "t=e^{-|\\z|}";

document::Formula diagonal(const document::Formula& entries) {
    return "\\operatorname{diag}\\left\\{" + entries + "\\right\\}";
}

}  // namespace

document::Formula indicator(bool one_at_zero) {
    document::Formula cases = "1&\\text{if }u>0\\\\0&\\text{if }u\\le 0";
    if (one_at_zero) {
        cases = "1&\\text{if }u\\ge 0\\\\0&\\text{if }u<0";
    }
    return indicator_of(one_at_zero) + "(u)=\\begin{cases}" + cases + "\\end{cases}";
}

// Long because it is a table: one entry for each activation, and no way through it but one.
ActivationFormulas formulas(Activation activation, const ActivationSettings& settings, bool use_double) {
    const bool right = settings.kink == Kink::right_limit;
    const LiteralLimits& limits = literal_limits(use_double);
    switch (activation) {
        case Activation::identity:
            return {.value = Written{"\\z"},
                    .derivative = Written{"1"},
                    .applied = "\\z",
                    .jacobian = "I",
                    .hidden_equations = "(8), (9)",
                    .output_equations = "(8), (9)"};
        case Activation::relu:
            return {.value = Written{"\\max(\\z,0)"},
                    .derivative = Written{step("\\z", "0", "0", right ? "1" : "0", "1")},
                    .applied = "(\\z)^+",
                    .jacobian = diagonal(indicator_of(right) + "(\\z)"),
                    .indicator = indicator(right),
                    .hidden_equations = "(5), (6), (7)",
                    .output_equations = "(5), (6), (7)",
                    .as_derived = right};
        case Activation::leaky_relu:
            return {.value = Written{step("\\z", "0", "a\\z", "\\z", "\\z")},
                    .derivative = Written{step("\\z", "0", "a", right ? "1" : "a", "1")},
                    .applied = "\\mathrm{leaky}(\\z)",
                    .jacobian = diagonal("\\mathrm{leaky}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::elu:
            return {
                .value = Written{.literal = step("\\z", "0", "e^{\\z}-1", "\\z", "\\z"),
                                 .computed = step("\\z", "0", "\\mathrm{expm1}(\\z)", "\\z", "\\z"),
                                 .why = "$e^z-1$ cancels near $z=0$, and is 0 from $z=" + inward(limits.expm1_is_zero) +
                                        "$ on" + in_precision(limits) + "; expm1 computes it in one."},
                .derivative = Written{step("\\z", "0", "e^{\\z}", "1", "1")},
                .applied = "\\mathrm{elu}(\\z)",
                .jacobian = diagonal("\\mathrm{elu}'(\\z)"),
                .hidden_equations = {},
                .output_equations = {}};
        case Activation::sigmoid:
            return {.value = Written{.literal = "\\frac{1}{1+e^{-\\z}}",
                                     .computed = step("\\z", "0", "\\frac{t}{1+t}", "\\frac{1}{1+t}", "\\frac{1}{1+t}"),
                                     .where = document::Formula(e_to_minus_abs),
                                     .why = minus_exp_why(limits) + "; $t$ is also that of the derivative."},
                    .derivative = Written{.literal = "\\frac{e^{-\\z}}{(1+e^{-\\z})^2}",
                                          .computed = "\\frac{t}{(1+t)^2}",
                                          .where = document::Formula(e_to_minus_abs),
                                          .why = sigmoid_slope_why(limits)},
                    .applied = "\\sigma(\\z)",
                    .jacobian = diagonal("\\frac{e^{-\\z}}{(1+e^{-\\z})^2}"),
                    .hidden_equations = "(12), (13)",
                    .output_equations = "(14), (15)"};
        case Activation::tanh:
            return {.value = Written{"\\tanh(\\z)"},
                    .derivative = Written{.literal = "1-\\tanh(\\z)^2",
                                          .computed = "\\frac{4t}{(1+t)^2}",
                                          .where = "t=e^{-2|\\z|}",
                                          .why = "$1-\\tanh(z)^2$ cancels: 0 from " + from("|z|=", limits.tanh_is_one) +
                                                 " on" + in_precision(limits) + "."},
                    .applied = "\\tanh(\\z)",
                    .jacobian = diagonal("1-\\tanh(\\z)^2"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::softplus:
            return {.value = Written{.literal = "\\log(1+e^{\\z})",
                                     .computed = "\\max(\\z,0)+\\mathrm{log1p}(e^{-|\\z|})",
                                     .why = "$e^z$ overflows for " + from("z\\ge", limits.exp_is_infinite) +
                                            in_precision(limits) + ", and for $z\\ll0$ $1+e^z$ loses $e^z$: 0 for " +
                                            from("z\\le", limits.softplus_is_zero) + "."},
                    .derivative =
                        Written{.literal = "\\frac{1}{1+e^{-\\z}}",
                                .computed = step("\\z", "0", "\\frac{t}{1+t}", "\\frac{1}{1+t}", "\\frac{1}{1+t}"),
                                .where = document::Formula(e_to_minus_abs),
                                .why = minus_exp_why(limits) + "."},
                    .applied = "\\mathrm{softplus}(\\z)",
                    .jacobian = diagonal("\\sigma(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::silu:
            return {.value = Written{"\\z\\,\\sigma(\\z)"},
                    .derivative = Written{.literal = "\\sigma(\\z)+\\z\\,\\sigma(\\z)(1-\\sigma(\\z))",
                                          .computed = "\\sigma(\\z)+\\z\\frac{t}{(1+t)^2}",
                                          .where = document::Formula(e_to_minus_abs),
                                          .why = "$1-\\sigma(z)$ cancels: 0 from " + from("z=", limits.sigmoid_is_one) +
                                                 " on" + in_precision(limits) + "."},
                    .applied = "\\mathrm{silu}(\\z)",
                    .jacobian = diagonal("\\sigma(\\z)+\\z\\odot\\sigma'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::gelu:
            return {
                .value =
                    Written{.literal = "\\z\\,\\Phi(\\z)",
                            .computed = "\\frac{\\z}{2}\\mathrm{erfc}(-\\frac{\\z}{\\sqrt{2}})",
                            .where = "\\Phi(\\z)=\\frac{1}{2}(1+\\mathrm{erf}(\\frac{\\z}{\\sqrt{2}}))",
                            .why = "$\\Phi$, the normal distribution function, cancels for $z\\ll0$ when it is taken "
                                   "from erf: 0 for " +
                                   from("z\\le", limits.distribution_is_zero) + in_precision(limits) +
                                   "; erfc keeps its digits."},
                .derivative = Written{.literal = "\\Phi(\\z)+\\z\\frac{e^{-\\z^2/2}}{\\sqrt{2\\pi}}",
                                      .computed = "\\frac{1}{2}\\mathrm{erfc}(-\\frac{\\z}{\\sqrt{2}})+"
                                                  "\\z\\frac{e^{-\\z^2/2}}{\\sqrt{2\\pi}}",
                                      .where = "\\Phi(\\z)=\\frac{1}{2}(1+\\mathrm{erf}(\\frac{\\z}{\\sqrt{2}}))",
                                      .why = "As for the value: from erf $\\Phi$ is 0 for " +
                                             from("z\\le", limits.distribution_is_zero) + in_precision(limits) + "."},
                .applied = "\\mathrm{gelu}(\\z)",
                .jacobian = diagonal("\\mathrm{gelu}'(\\z)"),
                .hidden_equations = {},
                .output_equations = {}};
        case Activation::gelu_tanh:
            return {.value = Written{.literal = "\\frac{\\z}{2}(1+\\tanh(u))",
                                     .computed = "\\z\\,\\sigma(2u)",
                                     .where = "u=\\sqrt{\\frac{2}{\\pi}}(\\z+0.044715\\z^3)",
                                     .why = "$1+\\tanh(u)$ cancels for $u\\ll0$: 0 for " +
                                            from("u\\le", -limits.tanh_is_one) + in_precision(limits) +
                                            "; it is $2\\sigma(2u)$."},
                    .derivative = Written{.literal = "\\frac{1}{2}(1+\\tanh(u))+\\frac{\\z}{2}(1-\\tanh(u)^2)"
                                                     "\\sqrt{\\frac{2}{\\pi}}(1+3\\cdot0.044715\\z^2)",
                                          .computed = "\\sigma(2u)+2\\z\\,\\sigma'(2u)\\sqrt{\\frac{2}{\\pi}}"
                                                      "(1+3\\cdot0.044715\\z^2)",
                                          .where = "u=\\sqrt{\\frac{2}{\\pi}}(\\z+0.044715\\z^3)",
                                          .why = "As for the value; $1-\\tanh(u)^2$ cancels too, 0 from " +
                                                 from("|u|=", limits.tanh_is_one) + " on, and is $4\\sigma'(2u)$."},
                    .applied = "\\mathrm{gelu}(\\z)",
                    .jacobian = diagonal("\\mathrm{gelu}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::exp:
            return {.value = Written{"e^{\\z}"},
                    .derivative = Written{"e^{\\z}"},
                    .applied = "\\exp(\\z)",
                    .jacobian = diagonal("e^{\\z}"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::softmax:
            return {.value = Written{.literal = "\\frac{e^{\\z_j}}{\\sum_{i} e^{\\z_i}}",
                                     .computed = "\\frac{e^{\\z_j-m}}{\\sum_{i} e^{\\z_i-m}}",
                                     .where = "m=\\max_{i}\\z_i",
                                     .why = "$e^z$ overflows for " + from("z\\ge", limits.exp_is_infinite) +
                                            in_precision(limits) + "; $m$ cancels in the quotient."},
                    .derivative = Written{},
                    .applied = "\\mathrm{softmax}(\\z)",
                    .jacobian = diagonal("\\a") + "-\\a\\,\\a^T",
                    .hidden_equations = {},
                    .output_equations = {}};
    }
    __builtin_unreachable();
}

// A table as well.
LossFormulas formulas(Loss loss, const Conventions& conventions) {
    const Reduction reduction = reduction_of(loss, conventions);
    const document::Formula c = coefficient(reduction);
    const document::Formula d = "\\hat y_j-y_j";
    switch (loss) {
        case Loss::squared_error: {
            document::Formula twice = "2";
            if (reduction == Reduction::mean) {
                twice = "\\frac{2}{K}";
            } else if (reduction == Reduction::half_sum) {
                twice = "";
            }
            return {.loss = c + "\\|\\hat y-y\\|^2",
                    .entry = times_sum(twice, "(", d, ")"),
                    .jacobian = twice + "(\\hat y-y)^T",
                    .source = "Eq. (3)",
                    .as_derived = reduction == Reduction::sum,
                    .equations = "(10), (11)",
                    .equations_after_sigmoid = "(16), (17)"};
        }
        case Loss::binary_cross_entropy:
            return {.loss = c + "\\sum_{j}-[y_j\\log\\hat y_j+(1-y_j)\\log(1-\\hat y_j)]",
                    .entry = "-" + c + "\\left[\\frac{y_j}{\\hat y_j}-\\frac{1-y_j}{1-\\hat y_j}\\right]",
                    .jacobian = "-" + c + "\\left[\\frac{y}{\\hat y}-\\frac{1-y}{1-\\hat y}\\right]^T",
                    .source = "Table 5",
                    .as_derived = reduction == Reduction::mean,
                    .equations = "(18), (19)",
                    .equations_after_sigmoid = "(18), (19)"};
        case Loss::cross_entropy:
            return {.loss = "-\\sum_{j}y_j\\log\\hat y_j",
                    .entry = "-\\frac{y_j}{\\hat y_j}",
                    .jacobian = "-\\left[\\frac{y}{\\hat y}\\right]^T",
                    .source = "derivation §7.4",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        case Loss::absolute_error: {
            const document::Formula one = c.empty() ? "1" : c;
            const bool right = conventions.kink == Kink::right_limit;
            return {.loss = c + "\\sum_{j}|" + d + "|",
                    .entry = step("\\hat y_j", "y_j", "-" + one, right ? one : "0", one),
                    .jacobian = c + "\\operatorname{sign}(\\hat y-y)^T",
                    .step = "\\operatorname{sign}(u)=" + step("u", "0", "-1", right ? "1" : "0", "1"),
                    .source = "derivation §7.5",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        }
        case Loss::huber:
            return {.loss = c + "\\sum_{j}\\begin{cases}\\frac{1}{2}(" + d + ")^2&\\text{if }|" + d +
                            "|\\le\\Delta\\\\\\Delta(|" + d + "|-\\frac{1}{2}\\Delta)&\\text{else}\\end{cases}",
                    .entry = c + "\\min(\\max(" + d + ",-\\Delta),\\Delta)",
                    .jacobian = c + "\\min(\\max(\\hat y-y,-\\Delta),\\Delta)^T",
                    .source = "derivation §7.5",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        case Loss::quantile: {
            const bool right = conventions.kink == Kink::right_limit;
            const document::Formula above = times_sum(c, "(", "1-q", ")");
            const document::Formula below = "-" + c + when(!c.empty(), "\\,") + "q";
            // At the kink the indicator has the right slope alone; a slope of 0 there needs a function of its own.
            document::Formula row = c + "(" + indicator_of(true) + "(\\hat y-y)-q)^T";
            document::Formula jump = indicator(true);
            if (!right) {
                row = c + when(!c.empty(), "\\,") + "s(\\hat y-y)^T";
                jump = "s(u)=" + step("u", "0", "-q", "0", "1-q");
            }
            return {.loss = c + "\\sum_{j}\\max(-q(" + d + "),(1-q)(" + d + "))",
                    .entry = step("\\hat y_j", "y_j", below, right ? above : "0", above),
                    .jacobian = row,
                    .step = jump,
                    .source = "derivation §7.5",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        }
        case Loss::poisson:
            return {.loss = c + "\\sum_{j}(\\hat y_j-y_j\\log\\hat y_j)",
                    .entry = times_sum(c, "(", "1-\\frac{y_j}{\\hat y_j}", ")"),
                    .jacobian = c + "\\left[1-\\frac{y}{\\hat y}\\right]^T",
                    .source = "derivation §7.5",
                    .equations = {},
                    .equations_after_sigmoid = {}};
    }
    __builtin_unreachable();
}

OutputFormulas output_formulas(Loss loss, Activation output, const Conventions& conventions, bool use_double) {
    const LiteralLimits& limits = literal_limits(use_double);
    const math::OutputLoss pair{.kind = loss, .parameters = {}, .output = output, .settings = {}};
    const document::Formula c = coefficient(reduction_of(loss, conventions));
    if (!pair.fused()) {
        return {};
    }
    const auto bracketed = [&](const document::Formula& sum) { return times_sum(c, "[", sum, "]"); };
    const document::Formula difference = times_sum(c, "(", "\\hat y_j-y_j", ")");
    if (loss == Loss::binary_cross_entropy) {
        return {.simplified = difference,
                .delta =
                    Written{.literal = difference,
                            .computed = bracketed("(1-y_j)\\sigma(\\z_j)-y_j\\sigma(-\\z_j)"),
                            .why = "(19) times (15) as they stand is " +
                                   document::number_formula(std::round(100 * limits.product_error)) +
                                   " % wrong at $z=" + document::number_formula(limits.product_is_wrong) +
                                   "$ and infinite from " + from("z=", limits.sigmoid_is_one) + " on" +
                                   in_precision(limits) +
                                   ". Their product is $\\hat y-y$ (over $K$ for a mean): $g'$ cancels. Even that is 0 "
                                   "there for $y=1$; the form computed is right to a few ulp."},
                .loss = Written{.literal = formulas(loss, conventions).loss,
                                .computed = c + "\\sum_{j}[\\max(\\z_j,0)-\\z_jy_j+\\mathrm{log1p}(e^{-|\\z_j|})]",
                                .why = "$\\log(1-\\hat y)$ is infinite once $\\hat y$ is rounded to 1, from " +
                                       from("z=", limits.sigmoid_is_one) + " on" + in_precision(limits) + "."}};
    }
    if (loss == Loss::cross_entropy) {
        return {
            .simplified = "S\\hat y_j-y_j",
            .delta =
                Written{.literal = "S\\hat y_j-y_j",
                        .computed = "\\hat y_j(S-y_j)-y_j\\sum_{i\\ne j}\\hat y_i",
                        .where = "S=\\sum_{j}y_j",
                        .why =
                            "The product of both Jacobians, simplified by hand ($S=1$ for a class). At the true class "
                            "$\\hat y-1$ cancels; the sum of the others does not."},
            .loss = Written{.literal = formulas(loss, conventions).loss,
                            .computed = "\\sum_{j}y_j(m-\\z_j+\\mathrm{log1p}(\\sum_{i\\ne k}e^{\\z_i-m}))",
                            .where = "m=\\z_k=\\max_{i}\\z_i",
                            .why = "$\\log\\hat y$ is infinite once $\\hat y$ has underflowed, for " +
                                   from("z_j-m\\le", limits.exp_is_zero) + in_precision(limits) +
                                   ", and 0 once it is rounded to 1."}};
    }
    assert(loss == Loss::poisson);
    return {
        .simplified = difference,
        .delta =
            Written{.literal = difference,
                    .computed = bracketed("\\mathrm{expm1}(\\z_j)+(1-y_j)"),
                    .why = "$(1-y/\\hat y)\\hat y$ is $\\hat y-y$: $g'$ cancels. For $y\\ge0.5$ it is taken as shown, "
                           "so that it keeps its digits near $z=0$, $y=1$."},
        .loss = Written{.literal = formulas(loss, conventions).loss,
                        .computed = c + "\\sum_{j}(e^{\\z_j}-y_j\\z_j)",
                        .why = "$\\log\\hat y$ is $z$."}};
}

}  // namespace handgrad::explain
