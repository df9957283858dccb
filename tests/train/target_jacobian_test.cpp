// Derivatives to be learned, from a file: how its columns are found and scaled, which rows they go with, what is
// refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

constexpr std::size_t rows = 80;

/// y = 100 + 7a + 0.2ab of columns of different scales, and a town that moves it by 5; with its derivatives.
class TargetJacobianFile : public InItsFolder {
protected:
    TargetJacobianFile() {
        Draw draw(3, 55);
        std::string slopes = "d(y)/d(b),note,d(y)/d(a)\n";
        const std::string text = csv_lines("a,b,town,y", rows, [&](std::size_t row) {
            const double a = draw.uniform(-0.1, 0.1), b = draw.uniform(200.0, 400.0);
            const bool oslo = row % 2 == 0;
            slopes += format_number(0.2 * a) + ",x," + (row % 7 == 2 ? "" : format_number(7.0 + 0.2 * b)) + "\n";
            return format_number(a) + "," + format_number(b) + "," + (oslo ? "Oslo" : "Rome") + "," +
                   format_number(100.0 + 7.0 * a + 0.2 * a * b + (oslo ? 5.0 : 0.0));
        });
        table_ = read_csv(text, "t.csv", ReadOptions{.delimiter = ','});
        options_ = fixed_options();
        options_.columns.targets = {"y"};
        options_.hidden = {8};
        options_.hidden_activation = {Activation::tanh};
        options_.use_double = true;
        options_.training.optimizer.learning_rate = 0.01;
        options_.training.epochs = 600;
        options_.target_jacobian = write("slopes.csv", slopes);
    }
    [[nodiscard]] std::string refused(const std::string& slopes) {
        FitOptions options = options_;
        options.target_jacobian = write("other.csv", slopes);
        return message_of(ErrorKind::data, [&] { fit(table_, options); });
    }
    Table table_;
    FitOptions options_;
};

/// Root mean square of ∂y/∂a − (7 + 0.2 b).
double slope_error(const Model& model, const Table& table) {
    const Matrix<double> J = jacobians(model, table, {});
    double sum = 0.0;
    for (std::size_t row = 0; row < table.rows; ++row) {
        const double error = J(row, 0) - (7.0 + 0.2 * table.column("b").numbers[row]);
        sum += error * error;
    }
    return std::sqrt(sum / static_cast<double>(table.rows));
}

TEST_F(TargetJacobianFile, IsLearnedInTheUnitsOfTheTable) {
    const FitResult with = fit(table_, options_);
    options_.target_jacobian.reset();
    const FitResult without = fit(table_, options_);
    EXPECT_LT(slope_error(with.model, table_), 3.0);  // of slopes from 47 to 87
    EXPECT_LT(slope_error(with.model, table_), 0.5 * slope_error(without.model, table_));
}

TEST_F(TargetJacobianFile, GoesWithTheRowsThatAreHeldOut) {
    options_.validation = HeldOut{.fraction = 0.25};
    const FitResult with = fit(table_, options_);
    EXPECT_LT(slope_error(with.model, table_), 4.0);  // the rows of other rows' slopes would lead far away
    const auto& last = with.model.history.epochs.back();
    EXPECT_LT(last[2], 0.1);  // the validation loss, that of the derivatives in it
}

TEST_F(TargetJacobianFile, OfAnotherShapeOrNameIsRefused) {
    const std::string header = "d(y)/d(a)\n";
    EXPECT_THAT(refused(header + "1\n2\n"),
                testing::EndsWith("other.csv: 2 rows, but t.csv has 80 rows; give the derivatives of each of its rows, "
                                  "in their order"));
    const auto all = [](const std::string& name, const std::string& cell) {
        return csv_lines(name, rows, [&](std::size_t) { return cell; });
    };
    EXPECT_THAT(refused(all("d(y)/d(c)", "1")),
                testing::EndsWith("column 'd(y)/d(c)' is no derivative of this network, which has 'd(y)/d(a)', "
                                  "'d(y)/d(b)', 'd(y)/d(town=Oslo)', 'd(y)/d(town=Rome)'; rename it, or take it out"));
    EXPECT_THAT(refused(all("a", "1")), testing::HasSubstr("no column is a derivative of this network"));
    EXPECT_THAT(refused(all("d(y)/d(a)", "steep")), testing::HasSubstr("has texts among its numbers"));
}

TEST_F(TargetJacobianFile, WithKinksIsRefusedUnlessTheyAreAllowed) {
    options_.hidden_activation = {Activation::relu};
    EXPECT_EQ(
        raised([&] { fit(table_, options_); }),
        "usage: derivatives are constant between the kinks of relu, and give the biases, which move the kinks, no "
        "gradient: take a smooth activation, such as tanh, softplus or silu, or allow kinks "
        "{hidden_activation=tanh, allow_kinks}");
    options_.allow_kinks = true;
    EXPECT_EQ(fit(table_, options_).training.epochs, 600U);
    options_.target_jacobian.reset();
    EXPECT_THAT(message_of(ErrorKind::usage, [&] { fit(table_, options_); }), testing::StartsWith("allow_kinks: "));
}

}  // namespace
}  // namespace handgrad
