// One raw row at a time: the bits of predict() and jacobians() for a table, whatever the model, and rows that do not
// fit.
#include "handgrad/train/model_predictor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::filesystem::path fixtures = HANDGRAD_FIXTURES;

struct Fixture {
    std::string name, table;
};
std::vector<Fixture> fixtures_of_0_1() {
    std::ifstream list(fixtures / "0.1/models.txt");
    std::vector<Fixture> found;
    for (Fixture one; list >> one.name >> one.table;) {
        found.push_back(one);
    }
    return found;
}

std::vector<std::uint64_t> bits(std::span<const double> values) {
    std::vector<std::uint64_t> result;
    for (const double value : values) {
        result.push_back(std::bit_cast<std::uint64_t>(value));
    }
    return result;
}

/// The cells of a row that the model reads, as a program would have them.
std::vector<Cell> cells_of(const ModelPredictor& model, const Table& table, std::size_t row) {
    std::vector<Cell> cells;
    for (const std::string& name : model.columns()) {
        const Column& column = table.column(name);
        if (!column.has_texts) {
            cells.emplace_back(column.numbers[row]);
        } else if (column.codes[row] == Column::missing_code) {
            cells.emplace_back();
        } else {
            cells.emplace_back(column.texts[column.codes[row]]);
        }
    }
    return cells;
}

std::vector<NamedCell> backwards_by_name(const ModelPredictor& model, const std::vector<Cell>& cells) {
    std::vector<NamedCell> named;
    for (std::size_t i = cells.size(); i-- > 0;) {
        named.push_back({model.columns()[i], cells[i]});
    }
    return named;
}

/// A row's answers, whichever way it is given, beside those for the table.
void expect_the_bits_of_the_table(const ModelPredictor& model, const Prediction& prediction,
                                  const Matrix<double>& jacobian, const Matrix<double>& hessian, std::size_t row,
                                  const RawRow& raw) {
    const std::size_t K = model.outputs().size(), n = model.inputs().size();
    std::vector<double> yhat(K), again(K);
    Matrix<double> J(K, n);
    model.predict(raw, yhat);
    model.jacobian(raw, again, J);
    EXPECT_EQ(bits(yhat), bits(again));
    EXPECT_EQ(bits(J.values()), bits(jacobian.row(row)));
    std::vector<double> H(K * n * n), triangles;
    model.hessian(raw, again, H);
    EXPECT_EQ(bits(yhat), bits(again));
    for (std::size_t i = 0; i < K * n; ++i) {
        for (std::size_t j = i % n; j < n; ++j) {
            triangles.push_back(H[i * n + j]);
            EXPECT_EQ(H[i * n + j], H[(i / n * n + j) * n + i % n]);
        }
    }
    EXPECT_EQ(bits(triangles), bits(hessian.row(row)));
    if (model.task() == Task::regression) {
        EXPECT_EQ(bits(yhat), bits(prediction.values.row(row)));
        return;
    }
    std::vector<double> probabilities(prediction.probabilities.columns());
    const Classified answer = model.classify(raw, probabilities);
    EXPECT_EQ(answer.index, prediction.classes[row]);
    EXPECT_EQ(answer.name, model.classes()[answer.index]);
    EXPECT_EQ(bits(probabilities), bits(prediction.probabilities.row(row)));
    if (!probabilities.empty()) {
        EXPECT_EQ(answer.probability, probabilities[answer.index]);
        EXPECT_EQ(model.classify(raw).probability, answer.probability);
    }
}

/// Texts as a program has them, one of each column in `header`.
std::vector<std::vector<std::string>> text_rows(const std::string& csv) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(csv);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream cells(line + ",");
        std::vector<std::string>& row = rows.emplace_back();
        for (std::string cell; std::getline(cells, cell, ',');) {
            row.push_back(cell);
        }
    }
    return rows;
}

TEST(ModelPredictor, ReadsDatesSignsGapsAndUnknownTextsAsTheTableDoes) {
    const std::string learned =
        "price,when,city,y\n$5,2001-02-03,Rome,1\n$7.5,2002-03-04T06:00,,2\n($2),,Oslo,4\n,2003-01-01 18:30Z,Rome,8\n";
    FitOptions options{.columns = {.targets = {"y"}, .unknown = Unknown::ignore, .impute = Impute::mean}};
    options.task = Task::regression;
    options.reading.currency = true;
    options.reading.date_columns = {"when"};
    options.training.epochs = 0;
    options.validation = {};
    const Model model = fit(read_csv(learned, "t.csv", options.reading), options).model;
    const std::string unseen = "price,when,city\n$6,2001-02-03,Oslo\n4,1999-12-31T23:59,Bonn\n,,\n(3),20200229,Rome\n";
    const Table table = read_csv(unseen, "new.csv", model.preprocessing.reading);
    const Prediction prediction = predict(model, table, {.labels = Labels::absent});
    const ModelPredictor predictor(model);
    EXPECT_THAT(predictor.columns(), ElementsAre("price", "when", "city"));
    EXPECT_THAT(predictor.inputs(), ElementsAre("price", "when:days", "when:day_part", "when:year_part", "city=Oslo",
                                                "city=Rome", "city=(missing)"));
    const std::vector<std::vector<std::string>> rows = text_rows(unseen);
    for (std::size_t row = 0; row < table.rows; ++row) {
        const std::vector<Cell> cells(rows[row + 1].begin(), rows[row + 1].end());
        std::vector<double> yhat(1);
        predictor.predict(cells, yhat);
        EXPECT_EQ(bits(yhat), bits(prediction.values.row(row))) << row;
    }
    constexpr double days = 11356.0;  // 2001-02-03
    EXPECT_EQ(predictor.predict({6.0, days, "Oslo"}), prediction.values(0, 0));
}

