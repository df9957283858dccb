// Forward, loss, backward and update, each a call of its own, on the kernels.
#include "python/src/steps.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/optimizer.hpp"
#include "handgrad/train/settings.hpp"
#include "python/src/buffer.hpp"
#include "python/src/lookups.hpp"
#include "python/src/optimizer_state.hpp"
#include "python/src/settings.hpp"

namespace handgrad::python {

template <class T>
VectorJacobian<T>& Steps<T>::product(const BasicMlp<T>& net, std::size_t rows) {
    if (!product_.kernel || product_.rows < rows) {
        product_.kernel.emplace(net, rows);
        product_.rows = rows;
    }
    return *product_.kernel;
}

template <class T>
LossGradient<T>& Steps<T>::loss(const BasicMlp<T>& net, const LossFunction& function, std::size_t rows,
                                bool row_weights) {
    const bool same = loss_function_ == function && row_weights_ == row_weights;
    if (!loss_.kernel || loss_.rows < rows || !same) {
        loss_.kernel.emplace(net, function, rows, row_weights);
        loss_.rows = rows;
        loss_function_ = function;
        row_weights_ = row_weights;
    }
    return *loss_.kernel;
}

namespace {

/// Work of so many multiplications and more is done without the interpreter's lock.
constexpr std::size_t long_work = std::size_t{1} << 18;

/// Keeps others from the kernels of a network; while they are at work, and through long work of one's own, the
/// interpreter is free.
class Turn {
public:
    Turn(std::mutex& mutex, std::size_t work) : lock_(mutex, std::defer_lock) {
        if (work >= long_work || !lock_.try_lock()) {
            others_may_run_.emplace();
            lock_.lock();
        }
    }

private:
    std::optional<nb::gil_scoped_release> others_may_run_;
    std::unique_lock<std::mutex> lock_;  // let go of before the interpreter's lock is asked for
};

/// What a pass forward keeps: its input, where it is, and ŷ.
template <class T>
struct Pass {
    RowsBuffer<T> x;
    std::shared_ptr<Matrix<T>> yhat;
    std::weak_ptr<Steps<T>> steps;
};

class Tape;
/// By the array that a tape has given away as its output: who has that array means the logits behind it.
std::unordered_map<PyObject*, Tape*>& tapes() {
    static std::unordered_map<PyObject*, Tape*> all;
    return all;
}

class Tape {
public:
    template <class T>
    Tape(std::shared_ptr<AnyMlp> memory, Pass<T> pass) : memory_(std::move(memory)), pass_(std::move(pass)) {}
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;
    ~Tape() {
        if (output_.is_valid()) {
            tapes().erase(output_.ptr());
        }
    }

    [[nodiscard]] const std::shared_ptr<AnyMlp>& memory() const { return memory_; }
    template <class T>
    [[nodiscard]] Pass<T>& pass() {
        return std::get<Pass<T>>(pass_);
    }
    template <class Visitor>
    decltype(auto) visit(Visitor&& visitor) const {
        return std::visit(visitor, pass_);
    }
    /// Whether nobody but the tape holds its output, so that other numbers may be written there.
    [[nodiscard]] bool output_is_free() const { return !output_.is_valid() || Py_REFCNT(output_.ptr()) == 1; }

