// The gradient certificate: claims laid over what the witness and the bounds have.
#include "handgrad/certify/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/certify/certified_runs.hpp"
#include "handgrad/certify/claims.hpp"
#include "handgrad/certify/judgement.hpp"
#include "handgrad/certify/monotonicity.hpp"
#include "handgrad/certify/second_derivatives.hpp"
#include "handgrad/data/dataset_rows.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::certify {
namespace {

/// Errors in ulp are not taken of less than this share of the largest entry of a tensor.
constexpr double least_share = 0x1p-12;
/// So many of the smallest normal number are the floor of a precision, below which numbers have no digits to be wrong
/// in; so is this share of the largest in all of the gradient, which no step of training would ever notice.
constexpr double underflowing = 0x1p20;
constexpr double unnoticed = 0x1p-80;

double largest_size(std::span<const BoundedNumber> numbers) {
    double largest = 0.0;
    for (const BoundedNumber& number : numbers) {
        largest = std::max(largest, number.size);
    }
    return largest;
}

/// The entry whose error in ulp is the largest, and what is to be said of it.
template <class Index>
void note_worst_entry(std::span<const double> claimed, std::span<const BoundedNumber> expected,
                      const Arithmetic& arithmetic, const Index& index, CertifiedTensor& tensor) {
    const double largest = largest_size(expected);
    for (const BoundedNumber& entry : expected) {
        tensor.kinks += entry.error.jump > 0.0 ? 1 : 0;
    }
    const double ulp_of_1 = std::ldexp(1.0, 1 - arithmetic.digits);
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        const double distance = std::fabs(claimed[i] - expected[i].value);
        const double size = std::max({expected[i].size, least_share * largest, arithmetic.smallest});
        double ulp = 0.0;
        if (distance != 0.0) {
            ulp = distance / (ulp_of_1 * size);
        }
        if (std::isnan(ulp)) {
            ulp = std::numeric_limits<double>::infinity();
        }
        if (i == 0 || ulp > tensor.worst_ulp) {
            tensor.worst_ulp = ulp;
            tensor.where = index(i);
            tensor.claimed = claimed[i];
            tensor.witness = expected[i].value;
            tensor.bound = expected[i].error.worst + expected[i].error.jump;
        }
    }
}

template <class Index>
CertifiedTensor certified(std::string tensor, std::span<const double> claimed, std::span<const BoundedNumber> expected,
                          std::size_t columns, const Arithmetic& arithmetic, double largest, const Index& index) {
    CertifiedTensor result{.name = std::move(tensor), .entries = claimed.size()};
    std::vector<ExpectedEntry> entries;
    entries.reserve(expected.size());
    for (const BoundedNumber& number : expected) {
        entries.push_back(expected_entry(number));
    }
    result.judgement = judge(claimed, entries, columns,
                             std::max(underflowing * arithmetic.smallest, unnoticed * largest), arithmetic.largest);
    note_worst_entry(claimed, expected, arithmetic, index, result);
    return result;
}

/// The claimed tensor as a multiple of the right one, or NaN when it is none.
double multiple_of(std::span<const double> claimed, std::span<const BoundedNumber> expected) {
    double product = 0.0, square = 0.0;
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        product += claimed[i] * expected[i].value;
        square += expected[i].value * expected[i].value;
    }
    const double near = 0.01 * std::sqrt(square / static_cast<double>(claimed.size()));
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        if (!(std::fabs(claimed[i] - product / square * expected[i].value) <= near)) {
            return std::numeric_limits<double>::quiet_NaN();
        }
    }
    return product / square;
}

std::string symbol(const char* letter, std::size_t layer) {
    return std::string(letter) + "(" + std::to_string(layer + 1) + ")";
}

/// Which factor of Table 2 a failing tensor points to, from which of its neighbours fail.
void name_factors(Certificate& certificate, const std::vector<double>& ratios) {
    const std::size_t layers = certificate.parameters.size() / 2;
    const auto fails = [&](std::size_t index) {
        return certificate.parameters[index].judgement.verdict == Verdict::fail;
    };
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
    if (certificate.input.judgement.verdict == Verdict::fail) {
        certificate.input.factor = "a factor of g' W ... f' W(1)";
    }
}

}  // namespace

Verdict worse(Verdict one, Verdict other) {
    for (const Verdict verdict : {Verdict::fail, Verdict::undetermined}) {
        if (one == verdict || other == verdict) {
            return verdict;
        }
    }
    return Verdict::pass;
}

