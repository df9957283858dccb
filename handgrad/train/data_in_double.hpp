// The rows of a training in double, for solvers that compute in it whatever the network's precision.
#pragma once

#include <optional>
#include <type_traits>

#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

/// Refers to data that are in double, and to a copy of its own of others.
class DataInDouble {
public:
    template <class T>
    explicit DataInDouble(const BasicDataset<T>& data) {
        if constexpr (std::is_same_v<T, double>) {
            data_ = &data;
        } else {
            own_.emplace(BasicDataset<double>{
                convert<double>(data.x), convert<double>(data.y), {data.weights.begin(), data.weights.end()}});
            own_->jacobians = convert<double>(data.jacobians);
        }
    }
    const BasicDataset<double>& operator*() const { return own_ ? *own_ : *data_; }
    const BasicDataset<double>* operator->() const { return &**this; }

private:
    std::optional<BasicDataset<double>> own_;
    const BasicDataset<double>* data_ = nullptr;
};

}  // namespace handgrad