    /// ŷ, rows × K; not to be written, as its logits would not follow.
    nb::any output() {
        if (!output_.is_valid()) {
            output_ = visit([]<class T>(const Pass<T>& pass) -> nb::object {
                const nb::capsule owner(new std::shared_ptr<Matrix<T>>(pass.yhat), [](void* share) noexcept {
                    delete static_cast<std::shared_ptr<Matrix<T>>*>(share);
                });
                return nb::ndarray<nb::numpy, const T>(pass.yhat->values().data(),
                                                       {pass.yhat->rows(), pass.yhat->columns()}, owner)
                    .cast();
            });
            tapes()[output_.ptr()] = this;
        }
        return any(output_);
    }

private:
    std::shared_ptr<AnyMlp> memory_;
    std::variant<Pass<float>, Pass<double>> pass_;
    nb::object output_;
};

/// ∂l/∂ŷ of a named loss. Given back to backward() it stands for the gradient that the kernels computed with the loss,
/// straight from the logits; as an array it is computed when it is looked at.
struct LossDerivative {
    nb::object tape, y, row_weights;
    LossFunction function;
    std::uint64_t number;
    nb::any array = any({});
};

std::size_t work_of(const Architecture& shape, std::size_t rows) {
    std::size_t products = 0;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        products += shape.sizes[l] * shape.sizes[l + 1];
    }
    return products * rows;
}

/// A tape for these rows: of small batches one that a step before the last has used and nobody holds any more, as
/// making arrays takes longer than such a pass.
template <class T>
nb::object tape_for(Network& network, Steps<T>& steps, RowsBuffer<T> x) {
    constexpr std::size_t small = std::size_t{1} << 14;
    const std::size_t rows = x.view().rows(), outputs = network.architecture().outputs();
    nb::object& recent = steps.recent[steps.turn];
    steps.turn = 1 - steps.turn;
    if (recent.is_valid() && Py_REFCNT(recent.ptr()) == 1) {
        auto& tape = nb::cast<Tape&>(recent);
        auto& pass = tape.pass<T>();
        if (tape.output_is_free() && pass.yhat->rows() == rows) {
            pass.x = std::move(x);
            return recent;
        }
    }
    const bool keep = x.view().columns() * rows <= small;
    Pass<T> pass{std::move(x), std::make_shared<Matrix<T>>(rows, outputs), network.shared_steps<T>()};
    nb::object tape = nb::cast(new Tape(network.memory(), std::move(pass)), nb::rv_policy::take_ownership);
    recent.reset();
    if (keep) {
        recent = tape;
    }
    return tape;
}

nb::typed<nb::object, Tape> forward_of(Network& network, nb::handle x) {
    return std::visit(
        [&]<class T>(BasicMlp<T>& net) {
            Steps<T>& steps = network.steps<T>();
            nb::object tape = tape_for<T>(network, steps, rows_of<T>(x, "x"));
            const Pass<T>& pass = nb::cast<Tape&>(tape).pass<T>();
            const MatrixView<const T> rows = pass.x.view();
            {
                const Turn turn(steps.mutex, work_of(net.architecture(), rows.rows()));
                steps.product(net, std::max<std::size_t>(1, rows.rows())).forward(net, rows, pass.yhat->view());
            }
            return nb::borrow<nb::typed<nb::object, Tape>>(tape);
        },
        network.net());
}

/// One weight a row, in the network's precision; nothing where there are none. What makes no mean is refused by the
/// library.
template <class T>
std::vector<T> weights_of(nb::handle given, std::size_t rows) {
    if (given.is_none()) {
        return {};
    }
    const nb::object convert = nb::module_::import_("handgrad._arrays").attr("weights");
    const auto numbers = nb::cast<Numbers<T>>(convert(given, std::is_same_v<T, float> ? "float32" : "float64"));
    if (numbers.shape(0) != rows) {
        throw Error(ErrorKind::usage, "weights: one number for each of the " + std::to_string(rows) +
                                          " rows is needed, not " + std::to_string(numbers.shape(0)));
    }
    const std::span<const T> all = view(numbers);
    return {all.begin(), all.end()};
}

/// Loss and gradient of the rows of a tape by the kernels that fuse the loss with the output, the gradient in
/// steps.latest.
template <class T>
double fused(const Tape& tape, Steps<T>& steps, const Pass<T>& pass, const LossFunction& function, nb::handle y,
             nb::handle row_weights) {
    const auto& net = std::get<BasicMlp<T>>(*tape.memory());
    const RowsBuffer<T> targets = rows_of<T>(y, "y");
    check_domain<T>(function, targets.view());
    const MatrixView<const T> x = pass.x.view();
    const std::vector<T> weights = weights_of<T>(row_weights, x.rows());
    const Turn turn(steps.mutex, 3 * work_of(net.architecture(), x.rows()));
    return steps.loss(net, function, x.rows(), !weights.empty())(net, x, targets.view(), steps.latest, weights);
}

std::uint64_t next_number() {
    static std::uint64_t number = 0;
    return ++number;
}

std::pair<double, nb::any> loss_on_tape(Tape& tape, const LossFunction& function, nb::handle y,
                                        nb::handle row_weights) {
    return tape.visit([&]<class T>(const Pass<T>& pass) -> std::pair<double, nb::any> {
        std::shared_ptr<Steps<T>> steps = pass.steps.lock();
        if (steps == nullptr) {  // the network's object is gone; its numbers are not
            steps = std::make_shared<Steps<T>>(std::get<BasicMlp<T>>(*tape.memory()));
        }
        const double value = fused(tape, *steps, pass, function, y, row_weights);
        const std::uint64_t number = next_number();
        steps->latest_of = number;
        auto* derivative =
            new LossDerivative{nb::find(&tape), nb::borrow(y), nb::borrow(row_weights), function, number};
        return {value, any(nb::cast(derivative, nb::rv_policy::take_ownership))};
    });
}

/// Of ŷ that no tape stands behind: loss and ∂l/∂ŷ as Eq. (3), (11) and Table 5 write them.
template <class T>
std::pair<double, nb::any> loss_of_array(const LossFunction& function, const RowsBuffer<T>& yhat, nb::handle y,
                                         nb::handle row_weights, const Conventions& conventions) {
    const RowsBuffer<T> targets = rows_of<T>(y, "y");
    check_domain<T>(function, targets.view());
    const std::size_t rows = yhat.view().rows(), K = yhat.view().columns();
    TapeLayer<T> output{
        Activation::identity, {.kink = conventions.kink}, conventions, Matrix<T>(rows, K), Matrix<T>(rows, K)};
    TapeLayer<T> doutput = output;
    for (std::size_t i = 0; i < rows; ++i) {
        std::ranges::copy(yhat.view().row(i), output.a.row(i).begin());
        std::ranges::copy(yhat.view().row(i), output.z.row(i).begin());
    }
    const double value = handgrad::loss<T>(function, output, targets.view(), doutput, weights_of<T>(row_weights, rows));
    const NewArray<T> derivative = new_array<T>({rows, K});
    std::ranges::copy(doutput.a.values(), derivative.data);
    return {value, derivative.array};
}

std::pair<double, nb::any> loss_of(const std::string& name, nb::handle output, nb::handle y, nb::handle row_weights,
                                   double huber_delta, double quantile, const std::string& convention) {
    const LossFunction function = loss_named(name, huber_delta, quantile);
    const auto found = tapes().find(output.ptr());
    if (found != tapes().end()) {
        return loss_on_tape(*found->second, function, y, row_weights);
    }
    const RowsBuffer<float> in_float(output);
    if (in_float.there()) {
        return loss_of_array(function, in_float, y, row_weights, conventions_named(convention));
    }
    return loss_of_array(function, rows_of<double>(output, "output"), y, row_weights, conventions_named(convention));
}

/// Raises Error(usage) where the network's weights, or the rows, are no longer those of the pass forward: what is
/// computed from them would belong to another loss.
template <class T>
void require_weights_of(const Tape& tape, const Pass<T>& pass) {
    auto& net = std::get<BasicMlp<T>>(*tape.memory());
    const MatrixView<const T> x = pass.x.view();
    Matrix<T> again(x.rows(), net.outputs());
    VectorJacobian<T>(net, std::max<std::size_t>(1, x.rows())).forward(net, x, again.view());
    const std::span<const T> then = pass.yhat->values(), now = again.values();
    if (std::memcmp(then.data(), now.data(), now.size_bytes()) != 0) {
        throw Error(ErrorKind::usage,
                    "dy: the network's weights or its input have changed since forward() was called; look at dy "
                    "(np.asarray(dy)) before the step");
    }
}

/// ∂l/∂ŷ as an array, rows × K.
nb::any array_of(LossDerivative& derivative) {
    if (derivative.array.is_valid()) {
        return derivative.array;
    }
    const auto& tape = nb::cast<Tape&>(derivative.tape);
    derivative.array = tape.visit([&]<class T>(const Pass<T>& pass) {
        const auto& net = std::get<BasicMlp<T>>(*tape.memory());
        const RowsBuffer<T> targets = rows_of<T>(derivative.y, "y");
        const MatrixView<const T> x = pass.x.view();
        require_weights_of<T>(tape, pass);
        BasicTape<T> forward_tape(net, x.rows()), backward_tape(net, x.rows());
        handgrad::forward(net, x, forward_tape);
        handgrad::loss<T>(derivative.function, forward_tape.output(), targets.view(), backward_tape.output(),
                          weights_of<T>(derivative.row_weights, x.rows()));
        const NewArray<T> result = new_array<T>({x.rows(), net.outputs()});
        std::ranges::copy(backward_tape.output().a.values(), result.data);
        return result.array;
    });
    return derivative.array;
}

/// z and a of every layer, for those who want to look at them: by the plain loops, which are what the derivation is
/// read from.
List layers_of(const Tape& tape) {
    return tape.visit([&]<class T>(const Pass<T>& pass) {
        const auto& net = std::get<BasicMlp<T>>(*tape.memory());
        const MatrixView<const T> x = pass.x.view();
        BasicTape<T> whole(net, x.rows());
        handgrad::forward(net, x, whole);
        List result;
        for (std::size_t l = 0; l < whole.layers(); ++l) {
            const NewArray<T> z = new_array<T>({x.rows(), whole.layer(l).z.columns()});
            const NewArray<T> a = new_array<T>({x.rows(), whole.layer(l).a.columns()});
            std::ranges::copy(whole.layer(l).z.values(), z.data);
            std::ranges::copy(whole.layer(l).a.values(), a.data);
            result.append(nb::make_tuple(z.array, a.array));
        }
        return result;
    });
}

template <class T>
void add(std::span<const T> from, std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] += from[i];
    }
}

