// Claimed derivatives judged against an expectation: what one certificate and the runs of a model's share.
#pragma once

#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/expected_derivatives.hpp"

namespace handgrad::certify {

/// FAIL before UNDETERMINED before PASS.
Verdict worse(Verdict one, Verdict other);

/// The claims against the expectation, in double whatever they were computed in; `arithmetic` is that of the
/// computation. Leaves out rows and runs.
Certificate judge_claims(const BasicMlp<double>& net, const ClaimedDerivatives<double>& claimed,
                         const Expectation& expected, const Arithmetic& arithmetic);

template <class T>
BasicDataset<double> in_double(const BasicDataset<T>& data) {
    return {convert<double>(data.x), convert<double>(data.y), {data.weights.begin(), data.weights.end()}};
}

}  // namespace handgrad::certify
