// The default certificate of models of awkward shapes, on which every broken line of tools/mutate.py shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::certify {
namespace {

struct Shape {
    const char* what;
    std::size_t inputs;
    std::vector<std::size_t> hidden;
    Activation activation;
    std::size_t outputs;
    bool classes = false;
    bool weighted = false;
    bool in_double = false;
    std::size_t rows = 37;
};

const std::vector<Shape> shapes{
    {.what = "one narrow output",
     .inputs = 5,
     .hidden = {13},
     .activation = Activation::relu,
     .outputs = 1,
     .weighted = true},
    {.what = "classes", .inputs = 6, .hidden = {21, 11}, .activation = Activation::tanh, .outputs = 3, .classes = true},
    {.what = "wide last layer", .inputs = 9, .hidden = {33}, .activation = Activation::sigmoid, .outputs = 17},
    {.what = "packed columns", .inputs = 40, .hidden = {75}, .activation = Activation::gelu, .outputs = 5},
    {.what = "one layer", .inputs = 7, .hidden = {}, .activation = Activation::relu, .outputs = 3},
    {.what = "in double",
     .inputs = 5,
     .hidden = {9, 7},
     .activation = Activation::relu,
     .outputs = 2,
     .in_double = true},
};

/// Columns of very different scales, targets too.
Table table_of(const Shape& shape) {
    Draw draw(11, 4);
    std::string header;
    for (std::size_t j = 0; j < shape.inputs; ++j) {
        header += "x" + std::to_string(j) + ",";
    }
    const std::size_t targets = shape.classes ? 1 : shape.outputs;
    for (std::size_t k = 0; k < targets; ++k) {
        header += "y" + std::to_string(k) + ",";
    }
    const auto line = [&](std::size_t row) {
        std::string text;
        for (std::size_t j = 0; j < shape.inputs; ++j) {
            text += format_number(std::pow(3.0, static_cast<double>(j % 5)) * draw.uniform(-1.0, 2.0)) + ",";
        }
        for (std::size_t k = 0; k < targets; ++k) {
            const double y = std::pow(5.0, static_cast<double>(k % 3)) * draw.uniform(-1.0, 3.0);
            text += shape.classes ? std::string("abc").substr(row % 3, 1) + "," : format_number(y) + ",";
        }
        return text + format_number(draw.uniform(0.5, 2.0));
    };
    return read_csv(csv_lines(header + "w", shape.rows, line), "t.csv", ReadOptions{.delimiter = ','});
}

Certificate certificate_of(const Shape& shape) {
    FitOptions options = fixed_options();
    const std::size_t targets = shape.classes ? 1 : shape.outputs;
    for (std::size_t k = 0; k < targets; ++k) {
        options.columns.targets.push_back("y" + std::to_string(k));
    }
    if (shape.weighted) {
        options.columns.weight = "w";
    } else {
        options.columns.drop = {"w"};
    }
    options.hidden = shape.hidden;
    options.hidden_activation = {shape.activation};
    options.use_double = shape.in_double;
    options.training.epochs = 0;
    options.training.batch = 7;
    const Table table = table_of(shape);
    Model model = fit(table, options).model;
    std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            Draw draw(13, 1);
            for (std::size_t l = 0; l < net.layers(); ++l) {
                draw.fill(net.bias(l), -0.5, 0.5);  // so that no unit is dead in every row, and no sum starts at 0
            }
        },
        model.net);
    return certify(model, table);
}

TEST(CertifiedEngine, IsPassedInEveryShape) {
    for (const Shape& shape : shapes) {
        const Certificate certificate = certificate_of(shape);
        EXPECT_EQ(certificate.verdict, Verdict::pass) << shape.what;
        const auto add = [&](const CertifiedTensor& tensor) {
            if (tensor.judgement.verdict != Verdict::pass) {
                std::cout << name(tensor.judgement.verdict) << " " << tensor.name << " (" << shape.what << ", "
                          << tensor.run << "): " << tensor.factor << tensor.judgement.reason() << "\n";
            }
        };
        std::ranges::for_each(certificate.parameters, add);
        add(certificate.input);
        add(certificate.hessian);
        EXPECT_EQ(certificate.hessian.entries > 0, shape.activation != Activation::relu || shape.classes) << shape.what;
        EXPECT_EQ(certificate.hessian.judgement.verdict, Verdict::pass) << shape.what;
    }
}

}  // namespace
}  // namespace handgrad::certify