/// From ∂l/∂ŷ given as numbers: its gradient, and ∂l/∂x where it is wanted.
template <class T>
nb::any backward_given(Network& network, const Pass<T>& pass, nb::handle dy, bool want_inputs) {
    auto& net = std::get<BasicMlp<T>>(network.net());
    const RowsBuffer<T> given = rows_of<T>(dy, "dy");
    const MatrixView<const T> x = pass.x.view();
    Steps<T>& steps = network.steps<T>();
    Matrix<T> yhat(x.rows(), net.outputs());
    NewArray<T> dx{any(nb::none()), nullptr};
    MatrixView<T> inputs;
    if (want_inputs) {
        dx = new_array<T>({x.rows(), net.inputs()});
        inputs = MatrixView<T>(dx.data, x.rows(), net.inputs());
    }
    {
        const Turn turn(steps.mutex, 3 * work_of(net.architecture(), x.rows()));
        steps.latest_of = 0;
        steps.product(net, x.rows())(net, x, given.view(), yhat.view(), steps.latest, inputs);
        add<T>(std::as_const(steps.latest).parameters(), steps.sum().parameters());
    }
    return dx.array;
}

template <class T>
void backward_fused(const Tape& tape, Steps<T>& steps, const Pass<T>& pass, const LossDerivative& derivative) {
    if (steps.latest_of != derivative.number) {  // another loss was computed since
        require_weights_of<T>(tape, pass);
        fused(tape, steps, pass, derivative.function, derivative.y, derivative.row_weights);
        steps.latest_of = derivative.number;
    }
    const Turn turn(steps.mutex, 0);
    add<T>(std::as_const(steps.latest).parameters(), steps.sum().parameters());
}

