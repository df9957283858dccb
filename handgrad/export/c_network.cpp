// Loops in the order of docs/numerics.md; what they do to a single number is recorded from math/.
#include "handgrad/export/c_network.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "handgrad/export/written_number.hpp"
#include "handgrad/math/sum_order.hpp"

namespace handgrad::exports {
namespace {

constexpr const char* linear_text = R"(
/* z = W x + b: each unit from its bias on, inputs in their order. Four units at a time, which wait for one another less. */
static void $linear(const REAL *w, const REAL *b, size_t inputs, size_t units, const REAL *x, REAL *z)
{
    const size_t fours = units / 4 * 4;
    size_t u;
    for (u = 0; u < fours; u += 4, w += 4 * inputs) {
        REAL z0 = b[u], z1 = b[u + 1], z2 = b[u + 2], z3 = b[u + 3];
        size_t i;
        for (i = 0; i < inputs; ++i) {
            z0 = FMA(w[i], x[i], z0);
            z1 = FMA(w[inputs + i], x[i], z1);
            z2 = FMA(w[2 * inputs + i], x[i], z2);
            z3 = FMA(w[3 * inputs + i], x[i], z3);
        }
        z[u] = z0;
        z[u + 1] = z1;
        z[u + 2] = z2;
        z[u + 3] = z3;
    }
    for (u = fours; u < units; ++u, w += inputs) {
        REAL z0 = b[u];
        size_t i;
        for (i = 0; i < inputs; ++i) {
            z0 = FMA(w[i], x[i], z0);
        }
        z[u] = z0;
    }
}
)";
constexpr const char* leaf_text = R"(
/* A sum of at most LEAF products: number i in lane i mod LANES, then the lanes by halves. */
static REAL $leaf(const REAL *w, const REAL *a, size_t count)
{
    REAL lane[LANES] = {ZERO};
    const size_t whole = count / LANES * LANES;
    size_t i, j, half;
    for (i = 0; i < whole; i += LANES) {
        for (j = 0; j < LANES; ++j) {
            lane[j] = FMA(w[i + j], a[i + j], lane[j]);
        }
    }
    for (j = 0; j < count - whole; ++j) {
        lane[j] = FMA(w[whole + j], a[whole + j], lane[j]);
    }
    for (half = LANES / 2; half > 0; half /= 2) {
        for (j = 0; j < half; ++j) {
            lane[j] = lane[j] + lane[j + half];
        }
    }
    return lane[0];
}
)";
constexpr const char* tree_text = R"(
/* Leaves of LEAF numbers, added by a binary tree whose left half has the largest power of two below their number. */
static REAL $tree(const REAL *w, const REAL *a, size_t count)
{
    REAL slot[DEPTH];
    size_t top = 0, leaf, n;
    for (leaf = 0; leaf * LEAF < count; ++leaf) {
        const size_t at = leaf * LEAF;
        slot[top] = $leaf(w + at, a + at, count - at < LEAF ? count - at : LEAF);
        for (n = leaf + 1; n % 2 == 0; n /= 2, top -= 1) {
            slot[top - 1] = slot[top - 1] + slot[top];
        }
        ++top;
    }
    for (; top > 1; top -= 1) {
        slot[top - 2] = slot[top - 2] + slot[top - 1];
    }
    return slot[0];
}
)";
constexpr const char* narrow_text = R"(
/* The same for few units: inputs in lanes, the bias last. */
static void $narrow(const REAL *w, const REAL *b, size_t inputs, size_t units, const REAL *a, REAL *z)
{
    size_t u;
    for (u = 0; u < units; ++u, w += inputs) {
        z[u] = b[u] + $SUM(w, a, inputs);
    }
}
)";
constexpr const char* pull_text = R"(
/* From dy/dz of a layer to that of what enters it: units in their order, from 0 on; times the slopes before, if any. */
static void $pull(const REAL *w, size_t inputs, size_t units, const REAL *d, const REAL *slope, REAL *to)
{
    const size_t eights = inputs / 8 * 8;
    size_t i, u, j;
    for (i = 0; i < eights; i += 8) {
        REAL sum[8] = {ZERO};
        for (u = 0; u < units; ++u) {
            for (j = 0; j < 8; ++j) {
                sum[j] = FMA(w[u * inputs + i + j], d[u], sum[j]);
            }
        }
        for (j = 0; j < 8; ++j) {
            to[i + j] = slope == NULL ? sum[j] : sum[j] * slope[i + j];
        }
    }
    for (i = eights; i < inputs; ++i) {
        REAL sum = ZERO;
        for (u = 0; u < units; ++u) {
            sum = FMA(w[u * inputs + i], d[u], sum);
        }
        to[i] = slope == NULL ? sum : sum * slope[i];
    }
}
)";

