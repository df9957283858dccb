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

/// FACTOR(r) is what row r of four has of a unit; TERM8(r) and TERM1 are sums with the product of column j + k, or j.
constexpr const char* term_text = R"(
/* H becomes, or is added, the sum over units of c q q', by rows of four and columns of eight; what stands left of the diagonal means
   nothing yet. */
static void $TERM(const REAL *q, const REAL *c, size_t units, int first, REAL *H)
{
    const size_t eights = INPUTS / 8 * 8;
    size_t i, j, u, r, k;
    for (i = 0; i < INPUTS; i += 4) {
        size_t row[4];
        for (r = 0; r < 4; ++r) {
            row[r] = i + r < INPUTS ? i + r : INPUTS - 1;
        }
        for (j = i / 8 * 8; j < eights; j += 8) {
            REAL sum0[8] = {ZERO}, sum1[8] = {ZERO}, sum2[8] = {ZERO}, sum3[8] = {ZERO};
            for (u = 0; u < units; ++u) {
                const REAL *unit = q + u * INPUTS;
                const REAL f0 = FACTOR(0), f1 = FACTOR(1), f2 = FACTOR(2), f3 = FACTOR(3);
                for (k = 0; k < 8; ++k) {
                    sum0[k] = TERM8(0);
                    sum1[k] = TERM8(1);
                    sum2[k] = TERM8(2);
                    sum3[k] = TERM8(3);
                }
            }
            for (r = 0; r < 4 && i + r < INPUTS; ++r) {
                const REAL *sum = r == 0 ? sum0 : r == 1 ? sum1 : r == 2 ? sum2 : sum3;
                for (k = 0; k < 8; ++k) {
                    REAL *to = H + row[r] * INPUTS + j + k;
                    *to = first ? sum[k] : *to + sum[k];
                }
            }
        }
        for (j = eights; j < INPUTS; ++j) {
            for (r = 0; r < 4 && i + r < INPUTS; ++r) {
                REAL sum = ZERO, *to = H + row[r] * INPUTS + j;
                for (u = 0; u < units; ++u) {
                    const REAL *unit = q + u * INPUTS, left = FACTOR(r);
                    sum = TERM1;
                }
                *to = first ? sum : *to + sum;
            }
        }
    }
}
)";
constexpr const char* tangents_text = R"(
/* dz/dx of a layer from that of the one before. */
static void $tangents(const REAL *w, size_t inputs, size_t units, const REAL *slope, const REAL *q, REAL *to)
{
    size_t i, j, u;
    for (u = 0; u < units; ++u) {
        REAL sum[INPUTS] = {ZERO};
        for (i = 0; i < inputs; ++i) {
            for (j = 0; j < INPUTS; ++j) {
                sum[j] = FMA(w[u * inputs + i], slope[i] * q[i * INPUTS + j], sum[j]);
            }
        }
        for (j = 0; j < INPUTS; ++j) {
            to[u * INPUTS + j] = sum[j];
        }
    }
}
)";

std::string number(std::size_t value) { return std::to_string(value); }

/// $term, or with `products` that of the first layer, by products of two weights.
std::string term_function(const std::string& name, bool products) {
    Words words{{"$TERM", name}};
    for (const std::string r : {"0", "1", "2", "3", "r"}) {
        words.emplace_back("FACTOR(" + r + ")", (products ? "" : "c[u] * ") + ("unit[row[" + r + "]]"));
        words.emplace_back("TERM8(" + r + ")", products ? "FMA(f" + r + " * unit[j + k], c[u], sum" + r + "[k])"
                                                        : "FMA(f" + r + ", unit[j + k], sum" + r + "[k])");
    }
    words.emplace_back("TERM1", products ? "FMA(left * unit[j], c[u], sum)" : "FMA(left, unit[j], sum)");
    return filled(term_text, words);
}

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

/// Statements that fill yhat, the slopes of hidden units and what gradient() takes for g, and with `curvature` what
/// hessian() needs.
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

// --- Second derivatives (derivation §7.8)
// -----------------------------------------------------------------------------

template <class T>
bool CNetwork<T>::curved(std::size_t layer) const {
    return !facts(net_.architecture().activation(layer)).piecewise_linear;
}

