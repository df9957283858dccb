// The predictor against the plain loops in a wider type, and what must not move a bit of it.
#include "handgrad/nn/predictor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "handgrad/nn/engine.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad {
namespace {

template <class T>
using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T>
BasicMlp<T> random_net(const Architecture& shape, std::uint64_t seed) {
    return drawn_net<T>(Draw(seed, 7), shape);
}
template <class T>
Matrix<T> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
    return Draw(seed, 8).matrix<T>(rows, columns, -2.0, 2.0);
}

/// Everything that a predictor says of some rows.
template <class T>
struct Answers {
    Answers(const BasicPredictor<T>& predictor, MatrixView<const T> x, MatrixView<const T> v, MatrixView<const T> u)
        : z(x.rows(), predictor.outputs()),
          yhat(x.rows(), predictor.outputs()),
          J(x.rows(), predictor.outputs() * predictor.inputs()),
          v_J(x.rows(), predictor.inputs()),
          J_u(x.rows(), predictor.outputs()) {
        Matrix<T> again(x.rows(), predictor.outputs());
        predictor.predict(x, z, yhat);
        const auto same = [&] { return std::ranges::equal(again.values(), yhat.values()); };
        predictor.predict(x, again);
        EXPECT_TRUE(same());
        predictor.jacobian(x, again, J);
        EXPECT_TRUE(same());
        predictor.vector_jacobian(x, v, again, v_J);
        EXPECT_TRUE(same());
        predictor.jacobian_vector(x, u, again, J_u);
        EXPECT_TRUE(same());
    }
    [[nodiscard]] bool operator==(const Answers& other) const {
        return same(z, other.z) && same(yhat, other.yhat) && same(J, other.J) && same(v_J, other.v_J) &&
               same(J_u, other.J_u);
    }
    static bool same(const Matrix<T>& a, const Matrix<T>& b) {
        return a.values().size_bytes() == b.values().size_bytes() &&
               std::memcmp(a.values().data(), b.values().data(), a.values().size_bytes()) == 0;
    }
    Matrix<T> z, yhat, J, v_J, J_u;
};

