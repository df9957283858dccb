// The witness audited: on awkward networks of every kind a right gradient never FAILs, and a second witness, central
// differences in long double, agrees with the complex step. HANDGRAD_NETWORKS=100000 takes so many of them,
// HANDGRAD_FIRST_NETWORK=N begins at one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/row_witness.hpp"
#include "tests/support/audited_networks.hpp"

namespace handgrad::certify {
namespace {

std::size_t networks(std::size_t usual) {
    const char* asked = std::getenv("HANDGRAD_NETWORKS");
    return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

std::string described(std::size_t number, const AuditedNetwork& network) {
    return std::to_string(number) + " " + std::string(name(network.kind)) + " " + described(network.problem.shape) +
           " " + std::string(name(network.problem.function.kind)) + ", " + std::to_string(network.problem.x.rows()) +
           " rows";
}

template <class T>
Verdict judge(std::size_t number, const AuditedNetwork& network) {
    const witness::Problem& p = network.problem;
    const BasicMlp<T> net = handgrad::convert<T>(p.net);
    const BasicDataset<T> data{convert<T>(p.x), convert<T>(p.y), {p.weights.begin(), p.weights.end()}};
    const Certificate certificate =
        certify(net, p.function, data,
                engine_derivatives(net, p.function, data, {.threads = 1, .simd = witness::available_levels().back()}));
    if (certificate.verdict == Verdict::fail) {
        std::string text;
        const auto add = [&](const CertifiedTensor& t) {
            if (t.judgement.verdict == Verdict::fail) {
                text += t.name + " claimed " + format_number(t.claimed) + " witness " + format_number(t.witness) +
                        " bound " + format_number(t.bound) + " distance " +
                        std::to_string(std::fabs(t.claimed - t.witness) / t.bound) + " bounds, " +
                        std::to_string(t.judgement.failed) + " failed, times " + std::to_string(t.judgement.multiple) +
                        "\n";
            }
        };
        std::ranges::for_each(certificate.parameters, add);
        add(certificate.input);
        ADD_FAILURE() << (sizeof(T) == 4 ? "float " : "double ") << described(number, network) << "\n" << text;
    }
    return certificate.verdict;
}

TEST(WitnessAudit, ARightGradientNeverFails) {
    std::map<std::string, std::array<std::size_t, 3>> counts;
    const std::size_t all = networks(600);
    const char* from = std::getenv("HANDGRAD_FIRST_NETWORK");
    const std::size_t first = from == nullptr ? 0 : std::strtoull(from, nullptr, 10);
    for (std::size_t number = first; number < first + all; ++number) {
        const AuditedNetwork network = audited_network(number);
        for (const Verdict verdict : {judge<float>(number, network), judge<double>(number, network)}) {
            ++counts[std::string(name(network.kind))][static_cast<std::size_t>(verdict)];
        }
    }
    for (const auto& [kind, count] : counts) {
        std::printf("%-12s %7zu PASS %5zu FAIL %6zu UNDETERMINED\n", kind.c_str(), count[0], count[1], count[2]);
    }
}

/// ∂l/∂w by the witness, summed over rows.
std::vector<double> witnessed(const witness::Problem& p, std::vector<double>& size) {
    const math::OutputLoss loss = output_loss(p.function, p.net.architecture().output, p.shape.activation_settings());
    RowWitness row_witness(p.net, loss, reduction_factor(p.function.kind, p.net.outputs(), p.shape.conventions));
    double total = 0.0;
    for (std::size_t row = 0; row < p.x.rows(); ++row) {
        total += p.weights.empty() ? 1.0 : p.weights[row];
    }
    BasicMlp<double> sum = BasicMlp<double>::zeros_like(p.net), sizes = sum;
    for (std::size_t row = 0; row < p.x.rows(); ++row) {
        const double share = (p.weights.empty() ? 1.0 : p.weights[row]) / total;
        const RowDerivatives& found = row_witness(p.x.row(row), p.y.row(row), share);
        for (std::size_t l = 0; l < p.net.layers(); ++l) {
            const std::span<const double> a = l == 0 ? p.x.row(row) : std::span<const double>(found.a[l - 1]);
            for (std::size_t i = 0; i < found.delta[l].size(); ++i) {
                for (std::size_t j = 0; j < a.size(); ++j) {
                    sum.weight(l)(i, j) += found.delta[l][i] * a[j];
                    sizes.weight(l)(i, j) += std::fabs(found.delta[l][i] * a[j]);
                }
                sum.bias(l)[i] += found.delta[l][i];
                sizes.bias(l)[i] += std::fabs(found.delta[l][i]);
            }
        }
    }
    size.assign(sizes.parameters().begin(), sizes.parameters().end());
    return {sum.parameters().begin(), sum.parameters().end()};
}

struct Difference {
    double value;
    double step;  ///< what halving h changed before extrapolation: where that is large, more than h² matters
};
/// Central differences of the loss in long double at h and h/2, extrapolated: right to about 1e-13 of the loss, where
/// `step` is small.
std::vector<Difference> differences(const witness::Problem& p) {
    BasicMlp<long double> net = handgrad::convert<long double>(p.net);
    const Matrix<long double> x = convert<long double>(p.x);
    std::vector<Difference> result;
    for (long double& w : net.parameters()) {
        const long double at = w;
        const auto slope = [&](long double h) {
            w = at + h;
            const long double above = witness::loss_of(p, net, x);
            w = at - h;
            const long double below = witness::loss_of(p, net, x);
            w = at;
            return (above - below) / (2.0L * h);
        };
        const long double h = 0x1p-14L;
        const long double whole = slope(h), half = slope(h / 2.0L);
        result.push_back(
            {static_cast<double>((4.0L * half - whole) / 3.0L), static_cast<double>(std::fabs(half - whole))});
    }
    return result;
}

/// A kink within reach of the differences, or values at which their own error is large, leave nothing to compare.
bool smooth(const AuditedNetwork& network) {
    const Architecture& shape = network.problem.shape;
    return !facts(shape.hidden).kink && !facts(shape.output).kink && shape.hidden != Activation::elu &&
           shape.output != Activation::elu && !facts(network.problem.function.kind).kink &&
           network.problem.function.kind != Loss::huber && network.kind != Awkward::saturated;
}

/// By how much a loss magnifies, relative to ∂l/∂ŷ, what ŷ was rounded by: 1/(1 − ŷ) and 1/ŷ where it takes logarithms
/// of outputs that were computed first.
double magnified(const witness::Problem& p) {
    const LossFacts& domain = facts(p.function.kind);
    if (output_loss(p.function, p.net.architecture().output, p.shape.activation_settings()).fused()) {
        return 1.0;
    }
    BasicTape<double> tape(p.net, p.x.rows());
    forward(p.net, p.x, tape);
    double nearest = 1.0;
    for (const double yhat : tape.output().a.values()) {
        nearest = std::min({nearest, std::fabs(yhat - domain.lowest_output), std::fabs(yhat - domain.highest_output)});
    }
    return 1.0 / nearest;
}

TEST(WitnessAudit, ASecondWitnessAgrees) {
    std::size_t compared = 0;
    for (std::size_t number = 0; number < networks(250); ++number) {
        const AuditedNetwork network = audited_network(number);
        if (!smooth(network)) {
            continue;
        }
        const witness::Problem& p = network.problem;
        std::vector<double> size;
        const std::vector<double> complex_step = witnessed(p, size);
        const std::vector<Difference> second = differences(p);
        const double magnify = magnified(p);
        const auto loss = static_cast<double>(std::fabs(witness::loss_of(p, p.net, p.x)));
        for (std::size_t i = 0; i < size.size(); ++i) {
            // Of a loss that overflows in double the differences, in long double, may be numbers all the same.
            const double allowed = 1e-8 * (size[i] + loss + 1e-3) + second[i].step + 0x1p-50 * magnify * size[i];
            if (std::isfinite(second[i].value) && std::isfinite(loss) && size[i] < 1e6) {
                ASSERT_NEAR(complex_step[i], second[i].value, allowed)
                    << described(number, network) << ", parameter " << i;
                ++compared;
            }
        }
    }
    EXPECT_GT(compared, networks(250));
}

}  // namespace
}  // namespace handgrad::certify