nb::any backward_of(Network& network, const Tape& tape, nb::handle dy, bool want_inputs) {
    if (tape.memory() != network.memory()) {
        throw Error(ErrorKind::usage, "backward: the tape is that of another network");
    }
    return tape.visit([&]<class T>(const Pass<T>& pass) -> nb::any {
        network.steps<T>().last_weight = static_cast<double>(pass.x.view().rows());
        LossDerivative* named = nullptr;
        if (!nb::try_cast(dy, named) || named == nullptr) {
            return backward_given(network, pass, dy, want_inputs);
        }
        if (&nb::cast<Tape&>(named->tape) != &tape) {
            throw Error(ErrorKind::usage, "backward: dy is the derivative of the loss of another tape");
        }
        if (want_inputs) {
            return backward_given(network, pass, array_of(*named), true);
        }
        backward_fused(tape, network.steps<T>(), pass, *named);
        return any(nb::none());
    });
}

/// An optimizer with what it remembers of the network that it has stepped.
class Stepper {
public:
    Stepper(const std::string& kind, const Dict& settings) {
        SettingValues values = setting_values(settings);
        values["optimizer"] = kind;
        try {
            apply_settings(options_, values, "optimizer");
        } catch (const Error& error) {
            throw Error(ErrorKind::usage, error.what());
        }
        check(options_);
    }