/// Bounds on what rounding in type T can do to one row, by running error analysis along the passes of the wider type:
/// a sum of n terms errs by at most (n + 1) ε Σ|terms|, and errors of what it sums are carried along.
template <class T>
class Bounds {
public:
    using Wide = Wider<T>;
    Bounds(const BasicMlp<Wide>& net, const BasicTape<Wide>& tape, std::size_t row)
        : net_(net), tape_(tape), row_(row), settings_(net.architecture().activation_settings()) {
        std::vector<double> a_error(net.inputs(), 0.0);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const auto a = plain::layer_input(tape, l).row(row);
            const MatrixView<const Wide> W = net.weight(l);
            std::vector<double> z_error(W.rows());
            for (std::size_t i = 0; i < W.rows(); ++i) {
                double terms = std::fabs(double(net.bias(l)[i])), carried = 0.0;
                for (std::size_t j = 0; j < W.columns(); ++j) {
                    terms += std::fabs(double(W(i, j))) * (std::fabs(double(a[j])) + a_error[j]);
                    carried += std::fabs(double(W(i, j))) * a_error[j];
                }
                z_error[i] = double(W.columns() + 2) * epsilon * terms + carried;
            }
            a_error.assign(W.rows(), 0.0);
            std::vector<double> slope_error(W.rows());
            visit(net.architecture().activation(l), [&]<class F>(F) {
                const double largest = *std::ranges::max_element(z_error);
                for (std::size_t i = 0; i < W.rows(); ++i) {
                    const double z = double(tape.layer(l).z(row, i)), a_i = double(tape.layer(l).a(row, i));
                    if constexpr (F::facts.elementwise) {
                        const double e = z_error[i] + 4 * epsilon * std::fabs(z);
                        const auto f = [&](double at) { return F::derivative(at, settings_); };
                        const double around = std::max({std::fabs(f(z - e)), std::fabs(f(z)), std::fabs(f(z + e))});
                        // |f″| ≤ 1.2 but for exp, whose f″ = f′.
                        const double curve = std::is_same_v<F, math::Exp> ? around : 1.2;
                        a_error[i] = (around + curve * e) * e + 16 * epsilon * std::fabs(a_i) +
                                     (std::is_same_v<F, math::GeluTanh> ? 10 * epsilon : 0.0);
                        const double jump = F::facts.kink ? std::fabs(f(z + e) - f(z - e)) : 0.0;
                        slope_error[i] = jump + curve * e + 16 * epsilon * (around + curve * std::fabs(z));
                    } else {
                        a_error[i] = a_i * (4 * largest + double(W.rows() + 32) * epsilon);
                    }
                }
                softmax_error_ = 4 * largest + double(W.rows() + 32) * epsilon;
            });
            z_errors_.push_back(z_error);
            slope_errors_.push_back(slope_error);
            yhat_ = a_error;
        }
    }
    [[nodiscard]] double z(std::size_t k) const { return z_errors_.back()[k]; }
    [[nodiscard]] double yhat(std::size_t k) const { return yhat_[k]; }

    /// Of v ∂ŷ/∂x for |v| as given, whatever the order in which the factors are multiplied.
    [[nodiscard]] std::vector<double> vector_jacobian(const std::vector<double>& v) const {
        std::vector<double> size = v, error(v.size(), 0.0);
        for (std::size_t l = net_.layers(); l-- > 0;) {
            times_slopes(l, size, error);
            const MatrixView<const Wide> W = net_.weight(l);
            const double rounding = double(std::max(W.rows(), W.columns()) + 2) * epsilon;
            std::vector<double> next(W.columns(), 0.0), next_error(W.columns(), 0.0);
            for (std::size_t i = 0; i < W.columns(); ++i) {
                for (std::size_t r = 0; r < W.rows(); ++r) {
                    next[i] += size[r] * std::fabs(double(W(r, i)));
                    next_error[i] += error[r] * std::fabs(double(W(r, i)));
                }
                next_error[i] += rounding * (next[i] + next_error[i]);
            }
            size = next;
            error = next_error;
        }
        return error;
    }

    static constexpr double epsilon = std::numeric_limits<T>::epsilon() / 2.0;

private:
    void times_slopes(std::size_t l, std::vector<double>& size, std::vector<double>& error) const {
        visit(net_.architecture().activation(l), [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t i = 0; i < size.size(); ++i) {
                    const double slope = std::fabs(double(F::derivative(tape_.layer(l).z(row_, i), settings_)));
                    const double wrong = slope_errors_[l][i];
                    error[i] = error[i] * (slope + wrong) + size[i] * (wrong + 2 * epsilon * slope);
                    size[i] *= slope;
                }
            } else {
                const std::span<const Wide> p = tape_.layer(l).a.row(row_);
                double weighted = 0.0;
                for (std::size_t i = 0; i < size.size(); ++i) {
                    weighted += double(p[i]) * size[i];
                }
                for (std::size_t i = 0; i < size.size(); ++i) {
                    size[i] = double(p[i]) * (size[i] + weighted);
                    error[i] = 2 * softmax_error_ * size[i];
                }
            }
        });
    }

    const BasicMlp<Wide>& net_;
    const BasicTape<Wide>& tape_;
    std::size_t row_;
    ActivationSettings settings_;
    std::vector<std::vector<double>> z_errors_, slope_errors_;
    std::vector<double> yhat_;
    double softmax_error_ = 0.0;
};

