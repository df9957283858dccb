// What the functions for C must not do once they were called: allocate.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "c/handgrad.h"
#include "tests/support/counted_allocations.hpp"

namespace handgrad {
namespace {

/// Classes of rows of `columns` numbers and, unless it is empty, a text.
handgrad_model* trained(std::size_t columns, const char* precision) {
    constexpr std::size_t rows = 40;
    std::vector<double> numbers(rows);
    std::vector<const char*> cities, classes;
    for (std::size_t i = 0; i < rows; ++i) {
        cities.push_back(i % 3 == 0 ? "a city with a long name" : "another city");
        classes.push_back(i % 2 == 0 ? "no" : "yes");
    }
    handgrad_table* table = nullptr;
    handgrad_table_create(&table);
    for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t i = 0; i < rows; ++i) {
            numbers[i] = static_cast<double>((7 * i + column) % 11);
        }
        handgrad_table_add_numbers(table, ("a_name_that_is_no_short_string_" + std::to_string(column)).c_str(),
                                   numbers.data(), rows);
    }
    handgrad_table_add_texts(table, "city", cities.data(), rows);
    handgrad_table_add_texts(table, "class", classes.data(), rows);
    handgrad_model* model = nullptr;
    const std::string settings = "target=class hidden=8 epochs=1 dtype=" + std::string(precision);
    EXPECT_EQ(handgrad_train_table(table, settings.c_str(), 1, nullptr, &model), HANDGRAD_OK) << handgrad_last_error();
    handgrad_table_free(table);
    return model;
}

TEST(C, CallsAllocateNothing) {
    for (const std::size_t columns : {3, 300}) {  // cells and scratch on the stack, and kept by the thread
        for (const char* precision : {"f32", "f64"}) {
            handgrad_model* model = trained(columns, precision);
            std::size_t inputs = 0, outputs = 0;
            ASSERT_EQ(handgrad_model_sizes(model, nullptr, &inputs, &outputs, nullptr), HANDGRAD_OK);
            std::vector<handgrad_cell> row(columns, {nullptr, 1.0});
            row.push_back({"another city", 0.0});
            std::vector<double> yhat(outputs), J(outputs * inputs), H(J.size() * inputs), shares(2);
            std::int32_t chosen = 0;
            std::size_t before = 0;
            for (int turn = 0; turn < 2; ++turn) {
                before = allocations();
                EXPECT_EQ(handgrad_model_predict_cells(model, row.data(), 1, row.size(), yhat.data(), outputs),
                          HANDGRAD_OK);
                EXPECT_EQ(handgrad_model_classify_cells(model, row.data(), 1, row.size(), &chosen, shares.data(), 2),
                          HANDGRAD_OK);
                EXPECT_EQ(handgrad_model_jacobian_cells(model, row.data(), 1, row.size(), yhat.data(), outputs,
                                                        J.data(), inputs),
                          HANDGRAD_OK);
                EXPECT_EQ(handgrad_model_hessian_cells(model, row.data(), 1, row.size(), yhat.data(), outputs, H.data(),
                                                       inputs),
                          HANDGRAD_OK);
            }
            EXPECT_EQ(allocations(), before) << columns << precision;
            EXPECT_EQ(handgrad_model_free(model), HANDGRAD_OK);
        }
    }
}

TEST(C, NetworksAllocateNothing) {
    const std::size_t sizes[] = {3, 40, 2};
    const std::vector<double> parameters(4 * 40 + 41 * 2, 0.01);
    handgrad_network* network = nullptr;
    ASSERT_EQ(handgrad_network_create(sizes, 3, "tanh", "identity", parameters.data(), parameters.size(),
                                      HANDGRAD_DOUBLE, 1, &network),
              HANDGRAD_OK);
    constexpr std::size_t rows = 20;
    const std::vector<double> x(rows * 3, 0.5);
    std::vector<double> yhat(rows * 2), J(rows * 6), v_J(rows * 3), J_u(rows * 2);
    std::size_t before = 0;
    for (int turn = 0; turn < 2; ++turn) {
        before = allocations();
        for (const std::size_t some : {std::size_t(1), rows}) {
            EXPECT_EQ(handgrad_network_predict(network, x.data(), some, 3, yhat.data(), 2), HANDGRAD_OK);
            EXPECT_EQ(handgrad_network_jacobian(network, x.data(), some, 3, yhat.data(), 2, J.data()), HANDGRAD_OK);
            EXPECT_EQ(
                handgrad_network_vector_jacobian(network, x.data(), x.data(), some, 3, yhat.data(), 2, v_J.data()),
                HANDGRAD_OK);
            EXPECT_EQ(
                handgrad_network_jacobian_vector(network, x.data(), x.data(), some, 3, yhat.data(), 2, J_u.data()),
                HANDGRAD_OK);
        }
    }
    EXPECT_EQ(allocations(), before);
    EXPECT_EQ(handgrad_network_free(network), HANDGRAD_OK);
}

}  // namespace
}  // namespace handgrad
