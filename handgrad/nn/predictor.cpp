// A network packed once, the scratch of a call, and how rows are shared among threads.
#include "handgrad/nn/predictor.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "handgrad/base/thread_pool.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/inference_places.hpp"
#include "handgrad/nn/packed_network.hpp"

namespace handgrad {
namespace {

using kernels::InferenceCall;
using kernels::InferenceNet;
using kernels::InferencePlaces;
using kernels::InferenceWork;
using kernels::parts;
using kernels::round_up;
using kernels::row_padding;

/// Scratch of so many bytes is taken from the stack.
constexpr std::size_t stack_bytes = std::size_t{1} << 16;
/// So many operations are worth a further thread.
constexpr double worth_a_thread = 4e5;

constexpr std::size_t works = kernels::inference_works;

/// … as many numbers.
template <class T>
constexpr std::size_t stack_numbers = stack_bytes / sizeof(T);

/// Scratch for more, which the thread keeps for its next call.
template <class T>
[[gnu::cold, gnu::noinline]] T* kept_room(std::size_t size) {
    thread_local AlignedVector<T> room;
    if (room.size() < size) {
        room.resize(size);
    }
    return room.data();
}

/// Calls use(room) with scratch for so many numbers, aligned to a cache line.
template <class T, class Use>
void with_room(std::size_t size, const Use& use) {
    if (size > stack_numbers<T>) {
        use(kept_room<T>(size));
        return;
    }
    alignas(64) T room[stack_numbers<T>];
    use(room);
}

/// Null stays null.
template <class P>
P* advanced(P* from, std::size_t numbers) {
    return from == nullptr ? nullptr : from + numbers;
}

}  // namespace

template <class T>
struct BasicPredictor<T>::State {
    State(const BasicMlp<T>& mlp, const Execution& execution, Differentiable differentiable)
        : kernels(kernels::kernels<T>(execution.level())),
          packed(mlp.architecture(), kernels.width, differentiable != Differentiable::no),
          threads(execution.most_threads()),
          parameters(packed.size()) {
        packed.pack(mlp.parameters(), std::span<T>(parameters));
        if (differentiable != Differentiable::no) {
            mirrors.resize(packed.mirror_size());
            packed.mirror(std::span<const T>(parameters), std::span<T>(mirrors));
        }
        twice = differentiable == Differentiable::twice;
        if (twice && uses_products(packed)) {
            fill_products(mlp.weight(0));
        }
        inputs = packed.layers().front().inputs;
        outputs = packed.layers().back().outputs;
        apart_from = inputs * sizeof(T);
        apart_limit = 0 - (inputs + outputs) * sizeof(T);
        std::size_t units = 0;
        for (const kernels::PackedLayer& layer : packed.layers()) {
            slope_units.push_back(units);
            units += round_up(layer.outputs, packed.width());
        }
        net = {.shape = packed.shape(),
               .parameters = parameters.data(),
               .mirrors = mirrors.empty() ? nullptr : mirrors.data(),
               .slope_units = slope_units.data(),
               .products = products.empty() ? nullptr : products.data()};
        for (std::size_t i = 0; i < works; ++i) {
            const InferenceWork work = static_cast<InferenceWork>(i);
            one_row[i] = inference_places(packed, work, 1);
            tile[i] = inference_places(packed, work, kernels::inference_rows);
            const InferencePlaces smaller = inference_places(packed, work, 2 * row_padding);
            if (tile[i].size > stack_bytes / sizeof(T) && smaller.size <= stack_bytes / sizeof(T)) {
                tile[i] = smaller;
            }
            row_operations[i] = inference_operations(packed, work);
        }
        const InferencePlaces& row = one_row[static_cast<std::size_t>(InferenceWork::outputs)];
        row_activations = {row.a[0], row.a[1]};
        row_on_stack = row.size <= stack_numbers<T>;
        for (std::size_t l = 0; l < packed.layers().size(); l += steps.back().layers) {
            steps.push_back(kernels.row_step(net, row, l));
        }
        last_step = &steps.back();
        in_one_step = last_step->layers == packed.layers().size() && packed.layers().size() > 1;
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() = default;

    /// W⁽¹⁾ᵤᵢW⁽¹⁾ᵤⱼ for i ≤ j, in panels.
    void fill_products(MatrixView<const T> W) {
        const std::size_t units = W.rows(), n = W.columns(), width = packed.width();
        products.resize(round_up(n * (n + 1) / 2, width) * units);
        for (std::size_t u = 0; u < units; ++u) {
            std::size_t pair = 0;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t j = i; j < n; ++j, ++pair) {
                    products[(pair / width * units + u) * width + pair % width] = W(u, i) * W(u, j);
                }
            }
        }
    }