TEST(ModelPredictor, GivesEveryRowOfATableItsBitsHoweverItIsGiven) {
    const std::vector<Fixture> models = fixtures_of_0_1();
    ASSERT_EQ(models.size(), 8U);
    for (const Fixture& fixture : models) {
        SCOPED_TRACE(fixture.name);
        const std::filesystem::path file = fixtures / "0.1" / (fixture.name + ".model");
        const Model model = load_model(file);
        const Table table = read_table(fixtures / (fixture.table + ".csv"), model.preprocessing.reading);
        const ApplyOptions apply{.labels = Labels::absent, .allow_extra = true};
        const Prediction prediction = predict(model, table, apply);
        const Matrix<double> jacobian = jacobians(model, table, apply), hessian = hessians(model, table, apply);
        const ModelPredictor predictor = ModelPredictor::load(file);
        EXPECT_EQ(std::vector(predictor.outputs().begin(), predictor.outputs().end()), output_names(model));
        const auto check = [&] {
            for (std::size_t row = 0; row < table.rows; ++row) {
                const std::vector<Cell> cells = cells_of(predictor, table, row);
                expect_the_bits_of_the_table(predictor, prediction, jacobian, hessian, row, cells);
                expect_the_bits_of_the_table(predictor, prediction, jacobian, hessian, row,
                                             backwards_by_name(predictor, cells));
                if (std::ranges::none_of(cells, &Cell::is_text)) {
                    std::vector<double> numbers(cells.size());
                    std::ranges::transform(cells, numbers.begin(), &Cell::number);
                    expect_the_bits_of_the_table(predictor, prediction, jacobian, hessian, row, numbers);
                }
            }
        };
        std::jthread another(check);
        check();
    }
}

/// price = 10 + 4 (2 (area − 100)/50 + 3 [Oslo] + 5 [Rome] + 1), with 100 for a missing area.
Model houses() {
    Model model;
    Mlp net = Mlp::zeros({.sizes = {3, 1}});
    std::ranges::copy(std::vector<float>{2, 3, 5, 1}, net.parameters().begin());
    model.net = net;
    model.preprocessing = {.features = {{.name = "area", .impute = 100.0, .shift = 100.0, .scale = 50.0},
                                        {.name = "city", .categories = {"Oslo", "Rome"}}},
                           .targets = {{.name = "price", .shift = 10.0, .scale = 4.0}}};
    return model;
}

std::string message(const std::function<void()>& call, ErrorKind kind) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind);
        return error.what();
    }
    return "no error";
}

/// y = 7 + 3 tanh(z), z = (a − 1)/4 − (b + 4)/20: by hand 3 tanh″(z) times what a unit of each column is worth.
TEST(ModelPredictor, Section7_8_SecondDerivativesAreInTheUsersUnits) {
    Model model;
    auto net = BasicMlp<double>::zeros({.sizes = {2, 1, 1}, .hidden = Activation::tanh});
    net.weight(0)(0, 0) = 0.5;
    net.weight(0)(0, 1) = -0.25;
    net.weight(1)(0, 0) = 1.0;
    model.net = net;
    model.preprocessing.features = {{.name = "a", .shift = 1.0, .scale = 2.0},
                                    {.name = "b", .shift = -4.0, .scale = 5.0}};
    model.preprocessing.targets = {{.name = "y", .shift = 7.0, .scale = 3.0}};
    const ModelPredictor predictor(model);
    std::vector<double> yhat(1), H(4);
    predictor.hessian({3.0, 1.0}, yhat, H);
    const double z = 0.5 * 1.0 - 0.25 * 1.0, t = std::tanh(z), bend = 3.0 * -2.0 * t * (1.0 - t * t);
    const double by_a = 0.5 / 2.0, by_b = -0.25 / 5.0;
    EXPECT_NEAR(yhat[0], 7.0 + 3.0 * t, 1e-15 * 10);
    EXPECT_NEAR(H[0], bend * by_a * by_a, 1e-16);
    EXPECT_NEAR(H[1], bend * by_a * by_b, 1e-16);
    EXPECT_EQ(H[1], H[2]);
    EXPECT_NEAR(H[3], bend * by_b * by_b, 1e-16);
    EXPECT_EQ(hessian_names(model), (std::vector<std::string>{"d2(y)/d(a)d(a)", "d2(y)/d(a)d(b)", "d2(y)/d(b)d(b)"}));
}