template <class T>
bool CNetwork<T>::first_by_products() const {
    return net_.layers() > 1 && curved(0) && net_.inputs() <= math::most_product_inputs;
}

template <class T>
std::size_t CNetwork<T>::last_of_tangents() const {
    std::size_t l = net_.layers() - 1;
    while (l > 0 && !curved(l)) {
        --l;
    }
    return l;
}

template <class T>
std::size_t CNetwork<T>::tangent_place(std::size_t layer) const {
    std::size_t units = 0;
    for (std::size_t l = 1; l < layer; ++l) {
        units += size(l + 1);
    }
    return units * net_.inputs();
}

/// Q_l in C: the weights of the first layer, or a place in q.
template <class T>
std::string CNetwork<T>::tangent(std::size_t layer) const {
    const bool centred_weights = net_.layers() == 1 && !elementwise();
    return layer == 0 && !centred_weights ? "$w1" : "q + " + number(tangent_place(layer));
}

/// Statements that fill q.
template <class T>
std::string CNetwork<T>::tangents() const {
    std::string text;
    for (std::size_t l = 1; l <= last_of_tangents(); ++l) {
        text += "    $tangents($w" + number(l + 1) + ", " + number(size(l)) + ", " + number(size(l + 1)) +
                ", slope + " + number(slope_place(l - 1)) + ", " + tangent(l - 1) + ", " + tangent(l) + ");\n";
    }
    if (!elementwise()) {
        const std::string last = tangent(net_.layers() - 1);
        if (net_.layers() == 1) {
            text += "    memcpy(q, $w1, sizeof $w1);\n";
        }
        text += "    $centre(yhat, " + last + ");\n";
    }
    return text;
}

