// Levenberg–Marquardt: its steps against a dense solution in long double, its acceleration against the complex step,
// bits, stops, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handgrad/nn/least_squares.hpp"
#include "handgrad/nn/plain_products.hpp"
#include "handgrad/train/trainer.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/weight_products.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;
using witness::Directed;

/// (A + μI) x = b of a symmetric positive definite A, in long double and without any of the library's code.
std::vector<double> solved(std::vector<std::vector<long double>> A, std::vector<long double> b) {
    const std::size_t n = b.size();
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t i = k + 1; i < n; ++i) {
            const long double factor = A[i][k] / A[k][k];
            for (std::size_t j = k; j < n; ++j) {
                A[i][j] -= factor * A[k][j];
            }
            b[i] -= factor * b[k];
        }
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t j = i + 1; j < n; ++j) {
            b[i] -= A[i][j] * b[j];
        }
        b[i] /= A[i][i];
    }
    return {b.begin(), b.end()};
}

/// The residuals of a problem with all that belongs to them, dense.
struct Dense {
    std::vector<std::vector<long double>> normal;  ///< JᵀJ + μI
    std::vector<long double> right;                ///< −Jᵀρ
    std::vector<std::vector<double>> J;            ///< of the rows alone
    std::vector<double> share;                     ///< of each residual
};
Dense dense_of(const Directed& d, double alpha, double mu) {
    const Matrix<double> J = witness::complex_step_jacobian(d);
    const std::vector<double> yhat = witness::outputs_of<double>(d.net, d.x), shares = witness::row_shares(d);
    const std::size_t P = d.v.size(), K = d.net.outputs();
    Dense dense{.normal = std::vector(P, std::vector<long double>(P, 0.0L)),
                .right = std::vector(P, 0.0L),
                .J = {},
                .share = {}};
    for (std::size_t i = 0; i < J.rows(); ++i) {
        const long double share = shares[i / K];
        dense.share.push_back(shares[i / K]);
        dense.J.emplace_back(J.row(i).begin(), J.row(i).end());
        for (std::size_t p = 0; p < P; ++p) {
            dense.right[p] -= share * J(i, p) * (yhat[i] - d.y.values()[i]);
            for (std::size_t q = 0; q < P; ++q) {
                dense.normal[p][q] += share * J(i, p) * J(i, q);
            }
        }
    }
    std::size_t p = 0;
    for (std::size_t l = 0; l < d.net.layers(); ++l) {
        for (const double w : std::span(d.net.weight(l).data(), d.net.weight(l).rows() * d.net.weight(l).columns())) {
            dense.normal[p][p] += 0.5L * alpha;
            dense.right[p] -= 0.5L * alpha * w;
            ++p;
        }
        p += d.net.bias(l).size();
    }
    for (std::size_t q = 0; q < P; ++q) {
        dense.normal[q][q] += mu;
    }
    return dense;
}

SquaresProblem squares_of(const Directed& d, double alpha) {
    BasicMlp<double> ones = BasicMlp<double>::zeros_like(d.net), gradient = ones;
    std::ranges::fill(ones.parameters(), 0.5);
    penalty(ones, alpha, 1.0, &gradient);
    double total = d.weights.empty() ? static_cast<double>(d.x.rows()) : 0.0;
    for (const double weight : d.weights) {
        total += weight;
    }
    return {.x = d.x,
            .y = d.y,
            .weights = d.weights,
            .row_share = 1.0 / total,
            .penalties = {gradient.parameters().begin(), gradient.parameters().end()}};
}

std::vector<Directed> five_states() {
    std::vector<Directed> states;
    std::uint64_t seed = 70;
    for (const Architecture& shape :
         {Architecture{.sizes = {1, 10, 1}, .hidden = Activation::tanh},
          Architecture{.sizes = {5, 16, 1}, .hidden = Activation::tanh},
          Architecture{.sizes = {3, 7, 6, 2}, .hidden = Activation::silu},
          Architecture{.sizes = {4, 6, 3}, .hidden = Activation::softplus, .output = Activation::sigmoid},
          Architecture{.sizes = {3, 5, 4}, .hidden = Activation::gelu, .output = Activation::softmax}}) {
        states.push_back(witness::directed(shape, Loss::squared_error, 131, ++seed));
    }
    return states;
}