TEST(ModelPredictor, TakesARowByPositionOrByNameInTheUsersUnits) {
    const ModelPredictor price(houses());
    EXPECT_EQ(price.predict({150, "Oslo"}), 34.0);
    EXPECT_EQ(price.predict({{"city", "Rome"}, {"area", 50}}), 26.0);
    EXPECT_EQ(price.predict({" 1.5e2", "Oslo"}), 34.0);  // a number that is a text, as in a table
    EXPECT_EQ(price.predict({Cell(), "Oslo"}), 26.0);
    EXPECT_EQ(price.predict({"NA", "Oslo"}), 26.0);
    EXPECT_EQ(price.column("city"), 1U);
    EXPECT_THAT(price.inputs(), ElementsAre("area", "city=Oslo", "city=Rome"));
    Matrix<double> J(1, 3);
    double yhat = 0.0;
    price.jacobian({150, "Oslo"}, {&yhat, 1}, J);
    EXPECT_EQ(yhat, 34.0);
    EXPECT_THAT(J.row(0), ElementsAre(4.0 * 2.0 / 50.0, 12.0, 20.0));
}

TEST(ModelPredictor, NumbersMayBeCategoriesAsInATable) {
    Model model = houses();
    model.preprocessing.features[1].categories = {"1", "2.5"};
    const ModelPredictor price(model);
    EXPECT_EQ(price.predict(std::array{150.0, 1.0}), 34.0);
    EXPECT_EQ(price.predict({50, 2.5}), 26.0);
    EXPECT_EQ(price.predict({50, "2.50"}), 26.0);
    model.preprocessing.reading.text_columns = {"city"};
    EXPECT_THAT(message(
                    [&] {
                        static_cast<void>(ModelPredictor(model).predict({50, "2.50"}));
                    },
                    ErrorKind::data),
                HasSubstr("'2.50'"));
}

TEST(ModelPredictor, ACellThatTheModelCannotUseIsNamedWithItsColumn) {
    const ModelPredictor price(houses());
    const auto refused = [&](const RawRow& row) {
        return message([&] { static_cast<void>(price.predict(row)); }, ErrorKind::data);
    };
    EXPECT_EQ(refused({150, "Romme"}),
              "the row: column 'city': 'Romme' is not a category that the model knows (did you mean 'Rome'?); it knows "
              "'Oslo', 'Rome'; correct it, or let 0 stand in all inputs of its column");
    EXPECT_THAT(refused({150, Cell()}), StartsWith("the row: column 'city': missing, and the model has no category"));
    EXPECT_THAT(refused({150, 3}), HasSubstr("'3' is not a category"));
    EXPECT_THAT(refused({"wide", "Rome"}), StartsWith("the row: column 'area': 'wide' is not a number"));
    EXPECT_THAT(refused({std::numeric_limits<double>::infinity(), "Rome"}), HasSubstr("inf is not finite"));
    EXPECT_THAT(refused({{"city", "Rome"}, {"area", 1e300}}), HasSubstr("too large for single precision"));
    Model strict = houses();
    strict.preprocessing.features[0].impute.reset();
    EXPECT_THAT(message(
                    [&] {
                        static_cast<void>(ModelPredictor(strict).predict({Cell(), "Rome"}));
                    },
                    ErrorKind::data),
                StartsWith("the row: column 'area': missing, and the model was trained without imputation"));
}

TEST(ModelPredictor, ARowOrSpanThatDoesNotFitIsAMistakeOfTheCaller) {
    const ModelPredictor price(houses());
    const auto refused = [&](const std::function<void()>& call) { return message(call, ErrorKind::usage); };
    EXPECT_EQ(refused([&] { static_cast<void>(price.predict({150})); }),
              "the row has 1 cell, but the model 2 columns: give one for each of 'area', 'city'");
    EXPECT_THAT(refused([&] {
                    static_cast<void>(price.predict({{"area", 1}, {"citi", "Rome"}}));
                }),
                HasSubstr("no column 'citi' (did you mean 'city'?)"));
    EXPECT_THAT(refused([&] { static_cast<void>(price.predict({{"area", 1}})); }), HasSubstr("needs 'city'"));
    EXPECT_THAT(refused([&] { static_cast<void>(price.predict({{"area", 1}, {"area", 2}})); }), HasSubstr("twice"));
    std::array<double, 2> two{};
    EXPECT_THAT(refused([&] { price.predict({150, "Rome"}, two); }), HasSubstr("yhat has room for 2 numbers; 1"));
    Matrix<double> J(1, 2);
    EXPECT_THAT(refused([&] { price.jacobian({150, "Rome"}, std::span(two).first(1), J); }), HasSubstr("a row of J"));
    EXPECT_THAT(refused([&] { static_cast<void>(price.classify({150, "Rome"})); }), HasSubstr("numbers, not classes"));
    Model narrow = houses();
    narrow.preprocessing.features.pop_back();
    EXPECT_THAT(refused([&] { ModelPredictor{narrow}; }), HasSubstr("3 inputs"));
}

}  // namespace
}  // namespace handgrad