    /// One row is looked at with as few instructions as there can be (docs/speed.md), and again to say what is wrong:
    /// yhat begins at least n numbers after x, or at least K before it, when the distance between them, as an unsigned
    /// number of bytes and less those n, does not exceed 2⁶⁴ less both.
    void check_row(const char* function, std::span<const T> x, std::span<T> yhat) const {
        const std::size_t distance =
            reinterpret_cast<std::uintptr_t>(yhat.data()) - reinterpret_cast<std::uintptr_t>(x.data()) - apart_from;
        const bool sizes_fit = x.size() == inputs && yhat.size() == outputs;
        if (!sizes_fit || distance > apart_limit) [[unlikely]] {
            refuse_row(function, x, yhat);
        }
        if (x.data() == nullptr) [[unlikely]] {  // one by one: together the compiler makes bytes of them first
            refuse_row(function, x, yhat);
        }
        if (yhat.data() == nullptr) [[unlikely]] {
            refuse_row(function, x, yhat);
        }
    }
    [[noreturn, gnu::cold, gnu::noinline]] void refuse_row(const char* function, std::span<const T> x,
                                                           std::span<T> yhat) const {
        checks::equal({function, "x"}, x.size(), "numbers", checks::takes, inputs);
        checks::equal({function, "yhat"}, yhat.size(), "numbers", checks::puts_out, outputs);
        if (x.data() == nullptr) {
            checks::refuse({function, "x"}, "is null");
        }
        if (yhat.data() == nullptr) {
            checks::refuse({function, "yhat"}, "is null");
        }
        checks::refuse_overlap(function, "x", "yhat");
    }
    void check_rows(const char* function, MatrixView<const T> x, MatrixView<T> yhat) const {
        checks::equal({function, "x"}, x.columns(), "columns", checks::takes, inputs);
        check_written({function, "yhat"}, x, {}, yhat, outputs, checks::puts_out);
    }
    /// A matrix beside x and yhat that is written.
    void check_written(checks::Argument argument, MatrixView<const T> x, MatrixView<T> yhat, MatrixView<T> written,
                       std::size_t columns, const char* whose) const {
        checks::matrix(argument, written, x.rows(), "x has", columns, whose);
        checks::apart(argument.function, "x", x, argument.name, written);
        checks::apart(argument.function, "yhat", yhat, argument.name, written);
    }
    void check_differentiable(const char* function) const {
        if (net.mirrors == nullptr) {
            checks::refuse({function, "predictor"},
                           "was made with Differentiable::no; make it with Differentiable::yes");
        }
    }
    void check_twice(const char* function) const {
        if (!twice) {
            checks::refuse({function, "predictor"},
                           "was not made to differentiate twice; make it with "
                           "Differentiable::twice");
        }
    }

