// Somebody who fills in an exercise sheet by the formulas of the derivation, literally, from the sheet's own numbers,
// and who makes one mistake.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/explain/explanation.hpp"

namespace handgrad::student {

using Vector = std::vector<double>;

enum class Mistake { none, sign, twice, half, transposed, without_slope, slope_at_activation };

struct Habits {
    std::string wrong_at;  ///< the symbol at which the mistake is made
    Mistake mistake = Mistake::none;
    int digits = 17;                     ///< that numbers are written with, and used on
    bool slope_from_activation = false;  ///< σ′ = σ(1 − σ) rather than Eq. (12)
    bool output_delta_in_one = false;    ///< δ of the last layer as ŷ − y (over K), for the losses where it is that
    std::vector<std::string> skipped = {};  ///< symbols that are not worked out: they are left blank, the truth is used
};

/// As it reads when written with so many significant digits.
inline double rounded(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    return std::strtod(text, nullptr);
}

inline double sigma(double z) { return 1.0 / (1.0 + std::exp(-z)); }

/// Every quantity by its symbol, numbers row by row; blank ones are missing.
using Sheet = std::map<std::string, Vector>;

/// The numbers of the trace by symbol.
inline Sheet truth(const explain::Explanation& e) {
    Sheet sheet;
    const explain::Trace& t = e.row->trace;
    const auto put = [&](const std::string& symbol, const Matrix<double>& m) {
        sheet[symbol] = Vector(m.values().begin(), m.values().end());
    };
    for (std::size_t i = 0; i < t.forward.size(); ++i) {
        put(e.derivation.forward[i].quantity.symbol, t.forward[i]);
    }
    sheet["l"] = {t.loss};
    for (std::size_t i = 0; i < t.jacobians.size(); ++i) {
        Vector& dense = sheet[e.derivation.jacobians[i].quantity.symbol];
        for (std::size_t r = 0; r < t.jacobians[i].rows(); ++r) {
            for (std::size_t c = 0; c < t.jacobians[i].columns(); ++c) {
                dense.push_back(t.jacobians[i].at(r, c));
            }
        }
    }
    for (std::size_t i = 0; i < t.deltas.size(); ++i) {
        put(e.derivation.deltas[i].quantity.symbol, t.deltas[i]);
    }
    for (std::size_t p = 0; p < t.gradients.size(); ++p) {
        put(e.derivation.backward[p].quantity.symbol, t.gradients[p]);
        put(e.derivation.backward[p].parameter, t.updated[p]);
    }
    return sheet;
}

/// Identity, ReLU, σ or softmax; squared error (Eq. 3), binary cross-entropy (Table 5) or cross-entropy; plain SGD.
class Student {
public:
    Student(const explain::Explanation& e, Habits habits)
        : e_(e), t_(e.row->trace), shape_(e.derivation.architecture), habits_(std::move(habits)), truth_(truth(e)) {}

