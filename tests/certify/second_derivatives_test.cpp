// The certificate of second derivatives: right ones of every activation pass, wrong ones are refuted.
#include "handgrad/certify/second_derivatives.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/claims.hpp"
#include "handgrad/certify/expected_derivatives.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/second_derivatives.hpp"

namespace handgrad::certify {
namespace {

constexpr std::size_t rows = 12;

/// A network with rows, and what their second derivatives should be in the arithmetic of T.
template <class T>
struct Judged {
    Judged(const Architecture& shape, std::uint64_t seed)
        : net(drawn_net<T>(Draw(seed, 31), shape)),
          wide(convert<double>(net)),
          x(Draw(seed, 32).matrix<T>(rows, net.inputs(), -2.0, 2.0)),
          wide_x(convert<double>(x)),
          y(rows, net.outputs()) {
        const BasicDataset<double> data{wide_x, y, {}};
        found = witnessed_rows(wide, Loss::squared_error, data, true, 1);
        expected = expected_hessians(wide, Loss::squared_error, wide_x, y, found, arithmetic_of<T>(), 1);
        claimed = engine_hessians<T>(net, x, {});
    }
    [[nodiscard]] CertifiedTensor judge(const Matrix<double>& claim) const {
        return judge_hessians(wide, claim.values(), expected, arithmetic_of<T>());
    }
    BasicMlp<T> net;
    BasicMlp<double> wide;
    Matrix<T> x;
    Matrix<double> wide_x, y;
    std::vector<RowDerivatives> found;
    std::vector<BoundedNumber> expected;
    Matrix<double> claimed;
};

std::vector<Architecture> shapes() {
    std::vector<Architecture> list;
    for (const Activation hidden : all_activations) {
        if (facts(hidden).elementwise) {
            list.push_back({.sizes = {4, 9, 3}, .hidden = hidden});
            list.push_back({.sizes = {3, 7, 5, 2}, .hidden = hidden, .output = Activation::sigmoid});
        }
        list.push_back({.sizes = {4, 6, 3}, .hidden = Activation::tanh, .output = hidden});
    }
    list.push_back({.sizes = {3, 4}, .hidden = Activation::tanh, .output = Activation::softmax});
    list.push_back({.sizes = {35, 8, 2}, .hidden = Activation::silu});
    return list;
}

template <class T>
class CertifiedHessian : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(CertifiedHessian, Scalars);

TYPED_TEST(CertifiedHessian, OfTheKernelsPassesForEveryActivationAndIsNeverRefuted) {
    std::uint64_t seed = 0;
    for (const Architecture& shape : shapes()) {
        const Judged<TypeParam> judged(shape, ++seed);
        const CertifiedTensor tensor = judged.judge(judged.claimed);
        EXPECT_EQ(tensor.judgement.verdict, Verdict::pass)
            << described(shape) << ": " << tensor.judgement.reason() << " " << tensor.judgement.failed;
    }
}

/// An error of one in a hundred of f″ of one layer, and of the whole, is seen.
TYPED_TEST(CertifiedHessian, WrongByAHundredthIsRefuted) {
    std::uint64_t seed = 50;
    for (const Architecture& shape : shapes()) {
        const Judged<TypeParam> judged(shape, ++seed);
        Matrix<double> wrong = judged.claimed;
        double largest = 0.0;
        for (double& entry : wrong.values()) {
            largest = std::max(largest, std::fabs(entry));
            entry *= 1.01;
        }
        if (largest > 0.0) {
            EXPECT_EQ(judged.judge(wrong).judgement.verdict, Verdict::fail) << described(shape);
        }
    }
}

TYPED_TEST(CertifiedHessian, WithoutTheTermOfTheLastLayerIsRefuted) {
    const Architecture shape{.sizes = {4, 9, 2}, .hidden = Activation::tanh, .output = Activation::sigmoid};
    const Judged<TypeParam> judged(shape, 7);
    Matrix<double> wrong = judged.claimed;  // g″ q qᵀ left out of one entry
    const double q = wrong(3, 2);
    wrong(3, 2) = q + 0.001 * (std::fabs(q) + 0.01);
    const CertifiedTensor tensor = judged.judge(wrong);
    EXPECT_EQ(tensor.judgement.verdict, Verdict::fail);
    EXPECT_EQ(tensor.where, (std::vector<std::size_t>{3, 0, 0, 2}));
}

/// The bound is one: nothing that arithmetic in T does leads beyond it. Half of it would be too little somewhere only
/// if it were tight; that it is no more than 2¹⁰ times what happens says that it is of use.
TYPED_TEST(CertifiedHessian, BoundCoversTheErrorsAndIsNoBarnDoor) {
    std::uint64_t seed = 90;
    double tightest = 0.0;
    for (const Architecture& shape : shapes()) {
        const Judged<TypeParam> judged(shape, ++seed);
        for (std::size_t i = 0; i < judged.expected.size(); ++i) {
            const BoundedNumber& entry = judged.expected[i];
            const double distance = std::fabs(judged.claimed.values()[i] - entry.value);
            ASSERT_LE(distance, entry.error.worst + entry.error.jump) << described(shape) << " " << i;
            if (entry.error.worst > 0.0) {
                tightest = std::max(tightest, distance / entry.error.worst);
            }
        }
    }
    EXPECT_GT(tightest, 0x1p-10);
}

TEST(RowsOfHessians, AreNoneWhereThereAreTooManyNumbersOrNone) {
    const auto looked_at = [](std::size_t inputs, Activation hidden) {
        return rows_of_hessians(BasicMlp<double>::zeros({.sizes = {inputs, 2, 1}, .hidden = hidden}), 256);
    };
    EXPECT_EQ(looked_at(2000, Activation::tanh), 0U);
    EXPECT_EQ(looked_at(1000, Activation::tanh), 1U);
    EXPECT_EQ(looked_at(10, Activation::tanh), 256U);
    EXPECT_EQ(looked_at(10, Activation::relu), 0U);
}

}  // namespace
}  // namespace handgrad::certify
