// One entry for each activation and each loss; a new one without an entry does not compile.
#include "handgrad/explain/formulas.hpp"

#include <cassert>

#include "handgrad/base/wording.hpp"
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

/// `factor` before a sum in brackets, or the sum alone without one.
document::Formula times_sum(const document::Formula& factor, const char* open, const document::Formula& sum,
                            const char* close) {
    if (factor.empty()) {
        return sum;
    }
    return factor + open + sum + close;
}

constexpr std::string_view sigmoid_slope_why =
    "As written, (12) to (15) are 0 for $z\\le-45$ and NaN for $z\\le-89$ in float32 ($-355$ and $-710$ in float64): "
    "$e^{-z}$ overflows. $\\sigma(1-\\sigma)$ is no way out: 0 from $z=17.4$ on in float32. $t$ never overflows.";
constexpr std::string_view e_to_minus_abs = "t=e^{-|\\z|}";

document::Formula diagonal(const document::Formula& entries) {
    return "\\operatorname{diag}\\left\\{" + entries + "\\right\\}";
}

}  // namespace

// Long because it is a table: one entry for each activation, and no way through it but one.
ActivationFormulas formulas(Activation activation, const ActivationSettings& settings) {
    const bool right = settings.kink == Kink::right_limit;
    switch (activation) {
        case Activation::identity:
            return {.value = {"\\z"},
                    .derivative = {"1"},
                    .applied = "\\z",
                    .jacobian = "I",
                    .hidden_equations = "(8), (9)",
                    .output_equations = "(8), (9)"};
        case Activation::relu:
            return {.value = {"\\max(\\z,0)"},
                    .derivative = {step("\\z", "0", "0", right ? "1" : "0", "1")},
                    .applied = "(\\z)^+",
                    .jacobian = diagonal(right ? "\\mathbf{1}_{[0,\\infty)}(\\z)" : "\\mathbf{1}_{(0,\\infty)}(\\z)"),
                    .hidden_equations = "(5), (6), (7)",
                    .output_equations = "(5), (6), (7)"};
        case Activation::leaky_relu:
            return {.value = {step("\\z", "0", "a\\z", "\\z", "\\z")},
                    .derivative = {step("\\z", "0", "a", right ? "1" : "a", "1")},
                    .applied = "\\mathrm{leaky}(\\z)",
                    .jacobian = diagonal("\\mathrm{leaky}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::elu:
            return {.value = {.literal = step("\\z", "0", "e^{\\z}-1", "\\z", "\\z"),
                              .computed = step("\\z", "0", "\\mathrm{expm1}(\\z)", "\\z", "\\z"),
                              .why = "$e^z-1$ cancels near $z=0$; expm1 computes it in one."},
                    .derivative = {step("\\z", "0", "e^{\\z}", "1", "1")},
                    .applied = "\\mathrm{elu}(\\z)",
                    .jacobian = diagonal("\\mathrm{elu}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::sigmoid:
            return {.value = {.literal = "\\frac{1}{1+e^{-\\z}}",
                              .computed = step("\\z", "0", "\\frac{t}{1+t}", "\\frac{1}{1+t}", "\\frac{1}{1+t}"),
                              .where = document::Formula(e_to_minus_abs),
                              .why = "$e^{-z}$ overflows for $z\\le-89$ in float32 ($-710$ in float64); $t$ is also "
                                     "that of the derivative."},
                    .derivative = {.literal = "\\frac{e^{-\\z}}{(1+e^{-\\z})^2}",
                                   .computed = "\\frac{t}{(1+t)^2}",
                                   .where = document::Formula(e_to_minus_abs),
                                   .why = sigmoid_slope_why},
                    .applied = "\\sigma(\\z)",
                    .jacobian = diagonal("\\frac{e^{-\\z}}{(1+e^{-\\z})^2}"),
                    .hidden_equations = "(12), (13)",
                    .output_equations = "(14), (15)"};
        case Activation::tanh:
            return {.value = {"\\tanh(\\z)"},
                    .derivative = {.literal = "1-\\tanh(\\z)^2",
                                   .computed = "\\frac{4t}{(1+t)^2}",
                                   .where = "t=e^{-2|\\z|}",
                                   .why = "$1-\\tanh(z)^2$ cancels: 0 from $|z|=9.1$ on in float32 (19.1 in float64)."},
                    .applied = "\\tanh(\\z)",
                    .jacobian = diagonal("1-\\tanh(\\z)^2"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::softplus:
            return {.value = {.literal = "\\log(1+e^{\\z})",
                              .computed = "\\max(\\z,0)+\\mathrm{log1p}(e^{-|\\z|})",
                              .why = "$e^z$ overflows for $z\\ge89$ in float32 (710 in float64), and for $z\\ll0$ "
                                     "$1+e^z$ loses $e^z$."},
                    .derivative = {.literal = "\\frac{1}{1+e^{-\\z}}",
                                   .computed = step("\\z", "0", "\\frac{t}{1+t}", "\\frac{1}{1+t}", "\\frac{1}{1+t}"),
                                   .where = document::Formula(e_to_minus_abs),
                                   .why = "$e^{-z}$ overflows for $z\\le-89$ in float32 ($-710$ in float64)."},
                    .applied = "\\mathrm{softplus}(\\z)",
                    .jacobian = diagonal("\\sigma(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::silu:
            return {.value = {"\\z\\,\\sigma(\\z)"},
                    .derivative = {.literal = "\\sigma(\\z)+\\z\\,\\sigma(\\z)(1-\\sigma(\\z))",
                                   .computed = "\\sigma(\\z)+\\z\\frac{t}{(1+t)^2}",
                                   .where = document::Formula(e_to_minus_abs),
                                   .why = "$1-\\sigma(z)$ cancels: 0 from $z=17.4$ on in float32."},
                    .applied = "\\mathrm{silu}(\\z)",
                    .jacobian = diagonal("\\sigma(\\z)+\\z\\odot\\sigma'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::gelu:
            return {.value = {.literal = "\\z\\,\\Phi(\\z)",
                              .computed = "\\frac{\\z}{2}\\mathrm{erfc}(-\\frac{\\z}{\\sqrt{2}})",
                              .where = "\\Phi(\\z)=\\frac{1}{2}(1+\\mathrm{erf}(\\frac{\\z}{\\sqrt{2}}))",
                              .why = "$\\Phi$, the normal distribution function, cancels for $z\\ll0$ when it is taken "
                                     "from erf; erfc keeps its digits."},
                    .derivative = {.literal = "\\Phi(\\z)+\\z\\frac{e^{-\\z^2/2}}{\\sqrt{2\\pi}}",
                                   .computed = "\\frac{1}{2}\\mathrm{erfc}(-\\frac{\\z}{\\sqrt{2}})+"
                                               "\\z\\frac{e^{-\\z^2/2}}{\\sqrt{2\\pi}}",
                                   .where = "\\Phi(\\z)=\\frac{1}{2}(1+\\mathrm{erf}(\\frac{\\z}{\\sqrt{2}}))",
                                   .why = "As for the value: erfc keeps its digits for $z\\ll0$."},
                    .applied = "\\mathrm{gelu}(\\z)",
                    .jacobian = diagonal("\\mathrm{gelu}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::gelu_tanh:
            return {.value = {.literal = "\\frac{\\z}{2}(1+\\tanh(u))",
                              .computed = "\\z\\,\\sigma(2u)",
                              .where = "u=\\sqrt{\\frac{2}{\\pi}}(\\z+0.044715\\z^3)",
                              .why = "$1+\\tanh(u)$ cancels for $u\\ll0$; it is $2\\sigma(2u)$."},
                    .derivative = {.literal = "\\frac{1}{2}(1+\\tanh(u))+\\frac{\\z}{2}(1-\\tanh(u)^2)"
                                              "\\sqrt{\\frac{2}{\\pi}}(1+3\\cdot0.044715\\z^2)",
                                   .computed = "\\sigma(2u)+2\\z\\,\\sigma'(2u)\\sqrt{\\frac{2}{\\pi}}"
                                               "(1+3\\cdot0.044715\\z^2)",
                                   .where = "u=\\sqrt{\\frac{2}{\\pi}}(\\z+0.044715\\z^3)",
                                   .why = "As for the value; $1-\\tanh(u)^2$ cancels too and is $4\\sigma'(2u)$."},
                    .applied = "\\mathrm{gelu}(\\z)",
                    .jacobian = diagonal("\\mathrm{gelu}'(\\z)"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::exp:
            return {.value = {"e^{\\z}"},
                    .derivative = {"e^{\\z}"},
                    .applied = "\\exp(\\z)",
                    .jacobian = diagonal("e^{\\z}"),
                    .hidden_equations = {},
                    .output_equations = {}};
        case Activation::softmax:
            return {.value = {.literal = "\\frac{e^{\\z_j}}{\\sum_{i} e^{\\z_i}}",
                              .computed = "\\frac{e^{\\z_j-m}}{\\sum_{i} e^{\\z_i-m}}",
                              .where = "m=\\max_{i}\\z_i",
                              .why = "$e^z$ overflows for $z\\ge89$ in float32 (710 in float64); $m$ cancels in the "
                                     "quotient."},
                    .derivative = {},
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
                    .equations = "(10), (11)",
                    .equations_after_sigmoid = "(16), (17)"};
        }
        case Loss::binary_cross_entropy:
            return {.loss = c + "\\sum_{j}-[y_j\\log\\hat y_j+(1-y_j)\\log(1-\\hat y_j)]",
                    .entry = "-" + c + "\\left[\\frac{y_j}{\\hat y_j}-\\frac{1-y_j}{1-\\hat y_j}\\right]",
                    .jacobian = "-" + c + "\\left[\\frac{y}{\\hat y}-\\frac{1-y}{1-\\hat y}\\right]^T",
                    .equations = "(18), (19)",
                    .equations_after_sigmoid = "(18), (19)"};
        case Loss::cross_entropy:
            return {.loss = "-\\sum_{j}y_j\\log\\hat y_j",
                    .entry = "-\\frac{y_j}{\\hat y_j}",
                    .jacobian = "-\\left[\\frac{y}{\\hat y}\\right]^T",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        case Loss::absolute_error: {
            const document::Formula one = c.empty() ? "1" : c;
            const bool right = conventions.kink == Kink::right_limit;
            return {.loss = c + "\\sum_{j}|" + d + "|",
                    .entry = step("\\hat y_j", "y_j", "-" + one, right ? one : "0", one),
                    .jacobian = c + "\\operatorname{sign}(\\hat y-y)^T",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        }
        case Loss::huber:
            return {.loss = c + "\\sum_{j}\\begin{cases}\\frac{1}{2}(" + d + ")^2&\\text{if }|" + d +
                            "|\\le\\Delta\\\\\\Delta(|" + d + "|-\\frac{1}{2}\\Delta)&\\text{else}\\end{cases}",
                    .entry = c + "\\min(\\max(" + d + ",-\\Delta),\\Delta)",
                    .jacobian = c + "\\min(\\max(\\hat y-y,-\\Delta),\\Delta)^T",
                    .equations = {},
                    .equations_after_sigmoid = {}};
        case Loss::quantile: {
            const bool right = conventions.kink == Kink::right_limit;
            const document::Formula above = times_sum(c, "(", "1-q", ")");
            return {
                .loss = c + "\\sum_{j}\\max(-q(" + d + "),(1-q)(" + d + "))",
                .entry = step("\\hat y_j", "y_j", "-" + c + when(!c.empty(), "\\,") + "q", right ? above : "0", above),
                .jacobian = c + "(\\mathbf{1}_{[0,\\infty)}(\\hat y-y)-q)^T",
                .equations = {},
                .equations_after_sigmoid = {}};
        }
        case Loss::poisson:
            return {.loss = c + "\\sum_{j}(\\hat y_j-y_j\\log\\hat y_j)",
                    .entry = times_sum(c, "(", "1-\\frac{y_j}{\\hat y_j}", ")"),
                    .jacobian = c + "\\left[1-\\frac{y}{\\hat y}\\right]^T",
                    .equations = {},
                    .equations_after_sigmoid = {}};
    }
    __builtin_unreachable();
}

OutputFormulas output_formulas(Loss loss, Activation output, const Conventions& conventions) {
    const math::OutputLoss pair{.kind = loss, .parameters = {}, .output = output, .settings = {}};
    const document::Formula c = coefficient(reduction_of(loss, conventions));
    if (!pair.fused()) {
        return {};
    }
    const auto bracketed = [&](const document::Formula& sum) { return times_sum(c, "[", sum, "]"); };
    const document::Formula difference = times_sum(c, "(", "\\hat y_j-y_j", ")");
    if (loss == Loss::binary_cross_entropy) {
        return {
            .simplified = difference,
            .delta = {.literal = difference,
                      .computed = bracketed("(1-y_j)\\sigma(\\z_j)-y_j\\sigma(-\\z_j)"),
                      .why =
                          "(19) times (15) as they stand is 14 % wrong at $z=15$ and infinite from $z=16.64$ on in "
                          "float32. Their product is $\\hat y-y$ (over $K$ for a mean): $g'$ cancels. Even that is 0 "
                          "at $z=20$, $y=1$; the form computed is right to a few ulp."},
            .loss = {
                .literal = formulas(loss, conventions).loss,
                .computed = c + "\\sum_{j}[\\max(\\z_j,0)-\\z_jy_j+\\mathrm{log1p}(e^{-|\\z_j|})]",
                .why = "$\\log(1-\\hat y)$ is infinite once $\\hat y$ is rounded to 1, from $z=16.64$ on in float32."}};
    }
    if (loss == Loss::cross_entropy) {
        return {
            .simplified = "S\\hat y_j-y_j",
            .delta = {.literal = "S\\hat y_j-y_j",
                      .computed = "\\hat y_j(S-y_j)-y_j\\sum_{i\\ne j}\\hat y_i",
                      .where = "S=\\sum_{j}y_j",
                      .why = "The product of both Jacobians, simplified by hand ($S=1$ for a class). At the true class "
                             "$\\hat y-1$ cancels; the sum of the others does not."},
            .loss = {
                .literal = formulas(loss, conventions).loss,
                .computed = "\\sum_{j}y_j(m-\\z_j+\\mathrm{log1p}(\\sum_{i\\ne k}e^{\\z_i-m}))",
                .where = "m=\\z_k=\\max_{i}\\z_i",
                .why = "$\\log\\hat y$ is infinite once $\\hat y$ has underflowed, and 0 once it is rounded to 1."}};
    }
    assert(loss == Loss::poisson);
    return {
        .simplified = difference,
        .delta = {.literal = difference,
                  .computed = bracketed("\\mathrm{expm1}(\\z_j)+(1-y_j)"),
                  .why = "$(1-y/\\hat y)\\hat y$ is $\\hat y-y$: $g'$ cancels. For $y\\ge0.5$ it is taken as shown, "
                         "so that it keeps its digits near $z=0$, $y=1$."},
        .loss = {.literal = formulas(loss, conventions).loss,
                 .computed = c + "\\sum_{j}(e^{\\z_j}-y_j\\z_j)",
                 .why = "$\\log\\hat y$ is $z$."}};
}

}  // namespace handgrad::explain
