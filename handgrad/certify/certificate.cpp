// The gradient certificate.
#include "handgrad/certify/certificate.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/certify/rounding_bound.hpp"
#include "handgrad/certify/row_witness.hpp"
#include "handgrad/data/dataset_rows.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::certify {
namespace {

/// A bound above this share of the sizes of an entry's terms would let a wrong factor pass: then nothing is proven …
constexpr double telling = 0.25;
/// … unless it is below this share of the largest in its tensor: an entry that small changes nothing, and a wrong
/// factor shows in the others.
constexpr double negligible = 0x1p-12;
/// … or below u times the largest of all parameters' entries, or so many of the smallest normal number, where the
/// precision has no digits to be wrong in.
constexpr double underflowing = 0x1p20;
/// Rows whose terms are added in sequence before the tree over such leaves begins (docs/numerics.md).
constexpr std::size_t leaf_rows = 256;

/// An entry of a tensor: what the witness found and what rounding may do.
struct Expected {
    double witness = 0.0;
    double size = 0.0;  ///< A
    ErrorBound error;
};

/// Collects the entries of one tensor, then judges them.
class TensorJudge {
public:
    TensorJudge(std::string tensor, const Precision& precision)
        : ulp_(std::ldexp(1.0, 1 - precision.digits)), smallest_(precision.smallest) {
        result_.name = std::move(tensor);
    }
    void add(double claimed, const Expected& expected) {
        entries_.push_back({claimed, expected});
        largest_ = std::max(largest_, expected.size);
    }
    [[nodiscard]] double largest() const { return largest_; }
    /// The verdict; index(i) says where entry i stands. Bounds below `floor` prove enough.
    template <class Index>
    CertifiedTensor judge(double floor, const Index& index) {
        floor_ = std::max({floor, negligible * largest_, underflowing * smallest_});
        result_.entries = entries_.size();
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            judge_entry(i, index);
        }
        result_.verdict = result_.failed > 0         ? Verdict::fail
                          : result_.undetermined > 0 ? Verdict::undetermined
                                                     : Verdict::pass;
        return std::move(result_);
    }
    /// The claimed tensor as a multiple of the right one, or NaN when it is none.
    [[nodiscard]] double ratio() const {
        double product = 0.0, square = 0.0;
        for (const auto& [claimed, expected] : entries_) {
            product += claimed * expected.witness;
            square += expected.witness * expected.witness;
        }
        const double near = 0.01 * std::sqrt(square / static_cast<double>(entries_.size()));
        const bool all = std::ranges::all_of(entries_, [&](const auto& entry) {
            return std::fabs(entry.first - product / square * entry.second.witness) <= near;
        });
        return all && square > 0.0 ? product / square : std::numeric_limits<double>::quiet_NaN();
    }

private:
    template <class Index>
    void judge_entry(std::size_t i, const Index& index) {
        const auto& [claimed, expected] = entries_[i];
        const double distance = std::fabs(claimed - expected.witness);
        const double probable = probable_deviations * std::sqrt(expected.error.square);
        const double likely = std::min(probable, expected.error.worst);
        const double explained = expected.error.worst + expected.error.jump;
        const double told = std::max(telling * expected.size, floor_);
        const bool likely_tells = likely <= told;
        const bool worst_tells = expected.error.worst <= told;
        double bound = explained;
        // Comparisons with a NaN are false: a claim that is none is refuted unless nothing is known.
        if (distance <= likely && likely_tells) {
            bound = likely;
        } else if (distance <= expected.error.worst && worst_tells) {
            bound = expected.error.worst;
        } else if (distance <= explained || !std::isfinite(explained) || !std::isfinite(expected.witness)) {
            ++result_.undetermined;
        } else {
            ++result_.failed;
        }
        result_.kinks += expected.error.jump > 0.0 ? 1 : 0;
        double ulp =
            distance == 0.0 ? 0.0 : distance / (ulp_ * std::max({expected.size, negligible * largest_, smallest_}));
        ulp = std::isnan(ulp) ? std::numeric_limits<double>::infinity() : ulp;
        if (i == 0 || ulp > result_.worst_ulp) {
            result_.worst_ulp = ulp;
            result_.where = index(i);
            result_.claimed = claimed;
            result_.witness = expected.witness;
            result_.bound = bound;
        }
    }

    double ulp_;  ///< of 1
    double smallest_;
    double largest_ = 0.0, floor_ = 0.0;
    CertifiedTensor result_;
    std::vector<std::pair<double, Expected>> entries_;
};

/// Terms of a parameter's gradient so far.
struct ParameterSums {
    std::vector<Expected> entry;
    std::vector<double> terms;  ///< Σ |δ a| over rows
};

/// Adds δ a, Table 2, rows W and b, for one unit and one input of it.
void add_term(Expected& to, double& terms, double delta, const UnitBound& bound, double a, const ErrorBound& of_a) {
    const double size = std::fabs(a);
    to.witness += delta * a;
    to.size += bound.size * size;
    terms += std::fabs(delta) * size;
    const double largest = std::fabs(delta) + bound.error.worst;
    to.error.worst += bound.error.worst * size + largest * of_a.worst;
    to.error.square += bound.error.square * size * size + delta * delta * of_a.square;
    to.error.jump += bound.error.jump * (size + of_a.worst);
}

