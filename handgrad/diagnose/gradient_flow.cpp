// The chain of Table 2 measured on some rows, and how far the weights have come.
#include "handgrad/diagnose/gradient_flow.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>

#include "handgrad/diagnose/gradient_chain.hpp"
#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/diagnose/starvation.hpp"

namespace handgrad::diagnose {
namespace {

template <class T>
class Meter {
public:
    explicit Meter(const LossFunction& function) : function_(function) {}

    std::vector<LayerFlow> operator()(const BasicMlp<T>& net, const BasicDataset<T>& data) {
        if (!start_) {
            start_ = net;
            take_rows(data);
        }
        BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
        const GradientChain chain = measure_chain(net, function_, rows_, gradient);
        const std::vector<Verdict> verdicts = judge(chain);
        std::vector<LayerFlow> flow;
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const ChainLayer& layer = chain.layers[l];
            flow.push_back({.gradient_rms = layer.gradient / std::sqrt(static_cast<double>(layer.weights)),
                            .saturated = layer.saturated,
                            .dead = layer.dead,
                            .moved = moved(net, l),
                            .starved = verdicts[l].starved});
        }
        return flow;
    }

private:
    void take_rows(const BasicDataset<T>& data) {
        const std::size_t rows = std::min(flow_rows, data.rows());
        rows_.x = Matrix<T>(rows, data.x.columns());
        rows_.y = Matrix<T>(rows, data.y.columns());
        for (std::size_t row = 0; row < rows; ++row) {
            std::ranges::copy(data.x.row(row), rows_.x.row(row).begin());
            std::ranges::copy(data.y.row(row), rows_.y.row(row).begin());
        }
        if (!data.weights.empty()) {
            rows_.weights.assign(data.weights.begin(), data.weights.begin() + static_cast<std::ptrdiff_t>(rows));
            if (rows_.total_weight() == 0.0) {  // none of these counts in training, but their gradients flow
                rows_.weights.clear();
            }
        }
    }

    /// ‖W − W₀‖/‖W₀‖; of weights that began at 0 NaN, for they have no size to measure by.
    double moved(const BasicMlp<T>& net, std::size_t l) const {
        const std::size_t count = net.weight(l).rows() * net.weight(l).columns();
        const std::span<const T> w(net.weight(l).data(), count), first(start_->weight(l).data(), count);
        double change = 0.0, size = 0.0;
        for (std::size_t i = 0; i < count; ++i) {
            const double from = static_cast<double>(first[i]), d = static_cast<double>(w[i]) - from;
            change += d * d;
            size += from * from;
        }
        return size == 0.0 ? NAN : std::sqrt(change / size);
    }

    LossFunction function_;
    std::optional<BasicMlp<T>> start_;
    BasicDataset<T> rows_;
};

template <class T>
MeasureFlow<T> meter(const LossFunction& function) {
    // Shared, as a std::function copies what it calls.
    const auto shared = std::make_shared<Meter<T>>(function);
    return [shared](const BasicMlp<T>& net, const BasicDataset<T>& data) { return (*shared)(net, data); };
}

}  // namespace

FlowMeter gradient_flow(const LossFunction& function) {
    FlowMeter both;
    both.in_float = meter<float>(function);
    both.in_double = meter<double>(function);
    return both;
}

}  // namespace handgrad::diagnose
