// The terms of each layer, in the order in which kernels/ adds them.
#include "handgrad/export/c_hessian.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "handgrad/export/written_number.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/sum_order.hpp"

namespace handgrad::exports {
namespace {

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

}  // namespace

template <class T>
bool CHessian<T>::first_by_products() const {
    return network_.net().layers() > 1 && network_.curved(0) && network_.net().inputs() <= math::most_product_inputs;
}

template <class T>
std::size_t CHessian<T>::last_of_tangents() const {
    std::size_t l = network_.net().layers() - 1;
    while (l > 0 && !network_.curved(l)) {
        --l;
    }
    return l;
}

template <class T>
std::size_t CHessian<T>::tangent_place(std::size_t layer) const {
    std::size_t units = 0;
    for (std::size_t l = 1; l < layer; ++l) {
        units += network_.size(l + 1);
    }
    return units * network_.net().inputs();
}

/// Q_l in C: the weights of the first layer, or a place in q.
template <class T>
std::string CHessian<T>::tangent(std::size_t layer) const {
    const bool centred_weights = network_.net().layers() == 1 && !network_.elementwise();
    return layer == 0 && !centred_weights ? "$w1" : "q + " + number(tangent_place(layer));
}

/// Statements that fill q.
template <class T>
std::string CHessian<T>::tangents() const {
    std::string text;
    for (std::size_t l = 1; l <= last_of_tangents(); ++l) {
        text += "    $tangents($w" + number(l + 1) + ", " + number(network_.size(l)) + ", " +
                number(network_.size(l + 1)) + ", slope + " + number(network_.slope_place(l - 1)) + ", " +
                tangent(l - 1) + ", " + tangent(l) + ");\n";
    }
    if (!network_.elementwise()) {
        const std::string last = tangent(network_.net().layers() - 1);
        if (network_.net().layers() == 1) {
            text += "    memcpy(q, $w1, sizeof $w1);\n";
        }
        text += "    $centre(yhat, " + last + ");\n";
    }
    return text;
}

template <class T>
std::string CHessian<T>::softmax_centring() const {
    using W = Written<T>;
    const auto step = [&](const auto& formula) {
        Recording recording(network_.numbers());
        const W p = W::argument(recording, "p[j]"),
                v = W::argument(recording, "q[j * " + number(network_.net().inputs()) + " + i]");
        math::Softmax::Centring<W> centring{W::argument(recording, "p_top"), W::argument(recording, "v_top"),
                                            W::argument(recording, "sum")};
        formula(recording, centring, p, v);
        return network_.numbers().statements(recording, "            ");
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
        centring.centred(v).into(recording, "q[j * " + number(network_.net().inputs()) + " + i]");
    });
    const std::string loop_from = "        for (j = FROM; j < OUTPUTS; ++j) {\n";
    return network_.numbers().take_definitions() +
           network_.fill(
               "\n/* Each column of q less its mean by p. */\nstatic void $centre(const REAL *p, REAL *q)\n{\n    "
               "size_t i, j;\n"
               "    for (i = 0; i < INPUTS; ++i) {\n        REAL p_top = p[0], v_top = q[i], sum = ZERO;\n" +
               filled(loop_from, {{"FROM", "1"}})) +
           find + network_.fill("        }\n" + filled(loop_from, {{"FROM", "0"}})) + add +
           network_.fill("        }\n" + filled(loop_from, {{"FROM", "0"}})) + entry + "        }\n    }\n}\n";
}