std::string symbol(const char* letter, std::size_t layer) {
    return std::string(letter) + "(" + std::to_string(layer + 1) + ")";
}

/// Which factor of Table 2 a failing tensor points to, from which of its neighbours fail.
void name_factors(Certificate& certificate, const std::vector<double>& ratios) {
    const std::size_t layers = certificate.parameters.size() / 2;
    const auto fails = [&](std::size_t index) { return certificate.parameters[index].verdict == Verdict::fail; };
    for (std::size_t l = 0; l < layers; ++l) {
        const std::size_t W = 2 * l, b = 2 * l + 1;
        const bool above = l + 1 < layers && fails(b + 2);
        std::string delta;
        if (l + 1 == layers) {
            delta = "dl/dyhat or dyhat/d" + z_name(l);
        } else if (above) {
            delta = "what is wrong in " + layer_name(l + 1) + " already";
        } else {
            delta = symbol("W", l + 1) + " or d" + input_name(l + 1) + "/d" + z_name(l);
        }
        certificate.parameters[b].factor =
            fails(W) ? delta : "the sum over rows, or " + delta + " where " + input_name(l) + " is 0";
        certificate.parameters[W].factor = fails(b) ? delta : input_name(l) + ", or its place in the outer product";
        for (const std::size_t index : {W, b}) {
            std::string& factor = certificate.parameters[index].factor;
            if (!fails(index)) {
                factor.clear();
            } else if (std::isfinite(ratios[index]) && std::fabs(ratios[index] - 1.0) > 0.02) {
                char text[32];
                std::snprintf(text, sizeof text, "%.3g", ratios[index]);
                factor += ": " + std::string(text) + " times what it should be";
            }
        }
    }
    if (certificate.input.verdict == Verdict::fail) {
        certificate.input.factor = "a factor of g' W ... f' W(1)";
    }
}

/// The claims against the witness, in double whatever they were computed in.
Certificate certify_in_double(const BasicMlp<double>& net, const LossFunction& function,
                              const BasicDataset<double>& data, const ClaimedDerivatives<double>& claimed,
                              const Precision& precision) {
    const std::size_t rows = data.rows(), n = net.inputs(), K = net.outputs();
    assert(rows > 0 && data.y.rows() == rows && claimed.jacobians.rows() == rows);
    const math::OutputLoss loss =
        output_loss(function, net.architecture().output, net.architecture().activation_settings());
    const double reduction = reduction_factor(function.kind, K, net.architecture().conventions);
    const double total = data.total_weight();
    RowWitness witness(net, loss, reduction);
    RowBound bounds(net, loss, reduction, precision);
    std::vector<ParameterSums> weights, biases;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t count = net.weight(l).rows() * net.weight(l).columns();
        weights.push_back({std::vector<Expected>(count), std::vector<double>(count)});
        biases.push_back({std::vector<Expected>(net.bias(l).size()), std::vector<double>(net.bias(l).size())});
    }
    Certificate certificate{.rows = rows};
    TensorJudge input("d(yhat)/d(x)", precision);
    for (std::size_t row = 0; row < rows; ++row) {
        const double share = data.weight(row) / total;
        const RowDerivatives& found = witness(data.x.row(row), data.y.row(row), share);
        bounds(found, data.x.row(row), data.y.row(row), share);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const std::span<const double> a = l == 0 ? data.x.row(row) : std::span<const double>(found.a[l - 1]);
            for (std::size_t i = 0; i < net.bias(l).size(); ++i) {
                const UnitBound& bound = bounds.delta(l)[i];
                const double delta = found.delta[l][i];
                for (std::size_t j = 0; j < a.size(); ++j) {
                    const std::size_t at = i * a.size() + j;
                    add_term(weights[l].entry[at], weights[l].terms[at], delta, bound, a[j],
                             l == 0 ? ErrorBound{} : bounds.activation(l - 1)[j]);
                }
                add_term(biases[l].entry[i], biases[l].terms[i], delta, bound, 1.0, {});
            }
        }
        for (std::size_t k = 0; k < K; ++k) {
            const std::vector<UnitBound> bound = bounds.input_jacobian(found, k);
            for (std::size_t j = 0; j < n; ++j) {
                input.add(claimed.jacobians(row, k * n + j),
                          {found.input_jacobian(k, j), bound[j].size, bound[j].error});
            }
        }
    }
    const std::size_t in_sequence = std::min(rows, leaf_rows) + std::bit_width((rows - 1) / leaf_rows) + 1;
    std::vector<TensorJudge> judges;
    double largest = 0.0;
    const auto collect = [&](const std::string& tensor, ParameterSums& sums, std::span<const double> values) {
        TensorJudge& judge = judges.emplace_back(tensor, precision);
        for (std::size_t at = 0; at < values.size(); ++at) {
            Expected& expected = sums.entry[at];
            if (sums.terms[at] > 0.0) {
                const double own = gamma_of(in_sequence, precision.unit) * sums.terms[at] + precision.smallest;
                const double probable =
                    precision.unit * std::sqrt(static_cast<double>(in_sequence)) * sums.terms[at] + precision.smallest;
                expected.error.worst += own;
                expected.error.square += probable * probable;
            }
            judge.add(values[at], expected);
        }
        largest = std::max(largest, judge.largest());
    };
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const double> W = claimed.gradient.weight(l);
        collect(weight_name(l), weights[l], {W.data(), W.rows() * W.columns()});
        collect(bias_name(l), biases[l], claimed.gradient.bias(l));
    }
    std::vector<double> ratios;
    for (std::size_t tensor = 0; tensor < judges.size(); ++tensor) {
        const std::size_t columns = tensor % 2 == 0 ? net.weight(tensor / 2).columns() : 0;
        ratios.push_back(judges[tensor].ratio());
        certificate.parameters.push_back(judges[tensor].judge(precision.unit * largest, [&](std::size_t at) {
            return columns == 0 ? std::vector<std::size_t>{at} : std::vector<std::size_t>{at / columns, at % columns};
        }));
    }
    certificate.input = input.judge(0.0, [&](std::size_t i) {
        return std::vector<std::size_t>{i / (K * n), i / n % K, i % n};
    });
    certificate.verdict = certificate.input.verdict;
    for (const CertifiedTensor& tensor : certificate.parameters) {
        if (tensor.verdict == Verdict::fail || certificate.verdict == Verdict::pass) {
            certificate.verdict = tensor.verdict;
        }
    }
    name_factors(certificate, ratios);
    return certificate;
}

}  // namespace