template <class T>
void expect_right(const Architecture& shape, std::size_t rows, std::uint64_t seed) {
    SCOPED_TRACE(described(shape) + ", " + std::to_string(rows) + " rows");
    using Wide = Wider<T>;
    const std::size_t n = shape.inputs(), K = shape.outputs();
    const BasicMlp<T> net = random_net<T>(shape, seed);
    const Matrix<T> x = random_matrix<T>(rows, n, seed), v = random_matrix<T>(rows, K, seed + 1),
                    u = random_matrix<T>(rows, n, seed + 2);
    const Answers<T> all(BasicPredictor<T>(net), x, v, u);

    const BasicMlp<Wide> wide_net = convert<Wide>(net);
    BasicTape<Wide> tape(wide_net, 1);
    for (std::size_t row = 0; row < rows; row += std::max<std::size_t>(1, (rows - 1) / 3)) {
        Matrix<Wide> wide_x(1, n);
        std::ranges::copy(x.row(row), wide_x.values().begin());
        plain::forward<Wide>(wide_net, wide_x.view(), tape);
        const Bounds<T> bounds(wide_net, tape, 0);
        Matrix<Wide> J(K, n);
        plain::jacobian<Wide>(wide_net, tape, 0, J.view());
        std::vector<Wide> v_J(n, Wide(0));
        std::vector<double> v_size(K);
        for (std::size_t k = 0; k < K; ++k) {
            EXPECT_NEAR(double(all.z(row, k)), double(tape.output().z(0, k)), bounds.z(k));
            EXPECT_NEAR(double(all.yhat(row, k)), double(tape.output().a(0, k)), bounds.yhat(k));
            std::vector<double> one(K, 0.0);
            one[k] = 1.0;
            const std::vector<double> error = bounds.vector_jacobian(one);
            Wide J_u = Wide(0);
            double J_u_error = 0.0;
            for (std::size_t i = 0; i < n; ++i) {
                EXPECT_NEAR(double(all.J(row, k * n + i)), double(J(k, i)), error[i]) << k << ", " << i;
                J_u += J(k, i) * Wide(u(row, i));
                J_u_error += error[i] * std::fabs(double(u(row, i)));
                v_J[i] += Wide(v(row, k)) * J(k, i);
            }
            EXPECT_NEAR(double(all.J_u(row, k)), double(J_u), 2 * J_u_error) << k;
            v_size[k] = std::fabs(double(v(row, k)));
        }
        const std::vector<double> error = bounds.vector_jacobian(v_size);
        for (std::size_t i = 0; i < n; ++i) {
            EXPECT_NEAR(double(all.v_J(row, i)), double(v_J[i]), error[i]) << i;
        }
    }
}

template <class T>
class PredictorOf : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(PredictorOf, Types);

const std::vector<std::vector<std::size_t>> shapes{
    {5, 1, 1},          {3, 7, 3},      {10, 32, 1},       {7, 16, 15},    {10, 33, 16}, {4, 130, 40},
    {33, 16, 7, 1},     {130, 33, 3},   {6, 40},           {1, 1},         {17, 3},      {20, 33, 16, 7, 15},
    {16, 130, 130, 16}, {9, 64, 64, 3}, {2, 1, 130, 1, 2}, {16, 16, 16},   {3, 8, 100},  {6, 33, 64},
    {6, 200, 3},        {5, 80, 2},     {4, 30, 4},        {3, 8, 9, 100},
};
const std::vector<std::size_t> row_counts{1, 3, 37, 300};

TYPED_TEST(PredictorOf, Table1_Section7_OutputsAndJacobianAgreeWithTheWiderPlainLoopsForEveryActivation) {
    std::uint64_t seed = 1;
    for (const Activation hidden : all_activations) {
        if (!facts(hidden).elementwise) {
            continue;
        }
        for (const auto& sizes : shapes) {
            const Activation output = all_activations[seed * 5 % all_activations.size()];
            expect_right<TypeParam>({.sizes = sizes, .hidden = hidden, .output = output}, row_counts[seed % 4], seed);
            ++seed;
        }
    }
}

TYPED_TEST(PredictorOf, Section7_EveryOutputActivationBelowNarrowAndWideLayers) {
    std::uint64_t seed = 1000;
    for (const Activation output : all_activations) {
        for (const auto& sizes : std::vector<std::vector<std::size_t>>{{4, 9, 5}, {4, 9, 20}, {4, 5}, {4, 9, 7, 1}}) {
            for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
                expect_right<TypeParam>({.sizes = sizes,
                                         .hidden = seed % 2 == 0 ? Activation::relu : Activation::tanh,
                                         .output = output,
                                         .conventions = {.kink = kink}},
                                        row_counts[seed % 4], seed);
                ++seed;
            }
        }
    }
}