/// Statements that fill c, of hidden units (and of softmax's outputs behind them), for output k.
template <class T>
std::string CHessian<T>::curvatures() const {
    const std::size_t last = network_.net().layers() - 1;
    const bool identity = network_.net().architecture().output == Activation::identity;
    std::string text, d = "d";
    std::size_t l = last;  // δ of this layer is in d
    const auto hidden = [&](std::size_t layer, const std::string& beta, const std::string& to) {
        const std::string at = number(network_.slope_place(layer)) + " + i";
        text += "        for (i = 0; i < " + number(network_.size(layer + 1)) +
                "; ++i) {\n            const REAL beta = " + beta + ";\n" + "            " + to +
                "[i] = beta * slope[" + at + "];\n" +
                (network_.curved(layer) ? "            c[" + at + "] = beta * bend[" + at + "];\n" : "") +
                "        }\n";
    };
    if (network_.elementwise()) {
        if (last == 0) {
            return "";
        }
        hidden(last - 1,
               std::string(identity ? "" : "g[k] * ") + "$w" + number(last + 1) + "[k * " +
                   number(network_.size(last)) + " + i]",
               "d");
        l = last - 1;
    } else {
        text +=
            "        for (i = 0; i < OUTPUTS; ++i) {\n            d[i] = i == k ? ONE : ZERO;\n        }\n"
            "        $times_softmax(yhat, d);\n        memcpy(c + " +
            number(network_.slope_place(last)) + ", d, OUTPUTS * sizeof *d);\n";
    }
    for (; l > 0; --l) {
        const std::string to = d == "d" ? "e" : "d";
        text += "        $pull($w" + number(l + 1) + ", " + number(network_.size(l)) + ", " +
                number(network_.size(l + 1)) + ", " + d + ", NULL, " + to + ");\n";
        hidden(l - 1, to + "[i]", to);
        d = to;
    }
    return text;
}

/// Statements that add the layers' terms to H, of output k.
template <class T>
std::string CHessian<T>::terms() const {
    const std::size_t last = network_.net().layers() - 1;
    std::string text;
    bool first = true;
    const auto term = [&](const std::string& q, const std::string& c, std::size_t units) {
        text += "        $term(" + q + ", " + c + ", " + number(units) + ", " + (first ? "1" : "0") + ", H);\n";
        first = false;
    };
    for (std::size_t l = 0; l < last; ++l) {
        if (l == 0 && first_by_products()) {
            text += "        $first_term($w1, c, " + number(network_.size(1)) + ", 1, H);\n";
            first = false;
        } else if (network_.curved(l)) {
            term(tangent(l), "c + " + number(network_.slope_place(l)), network_.size(l + 1));
        }
    }
    if (!network_.elementwise()) {
        term(tangent(last), "c + " + number(network_.slope_place(last)), network_.size(last + 1));
    } else if (network_.curved(last)) {
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
std::string CHessian<T>::definitions() const {
    const std::size_t last = network_.net().layers() - 1, hidden = network_.slope_place(last),
                      n = network_.net().inputs();
    const std::string sums = terms(), adjoints = curvatures(), fill_q = tangents();
    std::string text;
    text += sums.find("$first_term(") == std::string::npos ? "" : network_.fill(term_function("$first_term", true));
    text += sums.find("$term(") == std::string::npos ? "" : network_.fill(term_function("$term", false));
    text += fill_q.find("$tangents(") == std::string::npos ? "" : network_.fill(tangents_text);
    text += network_.elementwise() ? "" : softmax_centring();
    const bool any = sums.find("ZERO") == std::string::npos;
    const std::size_t units = network_.elementwise() ? hidden : network_.slope_place(last + 1);
    const std::size_t q_units =
        !network_.elementwise() && last == 0 ? network_.size(1) : tangent_place(last_of_tangents() + 1) / n;
    std::string locals = std::string("    size_t k, i") + (any ? ", j" : "") + ";\n";
    if (any && units > 0) {
        locals += "    REAL c[" + number(units) + "], d[" + number(network_.widest()) + "], e[" +
                  number(network_.widest()) + "];\n";
    }
    if (any && q_units > 0) {
        locals += "    REAL q[" + number(q_units * n) + "];\n";
    }
    if (!any) {
        return text +
               network_.fill(
                   "\nvoid $hessian(const REAL *x, REAL *yhat, REAL *H)\n{\n    size_t k, i;\n    $forward(x, yhat);\n"
                   "    for (k = 0; k < OUTPUTS; ++k, H += INPUTS * INPUTS) {\n" +
                   sums + "    }\n}\n");
    }
    const std::string unused = units > 0 ? "    (void)c;\n    (void)d;\n    (void)e;\n" : "";
    return text + network_.fill("\nvoid $hessian(const REAL *x, REAL *yhat, REAL *H)\n{\n" + locals +
                                network_.outputs_and_slopes(true) + fill_q +
                                "    for (k = 0; k < OUTPUTS; ++k, H += INPUTS * INPUTS) {\n" + adjoints + sums +
                                "    }\n" + unused + "}\n");
}

template class CHessian<float>;
template class CHessian<double>;

}  // namespace handgrad::exports
