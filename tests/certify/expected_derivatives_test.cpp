// What every derivative should be: the same for any number of threads, and of rows that the witness saw once.
#include "handgrad/certify/expected_derivatives.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "handgrad/certify/claims.hpp"
#include "tests/support/witness.hpp"

namespace handgrad::certify {
namespace {

using Numbers = std::vector<std::array<double, 7>>;

void append(Numbers& numbers, const std::vector<BoundedNumber>& entries) {
    for (const BoundedNumber& e : entries) {
        numbers.push_back({e.value, e.size, e.terms, e.error.worst, e.error.square, e.error.jump, e.usual});
    }
}
Numbers all(const Expectation& expected) {
    Numbers numbers;
    for (const std::vector<BoundedNumber>& parameter : expected.parameters) {
        append(numbers, parameter);
    }
    append(numbers, expected.input);
    return numbers;
}

/// Large enough that threads are worth it, with more rows than are bounded at once and more units than steps go
/// together.
class Expecting : public testing::Test {
protected:
    Expecting() { p_.weights.assign(p_.x.rows(), 1.0); }

    [[nodiscard]] BasicDataset<double> data() const { return {p_.x, p_.y, p_.weights}; }
    [[nodiscard]] Expectation expected(std::span<const RowDerivatives> found, const Expected& wanted) const {
        return expected_derivatives(net_, p_.function, data(), found, arithmetic_of<float>(), wanted);
    }

    witness::Problem p_ = witness::random_problem(
        {.sizes = {5, 40, 37, 20, 3}, .hidden = Activation::relu, .output = Activation::softmax}, Loss::cross_entropy,
        45, 7);
    BasicMlp<double> net_ = convert<double>(p_.net);
};

TEST_F(Expecting, AnyNumberOfThreadsFindsTheSameNumbers) {
    const auto by = [&](std::size_t threads) {
        return all(expected(witnessed_rows(net_, p_.function, data(), true, threads), {.threads = threads}));
    };
    const Numbers one = by(1);
    ASSERT_EQ(one.size(), net_.parameters().size() + 45 * 15);
    EXPECT_EQ(by(3), one);
    EXPECT_EQ(by(4), one);
}

/// A row that stands in a batch k times is one of weight k, but for the roundings of the longer sum.
TEST_F(Expecting, ARowSeenOnceServesEveryBatch) {
    const std::vector<RowDerivatives> found = witnessed_rows(net_, p_.function, data(), false, 1);
    std::vector<double> times(45, 1.0);
    times[3] = 4.0;
    times[7] = 0.0;
    const Expectation again = expected(found, {.times = times, .input = false});
    p_.weights = times;
    const Expectation weighted = expected(found, {.input = false});
    EXPECT_TRUE(again.input.empty());
    for (std::size_t i = 0; i < again.parameters.size(); ++i) {
        for (std::size_t j = 0; j < again.parameters[i].size(); ++j) {
            ASSERT_EQ(again.parameters[i][j].value, weighted.parameters[i][j].value);
            ASSERT_EQ(again.parameters[i][j].size, weighted.parameters[i][j].size);
        }
    }
}

}  // namespace
}  // namespace handgrad::certify
