// How a network's batches are split among threads, the buffers for it, and the call into the kernels.
#include "handgrad/nn/engine.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "handgrad/base/flush_to_zero.hpp"
#include "handgrad/base/thread_pool.hpp"

namespace handgrad {
namespace {

using kernels::LayerBuffers;
using kernels::leaf_rows;
using kernels::leaf_units;
using kernels::MemberBuffers;
using kernels::PackedLayer;
using kernels::parts;
using kernels::round_up;
using kernels::Work;

/// A step of fewer operations than this is done before a second thread has heard of it.
constexpr double worth_a_thread = 4e5;
/// Arenas of gradients for nodes of rows take at most so many numbers, beyond one for each thread.
constexpr std::size_t node_numbers = std::size_t{1} << 24;

double operations(std::span<const PackedLayer> layers, std::size_t rows) {
    double sum = 0.0;
    for (const PackedLayer& layer : layers) {
        sum += 6.0 * static_cast<double>(rows) * static_cast<double>(layer.inputs) * static_cast<double>(layer.outputs);
    }
    return sum;
}

}  // namespace

template <class T>
Engine<T>::Engine(const BasicMlp<T>& net, const EngineOptions& options)
    : packed_(net.architecture(), kernels::kernels<T>(options.execution.level()).width, options.given),
      kernels_(kernels::kernels<T>(options.execution.level())) {
    const Architecture& shape = net.architecture();
    plan_.shape = packed_.shape();
    plan_.loss = output_loss(options.loss, shape.output, shape.activation_settings());
    plan_.reduction = reduction_factor(options.loss.kind, net.outputs(), shape.conventions);
    plan_.rule = options.rule;
    plan_.work = options.work;
    plan_.given = options.given;
    plan_.penalise = options.penalty != 0.0;
    plan_.penalise_biases = shape.conventions.penalty == Penalty::all_parameters;
    const int states = math::visit(options.rule, []<class Rule>(Rule) { return Rule::states; });
    const bool trains = options.work == Work::train;
    state_.parameters.resize(packed_.size());
    plan_.parameters = state_.parameters.data();
    if (trains && states > 0) {
        state_.first.resize(packed_.size());
        plan_.first = state_.first.data();
    }
    if (trains && states > 1) {
        state_.second.resize(packed_.size());
        plan_.second = state_.second.data();
    }
    mirrors_.resize(packed_.mirror_size());
    if (options.work != Work::loss) {
        gradient_.resize(packed_.size());
    }
    plan_.mirrors = mirrors_.data();
    plan_.gradient = gradient_.data();
    choose_split(options.batch, options.execution.most_threads());
    make_buffers(options);
    load(net);
}

template <class T>
void Engine<T>::choose_split(std::size_t batch, std::size_t most_threads) {
    const std::span<const PackedLayer> layers = packed_.layers();
    const double steps_worth = operations(layers, batch) / worth_a_thread;
    const std::size_t wanted = std::clamp<std::size_t>(static_cast<std::size_t>(steps_worth), 1, most_threads);
    // So many threads find work when each owns units: whole leaves of them below a narrow last layer.
    const PackedLayer& output = layers.back();
    std::size_t by_units = output.narrow ? parts(output.inputs, leaf_units) : parts(output.outputs, packed_.width());
    for (std::size_t l = 0; l + 2 < layers.size(); ++l) {
        by_units = std::min(by_units, parts(layers[l].outputs, packed_.width()));
    }
    const std::size_t by_rows = parts(batch, leaf_rows);
    plan_.split_rows = batch > kernels::most_rows_together || (std::min(wanted, by_units) < std::min(wanted, by_rows));
    threads_ = std::min(wanted, plan_.split_rows ? by_rows : by_units);
    if (!plan_.split_rows) {
        return;
    }
    // Small nodes are shared out more evenly, but each needs an arena.
    const std::size_t most_nodes = std::max(threads_, std::min(16 * threads_, node_numbers / packed_.size()));
    plan_.leaves_per_node = 1;
    while (parts(by_rows, plan_.leaves_per_node) > most_nodes) {
        plan_.leaves_per_node *= 2;
    }
}

template <class T>
T* Engine<T>::room(std::size_t count) {
    rooms_.emplace_back(count);
    return rooms_.back().data();
}

template <class T>
T* Engine<T>::room_if(bool needed, std::size_t count) {
    return needed ? room(count) : nullptr;
}

template <class T>
void Engine<T>::make_buffers(const EngineOptions& options) {
    const std::span<const PackedLayer> layers = packed_.layers();
    const PackedLayer& output = layers.back();
    const std::size_t width = packed_.width();
    const std::size_t rows = plan_.split_rows ? leaf_rows : options.batch;
    plan_.capacity = round_up(rows, kernels::row_padding);
    const bool with_gradient = options.work != Work::loss;
    const std::size_t numbers = output.outputs * plan_.capacity;
    const std::size_t partial = 2 * parts(output.inputs, leaf_units) * numbers;
    const std::size_t dx = round_up(layers[0].inputs, width) * plan_.capacity;

    members_.resize(threads_);
    layers_.resize(threads_);
    row_starts_.resize(threads_);
    arenas_.resize(threads_);
    for (std::size_t t = 0; t < threads_; ++t) {
        MemberBuffers<T>& member = members_[t];
        if (t == 0 || plan_.split_rows) {
            member.dx = room_if(options.given, dx);
            member.partial = room_if(output.narrow, partial);
            for (const PackedLayer& layer : layers) {
                const std::size_t size = layer.narrow ? 0 : round_up(layer.outputs, width) * plan_.capacity;
                T* a = room(size);
                layers_[t].push_back({a, room_if(with_gradient, size)});
            }
            member.layer = layers_[t].data();
        } else {  // all own units of the same rows
            member.dx = members_[0].dx;
            member.partial = members_[0].partial;
            member.layer = members_[0].layer;
        }
        row_starts_[t].resize(plan_.capacity);
        member.rows = row_starts_[t].data();
        member.columns = room_if(with_gradient, plan_.capacity * (layers[0].inputs + 1));
        member.y = room(numbers);
        member.dz = room(numbers);
        member.row_losses = room(plan_.capacity);
        member.weights = room_if(options.row_weights, plan_.capacity);
        member.shares = room(plan_.capacity);
        member.scratch = room(5 * output.outputs * width);
        member.output_bias = room(3 * output.b_size);
        member.bias_gradient = room(output.b_size);
        if (plan_.split_rows && with_gradient) {
            for (std::size_t level = plan_.leaves_per_node; level > 0; level /= 2) {
                arenas_[t].push_back(room(packed_.size()));
            }
        }
        member.arenas = arenas_[t].data();
    }
    if (plan_.split_rows) {
        make_nodes(options.batch, with_gradient);
    }
    for (const PackedLayer& layer : layers) {
        plan_.penalty_leaves += parts(layer.narrow ? layer.inputs : layer.outputs, leaf_units);
    }
    penalties_.resize(2 * plan_.penalty_leaves);
    plan_.penalties = penalties_.data();
    plan_.member = members_.data();
}

template <class T>
void Engine<T>::make_nodes(std::size_t batch, bool with_gradient) {
    const std::size_t leaves = parts(batch, leaf_rows);
    leaf_losses_.resize(leaves);
    plan_.leaf_losses = leaf_losses_.data();
    const std::size_t nodes = with_gradient ? parts(leaves, plan_.leaves_per_node) : 0;
    for (std::size_t n = 0; n < nodes; ++n) {
        nodes_.push_back(room(packed_.size()));
    }
    plan_.nodes = nodes_.data();
}

template <class T>
void Engine<T>::load(const BasicMlp<T>& net) {
    packed_.pack(net.parameters(), std::span<T>(state_.parameters));
    packed_.mirror(std::span<const T>(state_.parameters), std::span<T>(mirrors_));
}
template <class T>
void Engine<T>::store(BasicMlp<T>& net, const EngineState<T>& from) const {
    packed_.unpack(std::span<const T>(from.parameters), net.parameters());
}
template <class T>
void Engine<T>::store_gradient(BasicMlp<T>& gradient) const {
    packed_.unpack(std::span<const T>(gradient_), gradient.parameters());
}

template <class T>
void Engine<T>::load_moments(std::span<const BasicMlp<T>> moments) {
    AlignedVector<T>* const arenas[] = {&state_.first, &state_.second};
    for (std::size_t i = 0; i < moments.size(); ++i) {
        assert(i < std::size(arenas) && !arenas[i]->empty());
        packed_.pack(moments[i].parameters(), std::span<T>(*arenas[i]));
    }
}
template <class T>
void Engine<T>::store_moments(std::span<BasicMlp<T>> moments, const EngineState<T>& from) const {
    const AlignedVector<T>* const arenas[] = {&from.first, &from.second};
    for (std::size_t i = 0; i < moments.size(); ++i) {
        assert(i < std::size(arenas) && !arenas[i]->empty());
        packed_.unpack(std::span<const T>(*arenas[i]), moments[i].parameters());
    }
}

template <class T>
void Engine<T>::hold_signs(const BasicMlp<T>& signs) {
    signs_.assign(packed_.size(), T(0));
    packed_.pack(signs.parameters(), std::span<T>(signs_));
    plan_.signs = signs_.data();
}

template <class T>
void Engine<T>::restore(const EngineState<T>& state) {
    std::ranges::copy(state.parameters, state_.parameters.begin());
    std::ranges::copy(state.first, state_.first.begin());
    std::ranges::copy(state.second, state_.second.begin());
    packed_.mirror(std::span<const T>(state_.parameters), std::span<T>(mirrors_));
}

template <class T>
std::size_t Engine<T>::run(const EngineRows<T>& rows, std::size_t batch,
                           std::span<const kernels::StepConstants<T>> steps, std::span<double> losses, bool stop) {
    assert(losses.size() >= steps.size());
    kernels::TrainingPlan<T> plan = plan_for(rows, batch);
    plan.steps = steps.size();
    plan.step = steps.data();
    plan.losses = losses.data();
    plan.stop_at_nonfinite = stop;
    return run(plan);
}

template <class T>
void Engine<T>::run_given(const EngineRows<T>& rows, MatrixView<T> yhat, MatrixView<T> dx) {
    assert(plan_.given);
    const kernels::StepConstants<T> step{.total_weight = 1.0};
    double loss = 0.0;
    kernels::TrainingPlan<T> plan = plan_for(rows, rows.count);
    plan.work = rows.y.data() == nullptr ? Work::loss : plan_.work;
    plan.steps = 1;
    plan.step = &step;
    plan.losses = &loss;
    plan.stop_at_nonfinite = false;
    plan.yhat = yhat.data();
    plan.yhat_stride = yhat.stride();
    plan.dx = dx.data();
    plan.dx_stride = dx.stride();
    run(plan);
}

template <class T>
kernels::TrainingPlan<T> Engine<T>::plan_for(const EngineRows<T>& rows, std::size_t batch) const {
    kernels::TrainingPlan<T> plan = plan_;
    plan.x = rows.x.data();
    plan.x_stride = rows.x.stride();
    plan.y = rows.y.data();
    plan.y_stride = rows.y.stride();
    plan.weights = rows.weights;
    plan.order = rows.order;
    plan.rows = rows.count;
    plan.batch = batch;
    return plan;
}

template <class T>
std::size_t Engine<T>::run(const kernels::TrainingPlan<T>& plan) {
    std::size_t done = 0;
    const auto work = [&](Team& team) {
        std::optional<FlushToZero> flush_to_zero;
        if (plan.work == Work::train) {
            flush_to_zero.emplace();
        }
        const kernels::Member member{.index = team.index(), .size = team.size(), .team = &team, .barrier = [](void* t) {
                                         static_cast<Team*>(t)->barrier();
                                     }};
        const std::size_t steps_done = kernels_.train(plan, member);
        if (member.index == 0) {
            done = steps_done;
        }
    };
    if (threads_ == 1) {
        Team alone;
        work(alone);
    } else {
        ThreadPool::shared().run(threads_, work);
    }
    return done;
}

template class Engine<float>;
template class Engine<double>;

}  // namespace handgrad