TEST(LeastSquares, L9_ValueIsTheLossWithItsPenalty) {
    for (const Directed& d : five_states()) {
        LeastSquares squares(d.net, squares_of(d, 0.3), {});
        BasicTape<double> tape(d.net, d.x.rows());
        forward(d.net, d.x, tape);
        const double expected = loss_value(d.function, tape.output(), d.y, d.weights) +
                                penalty(d.net, 0.3, 1.0, static_cast<BasicMlp<double>*>(nullptr));
        EXPECT_NEAR(squares(d.net), expected, 1e-13 * expected);
    }
}

TEST(LeastSquares, L10_L11_StepIsTheDenseOneOfTheComplexStepsJacobian) {
    for (const Directed& d : five_states()) {
        SCOPED_TRACE(described(d.net.architecture()));
        const Dense dense = dense_of(d, 0.01, 0.02);
        const std::vector<double> expected = solved(dense.normal, dense.right);
        LeastSquares squares(d.net, squares_of(d, 0.01), {});
        squares.linearise(d.net);
        std::vector<double> step(d.v.size());
        ASSERT_TRUE(squares.step(0.02, step));
        witness::expect_near(step, expected, 1e-10);
    }
}

TEST(LeastSquares, L14_AccelerationIsThatOfTheComplexStep) {
    for (const Directed& state : five_states()) {
        SCOPED_TRACE(described(state.net.architecture()));
        LeastSquares squares(state.net, squares_of(state, 0.01), {});
        squares.linearise(state.net);
        Directed d = state;
        ASSERT_TRUE(squares.step(0.02, d.v));
        std::vector<double> a(d.v.size());
        squares.acceleration(d.net, d.v, a);

        Dense dense = dense_of(d, 0.01, 0.02);
        const std::vector<double> bent = witness::complex_step_along_twice(d);
        for (std::size_t p = 0; p < d.v.size(); ++p) {
            dense.right[p] = 0.0L;
            for (std::size_t i = 0; i < bent.size(); ++i) {
                dense.right[p] -= static_cast<long double>(dense.share[i]) * dense.J[i][p] * bent[i];
            }
        }
        witness::expect_near(a, solved(dense.normal, dense.right), 1e-9);
    }
}

TEST(LeastSquares, ThreadsAndInstructionSetsMoveNoBit) {
    std::uint64_t seed = 500;
    for (const std::size_t rows : {1U, 17U, 64U, 300U, 1111U}) {
        for (const Architecture& shape :
             {Architecture{.sizes = {5, 16, 1}, .hidden = Activation::tanh},
              Architecture{.sizes = {3, 17, 5, 3}, .hidden = Activation::silu},
              Architecture{.sizes = {2, 50, 2}, .hidden = Activation::gelu, .output = Activation::sigmoid}}) {
            SCOPED_TRACE(described(shape) + ", rows " + std::to_string(rows));
            const Directed d = witness::directed(shape, Loss::squared_error, rows, ++seed);
            std::optional<std::vector<double>> expected;
            for (const SimdLevel level : witness::available_levels()) {
                for (const std::size_t threads : {1U, 2U, 3U}) {
                    LeastSquares squares(d.net, squares_of(d, 0.001), {.threads = threads, .simd = level});
                    const std::size_t P = d.v.size();
                    std::vector<double> numbers(2 * P);
                    numbers.push_back(squares(d.net));
                    squares.linearise(d.net);
                    ASSERT_TRUE(squares.step(0.01, std::span(numbers).first(P)));
                    squares.acceleration(d.net, std::span(numbers).first(P), std::span(numbers).subspan(P, P));
                    numbers.insert(numbers.end(), squares.half_gradient().begin(), squares.half_gradient().end());
                    if (!expected) {
                        expected = numbers;
                    }
                    EXPECT_EQ(numbers, *expected) << name(level) << ", threads " << threads;
                }
            }
        }
    }
}