std::string_view name(Verdict verdict) {
    return verdict == Verdict::pass ? "PASS" : verdict == Verdict::fail ? "FAIL" : "UNDETERMINED";
}

template <class T>
ClaimedDerivatives<T> engine_derivatives(const BasicMlp<T>& net, const LossFunction& function,
                                         const BasicDataset<T>& data, const Execution& execution) {
    ClaimedDerivatives<T> claimed{BasicMlp<T>::zeros_like(net), Matrix<T>(data.rows(), net.outputs() * net.inputs())};
    LossGradient<T> gradient(net, function, data.rows(), !data.weights.empty(), execution);
    gradient(net, data.x, data.y, claimed.gradient, data.weights);
    Matrix<T> yhat(data.rows(), net.outputs());
    BasicPredictor<T>(net, execution).jacobian(data.x, yhat, claimed.jacobians);
    return claimed;
}

template <class T>
Certificate certify(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                    const ClaimedDerivatives<T>& claimed) {
    return certify_in_double(
        convert<double>(net), function,
        {convert<double>(data.x), convert<double>(data.y), {data.weights.begin(), data.weights.end()}},
        {convert<double>(claimed.gradient), convert<double>(claimed.jacobians)}, precision_of<T>());
}

namespace {

/// Rows for the certificate, in order.
std::vector<std::size_t> drawn_rows(std::size_t count, const CertifyOptions& options) {
    std::vector<std::size_t> rows = all_rows(count);
    if (count > options.rows) {
        rows = permutation(count, RandomStream(options.seed, Purpose::certificate));
        rows.resize(options.rows);
        std::ranges::sort(rows);
    }
    return rows;
}

template <class T>
Certificate certify_all(const Model& model, const BasicDataset<T>& data, const Execution& execution) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    return certify(net, model.loss, data, engine_derivatives(net, model.loss, data, execution));
}

}  // namespace

template <class T>
Certificate certify(const Model& model, const BasicDataset<T>& data, const CertifyOptions& options) {
    return certify_all(model, select_rows(data, drawn_rows(data.rows(), options)), options.execution);
}

Certificate certify(const Model& model, const Table& table, const CertifyOptions& options) {
    const std::vector<std::size_t> rows = drawn_rows(table.rows, options);
    if (rows.empty()) {
        throw Error(ErrorKind::data, table.source + ": there is no row to check derivatives on; add rows");
    }
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            check_target_domain(model.preprocessing, table, rows, model.loss.kind);
            return certify_all(model, apply_preprocessing<T>(model.preprocessing, table, rows, options.applying),
                               options.execution);
        },
        model.net);
}

template Certificate certify(const Model&, const BasicDataset<float>&, const CertifyOptions&);
template Certificate certify(const Model&, const BasicDataset<double>&, const CertifyOptions&);
template Certificate certify(const BasicMlp<float>&, const LossFunction&, const BasicDataset<float>&,
                             const ClaimedDerivatives<float>&);
template Certificate certify(const BasicMlp<double>&, const LossFunction&, const BasicDataset<double>&,
                             const ClaimedDerivatives<double>&);
template ClaimedDerivatives<float> engine_derivatives(const BasicMlp<float>&, const LossFunction&,
                                                      const BasicDataset<float>&, const Execution&);
template ClaimedDerivatives<double> engine_derivatives(const BasicMlp<double>&, const LossFunction&,
                                                       const BasicDataset<double>&, const Execution&);

}  // namespace handgrad::certify