    /// ŷ of one row, layer after layer in the scratch `room`.
    [[gnu::always_inline]] void run_steps(const T* x, T* yhat, T* room) const {
        const std::array<std::size_t, 2>& a = row_activations;
        const kernels::RowStep<T>* step = steps.data();
        std::size_t which = 0;
        for (; step != last_step; ++step, which = 1 - which) {
            T* to = room + a[which];
            step->run(*step, x, to, room);
            x = to;
        }
        step->run(*step, x, yhat, room);
    }
    /// Not inlined, so that the scratch on the stack is no part of the callers' frames; and with_room is written out,
    /// since the compiler would call it, for that scratch, rather than inline it.
    [[gnu::noinline]] void predict_row(const T* x, T* yhat) const {
        alignas(64) T room[stack_numbers<T>];
        run_steps(x, yhat, room);
    }
    [[gnu::noinline]] void predict_large_row(const T* x, T* yhat) const {
        run_steps(x, yhat, kept_room<T>(steps.front().places.size));
    }
    void run_one(const InferenceCall<T>& call) const {
        const InferencePlaces& places = one_row[static_cast<std::size_t>(call.work)];
        with_room<T>(places.size, [&](T* room) { kernels.infer(net, places, call, room); });
    }

    void run(const InferenceCall<T>& call) const {
        const std::size_t work = static_cast<std::size_t>(call.work);
        const InferencePlaces& places = tile[work];
        const std::size_t tiles = parts(call.rows, places.capacity);
        const double worth = row_operations[work] * static_cast<double>(call.rows) / worth_a_thread;
        const std::size_t wanted = static_cast<std::size_t>(std::min(worth, static_cast<double>(threads)));
        if (std::min(wanted, tiles) <= 1) {
            with_room<T>(places.size, [&](T* room) { kernels.infer(net, places, call, room); });
            return;
        }
        ThreadPool::shared().run(std::min(wanted, tiles), [&](Team& team) {
            const std::size_t first = tiles * team.index() / team.size() * places.capacity;
            const std::size_t last = std::min(tiles * (team.index() + 1) / team.size() * places.capacity, call.rows);
            InferenceCall<T> part = call;
            part.rows = last - first;
            part.x += first * call.x_stride;
            part.yhat += first * call.yhat_stride;
            part.z = advanced(call.z, first * call.z_stride);
            part.vectors = advanced(call.vectors, first * call.vector_stride);
            part.directions = advanced(call.directions, first * call.direction_stride);
            part.result = advanced(call.result, first * call.result_stride);
            with_room<T>(places.size, [&](T* room) { kernels.infer(net, places, part, room); });
        });
    }

    const kernels::Kernels<T>& kernels;
    PackedNetwork packed;
    std::size_t threads;
    AlignedVector<T> parameters, mirrors, products;
    bool twice = false;
    std::size_t inputs = 0, outputs = 0;
    std::size_t apart_from = 0, apart_limit = 0;  ///< of check_row, in bytes
    std::vector<std::size_t> slope_units;
    InferenceNet<T> net;
    std::vector<kernels::RowStep<T>> steps;  ///< for ŷ of one row …
    const kernels::RowStep<T>* last_step = nullptr;
    std::array<std::size_t, 2> row_activations{};  ///< where in its scratch activations lie, layer by layer in turns
    bool row_on_stack = false;
    bool in_one_step = false;  ///< two layers in one step, which takes no scratch
    std::array<InferencePlaces, works> one_row, tile;
    std::array<double, works> row_operations;
};

template <class T>
BasicPredictor<T>::BasicPredictor(const BasicMlp<T>& net, const Execution& execution, Differentiable differentiable) {
    checks::network("predictor", net);
    state_ = std::make_shared<const State>(net, execution, differentiable);
}

template <class T>
std::size_t BasicPredictor<T>::inputs() const {
    return state_->inputs;
}
template <class T>
std::size_t BasicPredictor<T>::outputs() const {
    return state_->outputs;
}

template <class T>
void BasicPredictor<T>::predict(std::span<const T> x, std::span<T> yhat) const {
    state_->check_row("predict", x, yhat);
    if (state_->in_one_step) {
        state_->last_step->run(*state_->last_step, x.data(), yhat.data(), nullptr);
        return;
    }
    if (state_->row_on_stack) [[likely]] {
        state_->predict_row(x.data(), yhat.data());
        return;
    }
    state_->predict_large_row(x.data(), yhat.data());
}