std::string number(std::size_t value) { return std::to_string(value); }

/// The statements of a formula of one number: `z` by its text, the result into another.
template <class T, class Formula>
std::string body(FunctionSet& numbers, const std::string& indent, const std::string& z, const std::string& to,
                 const Formula& formula) {
    Recording recording(numbers);
    formula(Written<T>::argument(recording, z)).into(recording, to);
    return numbers.statements(recording, indent);
}
/// A function of a loop over such a formula, behind what it calls.
std::string loop(FunctionSet& numbers, const std::string& head, const std::string& statements) {
    return numbers.take_definitions() + "static void " + head +
           "\n{\n    size_t u;\n    for (u = 0; u < units; ++u) {\n" + statements + "    }\n}\n";
}

}  // namespace

template <class T>
CNetwork<T>::CNetwork(const BasicMlp<T>& net, std::string prefix, FunctionSet& numbers, bool twice)
    : net_(net),
      prefix_(std::move(prefix)),
      numbers_(numbers),
      settings_(net.architecture().activation_settings()),
      twice_(twice) {}

template <class T>
std::string CNetwork<T>::fill(const std::string& text) const {
    return filled(text, {{"REAL", numbers_.type()},
                         {"FMA", numbers_.in_double() ? "fma" : "fmaf"},
                         {"ZERO", numbers_.literal(0.0)},
                         {"ONE", numbers_.literal(1.0)},
                         {"LANES", number(math::lanes_of_sums)},
                         {"LEAF", number(math::leaf_units)},
                         {"INPUTS", number(net_.inputs())},
                         {"OUTPUTS", number(net_.outputs())},
                         {"$", prefix_}});
}

template <class T>
bool CNetwork<T>::narrow() const {
    return net_.layers() > 1 && net_.outputs() < math::narrow_outputs;
}

template <class T>
std::size_t CNetwork<T>::widest() const {
    const std::vector<std::size_t>& sizes = net_.architecture().sizes;
    return *std::max_element(sizes.begin() + 1, sizes.end());
}

template <class T>
std::size_t CNetwork<T>::slope_place(std::size_t layer) const {
    std::size_t place = 0;
    for (std::size_t l = 0; l < layer; ++l) {
        place += size(l + 1);
    }
    return place;
}

template <class T>
std::string CNetwork<T>::tables() const {
    std::string text;
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        const MatrixView<const T> weight = net_.weight(l);
        const std::span<const T> weights(weight.data(), weight.rows() * weight.columns());
        const std::string layer = number(l + 1);
        text += "static const REAL $w" + layer + "[" + number(weights.size()) +
                "] = " + table_text<T>(numbers_, weights) + ";\nstatic const REAL $b" + layer + "[" +
                number(net_.bias(l).size()) + "] = " + table_text<T>(numbers_, net_.bias(l)) + ";\n";
    }
    return fill(text);
}

template <class T>
std::string CNetwork<T>::sums() const {
    std::string text;
    if (net_.layers() > 1 || !narrow()) {
        text += linear_text;
    }
    if (narrow()) {
        const std::size_t inputs = size(net_.layers() - 1);
        const bool one_leaf = inputs <= math::leaf_units;
        text += leaf_text + std::string(one_leaf ? "" : tree_text) +
                filled(narrow_text, {{"SUM", one_leaf ? "leaf" : "tree"}});
        std::size_t depth = 2;
        for (std::size_t leaves = inputs / math::leaf_units; leaves > 0; leaves /= 2) {
            ++depth;
        }
        text = filled(text, {{"DEPTH", number(depth)}});
    }
    return fill(text);
}

template <class T>
std::string CNetwork<T>::apply(FunctionSet& numbers, const std::string& prefix, Activation activation,
                               const ActivationSettings& settings) {
    return visit(activation, [&]<class F>(F) -> std::string {
        if constexpr (F::facts.elementwise) {
            const std::string statements =
                body<T>(numbers, "        ", "z[u]", "z[u]", [&](Written<T> z) { return F::value(z, settings); });
            return loop(numbers,
                        prefix + "apply_" + std::string(F::facts.name) + numbers.suffix + "(" + numbers.type() +
                            " *z, size_t units)",
                        statements);
        } else {
            return softmax(numbers, prefix);
        }
    });
}