    Sheet fill() {
        const std::size_t L = shape_.layers();
        const Vector y(t_.y.values().begin(), t_.y.values().end());
        const auto K = static_cast<double>(y.size());
        Vector a(t_.x.values().begin(), t_.x.values().end());
        std::vector<Vector> z, out, in;
        for (std::size_t l = 0; l < L; ++l) {
            in.push_back(a);
            const Matrix<double>& W = t_.parameters[2 * l];
            Vector sum(t_.parameters[2 * l + 1].values().begin(), t_.parameters[2 * l + 1].values().end());
            for (std::size_t i = 0; i < W.rows(); ++i) {
                for (std::size_t j = 0; j < W.columns(); ++j) {
                    const bool turned = is_wrong(forward(2 * l), Mistake::transposed);
                    sum[i] += (turned ? W(j, i) : W(i, j)) * a[j];
                }
            }
            z.push_back(write(forward(2 * l), sum));
            a = write(forward(2 * l + 1), activation(l, z[l]));
            out.push_back(a);
        }
        const Vector& yhat = out.back();
        const Loss loss = e_.derivation.loss_function.kind;
        double l = 0.0;
        Vector slope(y.size());
        for (std::size_t j = 0; j < y.size(); ++j) {
            if (loss == Loss::squared_error) {
                l += (yhat[j] - y[j]) * (yhat[j] - y[j]);
                slope[j] = 2.0 * (yhat[j] - y[j]);
            } else if (loss == Loss::binary_cross_entropy) {
                l -= (y[j] * std::log(yhat[j]) + (1.0 - y[j]) * std::log(1.0 - yhat[j])) / K;
                slope[j] = -(y[j] / yhat[j] - (1.0 - y[j]) / (1.0 - yhat[j])) / K;
            } else {
                l -= y[j] * std::log(yhat[j]);
                slope[j] = -y[j] / yhat[j];
            }
        }
        write("l", {l});
        slope = write("dl/dyhat", slope);
        std::vector<Vector> J(L);
        for (std::size_t k = L; k-- > 0;) {
            J[k] = write(jacobian_symbol(k), jacobian(k, z[k], out[k], jacobian_symbol(k)));
        }
        std::vector<Vector> delta(L);
        for (std::size_t k = L; k-- > 0;) {
            const std::string symbol = "dl/dz" + std::to_string(2 * k + 1);
            Vector v = slope;
            if (k + 1 < L) {
                const Matrix<double>& W = t_.parameters[2 * k + 2];
                v.assign(W.columns(), 0.0);
                for (std::size_t i = 0; i < W.rows(); ++i) {
                    for (std::size_t j = 0; j < W.columns(); ++j) {
                        v[j] += delta[k + 1][i] * (is_wrong(symbol, Mistake::transposed) ? W(j, i) : W(i, j));
                    }
                }
            }
            const bool another =
                is_wrong(symbol, Mistake::without_slope) || is_wrong(symbol, Mistake::slope_at_activation);
            const Vector factor = another ? jacobian(k, z[k], out[k], symbol) : J[k];
            Vector d(v.size(), 0.0);
            for (std::size_t i = 0; i < v.size(); ++i) {
                for (std::size_t j = 0; j < v.size(); ++j) {
                    d[j] += v[i] * factor[i * v.size() + j];
                }
            }
            if (k + 1 == L && habits_.output_delta_in_one) {
                for (std::size_t j = 0; j < y.size(); ++j) {
                    d[j] = (yhat[j] - y[j]) / (loss == Loss::binary_cross_entropy ? K : 1.0);
                }
            }
            delta[k] = write(symbol, d);
        }
        std::vector<Vector> gradients;
        for (std::size_t p = 0; p < 2 * L; ++p) {
            const std::size_t k = p / 2;
            Vector g = delta[k];
            if (p % 2 == 0) {
                g.clear();
                for (const double d : delta[k]) {
                    for (const double x : in[k]) {
                        g.push_back(d * x);
                    }
                }
            }
            gradients.push_back(write(e_.derivation.backward[p].quantity.symbol, turned(p, g)));
        }
        for (std::size_t p = 0; p < 2 * L; ++p) {
            const std::string& symbol = e_.derivation.backward[p].parameter;
            Vector step = gradients[p];
            step = is_wrong(symbol, Mistake::transposed) ? turned_always(p, step) : step;
            const double times = is_wrong(symbol, Mistake::sign)    ? -1.0
                                 : is_wrong(symbol, Mistake::twice) ? 2.0
                                 : is_wrong(symbol, Mistake::half)  ? 0.5
                                                                    : 1.0;
            Vector w(t_.parameters[p].values().begin(), t_.parameters[p].values().end());
            for (std::size_t i = 0; i < w.size(); ++i) {
                w[i] -= times * e_.step.optimizer.learning_rate * step[i];
            }
            note(symbol, w);
        }
        return sheet_;
    }

private:
    [[nodiscard]] std::string forward(std::size_t i) const { return e_.derivation.forward[i].quantity.symbol; }
    [[nodiscard]] std::string jacobian_symbol(std::size_t l) const {
        return e_.derivation.jacobians[shape_.layers() - l].quantity.symbol;
    }
    [[nodiscard]] bool is_wrong(const std::string& symbol, Mistake mistake) const {
        return symbol == habits_.wrong_at && habits_.mistake == mistake;
    }