template <class T>
void BasicPredictor<T>::predict(MatrixView<const T> x, MatrixView<T> yhat) const {
    predict(x, {}, yhat);
}

template <class T>
void BasicPredictor<T>::predict(MatrixView<const T> x, MatrixView<T> z, MatrixView<T> yhat) const {
    state_->check_rows("predict", x, yhat);
    if (z.data() != nullptr) {
        state_->check_written({"predict", "z"}, x, yhat, z, outputs(), checks::puts_out);
    }
    state_->run({.rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .z = z.data(),
                 .z_stride = z.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride()});
}

template <class T>
void BasicPredictor<T>::jacobian(std::span<const T> x, std::span<T> yhat, MatrixView<T> J) const {
    state_->check_differentiable("jacobian");
    state_->check_row("jacobian", x, yhat);
    checks::matrix({"jacobian", "J"}, J, outputs(), checks::puts_out, inputs(), checks::takes);
    checks::apart("jacobian", "x", x, "J", J);
    checks::apart("jacobian", "yhat", yhat, "J", J);
    state_->run_one({.work = InferenceWork::jacobian,
                     .rows = 1,
                     .x = x.data(),
                     .yhat = yhat.data(),
                     .result = J.data(),
                     .output_stride = J.stride()});
}

template <class T>
void BasicPredictor<T>::jacobian(MatrixView<const T> x, MatrixView<T> yhat, MatrixView<T> J) const {
    jacobian(x, {}, yhat, J);
}

template <class T>
void BasicPredictor<T>::jacobian(MatrixView<const T> x, MatrixView<T> z, MatrixView<T> yhat, MatrixView<T> J) const {
    state_->check_differentiable("jacobian");
    state_->check_rows("jacobian", x, yhat);
    if (z.data() != nullptr) {
        state_->check_written({"jacobian", "z"}, x, yhat, z, outputs(), checks::puts_out);
        checks::apart("jacobian", "z", MatrixView<const T>(z), "J", J);
    }
    state_->check_written({"jacobian", "J"}, x, yhat, J, outputs() * inputs(), "outputs times inputs are");
    state_->run({.work = InferenceWork::jacobian,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .z = z.data(),
                 .z_stride = z.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .result = J.data(),
                 .result_stride = J.stride(),
                 .output_stride = inputs()});
}

template <class T>
void BasicPredictor<T>::vector_jacobian(MatrixView<const T> x, MatrixView<const T> v, MatrixView<T> yhat,
                                        MatrixView<T> v_J) const {
    state_->check_differentiable("vector_jacobian");
    state_->check_rows("vector_jacobian", x, yhat);
    checks::matrix({"vector_jacobian", "v"}, v, x.rows(), "x has", outputs(), checks::puts_out);
    checks::apart("vector_jacobian", "v", v, "yhat", yhat);
    checks::apart("vector_jacobian", "v", v, "v_J", v_J);
    state_->check_written({"vector_jacobian", "v_J"}, x, yhat, v_J, inputs(), checks::takes);
    state_->run({.work = InferenceWork::vector_jacobian,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .vectors = v.data(),
                 .vector_stride = v.stride(),
                 .result = v_J.data(),
                 .result_stride = v_J.stride()});
}

template <class T>
void BasicPredictor<T>::jacobian_vector(MatrixView<const T> x, MatrixView<const T> u, MatrixView<T> yhat,
                                        MatrixView<T> J_u) const {
    state_->check_differentiable("jacobian_vector");
    state_->check_rows("jacobian_vector", x, yhat);
    checks::matrix({"jacobian_vector", "u"}, u, x.rows(), "x has", inputs(), checks::takes);
    checks::apart("jacobian_vector", "u", u, "yhat", yhat);
    checks::apart("jacobian_vector", "u", u, "J_u", J_u);
    state_->check_written({"jacobian_vector", "J_u"}, x, yhat, J_u, outputs(), checks::puts_out);
    state_->run({.work = InferenceWork::jacobian_vector,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .vectors = u.data(),
                 .vector_stride = u.stride(),
                 .result = J_u.data(),
                 .result_stride = J_u.stride()});
}