template <class T>
std::string CNetwork<T>::softmax_centring() const {
    using W = Written<T>;
    const auto step = [&](const auto& formula) {
        Recording recording(numbers_);
        const W p = W::argument(recording, "p[j]"),
                v = W::argument(recording, "q[j * " + number(net_.inputs()) + " + i]");
        math::Softmax::Centring<W> centring{W::argument(recording, "p_top"), W::argument(recording, "v_top"),
                                            W::argument(recording, "sum")};
        formula(recording, centring, p, v);
        return numbers_.statements(recording, "            ");
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
    const std::string entry = step([&](Recording& recording, auto& centring, W, W v) {
        centring.centred(v).into(recording, "q[j * " + number(net_.inputs()) + " + i]");
    });
    const std::string loop_from = "        for (j = FROM; j < OUTPUTS; ++j) {\n";
    return numbers_.take_definitions() +
           fill(
               "\n/* Each column of q less its mean by p. */\nstatic void $centre(const REAL *p, REAL *q)\n{\n    "
               "size_t i, j;\n"
               "    for (i = 0; i < INPUTS; ++i) {\n        REAL p_top = p[0], v_top = q[i], sum = ZERO;\n" +
               filled(loop_from, {{"FROM", "1"}})) +
           find + fill("        }\n" + filled(loop_from, {{"FROM", "0"}})) + add +
           fill("        }\n" + filled(loop_from, {{"FROM", "0"}})) + entry + "        }\n    }\n}\n";
}

/// Statements that fill c, of hidden units (and of softmax's outputs behind them), for output k.
template <class T>
std::string CNetwork<T>::curvatures() const {
    const std::size_t last = net_.layers() - 1;
    const bool identity = net_.architecture().output == Activation::identity;
    std::string text, d = "d";
    std::size_t l = last;  // δ of this layer is in d
    const auto hidden = [&](std::size_t layer, const std::string& beta, const std::string& to) {
        const std::string at = number(slope_place(layer)) + " + i";
        text += "        for (i = 0; i < " + number(size(layer + 1)) +
                "; ++i) {\n            const REAL beta = " + beta + ";\n" + "            " + to +
                "[i] = beta * slope[" + at + "];\n" +
                (curved(layer) ? "            c[" + at + "] = beta * bend[" + at + "];\n" : "") + "        }\n";
    };
    if (elementwise()) {
        if (last == 0) {
            return "";
        }
        hidden(
            last - 1,
            std::string(identity ? "" : "g[k] * ") + "$w" + number(last + 1) + "[k * " + number(size(last)) + " + i]",
            "d");
        l = last - 1;
    } else {
        text +=
            "        for (i = 0; i < OUTPUTS; ++i) {\n            d[i] = i == k ? ONE : ZERO;\n        }\n"
            "        $times_softmax(yhat, d);\n        memcpy(c + " +
            number(slope_place(last)) + ", d, OUTPUTS * sizeof *d);\n";
    }
    for (; l > 0; --l) {
        const std::string to = d == "d" ? "e" : "d";
        text += "        $pull($w" + number(l + 1) + ", " + number(size(l)) + ", " + number(size(l + 1)) + ", " + d +
                ", NULL, " + to + ");\n";
        hidden(l - 1, to + "[i]", to);
        d = to;
    }
    return text;
}

/// Statements that add the layers' terms to H, of output k.
template <class T>
std::string CNetwork<T>::terms() const {
    const std::size_t last = net_.layers() - 1;
    std::string text;
    bool first = true;
    const auto term = [&](const std::string& q, const std::string& c, std::size_t units) {
        text += "        $term(" + q + ", " + c + ", " + number(units) + ", " + (first ? "1" : "0") + ", H);\n";
        first = false;
    };
    for (std::size_t l = 0; l < last; ++l) {
        if (l == 0 && first_by_products()) {
            text += "        $first_term($w1, c, " + number(size(1)) + ", 1, H);\n";
            first = false;
        } else if (curved(l)) {
            term(tangent(l), "c + " + number(slope_place(l)), size(l + 1));
        }
    }
    if (!elementwise()) {
        term(tangent(last), "c + " + number(slope_place(last)), size(last + 1));
    } else if (curved(last)) {
        term(tangent(last) + " + k * INPUTS", "gg + k", 1);
    }
    if (first) {
        return "        for (i = 0; i < INPUTS * INPUTS; ++i) {\n            H[i] = ZERO;\n        }\n";
    }
    return text +
           "        for (i = 0; i < INPUTS; ++i) {\n            for (j = 0; j < i; ++j) {\n"
           "                H[i * INPUTS + j] = H[j * INPUTS + i];\n            }\n        }\n";
}

template <class T>
std::string CNetwork<T>::hessian() {
    const std::size_t last = net_.layers() - 1, hidden = slope_place(last), n = net_.inputs();
    const std::string sums = terms(), adjoints = curvatures(), fill_q = tangents();
    std::string text;
    text += sums.find("$first_term(") == std::string::npos ? "" : fill(term_function("$first_term", true));
    text += sums.find("$term(") == std::string::npos ? "" : fill(term_function("$term", false));
    text += fill_q.find("$tangents(") == std::string::npos ? "" : fill(tangents_text);
    text += elementwise() ? "" : softmax_centring();
    const bool any = sums.find("ZERO") == std::string::npos;
    const std::size_t units = elementwise() ? hidden : slope_place(last + 1);
    const std::size_t q_units = !elementwise() && last == 0 ? size(1) : tangent_place(last_of_tangents() + 1) / n;
    std::string locals = std::string("    size_t k, i") + (any ? ", j" : "") + ";\n";
    if (any && units > 0) {
        locals += "    REAL c[" + number(units) + "], d[" + number(widest()) + "], e[" + number(widest()) + "];\n";
    }
    if (any && q_units > 0) {
        locals += "    REAL q[" + number(q_units * n) + "];\n";
    }
    if (!any) {
        return text +
               fill(
                   "\nvoid $hessian(const REAL *x, REAL *yhat, REAL *H)\n{\n    size_t k, i;\n    $forward(x, yhat);\n"
                   "    for (k = 0; k < OUTPUTS; ++k, H += INPUTS * INPUTS) {\n" +
                   sums + "    }\n}\n");
    }
    const std::string unused = units > 0 ? "    (void)c;\n    (void)d;\n    (void)e;\n" : "";
    return text + fill("\nvoid $hessian(const REAL *x, REAL *yhat, REAL *H)\n{\n" + locals + outputs_and_slopes(true) +
                       fill_q + "    for (k = 0; k < OUTPUTS; ++k, H += INPUTS * INPUTS) {\n" + adjoints + sums +
                       "    }\n" + unused + "}\n");
}

template class CNetwork<float>;
template class CNetwork<double>;

}  // namespace handgrad::exports