    Vector activation(std::size_t l, const Vector& z) const {
        Vector a = z;
        double sum = 0.0;
        for (double& v : a) {
            const Activation f = shape_.activation(l);
            v = f == Activation::relu      ? std::max(v, 0.0)
                : f == Activation::sigmoid ? sigma(v)
                : f == Activation::softmax ? std::exp(v)
                                           : v;
            sum += v;
        }
        for (double& v : a) {
            v /= shape_.activation(l) == Activation::softmax ? sum : 1.0;
        }
        return a;
    }

    Vector jacobian(std::size_t l, const Vector& z, const Vector& a, const std::string& symbol) const {
        const std::size_t n = z.size();
        Vector J(n * n, 0.0);
        for (std::size_t i = 0; i < n; ++i) {
            const double at = is_wrong(symbol, Mistake::slope_at_activation) ? a[i] : z[i];
            const double s = sigma(at);
            switch (shape_.activation(l)) {
                case Activation::relu:
                    J[i * n + i] = at >= 0.0 ? 1.0 : 0.0;
                    break;
                case Activation::sigmoid:
                    J[i * n + i] = habits_.slope_from_activation ? a[i] * (1.0 - a[i]) : s * (1.0 - s);
                    break;
                case Activation::softmax:
                    for (std::size_t j = 0; j < n; ++j) {
                        J[i * n + j] = (i == j ? a[i] : 0.0) - a[i] * a[j];
                    }
                    break;
                default:
                    J[i * n + i] = 1.0;
            }
            if (is_wrong(symbol, Mistake::without_slope)) {
                for (std::size_t j = 0; j < n; ++j) {
                    J[i * n + j] = i == j ? 1.0 : 0.0;
                }
            }
        }
        return J;
    }

    Vector turned(std::size_t p, const Vector& g) const {
        return is_wrong(e_.derivation.backward[p].quantity.symbol, Mistake::transposed) ? turned_always(p, g) : g;
    }
    /// The numbers of gᵀ in the order in which g is read.
    Vector turned_always(std::size_t p, const Vector& g) const {
        const std::size_t rows = t_.parameters[p].rows(), columns = t_.parameters[p].columns();
        Vector result;
        for (std::size_t j = 0; j < columns; ++j) {
            for (std::size_t i = 0; i < rows; ++i) {
                result.push_back(g[i * columns + j]);
            }
        }
        return result;
    }

    Vector write(const std::string& symbol, Vector values) {
        for (double& v : values) {
            v *= is_wrong(symbol, Mistake::sign)    ? -1.0
                 : is_wrong(symbol, Mistake::twice) ? 2.0
                 : is_wrong(symbol, Mistake::half)  ? 0.5
                                                    : 1.0;
        }
        return note(symbol, std::move(values));
    }

    Vector note(const std::string& symbol, Vector values) {
        if (std::ranges::find(habits_.skipped, symbol) != habits_.skipped.end()) {
            return truth_.at(symbol);
        }
        for (double& v : values) {
            v = rounded(v, habits_.digits);
        }
        sheet_[symbol] = values;
        return values;
    }

    const explain::Explanation& e_;
    const explain::Trace& t_;
    const Architecture& shape_;
    Habits habits_;
    Sheet truth_, sheet_;
};

inline Sheet filled(const explain::Explanation& e, const Habits& habits) { return Student(e, habits).fill(); }

}  // namespace handgrad::student