TEST(LeastSquares, SingularMatrixHasNoStepWithoutDamping) {
    Directed d = witness::directed({.sizes = {2, 6, 1}, .hidden = Activation::tanh}, Loss::squared_error, 3, 8);
    LeastSquares squares(d.net, squares_of(d, 0.0), {});
    squares.linearise(d.net);  // 25 parameters, three rows
    std::vector<double> step(d.v.size());
    EXPECT_FALSE(squares.step(0.0, step));
    EXPECT_TRUE(squares.step(1e-3, step));
}

// --- Training -------------------------------------------------------------------------------------------------------

/// sin(x)/x on −10 … 10, x scaled.
template <class T>
BasicDataset<T> sinc() {
    constexpr std::size_t rows = 200;
    BasicDataset<T> data{.x = Matrix<T>(rows, 1), .y = Matrix<T>(rows, 1), .weights = {}};
    for (std::size_t row = 0; row < rows; ++row) {
        const double x = -10.0 + 20.0 * static_cast<double>(row) / (rows - 1);
        data.x(row, 0) = static_cast<T>(x / 5.8);
        data.y(row, 0) = static_cast<T>(std::sin(x) / x);
    }
    return data;
}
TrainOptions lm_options(std::size_t epochs) {
    TrainOptions options;
    options.optimizer = usual_options(OptimizerKind::lm);
    options.epochs = epochs;
    return options;
}
template <class T>
BasicMlp<T> first_net(std::uint64_t seed, std::vector<std::size_t> sizes = {1, 10, 1}) {
    return BasicMlp<T>::random({.sizes = std::move(sizes), .hidden = Activation::tanh}, seed);
}

TEST(LevenbergMarquardt, FitsSincToTheLastDigits) {
    BasicMlp<double> net = first_net<double>(0);
    TrainOptions options = lm_options(5000);
    options.optimizer.max_fun = 2000;
    double loss = 1.0;
    const TrainResult result =
        train(net, sinc<double>(), options, nullptr, [&](const EpochReport& report, const BasicMlp<double>&) {
            loss = report.loss;
            return true;
        });
    EXPECT_LT(loss, 1e-12);
    ASSERT_TRUE(result.progress);
    EXPECT_LE(result.progress->evaluations, 2000U);
    EXPECT_GT(result.progress->accelerated, 50U);
}

TEST(LevenbergMarquardt, L15_BendsByHalfTheAccelerationUnlessThatIsTooLong) {
    const BasicDataset<double> data = sinc<double>();
    std::size_t bent = 0, straight = 0;
    Trainer<double> trainer(first_net<double>(0), data, lm_options(10));
    EpochReport before;
    for (std::size_t step_number = 0; step_number < 200; ++step_number) {
        if (step_number % 10 == 0) {
            trainer = Trainer<double>(first_net<double>(step_number), data, lm_options(10));
            before = {};
            before.progress = SolverProgress{.evaluations = 1};
        }
        const BasicMlp<double> net = trainer.net();
        LeastSquares squares(
            net, {.x = data.x, .y = data.y, .weights = {}, .row_share = 1.0 / 200, .penalties = std::vector(31, 0.0)},
            {});
        squares.linearise(net);
        std::vector<double> v(31), a(31);
        const double first_mu = 1e-3 * squares.largest_diagonal();
        ASSERT_TRUE(squares.step(before.progress->damping.value_or(first_mu), v));
        squares.acceleration(net, v, a);
        double of_v = 0.0, of_a = 0.0;
        for (std::size_t p = 0; p < v.size(); ++p) {
            of_v += v[p] * v[p];
            of_a += a[p] * a[p];
        }
        const bool is_short = 2.0 * std::sqrt(of_a) <= 0.75 * std::sqrt(of_v);
        const EpochReport report = trainer.advance();
        if (report.progress->evaluations == before.progress->evaluations + 1) {  // the first that was tried
            (is_short ? bent : straight) += 1;
            EXPECT_EQ(report.progress->accelerated, before.progress->accelerated + (is_short ? 1 : 0));
            for (std::size_t p = 0; p < v.size(); ++p) {
                const double step = v[p] + (is_short ? 0.5 * a[p] : 0.0);
                ASSERT_NEAR(trainer.net().parameters()[p], net.parameters()[p] + step, 1e-14 * (1.0 + std::fabs(step)));
            }
        }
        before = report;
    }
    EXPECT_GE(bent, 3U);
    EXPECT_GE(straight, 3U);
}

