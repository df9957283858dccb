// Row forensics: the closed form against the dense gradient of each row, and what flipped labels look like.
#include "handgrad/diagnose/row_forensics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>

#include "handgrad/base/error.hpp"
#include "handgrad/train/trainer.hpp"
#include "tests/support/planted.hpp"

namespace handgrad::diagnose {
namespace {

using planted::Case;
using testing::ElementsAre;

/// ∂l/∂(all parameters) of rows first … first + count − 1 in one batch.
template <class T>
BasicMlp<double> dense_gradient(const Case<T>& made, std::size_t first, std::size_t count) {
    const BasicMlp<double> net = convert<double>(made.net);
    Matrix<double> x(count, made.data.x.columns()), y(count, made.data.y.columns());
    for (std::size_t row = 0; row < count; ++row) {
        std::ranges::copy(made.data.x.row(first + row), x.row(row).begin());
        std::ranges::copy(made.data.y.row(first + row), y.row(row).begin());
    }
    BasicTape<double> tape(net, count), dtape(net, count);
    BasicMlp<double> gradient = BasicMlp<double>::zeros_like(net);
    forward(net, x, tape);
    const std::vector<double> weights(made.data.weights.begin(), made.data.weights.end());
    loss(made.loss, tape.output(), y, dtape.output(), count == 1 ? std::vector<double>{} : weights);
    backward(net, tape, dtape, gradient);
    return gradient;
}

double inner(const BasicMlp<double>& one, const BasicMlp<double>& other) {
    double sum = 0.0;
    for (std::size_t i = 0; i < one.parameters().size(); ++i) {
        sum += one.parameters()[i] * other.parameters()[i];
    }
    return sum;
}

/// Forward and backward round each number a few times per term of their sums, of which none here has more than 40.
template <class T>
constexpr double tolerance = 400 * static_cast<double>(std::numeric_limits<T>::epsilon());

template <class T>
void expect_closed_form(const Case<T>& made) {
    const std::size_t rows = made.data.rows();
    const std::vector<RowGradient> closed = row_gradients(made.net, made.loss, made.data);
    ASSERT_EQ(closed.size(), rows);
    const BasicMlp<double> batch = dense_gradient(made, 0, rows);
    for (std::size_t row = 0; row < rows; ++row) {
        const BasicMlp<double> own = dense_gradient(made, row, 1);
        const double norm = std::sqrt(inner(own, own));
        ASSERT_EQ(closed[row].row, row);
        ASSERT_NEAR(closed[row].norm, norm, tolerance<T> * norm);
        ASSERT_NEAR(closed[row].cosine, inner(own, batch) / (norm * std::sqrt(inner(batch, batch))), tolerance<T>);
    }
}

template <class T>
Case<T> random_case(std::uint64_t seed, std::size_t rows, Activation output, Loss loss) {
    Draw draw(seed);
    return planted::healthy<T>(
        draw, {.sizes = {6, 9, 8, 3}, .hidden = Activation::tanh, .output = output, .conventions = {}}, loss, rows);
}

TEST(RowGradients, ClosedFormIsTheDenseGradientOfEachRow) {
    for (const std::size_t rows : {std::size_t{1}, std::size_t{40}, std::size_t{300}}) {
        expect_closed_form(random_case<double>(1, rows, Activation::identity, Loss::squared_error));
        expect_closed_form(random_case<double>(2, rows, Activation::softmax, Loss::cross_entropy));
        expect_closed_form(random_case<float>(3, rows, Activation::sigmoid, Loss::binary_cross_entropy));
    }
}

TEST(RowGradients, WeightsOfRowsCountInTheBatchGradientOnly) {
    Case<double> made = random_case<double>(4, 50, Activation::identity, Loss::squared_error);
    for (std::size_t row = 0; row < 50; ++row) {
        made.data.weights.push_back(row % 4 == 0 ? 0.0 : 1.0 + static_cast<double>(row));
    }
    expect_closed_form(made);
    const std::vector<RowGradient> rows = row_gradients(made.net, made.loss, made.data);
    EXPECT_EQ(rows[4].influence, 0.0);
    EXPECT_GT(rows[4].norm, 0.0);
}

TEST(RowGradients, FlippedLabelsStandAmongTheLargest) {
    // 2 % of 1000 labels are flipped; more than half of them must be among the 50 rows of largest gradient.
    Draw draw(7);
    auto made = planted::healthy<float>(draw, {.sizes = {5, 16, 1}, .output = Activation::sigmoid, .conventions = {}},
                                        Loss::binary_cross_entropy, 1000);
    std::set<std::size_t> flipped;
    for (std::size_t row = 0; row < 1000; ++row) {
        const auto x = made.data.x.row(row);
        made.data.y(row, 0) = x[0] + x[1] > 0.0F ? 1.0F : 0.0F;
        if (row % 50 == 25) {
            flipped.insert(row);
            made.data.y(row, 0) = 1.0F - made.data.y(row, 0);
        }
    }
    TrainOptions options{.loss = made.loss};
    options.epochs = 20;
    train(made.net, made.data, options);
    const std::vector<RowGradient> top = dominant_rows(row_gradients(made.net, made.loss, made.data), 50);
    const auto found = std::ranges::count_if(top, [&](const RowGradient& row) { return flipped.contains(row.row); });
    EXPECT_GT(found, 10);
}

TEST(RowGradients, DominantRowsComeLargestFirstEqualOnesInTheirOrder) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto top = dominant_rows(
        {{.row = 0, .norm = 1.0}, {.row = 1, .norm = 3.0}, {.row = 2, .norm = 1.0}, {.row = 3, .norm = nan}}, 3);
    std::vector<std::size_t> order;
    std::ranges::transform(top, std::back_inserter(order), &RowGradient::row);
    EXPECT_THAT(order, ElementsAre(3, 1, 0));
    EXPECT_EQ(dominant_rows({{.row = 0}}, 20).size(), 1U);
}

TEST(RowGradients, WithoutRowsThereIsNothingToMeasure) {
    Case<double> made = random_case<double>(1, 1, Activation::identity, Loss::squared_error);
    made.data = {.x = {0, 6}, .y = {0, 3}, .weights = {}};
    EXPECT_THROW(row_gradients(made.net, made.loss, made.data), Error);
}

}  // namespace
}  // namespace handgrad::diagnose
