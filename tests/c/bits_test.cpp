// What C gets is what C++ gets, to the last bit: every pass of networks, and models with texts, of every task.
#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "c/handgrad.h"
#include "handgrad/handgrad.hpp"

namespace handgrad {
namespace {

const std::filesystem::path fixtures = HANDGRAD_FIXTURES;

template <class T>
std::vector<std::uint64_t> bits(std::span<const T> values) {
    std::vector<std::uint64_t> result;
    for (const T value : values) {
        result.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    }
    return result;
}
template <class T>
std::vector<std::uint64_t> bits(const std::vector<T>& values) {
    return bits(std::span<const T>(values));
}
template <class T>
std::vector<std::uint64_t> bits(const Matrix<T>& values) {
    return bits(values.values());
}

struct Fixture {
    std::string name, table;
};
std::ostream& operator<<(std::ostream& out, const Fixture& fixture) { return out << fixture.name; }
std::vector<Fixture> all_fixtures() {
    std::ifstream list(fixtures / "0.1/models.txt");
    std::vector<Fixture> found;
    for (Fixture one; list >> one.name >> one.table;) {
        found.push_back(one);
    }
    return found;
}

/// Rows of a fixture's table, row-major, with their texts kept alive.
struct Cells {
    std::vector<std::string> texts;
    std::vector<handgrad_cell> cells;
    std::size_t rows = 0;
};

/// Cells as the file spells them: numbers as numbers, or as texts where `spelled`.
Cells cells_of(const ModelPredictor& model, const Table& table, bool spelled) {
    Cells result{.rows = table.rows};
    std::vector<bool> is_text;
    for (std::size_t row = 0; row < table.rows; ++row) {
        for (const std::string& name : model.columns()) {
            const Column& column = table.column(name);
            is_text.push_back(!column.numeric() || spelled);
            std::string text;
            if (!column.numeric()) {
                text = column.codes[row] == Column::missing_code ? "" : column.texts[column.codes[row]];
            } else if (!std::isnan(column.numbers[row])) {
                text = format_number(column.numbers[row]);
            }
            result.texts.push_back(text);
        }
    }
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
        const std::string& text = result.texts[i];
        if (is_text[i]) {
            result.cells.push_back({text.c_str(), 0.0});
        } else {
            result.cells.push_back({nullptr, text.empty() ? std::nan("") : parse_number(text).value});
        }
    }
    return result;
}

std::vector<Cell> row_of(const Cells& cells, std::size_t row, std::size_t columns) {
    std::vector<Cell> result;
    for (std::size_t i = 0; i < columns; ++i) {
        const handgrad_cell& cell = cells.cells[row * columns + i];
        result.push_back(cell.text == nullptr ? Cell(cell.number) : Cell(cell.text));
    }
    return result;
}

class OfFixture : public testing::TestWithParam<Fixture> {};

TEST_P(OfFixture, PredictJacobianAndClassesAreThoseOfTheLibrary) {
    const std::string file = (fixtures / "0.1" / (GetParam().name + ".model")).string();
    const ModelPredictor there = ModelPredictor::load(file);
    const Table table = read_table(fixtures / (GetParam().table + ".csv"));
    handgrad_model* here = nullptr;
    ASSERT_EQ(handgrad_model_load(file.c_str(), &here), HANDGRAD_OK) << handgrad_last_error();
    std::size_t columns = 0, inputs = 0, outputs = 0, classes = 0;
    ASSERT_EQ(handgrad_model_sizes(here, &columns, &inputs, &outputs, &classes), HANDGRAD_OK);
    EXPECT_EQ(columns, there.columns().size());
    EXPECT_EQ(inputs, there.inputs().size());
    EXPECT_EQ(outputs, there.outputs().size());
    EXPECT_EQ(classes, there.classes().size());
    for (const bool spelled : {false, true}) {
        const Cells cells = cells_of(there, table, spelled);
        std::vector<double> yhat(cells.rows * outputs), J(cells.rows * outputs * inputs);
        ASSERT_EQ(handgrad_model_jacobian_cells(here, cells.cells.data(), cells.rows, columns, yhat.data(), outputs,
                                                J.data(), inputs),
                  HANDGRAD_OK)
            << handgrad_last_error();
        std::vector<double> H(J.size() * inputs), again(yhat.size());
        ASSERT_EQ(handgrad_model_hessian_cells(here, cells.cells.data(), cells.rows, columns, again.data(), outputs,
                                               H.data(), inputs),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(again), bits(yhat));
        ASSERT_EQ(handgrad_model_predict_cells(here, cells.cells.data(), cells.rows, columns, again.data(), outputs),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(again), bits(yhat));
        std::vector<std::int32_t> chosen(cells.rows, -1);
        std::vector<double> shares(cells.rows * classes);
        if (there.task() == Task::classification) {
            ASSERT_EQ(handgrad_model_classify_cells(here, cells.cells.data(), cells.rows, columns, chosen.data(),
                                                    shares.data(), classes),
                      HANDGRAD_OK)
                << handgrad_last_error();
        }
        for (std::size_t row = 0; row < cells.rows; ++row) {
            const std::vector<Cell> raw = row_of(cells, row, columns);
            std::vector<double> values(outputs), of_classes(classes);
            Matrix<double> slopes(outputs, inputs);
            std::vector<double> bends(slopes.values().size() * inputs);
            there.hessian(raw, values, bends);
            ASSERT_EQ(bits(bends), bits(std::span<const double>(H).subspan(row * bends.size(), bends.size())));
            there.jacobian(raw, values, slopes);
            ASSERT_EQ(bits(values), bits(std::span<const double>(yhat).subspan(row * outputs, outputs)));
            ASSERT_EQ(bits(slopes), bits(std::span<const double>(J).subspan(row * outputs * inputs, outputs * inputs)));
            if (there.task() == Task::classification) {
                const Classified one = there.classify(raw, of_classes);
                ASSERT_EQ(static_cast<std::int32_t>(one.index), chosen[row]);
                ASSERT_EQ(bits(of_classes), bits(std::span<const double>(shares).subspan(row * classes, classes)));
            }
        }
    }
    for (std::size_t i = 0; i < columns; ++i) {
        const char* name = nullptr;
        ASSERT_EQ(handgrad_model_column_name(here, i, &name), HANDGRAD_OK);
        EXPECT_EQ(name, there.columns()[i]);
        std::size_t index = columns;
        EXPECT_EQ(handgrad_model_column(here, name, &index), HANDGRAD_OK);
        EXPECT_EQ(index, i);
    }
    EXPECT_EQ(handgrad_model_free(here), HANDGRAD_OK);
}

INSTANTIATE_TEST_SUITE_P(All, OfFixture, testing::ValuesIn(all_fixtures()),
                         [](const auto& fixture) { return fixture.param.name; });

/// Networks of both precisions: C's functions by the type of the numbers.
template <class T>
struct InC;
template <>
struct InC<double> {
    static constexpr handgrad_precision precision = HANDGRAD_DOUBLE;
    static constexpr auto predict = handgrad_network_predict;
    static constexpr auto jacobian = handgrad_network_jacobian;
    static constexpr auto hessian = handgrad_network_hessian;
    static constexpr auto hessian_vector = handgrad_network_hessian_vector;
    static constexpr auto vector_jacobian = handgrad_network_vector_jacobian;
    static constexpr auto jacobian_vector = handgrad_network_jacobian_vector;
};
template <>
struct InC<float> {
    static constexpr handgrad_precision precision = HANDGRAD_FLOAT;
    static constexpr auto predict = handgrad_network_predict_f;
    static constexpr auto jacobian = handgrad_network_jacobian_f;
    static constexpr auto hessian = handgrad_network_hessian_f;
    static constexpr auto hessian_vector = handgrad_network_hessian_vector_f;
    static constexpr auto vector_jacobian = handgrad_network_vector_jacobian_f;
    static constexpr auto jacobian_vector = handgrad_network_jacobian_vector_f;
};

template <class T>
class OfNetwork : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(OfNetwork, Precisions);

TYPED_TEST(OfNetwork, EveryPassIsThatOfTheLibrary) {
    using T = TypeParam;
    const Architecture shape{.sizes = {3, 20, 7, 2}, .hidden = Activation::tanh, .output = Activation::identity};
    const auto source = BasicMlp<double>::random(shape, 5);
    const std::vector<double> parameters(source.parameters().begin(), source.parameters().end());
    handgrad_network* here = nullptr;
    ASSERT_EQ(handgrad_network_create(shape.sizes.data(), shape.sizes.size(), "tanh", "identity", parameters.data(),
                                      parameters.size(), InC<T>::precision, 1, &here),
              HANDGRAD_OK)
        << handgrad_last_error();
    const BasicPredictor<T> there(convert<T>(source), {}, Differentiable::twice);
    for (const std::size_t rows : {0, 1, 2, 37}) {
        Matrix<T> x(rows, 3), v(rows, 2), u(rows, 3), yhat(rows, 2), J(rows, 6), v_J(rows, 3), J_u(rows, 2);
        for (std::size_t i = 0; i < x.values().size(); ++i) {
            x.values()[i] = static_cast<T>(std::sin(static_cast<double>(i)));
            u.values()[i] = static_cast<T>(std::cos(static_cast<double>(i)));
        }
        for (std::size_t i = 0; i < v.values().size(); ++i) {
            v.values()[i] = static_cast<T>(std::cos(2.0 + static_cast<double>(i)));
        }
        Matrix<T> yhat_c(rows, 2), J_c(rows, 6), v_J_c(rows, 3), J_u_c(rows, 2);
        there.predict(x, yhat);
        ASSERT_EQ(InC<T>::predict(here, x.values().data(), rows, 3, yhat_c.values().data(), 2), HANDGRAD_OK);
        EXPECT_EQ(bits(yhat_c), bits(yhat));
        there.jacobian(x, yhat, J);
        ASSERT_EQ(InC<T>::jacobian(here, x.values().data(), rows, 3, yhat_c.values().data(), 2, J_c.values().data()),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(J_c), bits(J));
        there.vector_jacobian(x, v, yhat, v_J);
        ASSERT_EQ(InC<T>::vector_jacobian(here, x.values().data(), v.values().data(), rows, 3, yhat_c.values().data(),
                                          2, v_J_c.values().data()),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(v_J_c), bits(v_J));
        there.jacobian_vector(x, u, yhat, J_u);
        ASSERT_EQ(InC<T>::jacobian_vector(here, x.values().data(), u.values().data(), rows, 3, yhat_c.values().data(),
                                          2, J_u_c.values().data()),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(J_u_c), bits(J_u));
        Matrix<T> H(rows, 18), H_c(rows, 18), H_u(rows, 3), H_u_c(rows, 3);
        there.hessian(x, yhat, H);
        ASSERT_EQ(InC<T>::hessian(here, x.values().data(), rows, 3, yhat_c.values().data(), 2, H_c.values().data()),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(H_c), bits(H));
        there.hessian_vector(x, v, u, yhat, H_u);
        ASSERT_EQ(InC<T>::hessian_vector(here, x.values().data(), v.values().data(), u.values().data(), rows, 3,
                                         yhat_c.values().data(), 2, H_u_c.values().data()),
                  HANDGRAD_OK);
        EXPECT_EQ(bits(H_u_c), bits(H_u));
    }
    std::vector<double> back(parameters.size());
    ASSERT_EQ(handgrad_network_parameters(here, back.data(), back.size()), HANDGRAD_OK);
    EXPECT_EQ(bits(back), bits(std::span<const T>(convert<T>(source).parameters())));
    EXPECT_EQ(handgrad_network_free(here), HANDGRAD_OK);
}

TEST(Training, GivesTheBitsOfFit) {
    const std::string file = (fixtures / "houses.csv").string();
    const char* settings = "target=price,rent impute=mean hidden=8 epochs=20 lr=0.01 seed=3 test=0.2";
    FitOptions options;
    options.columns.targets = {"price", "rent"};
    options.columns.impute = Impute::mean;
    options.hidden = {8};
    options.training.epochs = 20;
    options.training.optimizer.learning_rate = 0.01;
    options.training.seed = 3;
    options.test.fraction = 0.2;
    options.reading.spelled_columns = options.columns.targets;
    const Model there = fit(read_table(file, options.reading), options).model;
    for (const std::size_t threads : {1, 2}) {
        handgrad_model* here = nullptr;
        ASSERT_EQ(handgrad_train_file(file.c_str(), settings, threads, nullptr, &here), HANDGRAD_OK)
            << handgrad_last_error();
        const std::string saved = testing::TempDir() + "/handgrad_c_trained.model";
        ASSERT_EQ(handgrad_model_save(here, saved.c_str()), HANDGRAD_OK) << handgrad_last_error();
        EXPECT_EQ(parameters_hash(load_model(saved)), parameters_hash(there));
        EXPECT_EQ(serialize_model(load_model(saved)), serialize_model(there));
        std::filesystem::remove(saved);
        EXPECT_EQ(handgrad_model_free(here), HANDGRAD_OK);
    }
}

TEST(Handles, ManyThreadsUseWhatOneFrees) {
    const Architecture shape{.sizes = {2, 4, 1}, .hidden = Activation::tanh};
    const auto net = BasicMlp<double>::random(shape, 1);
    const std::vector<double> parameters(net.parameters().begin(), net.parameters().end());
    for (int turn = 0; turn < 50; ++turn) {
        handgrad_network* network = nullptr;
        ASSERT_EQ(handgrad_network_create(shape.sizes.data(), 3, "tanh", "identity", parameters.data(),
                                          parameters.size(), HANDGRAD_DOUBLE, 1, &network),
                  HANDGRAD_OK);
        std::vector<std::thread> users;
        std::vector<int> wrong(4, 0);
        for (std::size_t t = 0; t < wrong.size(); ++t) {
            users.emplace_back([&, t] {
                const double x[2] = {0.5, -0.25};
                double first = 0.0, yhat = 0.0;
                handgrad_status status = handgrad_network_predict(network, x, 1, 2, &first, 1);
                while (status == HANDGRAD_OK) {
                    status = handgrad_network_predict(network, x, 1, 2, &yhat, 1);
                    wrong[t] += static_cast<int>(status == HANDGRAD_OK && yhat != first);
                }
                wrong[t] += static_cast<int>(status != HANDGRAD_BAD_HANDLE);
            });
        }
        std::this_thread::sleep_for(std::chrono::microseconds(300));
        EXPECT_EQ(handgrad_network_free(network), HANDGRAD_OK);
        for (std::thread& user : users) {
            user.join();
        }
        EXPECT_EQ(wrong, std::vector<int>(4, 0));
    }
}

}  // namespace
}  // namespace handgrad