Certificate judge_claims(const BasicMlp<double>& net, const ClaimedDerivatives<double>& claimed,
                         const Expectation& expected, const Arithmetic& arithmetic) {
    const std::size_t n = net.inputs(), K = net.outputs();
    Certificate certificate;
    std::vector<double> multiples;
    double largest = 0.0;
    for (const std::vector<BoundedNumber>& parameter : expected.parameters) {
        largest = std::max(largest, largest_size(parameter));
    }
    for (std::size_t tensor = 0; tensor < expected.parameters.size(); ++tensor) {
        const MatrixView<const double> W = claimed.gradient.weight(tensor / 2);
        const bool bias = tensor % 2 == 1;
        const std::span<const double> values =
            bias ? claimed.gradient.bias(tensor / 2) : std::span(W.data(), W.rows() * W.columns());
        const std::size_t columns = bias ? 1 : W.columns();
        multiples.push_back(multiple_of(values, expected.parameters[tensor]));
        certificate.parameters.push_back(
            certified(bias ? bias_name(tensor / 2) : weight_name(tensor / 2), values, expected.parameters[tensor],
                      columns, arithmetic, largest, [&](std::size_t at) {
                          return bias ? std::vector{at} : std::vector{at / columns, at % columns};
                      }));
    }
    certificate.input = certified("d(yhat)/d(x)", claimed.jacobians.values(), expected.input, K * n, arithmetic,
                                  largest_size(expected.input), [&](std::size_t i) {
                                      return std::vector{i / (K * n), i / n % K, i % n};
                                  });
    certificate.verdict = certificate.input.judgement.verdict;
    for (const CertifiedTensor& tensor : certificate.parameters) {
        certificate.verdict = worse(certificate.verdict, tensor.judgement.verdict);
    }
    name_factors(certificate, multiples);
    return certificate;
}

CertifiedTensor judge_hessians(const BasicMlp<double>& net, std::span<const double> claimed,
                               std::span<const BoundedNumber> expected, const Arithmetic& arithmetic) {
    const std::size_t n = net.inputs(), K = net.outputs(), triangle = n * (n + 1) / 2;
    CertifiedTensor tensor = certified("d2(yhat)/d(x)2", claimed, expected, K * triangle, arithmetic,
                                       largest_size(expected), [&](std::size_t at) {
                                           std::size_t i = 0, j = at % triangle;
                                           for (; j >= n - i; ++i) {
                                               j -= n - i;
                                           }
                                           return std::vector{at / (K * triangle), at / triangle % K, i, i + j};
                                       });
    if (tensor.judgement.verdict == Verdict::fail) {
        tensor.factor = "f'' of a layer, or a factor beside it";
    }
    return tensor;
}

std::string_view name(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "PASS";
        case Verdict::fail:
            return "FAIL";
        case Verdict::undetermined:
            return "UNDETERMINED";
    }
    __builtin_unreachable();
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
    const Arithmetic arithmetic = arithmetic_of<T>();
    const auto wide = convert<double>(net);
    const BasicDataset<double> rows = in_double(data);
    const std::vector<RowDerivatives> found = witnessed_rows(wide, function, rows, true, 1);
    Certificate certificate =
        judge_claims(wide, {convert<double>(claimed.gradient), convert<double>(claimed.jacobians)},
                     expected_derivatives(wide, function, rows, found, arithmetic, {}), arithmetic);
    certificate.rows = data.rows();
    certificate.carrying_rows = carrying_rows(data);
    return certificate;
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
Certificate certify_sample(const Model& model, const BasicDataset<T>& sample, const Execution& execution) {
    Certificate certificate = certify_runs(model, sample, execution);
    certificate.monotone = certify_monotone(model, sample, execution);
    certificate.verdict = worse(certificate.verdict, certificate.monotone.verdict);
    return certificate;
}

}  // namespace

template <class T>
Certificate certify(const Model& model, const BasicDataset<T>& data, const CertifyOptions& options) {
    return certify_sample(model, select_rows(data, drawn_rows(data.rows(), options)), options.execution);
}

Certificate certify(const Model& model, const Table& table, const CertifyOptions& options) {
    const std::vector<std::size_t> rows = drawn_rows(table.rows, options);
    if (rows.empty()) {
        throw Error(ErrorKind::data, table.source + ": there is no row to check derivatives on; add rows");
    }
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            check_target_domain(model.preprocessing, table, rows, model.loss.kind);
            return certify_sample(model, apply_preprocessing<T>(model.preprocessing, table, rows, options.applying),
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
