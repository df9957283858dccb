// What a model must not do while it answers about a row: allocate.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "handgrad/train/model_predictor.hpp"
#include "tests/support/counted_allocations.hpp"

namespace handgrad {
namespace {

/// `columns` columns of numbers and one of texts; two classes by softmax.
template <class T>
Model wide_model(std::size_t columns) {
    Model model;
    model.net = BasicMlp<T>::random({.sizes = {columns + 2, 16, 2}, .output = Activation::softmax}, 1);
    model.preprocessing = {.task = Task::classification, .targets = {{.name = "y"}}, .classes = {"no", "yes"}};
    for (std::size_t i = 0; i < columns; ++i) {
        model.preprocessing.features.push_back({.name = "a_name_that_is_no_short_string_" + std::to_string(i)});
    }
    model.preprocessing.features.push_back({.name = "city", .categories = {"a city with a long name", "another city"}});
    return model;
}

template <class T>
void expect_no_allocation(std::size_t columns) {
    const ModelPredictor model(wide_model<T>(columns));
    std::vector<Cell> cells(columns, 1.0);
    cells.emplace_back("a city with a long name");
    std::vector<NamedCell> named;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        named.push_back({model.columns()[i], cells[i]});
    }
    std::vector<double> yhat(2), probabilities(2);
    Matrix<double> J(2, columns + 2);
    const bool few = columns < 100;
    std::vector<double> H(few ? 2 * (columns + 2) * (columns + 2) : 0);
    std::size_t before = 0;
    for (int i = 0; i < 2; ++i) {  // the first call finds scratch that the thread keeps
        before = allocations();
        for (const RawRow& row : {RawRow(cells), RawRow(named)}) {
            model.predict(row, yhat);
            static_cast<void>(model.classify(row, probabilities));
            static_cast<void>(model.classify(row));
            model.jacobian(row, yhat, J);
            if (few) {
                model.hessian(row, yhat, H);
            }
        }
    }
    EXPECT_EQ(allocations(), before) << columns;
}

TEST(ModelPredictor, CallsAllocateNothing) {
    for (const std::size_t columns : {3, 2000}) {  // scratch on the stack, and kept by the thread
        expect_no_allocation<float>(columns);
        expect_no_allocation<double>(columns);
    }
}

}  // namespace
}  // namespace handgrad