/// `$slopes_NAME` or its like: a derivative of z, unit by unit.
template <class T, class Formula>
std::string derivative_loop(FunctionSet& numbers, const std::string& name, bool constant, const Formula& formula) {
    std::string statements = body<T>(numbers, "        ", "z[u]", "to[u]", formula);
    if (constant) {
        statements += "        (void)z;\n";
    }
    const std::string type = numbers.type();
    return loop(numbers, name + "(const " + type + " *z, " + type + " *to, size_t units)", statements);
}

template <class T>
std::string CNetwork<T>::slopes(Activation activation) const {
    return visit(activation, [&]<class F>(F) -> std::string {
        if constexpr (F::facts.elementwise) {
            return derivative_loop<T>(numbers_, prefix_ + "slopes_" + std::string(F::facts.name),
                                      activation == Activation::identity,
                                      [&](Written<T> z) { return F::derivative(z, settings_); });
        } else {
            return "";
        }
    });
}

template <class T>
std::string CNetwork<T>::bends(Activation activation) const {
    return visit(activation, [&]<class F>(F) -> std::string {
        if constexpr (F::facts.elementwise && !F::facts.piecewise_linear) {
            return derivative_loop<T>(numbers_, prefix_ + "bends_" + std::string(F::facts.name), false,
                                      [&](Written<T> z) { return F::second_derivative(z, settings_); });
        } else {
            return "";
        }
    });
}

template <class T>
std::string CNetwork<T>::softmax(FunctionSet& numbers, const std::string& prefix) {
    using W = Written<T>;
    Recording largest(numbers);
    const W top_before = W::argument(largest, "top");
    max(top_before, W::argument(largest, "z[j]")).into(largest, "top");
    Recording term(numbers);
    const W z = W::argument(term, "z[j]"), top = W::argument(term, "top");
    math::Softmax::Sum<W> sum{top, W::argument(term, "rest"), W::argument(term, "lost"), W::argument(term, "awaited")};
    sum.add(z).into(term, "p[j]");
    sum.rest.into(term, "rest");
    sum.lost.into(term, "lost");
    sum.awaited.into(term, "awaited");
    const std::string largest_body = numbers.statements(largest, "        ");
    const std::string term_body = numbers.statements(term, "        ");
    const std::string zero = numbers.literal(0.0), one = numbers.literal(1.0), type = numbers.type();
    return numbers.take_definitions() +
           "/* p_j = exp(z_j) / sum exp(z_i), without overflow, the sum compensated. */\n" + "static void " + prefix +
           "softmax" + numbers.suffix + "(const " + type + " *z, " + type + " *p, size_t outputs)\n{\n    " + type +
           " top = z[0], rest = " + zero + ", lost = " + zero + ", awaited = " + one +
           ", total;\n    size_t j;\n    for (j = 0; j < outputs; ++j) {\n" + largest_body +
           "    }\n    for (j = 0; j < outputs; ++j) {\n" + term_body + "    }\n    total = " + one +
           " + (rest + lost);\n    for (j = 0; j < outputs; ++j) {\n        p[j] = p[j] / total;\n    }\n}\n";
}

template <class T>
std::string CNetwork<T>::softmax_product() const {
    using W = Written<T>;
    const std::string indent = "        ";
    const auto step = [&](const auto& formula) {
        Recording recording(numbers_);
        const W p = W::argument(recording, "p[j]"), v = W::argument(recording, "v[j]");
        math::Softmax::Centring<W> centring{W::argument(recording, "p_top"), W::argument(recording, "v_top"),
                                            W::argument(recording, "sum")};
        formula(recording, centring, p, v);
        return numbers_.statements(recording, indent);
    };
    const std::string find = step([](Recording& recording, auto& centring, W p, W v) {
        centring.find_top(p, v);
        centring.v_top.into(recording, "v_top");
        centring.p_top.into(recording, "p_top");
    });
    const std::string add = step([](Recording& recording, auto& centring, W p, W v) {
        centring.add(p, v);
        centring.sum.into(recording, "sum");
    });
    const std::string entry =
        step([](Recording& recording, auto& centring, W p, W v) { (p * centring.centred(v)).into(recording, "v[j]"); });
    return numbers_.take_definitions() +
           fill(
               "/* v times the Jacobian of softmax, into v. */\n"
               "static void $times_softmax(const REAL *p, REAL *v)\n{\n"
               "    REAL p_top = p[0], v_top = v[0], sum = ZERO;\n    size_t j;\n"
               "    for (j = 1; j < OUTPUTS; ++j) {\n") +
           find + fill("    }\n    for (j = 0; j < OUTPUTS; ++j) {\n") + add +
           fill("    }\n    for (j = 0; j < OUTPUTS; ++j) {\n") + entry + "    }\n}\n";
}