TEST(Predictor, Section7_JacobianAgreesWithTheComplexStep) {
    constexpr double h = 1e-50;
    std::uint64_t seed = 1;
    for (const Activation hidden : {Activation::relu, Activation::silu, Activation::tanh}) {
        for (const Activation output : all_activations) {
            const Architecture shape{.sizes = {3, 6, 4}, .hidden = hidden, .output = output};
            const BasicMlp<double> net = random_net<double>(shape, ++seed);
            const Matrix<double> x = random_matrix<double>(1, 3, seed);
            Matrix<double> J(4, 3);
            std::vector<double> yhat(4);
            BasicPredictor<double>(net).jacobian(x.row(0), std::span<double>(yhat), J);
            const BasicMlp<witness::Complex> complex_net = convert<witness::Complex>(net);
            BasicTape<witness::Complex> tape(complex_net, 1);
            for (std::size_t i = 0; i < 3; ++i) {
                Matrix<witness::Complex> at = convert<witness::Complex>(x);
                at(0, i) += witness::Complex(0.0, h);
                plain::forward<witness::Complex>(complex_net, at.view(), tape);
                for (std::size_t k = 0; k < 4; ++k) {
                    // At most 6 terms a sum, and |∂ŷ/∂x| ≤ e^4 or so.
                    EXPECT_NEAR(J(k, i), tape.output().a(0, k).imag() / h, 1e-13 * (1.0 + std::fabs(J(k, i))))
                        << described(shape);
                }
            }
        }
    }
}

TYPED_TEST(PredictorOf, RowsGiveTheSameBitsAloneAndInAnyBatch) {
    using T = TypeParam;
    std::uint64_t seed = 1;
    for (const auto& sizes : shapes) {
        for (const Activation output : {Activation::identity, Activation::sigmoid, Activation::softmax}) {
            const Architecture shape{
                .sizes = sizes, .hidden = seed % 3 == 0 ? Activation::exp : Activation::relu, .output = output};
            SCOPED_TRACE(described(shape));
            const std::size_t n = shape.inputs(), K = shape.outputs(), rows = 61;
            const BasicPredictor<T> predictor(random_net<T>(shape, ++seed));
            const Matrix<T> x = random_matrix<T>(rows, n, seed), v = random_matrix<T>(rows, K, seed);
            const Answers<T> all(predictor, x, v, x);
            for (std::size_t row = 0; row < rows; row += 6) {
                std::vector<T> yhat(K), again(K);
                Matrix<T> J(K, n);
                predictor.predict(x.row(row), std::span<T>(yhat));
                EXPECT_TRUE(std::ranges::equal(yhat, all.yhat.row(row)));
                predictor.jacobian(x.row(row), std::span<T>(again), J);
                EXPECT_TRUE(std::ranges::equal(again, all.yhat.row(row)));
                EXPECT_TRUE(std::ranges::equal(J.values(), all.J.row(row)));
                const std::size_t count = std::min<std::size_t>(1 + row / 6, rows - row);
                const Answers<T> some(predictor, x.view().rows_from(row, count), v.view().rows_from(row, count),
                                      x.view().rows_from(row, count));
                for (std::size_t i = 0; i < count; ++i) {
                    EXPECT_TRUE(std::ranges::equal(some.z.row(i), all.z.row(row + i)));
                    EXPECT_TRUE(std::ranges::equal(some.J.row(i), all.J.row(row + i)));
                    EXPECT_TRUE(std::ranges::equal(some.v_J.row(i), all.v_J.row(row + i)));
                    EXPECT_TRUE(std::ranges::equal(some.J_u.row(i), all.J_u.row(row + i)));
                }
            }
        }
    }
}