    void step(nb::handle network_object, double learning_rate) {
        auto& network = nb::cast<Network&>(network_object);
        std::visit([&]<class T>(BasicMlp<T>& net) { move(network, net, learning_rate); }, network.net());
    }
    [[nodiscard]] std::size_t steps() const {
        return std::visit(
            [&]<class O>(const O& o) -> std::size_t {
                if constexpr (std::is_same_v<O, std::monostate>) {
                    return taken_ ? taken_->count.steps : 0;
                } else {
                    return o.steps();
                }
            },
            optimizer_);
    }

    /// What it remembers; None before the first step.
    [[nodiscard]] std::optional<OptimizerState> state() const {
        if (net_ == nullptr) {
            return taken_;
        }
        return std::visit([&]<class T>(const BasicMlp<T>& net) { return state_of(net); }, *net_);
    }
    /// Goes on from there with the network that is stepped next.
    void take(const OptimizerState& state) { taken_ = state; }

private:
    template <class T>
    std::optional<OptimizerState> state_of(const BasicMlp<T>& net) const {
        const auto& optimizer = std::get<Optimizer<T>>(optimizer_);
        OptimizerState result{.moments = {}, .count = optimizer.count()};
        for (const std::span<const T> numbers : {optimizer.first_state(), optimizer.second_state()}) {
            if (!numbers.empty()) {
                BasicMlp<T> moment = BasicMlp<T>::zeros_like(net);
                std::ranges::copy(numbers, moment.parameters().begin());
                result.moments.emplace_back(std::move(moment));
            }
        }
        return result;
    }

    template <class T>
    Optimizer<T>& optimizer_for(const BasicMlp<T>& net) {
        auto& optimizer =
            optimizer_.template emplace<Optimizer<T>>(net, options_, taken_ ? taken_->count : StepCount{});
        if (taken_) {
            const std::span<T> states[] = {optimizer.first_state(), optimizer.second_state()};
            for (std::size_t i = 0; i < taken_->moments.size(); ++i) {
                const auto* moment = std::get_if<BasicMlp<T>>(&taken_->moments[i].net());
                if (moment == nullptr || moment->architecture().sizes != net.architecture().sizes) {
                    optimizer_ = {};
                    throw Error(
                        ErrorKind::usage,
                        "optimizer: what it remembers is that of a network of other sizes, or of another dtype");
                }
                std::ranges::copy(moment->parameters(), states[i].begin());
            }
            taken_.reset();
        }
        return optimizer;
    }

    template <class T>
    void move(Network& network, BasicMlp<T>& net, double learning_rate) {
        auto* optimizer = std::get_if<Optimizer<T>>(&optimizer_);
        if (optimizer == nullptr || net_ != network.memory()) {
            if (net_ != nullptr) {
                throw Error(ErrorKind::usage,
                            "optimizer: it remembers the steps of another network; make one for each");
            }
            optimizer = &optimizer_for(net);
            net_ = network.memory();
        }
        Steps<T>& steps = network.steps<T>();
        const Turn turn(steps.mutex, net.parameters().size());
        const double alpha = penalty_strength(options_);
        if (alpha == 0.0) {
            optimizer->update(net, steps.sum(), learning_rate);
            return;
        }
        if (steps.last_weight == 0.0) {
            throw Error(ErrorKind::usage, "optimizer: weight_decay needs a gradient, and backward was not called yet");
        }
        BasicMlp<T> gradient = steps.sum();
        penalty(net, alpha, steps.last_weight, &gradient);
        optimizer->update(net, gradient, learning_rate);
    }

    OptimizerOptions options_;
    std::optional<OptimizerState> taken_;
    std::shared_ptr<AnyMlp> net_;
    std::variant<std::monostate, Optimizer<float>, Optimizer<double>> optimizer_;
};

