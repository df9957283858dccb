// A model of houses whose every number is known: what it predicts and how that depends on what goes in.
#pragma once

#include <algorithm>
#include <vector>

#include "handgrad/store/model.hpp"

namespace handgrad {

/// price and tax from area, scaled, and city, one-hot.
inline Preprocessing houses() {
    return {
        .task = Task::regression,
        .features = {{.name = "area", .shift = 100.0, .scale = 50.0}, {.name = "city", .categories = {"Oslo", "Rome"}}},
        .targets = {{.name = "price", .shift = 10.0, .scale = 4.0}, {.name = "tax"}},
        .classes = {},
        .weight = "",
        .reading = {.text_columns = {"city"}}};
}

/// One linear layer: price = 10 + 4 (2 a + 3 [Oslo] + 5 [Rome] + 1), tax = −a + 0.5 [Rome], with a = (area − 100)/50.
template <class T>
Model linear_houses() {
    Model model;
    BasicMlp<T> net = BasicMlp<T>::zeros({.sizes = {3, 2}});
    std::ranges::copy(std::vector<T>{2, 3, 5, -1, 0, T(0.5), 1, 0}, net.parameters().begin());
    model.net = net;
    model.preprocessing = houses();
    return model;
}

}  // namespace handgrad