TYPED_TEST(PredictorOf, InstructionSetsGiveTheSameBits) {
    using T = TypeParam;
    std::uint64_t seed = 1;
    for (const auto& sizes : shapes) {
        for (const Activation output : {Activation::identity, Activation::softmax, Activation::gelu}) {
            const Architecture shape{
                .sizes = sizes, .hidden = all_activations[seed % (all_activations.size() - 1)], .output = output};
            SCOPED_TRACE(described(shape));
            const BasicMlp<T> net = random_net<T>(shape, ++seed);
            const Matrix<T> x = random_matrix<T>(53, shape.inputs(), seed),
                            v = random_matrix<T>(53, shape.outputs(), seed);
            const Answers<T> scalar(BasicPredictor<T>(net, {.simd = SimdLevel::scalar}), x, v, x);
            for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512}) {
                if (available(level)) {
                    EXPECT_TRUE(scalar == Answers<T>(BasicPredictor<T>(net, {.simd = level}), x, v, x)) << name(level);
                }
            }
        }
    }
}

TYPED_TEST(PredictorOf, ThreadsGiveTheSameBits) {
    using T = TypeParam;
    for (const Activation output : {Activation::identity, Activation::softmax}) {
        const Architecture shape{.sizes = {40, 130, 33, 3}, .hidden = Activation::relu, .output = output};
        const BasicMlp<T> net = random_net<T>(shape, 5);
        const Matrix<T> x = random_matrix<T>(1001, 40, 5), v = random_matrix<T>(1001, 3, 5);
        const Answers<T> one(BasicPredictor<T>(net, {.threads = 1}), x, v, x);
        for (const std::size_t threads : {2, 3, 7}) {
            EXPECT_TRUE(one == Answers<T>(BasicPredictor<T>(net, {.threads = threads}), x, v, x)) << threads;
        }
    }
}

TEST(Predictor, OutputsAreThoseThatTrainingComputes) {
    // The loss of one row with targets 0 is the sum of squares of its outputs.
    for (const auto& sizes : shapes) {
        const Architecture shape{.sizes = sizes, .hidden = Activation::relu};
        const Mlp net = random_net<float>(shape, 3);
        const Predictor predictor(net);
        const Matrix<float> x = random_matrix<float>(40, shape.inputs(), 3), y(40, shape.outputs());
        Matrix<float> yhat(40, shape.outputs());
        predictor.predict(x, yhat);
        Engine<float> engine(net, {.loss = Loss::squared_error, .work = kernels::Work::loss, .batch = 40});
        for (std::size_t row = 0; row < 40; ++row) {
            const kernels::StepConstants<float> step{.total_weight = 1.0};
            double loss = 0.0;
            engine.run({.x = x.view().rows_from(row, 1), .y = y.view().rows_from(row, 1), .count = 1}, 1, {&step, 1},
                       {&loss, 1}, false);
            float expected = 0.0F;
            for (const float a : yhat.row(row)) {
                expected = expected + a * a;
            }
            EXPECT_EQ(loss, static_cast<double>(expected)) << described(shape);
        }
    }
}

TEST(Predictor, InfiniteInputsReachOnlyTheUnitsThatTheyBelongTo) {
    // relu(−∞) = 0 in all 33 units, so only the bias remains; the panels' padding must not bring NaN in.
    Mlp net = Mlp::zeros({.sizes = {1, 33, 2}});
    std::ranges::fill(std::span(net.weight(0).data(), 33), -1.0F);
    std::ranges::fill(std::span(net.weight(1).data(), 66), 1.0F);
    net.bias(1)[0] = 3.0F;
    const Predictor predictor(net);
    Matrix<float> x(20, 1), yhat(20, 2);
    std::ranges::fill(x.values(), std::numeric_limits<float>::infinity());
    predictor.predict(x, yhat);
    std::vector<float> one(2);
    predictor.predict(std::as_const(x).row(0), std::span<float>(one));
    EXPECT_EQ(one, (std::vector<float>{3.0F, 0.0F}));
    for (std::size_t row = 0; row < 20; ++row) {
        EXPECT_TRUE(std::ranges::equal(yhat.row(row), one));
    }
}