Dict gradients_of(Network& network) {
    return std::visit([&]<class T>(BasicMlp<T>&) { return arrays_of(network.steps<T>().gradient); }, network.net());
}

/// Under each parameter's name an array (rows, *shape).
template <class T>
Dict row_gradients_of(Network& network, const Rows<T>& x, const Rows<T>& y, const std::string& loss, double huber_delta,
                      double quantile) {
    if (!std::holds_alternative<BasicMlp<T>>(network.net())) {
        throw nb::type_error("the arrays have not the dtype of the network");
    }
    auto& net = std::get<BasicMlp<T>>(network.net());
    const std::size_t rows = x.shape(0);
    Dict result;
    std::vector<std::pair<T*, std::size_t>> places;  // where each parameter's rows begin, and how many numbers each has
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t out = net.weight(l).rows(), in = net.weight(l).columns();
        const NewArray<T> weight = new_array<T>({rows, out, in}), bias = new_array<T>({rows, out});
        result[weight_name(l).c_str()] = weight.array;
        result[bias_name(l).c_str()] = bias.array;
        places.emplace_back(weight.data, out * in);
        places.emplace_back(bias.data, out);
    }
    {
        const nb::gil_scoped_release others_may_run;
        LossGradient<T> gradient_of(net, loss_named(loss, huber_delta, quantile), 1);
        BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
        for (std::size_t row = 0; row < rows; ++row) {
            gradient_of(net, view(x).rows_from(row, 1), view(y).rows_from(row, 1), gradient);
            auto from = std::as_const(gradient).parameters().begin();
            for (const auto& [data, numbers] : places) {
                std::copy_n(from, numbers, data + row * numbers);
                from += static_cast<std::ptrdiff_t>(numbers);
            }
        }
    }
    return result;
}

void zero_gradients_of(Network& network) {
    std::visit([&]<class T>(BasicMlp<T>&) { std::ranges::fill(network.steps<T>().sum().parameters(), T(0)); },
               network.net());
}

}  // namespace

template struct Steps<float>;
template struct Steps<double>;

void bind_steps(nb::module_& m) {
    nb::class_<Tape>(m, "Tape", "What a pass forward leaves for the pass backward.")
        .def_prop_ro("output", &Tape::output, "The outputs, (rows, outputs); read-only.")
        .def_prop_ro("layers", &layers_of, "z and a of every layer, each (rows, width), computed when asked for.");
    nb::class_<LossDerivative>(m, "LossDerivative", "The derivative of a named loss by the outputs.")
        .def("array", &array_of, "The numbers, (rows, outputs).");
    nb::class_<Stepper>(m, "Stepper", "An optimizer with what it remembers.")
        .def(nb::init<const std::string&, const Dict&>(), nb::arg("kind"), nb::arg("settings"))
        .def("step", &Stepper::step, nb::arg("network"), nb::arg("learning_rate"))
        .def_prop_ro("steps", &Stepper::steps)
        .def("state", &Stepper::state)
        .def("take", &Stepper::take, nb::arg("state"));
    m.def("forward", &forward_of, nb::arg("network"), nb::arg("x"));
    m.def("loss", &loss_of, nb::arg("name"), nb::arg("output"), nb::arg("y"), nb::arg("weights") = nb::none(),
          nb::arg("huber_delta") = 1.0, nb::arg("quantile") = 0.5, nb::arg("convention") = "handgrad");
    m.def("backward", &backward_of, nb::arg("network"), nb::arg("tape"), nb::arg("dy"), nb::arg("inputs") = false);
    m.def("gradients", &gradients_of, nb::arg("network"));
    const auto bind_row_gradients = [&]<class T>(T /*number*/) {
        m.def("row_gradients", &row_gradients_of<T>, nb::arg("network"), nb::arg("x").noconvert(),
              nb::arg("y").noconvert(), nb::arg("loss"), nb::arg("huber_delta"), nb::arg("quantile"));
    };
    bind_row_gradients(0.0F);
    bind_row_gradients(0.0);
    m.def("zero_gradients", &zero_gradients_of, nb::arg("network"));
}

}  // namespace handgrad::python