template <class T>
std::string CNetwork<T>::layers(std::size_t layer, const std::string& x, const std::string& z) const {
    const std::string l = number(layer + 1), inputs = number(size(layer)), units = number(size(layer + 1));
    const bool is_narrow = narrow() && layer + 1 == net_.layers();
    std::string text = std::string("    $") + (is_narrow ? "narrow" : "linear") + "($w" + l + ", $b" + l + ", " +
                       inputs + ", " + units + ", " + x + ", " + z + ");\n";
    if (layer + 1 == net_.layers()) {
        return text;
    }
    const std::string f(name(net_.architecture().activation(layer)));
    const std::string place = number(slope_place(layer));
    text += "#ifndef %WITHOUT_JACOBIAN\n    if (slope != NULL) {\n        $slopes_" + f + "(" + z + ", slope + " +
            place + ", " + units + ");\n    }\n";
    if (twice_ && curved(layer)) {
        text += "    if (bend != NULL) {\n        $bends_" + f + "(" + z + ", bend + " + place + ", " + units +
                ");\n    }\n";
    }
    text += "#endif\n";
    if (f != "identity") {
        text += "    $apply_" + f + "(" + z + ", " + units + ");\n";
    }
    return text;
}

template <class T>
std::string CNetwork<T>::pass() const {
    std::string text =
        "\n/* The logits z of a row; f' and f'' of all hidden units where these are not NULL. */\n"
        "static void $pass(const REAL *x, REAL *z, REAL *slope, REAL *bend)\n{\n";
    const std::size_t last = net_.layers() - 1;
    if (last > 0) {
        std::size_t widest_hidden = 0;
        for (std::size_t l = 0; l < last; ++l) {
            widest_hidden = std::max(widest_hidden, size(l + 1));
        }
        text += "    REAL a[" + number(widest_hidden) + "]" + (last > 1 ? ", b[" + number(widest_hidden) + "]" : "") +
                ";\n";
    }
    std::string from = "x";
    for (std::size_t l = 0; l <= last; ++l) {
        const std::string to = l == last ? "z" : (l % 2 == 0 ? "a" : "b");
        text += layers(l, from, to);
        from = to;
    }
    return filled(fill(text + "    (void)slope;\n    (void)bend;\n}\n"), {{"%", upper_case(prefix_)}});
}

template <class T>
std::set<Activation> CNetwork<T>::used() const {
    std::set<Activation> used;
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        used.insert(net_.architecture().activation(l));
    }
    return used;
}

template <class T>
std::string CNetwork<T>::activations() {
    std::string text;
    for (const Activation activation : used()) {
        if (activation != Activation::identity) {
            text += "\n" + apply(numbers_, prefix_, activation, settings_);
        }
    }
    return text;
}

template <class T>
std::string CNetwork<T>::activation_slopes() {
    std::string text;
    for (const Activation activation : used()) {
        const bool output_alone = net_.layers() == 1 || !hidden(activation);
        if (!(output_alone && activation == Activation::identity)) {
            text += slopes(activation);
        }
        if (twice_) {
            text += bends(activation);
        }
    }
    return text;
}

template <class T>
bool CNetwork<T>::hidden(Activation activation) const {
    for (std::size_t l = 0; l + 1 < net_.layers(); ++l) {
        if (net_.architecture().activation(l) == activation) {
            return true;
        }
    }
    return false;
}

template <class T>
std::string CNetwork<T>::forward() {
    const Activation output = net_.architecture().output;
    const std::string text = sums() + pass();
    const std::string g(name(output));
    std::string outputs = "    $pass(x, yhat, NULL, NULL);\n    $apply_" + g + "(yhat, OUTPUTS);\n";
    if (output == Activation::identity) {
        outputs = "    $pass(x, yhat, NULL, NULL);\n";
    } else if (!elementwise()) {
        outputs = "    REAL z[OUTPUTS];\n    $pass(x, z, NULL, NULL);\n    $softmax(z, yhat, OUTPUTS);\n";
    }
    return text + fill("\nvoid $forward(const REAL *x, REAL *yhat)\n{\n" + outputs + "}\n");
}