TEST(Predictor, RowsMayLieAnywhereAndNothingElseIsWritten) {
    const Architecture shape{.sizes = {5, 9, 3}, .output = Activation::softmax};
    const Predictor predictor(random_net<float>(shape, 1));
    const std::size_t rows = 19;
    const Matrix<float> x = random_matrix<float>(rows, 5, 1), v = random_matrix<float>(rows, 3, 1);
    const Answers<float> expected(predictor, x, v, x);
    static constexpr float untouched = 77.0F;
    struct Spread {
        explicit Spread(std::size_t rows, std::size_t columns) : values(rows * (columns + 3) + 1, untouched) {
            view = {values.data() + 1, rows, columns, columns + 3};
        }
        std::vector<float> values;
        MatrixView<float> view;
        void expect(const Matrix<float>& numbers) const {
            EXPECT_EQ(values[0], untouched);
            for (std::size_t row = 0; row < view.rows(); ++row) {
                EXPECT_TRUE(std::ranges::equal(view.row(row), numbers.row(row)));
                for (std::size_t i = 0; i < 3; ++i) {
                    EXPECT_EQ(values[1 + row * view.stride() + view.columns() + i], untouched);
                }
            }
        }
    };
    Spread xs(rows, 5), vs(rows, 3), z(rows, 3), yhat(rows, 3), J(rows, 15), v_J(rows, 5), J_u(rows, 3);
    for (std::size_t row = 0; row < rows; ++row) {
        std::ranges::copy(x.row(row), xs.view.row(row).begin());
        std::ranges::copy(v.row(row), vs.view.row(row).begin());
    }
    predictor.predict(xs.view, z.view, yhat.view);
    z.expect(expected.z);
    yhat.expect(expected.yhat);
    predictor.jacobian(xs.view, yhat.view, J.view);
    J.expect(expected.J);
    predictor.vector_jacobian(xs.view, vs.view, yhat.view, v_J.view);
    v_J.expect(expected.v_J);
    predictor.jacobian_vector(xs.view, xs.view, yhat.view, J_u.view);
    J_u.expect(expected.J_u);
    yhat.expect(expected.yhat);
    Spread one(3, 5);
    Matrix<float> one_J(3, 5);
    std::ranges::copy(expected.J.row(4), one_J.values().begin());
    predictor.jacobian(xs.view.row(4), yhat.view.row(4), one.view);
    one.expect(one_J);
}

TEST(Predictor, NoRowsAreNoWork) {
    const Predictor predictor(random_net<float>({.sizes = {5, 9, 3}}, 1));
    const Matrix<float> none(0, 5);
    Matrix<float> yhat(0, 3);
    predictor.predict(none, yhat);
}

TEST(Predictor, WithoutDerivativesTheOutputsAreTheSame) {
    const Mlp net = random_net<float>({.sizes = {5, 40, 30, 20}, .output = Activation::softmax}, 1);
    const Matrix<float> x = random_matrix<float>(70, 5, 1);
    Matrix<float> a(70, 20), b(70, 20);
    Predictor(net).predict(x, a);
    Predictor(net, {}, Differentiable::no).predict(x, b);
    EXPECT_TRUE(Answers<float>::same(a, b));
}

TEST(Predictor, SeveralThreadsMayCallOneObject) {
    const Architecture shape{.sizes = {30, 200, 17}, .hidden = Activation::silu, .output = Activation::softmax};
    const Predictor predictor(random_net<float>(shape, 1));
    const Matrix<float> x = random_matrix<float>(301, 30, 1), v = random_matrix<float>(301, 17, 1);
    const Answers<float> expected(predictor, x, v, x);
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, copy = predictor] {
            for (int i = 0; i < 3; ++i) {
                right += expected == Answers<float>(i == 0 ? copy : predictor, x, v, x) ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(right, 12);
}

}  // namespace
}  // namespace handgrad