TEST(LevenbergMarquardt, EveryStepLowersTheLoss) {
    BasicMlp<float> net = first_net<float>(3);
    std::vector<double> losses;
    train(net, sinc<float>(), lm_options(60), nullptr, [&](const EpochReport& report, const BasicMlp<float>&) {
        losses.push_back(report.loss);
        return true;
    });
    ASSERT_GT(losses.size(), 5U);
    for (std::size_t i = 1; i < losses.size(); ++i) {
        EXPECT_LT(losses[i], losses[i - 1]) << i;
    }
}

template <class T>
class LevenbergMarquardtOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LevenbergMarquardtOf, Scalars);

TYPED_TEST(LevenbergMarquardtOf, GoesOnWithTheBitsOfTheTrainingThatWasNotInterrupted) {
    using T = TypeParam;
    const BasicDataset<T> data = sinc<T>();
    Trainer<T> whole(first_net<T>(5), data, lm_options(40));
    for (std::size_t epoch = 0; epoch < 40 && !whole.done(); ++epoch) {
        whole.advance();
    }
    for (const std::size_t cut : {0U, 1U, 7U, 23U}) {
        Trainer<T> first(first_net<T>(5), data, lm_options(40));
        for (std::size_t epoch = 0; epoch < cut; ++epoch) {
            first.advance();
        }
        Trainer<T> rest(first.state(), data, lm_options(40));
        while (!rest.done()) {
            rest.advance();
        }
        const TrainState<T> got = rest.state(), wanted = whole.state();
        EXPECT_EQ(got.memory.numbers, wanted.memory.numbers) << cut;
        ASSERT_EQ(got.history.size(), wanted.history.size()) << cut;
        for (std::size_t i = 0; i < got.history.size(); ++i) {
            EXPECT_EQ(got.history[i].loss, wanted.history[i].loss) << cut;
        }
        EXPECT_TRUE(std::ranges::equal(got.net.parameters(), wanted.net.parameters())) << cut;
    }
}

TEST(LevenbergMarquardt, RefusesAStateOfAnotherSolverOrNetwork) {
    const BasicDataset<double> data = sinc<double>();
    Trainer<double> trainer(first_net<double>(5), data, lm_options(40));
    trainer.advance();
    const char* const text = "training: the state to go on from is that of another optimizer or network";
    TrainState<double> state = trainer.state();
    state.memory.numbers.pop_back();
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { Trainer<double>(state, data, lm_options(40)); }), text);
    state = trainer.state();
    state.memory.solver = "lbfgs";
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { Trainer<double>(state, data, lm_options(40)); }), text);
    state = trainer.state();
    state.memory.numbers[0] = -1.0;
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { Trainer<double>(state, data, lm_options(40)); }), text);
    state = trainer.state();
    state.memory.numbers[7] += 1.0;
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { Trainer<double>(state, data, lm_options(40)); }), text);
}

/// Trains until it ends by itself, and says why.
Stopped ended(BasicMlp<double>& net, const BasicDataset<double>& data, TrainOptions options) {
    return train(net, data, options).stopped;
}

