// A small model and a table for it, which the tests of explanations share.
#pragma once

#include <string>

#include "handgrad/data/table.hpp"
#include "handgrad/explain/explanation.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::explained {

/// 3 inputs (a scaled number and a category of two), 4 hidden units, one target that is scaled.
inline Model small_model() {
    Model model;
    model.net = BasicMlp<double>::random({.sizes = {3, 4, 1}}, 1);
    model.preprocessing = {.task = Task::regression,
                           .features = {{.name = "area", .impute = 80.0, .shift = 100.0, .scale = 50.0},
                                        {.name = "city_$|", .categories = {"Oslo", "Rome"}}},
                           .targets = {{.name = "price", .shift = 10.0, .scale = 4.0}}};
    model.provenance = {{"optimizer", "sgd"}, {"learning_rate", "0.25"}, {"momentum", "0"}, {"nesterov", "no"}};
    return model;
}

inline Table small_table() {
    return read_csv("price,area,city_$|\n12,150,Rome\n8,NA,Oslo\n10,75,Oslo\n", "homes.csv", {.missing = {"NA"}});
}

inline explain::Explanation explanation(std::size_t row = 0) {
    const Model model = small_model();
    return explain::explain(model, explain::step_options_of(model), small_table(), row);
}

}  // namespace handgrad::explained
