// What stands behind each type of handle.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "c/handles.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/model_predictor.hpp"

namespace handgrad::c {

/// The model as it is in its file, and ready to be used.
struct ModelObject : Object {
    static constexpr HandleType type = HandleType::model;

    explicit ModelObject(Model of) : model(std::move(of)), predictor(model) {}

    Model model;
    ModelPredictor predictor;
};

template <class T>
struct ReadyNetwork {
    ReadyNetwork(BasicMlp<T> of, std::size_t threads)
        : net(std::move(of)), predictor(net, {.threads = threads}, Differentiable::twice) {}

    BasicMlp<T> net;
    BasicPredictor<T> predictor;
};

struct NetworkObject : Object {
    static constexpr HandleType type = HandleType::network;

    template <class T>
    NetworkObject(BasicMlp<T> net, std::size_t threads)
        : ready(std::in_place_type<ReadyNetwork<T>>, std::move(net), threads) {}

    std::variant<ReadyNetwork<float>, ReadyNetwork<double>> ready;
};

/// Columns as they were added; a table is made of them when it is known what they are for.
struct TableObject : Object {
    static constexpr HandleType type = HandleType::table;

    struct Column {
        std::string name;
        std::variant<std::vector<double>, std::vector<std::optional<std::string>>> cells;
    };
    std::mutex mutex;  // of the columns
    std::vector<Column> columns;
};

}  // namespace handgrad::c