TEST(LevenbergMarquardt, StopsForAReason) {
    const BasicDataset<double> data = sinc<double>();
    BasicMlp<double> net = first_net<double>(1);
    TrainOptions options = lm_options(10'000);
    options.optimizer.tol = 1e-4;
    EXPECT_EQ(ended(net, data, options), Stopped::gradient);
    options.optimizer.tol = 0.0;
    options.optimizer.max_fun = 30;
    net = first_net<double>(1);
    EXPECT_EQ(ended(net, data, options), Stopped::evaluations);
    options.optimizer.max_fun = 15'000;
    options.epochs = 3;
    net = first_net<double>(1);
    EXPECT_EQ(ended(net, data, options), Stopped::epochs);
    // A linear network: after a few steps none lowers the loss by more than rounding does.
    BasicMlp<double> linear = BasicMlp<double>::random({.sizes = {1, 1}, .hidden = Activation::tanh}, 1);
    options.epochs = 10'000;
    const Stopped reason = ended(linear, data, options);
    EXPECT_TRUE(reason == Stopped::no_progress || reason == Stopped::gradient);
}

TEST(LevenbergMarquardt, SoundWhereThereIsLittleToLearnFrom) {
    BasicDataset<double> constant = sinc<double>();  // a constant target
    std::ranges::fill(constant.y.values(), 0.5);
    BasicMlp<double> net = first_net<double>(2);
    ended(net, constant, lm_options(500));
    EXPECT_LT(evaluate_loss(net, constant, Loss::squared_error, 0.0), 1e-20);

    BasicDataset<double> one{.x = Matrix<double>(1, 1), .y = Matrix<double>(1, 1), .weights = {}};
    one.x(0, 0) = 0.7;
    one.y(0, 0) = -1.3;
    net = first_net<double>(2);  // one row, 31 parameters
    ended(net, one, lm_options(500));
    EXPECT_LT(evaluate_loss(net, one, Loss::squared_error, 0.0), 1e-20);

    BasicDataset<double> zeros = sinc<double>();  // a column that says nothing: JᵀJ is singular
    std::ranges::fill(zeros.x.values(), 0.0);
    net = first_net<double>(2);
    ended(net, zeros, lm_options(500));
    EXPECT_TRUE(std::isfinite(evaluate_loss(net, zeros, Loss::squared_error, 0.0)));
}

TEST(LevenbergMarquardt, RowsOfNoWeightTeachNothing) {
    BasicDataset<double> weighted = sinc<double>(), fewer = sinc<double>();
    for (std::size_t row = 0; row < weighted.rows(); ++row) {
        weighted.weights.push_back(row < 100 ? 2.0 : 0.0);
        if (row >= 100) {
            weighted.y(row, 0) = 1e3;
        }
    }
    fewer.x = Matrix<double>(100, 1);
    fewer.y = Matrix<double>(100, 1);
    for (std::size_t row = 0; row < 100; ++row) {
        fewer.x(row, 0) = weighted.x(row, 0);
        fewer.y(row, 0) = weighted.y(row, 0);
    }
    BasicMlp<double> a = first_net<double>(4), b = a;
    train(a, weighted, lm_options(10));
    train(b, fewer, lm_options(10));
    witness::expect_near(a.parameters(), std::vector<double>(b.parameters().begin(), b.parameters().end()), 1e-6);
}

TEST(LevenbergMarquardt, RefusesWhatItCannotDo) {
    const BasicDataset<double> data = sinc<double>();
    TrainOptions options = lm_options(5);
    options.loss = Loss::huber;
    EXPECT_EQ(
        raised([&] { Trainer<double>(first_net<double>(1), data, options); }),
        "usage: optimizer: lm makes sums of squares small, and huber is none; take squared_error for the loss, or "
        "lbfgs, which takes any {loss=squared_error, optimizer=lbfgs}");
    options.loss = Loss::squared_error;
    BasicDataset<double> with_jacobians = sinc<double>();
    with_jacobians.jacobians = Matrix<double>(200, 1);
    EXPECT_EQ(raised([&] { Trainer<double>(first_net<double>(1), with_jacobians, options); }),
              "usage: optimizer: lm does not learn derivatives; take lbfgs, which does {optimizer=lbfgs}");
    EXPECT_THAT(
        raised([&] {
            Trainer<double>(first_net<double>(1, {1, 1'000'000, 1}), data, options);
        }),
        testing::AllOf(HasSubstr("lm keeps two matrices of all pairs of parameters, which for these 3000001 take"),
                       HasSubstr("144000"), HasSubstr("GB"), HasSubstr("{hidden, optimizer=lbfgs}")));
    BasicDataset<double> broken = sinc<double>();
    broken.y(3, 0) = std::numeric_limits<double>::infinity();
    BasicMlp<double> net = first_net<double>(1);
    EXPECT_THROW(train(net, broken, options), Diverged);
}

}  // namespace
}  // namespace handgrad
