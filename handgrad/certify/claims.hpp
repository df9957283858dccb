// Claimed derivatives judged against an expectation: what one certificate and the runs of a model's share.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/expected_derivatives.hpp"

namespace handgrad::certify {

/// FAIL before UNDETERMINED before PASS.
Verdict worse(Verdict one, Verdict other);

/// The claims against the expectation, in double whatever they were computed in; `arithmetic` is that of the
/// computation. Leaves out rows and runs.
Certificate judge_claims(const BasicMlp<double>& net, const ClaimedDerivatives<double>& claimed,
                         const Expectation& expected, const Arithmetic& arithmetic);

/// The fewest rows that carry 99 % of the weight; all where none are weighted.
template <class T>
std::size_t carrying_rows(const BasicDataset<T>& data) {
    if (data.weights.empty()) {
        return data.rows();
    }
    std::vector<double> weights(data.weights.begin(), data.weights.end());
    std::ranges::sort(weights, std::greater());
    const double enough = 0.99 * data.total_weight();
    double sum = 0.0;
    std::size_t count = 0;
    while (count < weights.size() && sum < enough) {
        sum += weights[count];
        ++count;
    }
    return count;
}

template <class T>
BasicDataset<double> in_double(const BasicDataset<T>& data) {
    return {convert<double>(data.x), convert<double>(data.y), {data.weights.begin(), data.weights.end()}};
}

}  // namespace handgrad::certify
