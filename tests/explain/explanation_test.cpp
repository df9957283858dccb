// From a model and a row of a table to an explanation: the row as it stands, the optimizer as recorded, and what is
// refused.
#include "handgrad/explain/explanation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "handgrad/base/error.hpp"
#include "tests/support/explained.hpp"
#include "tests/support/raised.hpp"

namespace handgrad::explain {
namespace {

using explained::explanation;
using explained::small_model;
using explained::small_table;

TEST(Explain, ARowIsShownAsItStandsAndAsTheNetworkSeesIt) {
    const ExplainedRow row = *explanation(1).row;
    EXPECT_EQ(row.place, "homes.csv:3");
    EXPECT_EQ(row.number, 2U);
    EXPECT_TRUE(row.encoded);
    ASSERT_EQ(row.inputs.size(), 3U);
    EXPECT_EQ(row.inputs[0].name + " " + row.inputs[0].cell, "area missing");
    EXPECT_EQ(row.inputs[1].name + " " + row.inputs[1].cell, "city_$|=Oslo Oslo");
    EXPECT_EQ(row.outputs[0].name + " " + row.outputs[0].cell, "price 8");
    EXPECT_THAT(std::vector<double>(row.trace.x.values().begin(), row.trace.x.values().end()),
                testing::ElementsAre(-0.4, 1.0, 0.0));
    EXPECT_EQ(row.trace.y(0, 0), -0.5);
}

TEST(Explain, WithoutARowThereAreTablesOnly) {
    const Model model = small_model();
    const Explanation e = explain(model, {});
    EXPECT_FALSE(e.row);
    EXPECT_TRUE(e.use_double);
    EXPECT_EQ(e.derivation.forward_title, "Table 1, forward pass");
}

TEST(Explain, TheOptimizerIsThatOfTheModelsProvenance) {
    Model model = small_model();
    EXPECT_EQ(step_options_of(model).optimizer.learning_rate, 0.25);
    EXPECT_EQ(explanation().update.rules.size(), 1U);

    model.provenance = {{"optimizer", "adamw"}, {"learning_rate", "0.5"}, {"weight_decay", "0.125"}};
    EXPECT_EQ(step_options_of(model).optimizer.kind, OptimizerKind::adamw);
    EXPECT_EQ(step_options_of(model).optimizer.weight_decay, 0.125);
    EXPECT_EQ(step_options_of(model).penalty, 0.0);

    model.provenance = {{"optimizer", "sgd"}, {"momentum", "0.5"}, {"nesterov", "yes"}, {"weight_decay", "0.125"}};
    model.weight_decay = 0.125;
    EXPECT_EQ(step_options_of(model).optimizer.momentum, 0.5);
    EXPECT_TRUE(step_options_of(model).optimizer.nesterov);
    EXPECT_EQ(step_options_of(model).penalty, 0.125);
    EXPECT_EQ(step_options_of(model).optimizer.weight_decay, 0.0);

    model.provenance = {{"optimizer", "something of tomorrow"}};
    EXPECT_EQ(step_options_of(model).optimizer.kind, OptimizerKind::sgd);
}

std::string refusal(const Table& table, std::size_t row) {
    return raised([&] { explain(small_model(), {}, table, row); });
}

TEST(Explain, RefusesWhatIsMissingByName) {
    EXPECT_EQ(refusal(small_table(), 3), "usage: row 4: homes.csv has 3 rows, counted from 1");
    Table unlabelled = small_table();
    unlabelled.columns.erase(unlabelled.columns.begin());
    EXPECT_EQ(
        refusal(unlabelled, 0),
        "data: homes.csv: there is no column 'price': the loss and the backward pass need the target; add the column");
    Table other = small_table();
    other.columns[1].name = "size";
    EXPECT_THAT(refusal(other, 0), testing::HasSubstr("area"));
}

}  // namespace
}  // namespace handgrad::explain