template <class T>
void BasicPredictor<T>::hessian(std::span<const T> x, std::span<T> yhat, std::span<T> H) const {
    state_->check_twice("hessian");
    state_->check_row("hessian", x, yhat);
    checks::equal({"hessian", "H"}, H.size(), "numbers", "outputs times inputs times inputs are",
                  outputs() * inputs() * inputs());
    hessian(MatrixView<const T>(x.data(), 1, x.size()), MatrixView<T>(yhat.data(), 1, yhat.size()),
            MatrixView<T>(H.data(), 1, H.size()));
}

template <class T>
void BasicPredictor<T>::hessian(MatrixView<const T> x, MatrixView<T> yhat, MatrixView<T> H) const {
    state_->check_twice("hessian");
    state_->check_rows("hessian", x, yhat);
    state_->check_written({"hessian", "H"}, x, yhat, H, outputs() * inputs() * inputs(),
                          "outputs times inputs times inputs are");
    state_->run({.work = InferenceWork::hessian,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .result = H.data(),
                 .result_stride = H.stride(),
                 .output_stride = inputs() * inputs()});
}

template <class T>
void BasicPredictor<T>::weighted_hessian(MatrixView<const T> x, MatrixView<const T> lambda, MatrixView<T> yhat,
                                         MatrixView<T> H) const {
    state_->check_twice("weighted_hessian");
    state_->check_rows("weighted_hessian", x, yhat);
    checks::matrix({"weighted_hessian", "lambda"}, lambda, x.rows(), "x has", outputs(), checks::puts_out);
    checks::apart("weighted_hessian", "lambda", lambda, "yhat", yhat);
    checks::apart("weighted_hessian", "lambda", lambda, "H", H);
    state_->check_written({"weighted_hessian", "H"}, x, yhat, H, inputs() * inputs(), "inputs times inputs are");
    state_->run({.work = InferenceWork::weighted_hessian,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .vectors = lambda.data(),
                 .vector_stride = lambda.stride(),
                 .result = H.data(),
                 .result_stride = H.stride()});
}

template <class T>
void BasicPredictor<T>::hessian_vector(MatrixView<const T> x, MatrixView<const T> lambda, MatrixView<const T> u,
                                       MatrixView<T> yhat, MatrixView<T> H_u) const {
    state_->check_twice("hessian_vector");
    state_->check_rows("hessian_vector", x, yhat);
    checks::matrix({"hessian_vector", "lambda"}, lambda, x.rows(), "x has", outputs(), checks::puts_out);
    checks::matrix({"hessian_vector", "u"}, u, x.rows(), "x has", inputs(), checks::takes);
    checks::apart("hessian_vector", "lambda", lambda, "yhat", yhat);
    checks::apart("hessian_vector", "lambda", lambda, "H_u", H_u);
    checks::apart("hessian_vector", "u", u, "yhat", yhat);
    checks::apart("hessian_vector", "u", u, "H_u", H_u);
    state_->check_written({"hessian_vector", "H_u"}, x, yhat, H_u, inputs(), checks::takes);
    state_->run({.work = InferenceWork::hessian_vector,
                 .rows = x.rows(),
                 .x = x.data(),
                 .x_stride = x.stride(),
                 .yhat = yhat.data(),
                 .yhat_stride = yhat.stride(),
                 .vectors = lambda.data(),
                 .vector_stride = lambda.stride(),
                 .directions = u.data(),
                 .direction_stride = u.stride(),
                 .result = H_u.data(),
                 .result_stride = H_u.stride()});
}

template class BasicPredictor<float>;
template class BasicPredictor<double>;

}  // namespace handgrad