template <class T>
std::string CNetwork<T>::gradient() const {
    const std::size_t last = net_.layers() - 1;
    const std::string inputs = number(size(last)), L = number(last + 1);
    const bool identity = net_.architecture().output == Activation::identity;
    std::string text =
        "\n/* dyhat_k/dx; g is dyhat/dz, or of softmax yhat itself. */\n"
        "static void $gradient(size_t k, const REAL *g, const REAL *slope, REAL *row)\n{\n";
    const std::string weight = (identity ? "" : "g[k] * ") + ("$w" + L) + "[k * " + inputs + " + i]";
    if (elementwise() && last == 0) {
        text += "    size_t i;\n    for (i = 0; i < " + inputs + "; ++i) {\n        row[i] = " + weight + ";\n    }\n";
        return fill(text + "    (void)g;\n    (void)slope;\n}\n");
    }
    const std::size_t from = elementwise() ? last : last + 1;  // layers to go
    text += "    REAL d[" + number(widest()) + "]" + (from > 1 ? ", e[" + number(widest()) + "]" : "") +
            ";\n    size_t i;\n";
    if (elementwise()) {
        text += "    for (i = 0; i < " + inputs +
                "; ++i) {\n        d[i] = " + (identity ? weight : "(" + weight + ")") + " * slope[" +
                number(slope_place(last - 1)) + " + i];\n    }\n";
    } else {
        text +=
            "    for (i = 0; i < OUTPUTS; ++i) {\n        d[i] = i == k ? ONE : ZERO;\n    }\n"
            "    $times_softmax(g, d);\n";
    }
    std::string d = "d";
    for (std::size_t l = from; l-- > 0;) {
        const std::string to = l == 0 ? "row" : (d == "d" ? "e" : "d");
        const std::string slope = l == 0 ? "NULL" : "slope + " + number(slope_place(l - 1));
        text += "    $pull($w" + number(l + 1) + ", " + number(size(l)) + ", " + number(size(l + 1)) + ", " + d + ", " +
                slope + ", " + to + ");\n";
        d = to;
    }
    return fill(text + "    (void)g;\n    (void)slope;\n}\n");
}

template <class T>
std::string CNetwork<T>::outputs_and_slopes(bool curvature) const {
    const Activation output = net_.architecture().output;
    const std::string f(name(output));
    const std::size_t hidden = slope_place(net_.layers() - 1);
    std::string declarations = hidden == 0 ? "" : "    REAL slope[" + number(hidden) + "];\n";
    std::string pass;
    if (curvature && hidden > 0) {
        declarations += "    REAL bend[" + number(hidden) + "];\n";
    }
    if (output == Activation::identity) {
        pass = "    $pass(x, yhat, SLOPE, BEND);\n";
    } else if (!elementwise()) {
        declarations += "    REAL z[OUTPUTS];\n";
        pass = "    $pass(x, z, SLOPE, BEND);\n    $softmax(z, yhat, OUTPUTS);\n";
    } else {
        const bool bent = curvature && curved(net_.layers() - 1);
        declarations += std::string("    REAL g[OUTPUTS]") + (bent ? ", gg[OUTPUTS]" : "") + ";\n";
        pass = "    $pass(x, yhat, SLOPE, BEND);\n    $slopes_" + f + "(yhat, g, OUTPUTS);\n" +
               (bent ? "    $bends_" + f + "(yhat, gg, OUTPUTS);\n" : "") + "    $apply_" + f + "(yhat, OUTPUTS);\n";
    }
    return filled(declarations + pass,
                  {{"SLOPE", hidden == 0 ? "NULL" : "slope"}, {"BEND", hidden == 0 || !curvature ? "NULL" : "bend"}});
}

template <class T>
std::string CNetwork<T>::jacobian() {
    const bool pulls = !elementwise() || net_.layers() > 1;
    const std::string text =
        (pulls ? fill(pull_text) : "") + (elementwise() ? "" : "\n" + softmax_product()) + gradient();
    const bool own = elementwise() && net_.architecture().output != Activation::identity;
    return text +
           fill("\nvoid $jacobian(const REAL *x, REAL *yhat, REAL *J)\n{\n    size_t k;\n" + outputs_and_slopes(false) +
                "    for (k = 0; k < OUTPUTS; ++k) {\n        $gradient(k, " + (own ? "g" : "yhat") + ", " +
                (slope_place(net_.layers() - 1) == 0 ? "NULL" : "slope") + ", J + k * INPUTS);\n    }\n}\n");
}

template <class T>
bool CNetwork<T>::curved(std::size_t layer) const {
    return !facts(net_.architecture().activation(layer)).piecewise_linear;
}

template class CNetwork<float>;
template class CNetwork<double>;

}  // namespace handgrad::exports
