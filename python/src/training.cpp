// Training for Python: epochs of mini-batch steps over rows that stay here, with the interpreter's lock released.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/trainer.hpp"
#include "python/src/lookups.hpp"
#include "python/src/network.hpp"
#include "python/src/optimizer_state.hpp"
#include "python/src/settings.hpp"

namespace handgrad::python {
namespace {

template <class T>
struct Run {
    Run(BasicDataset<T> rows, BasicDataset<T> judges, TrainState<T> from, const TrainOptions& options)
        : data(std::make_unique<BasicDataset<T>>(std::move(rows))),
          validation(std::make_unique<BasicDataset<T>>(std::move(judges))),
          trainer(std::move(from), *data, options, validation->rows() > 0 ? validation.get() : nullptr) {}

    std::unique_ptr<BasicDataset<T>> data, validation;  // the trainer refers to them
    Trainer<T> trainer;
};

/// Rows to learn from, or to judge by.
template <class T>
BasicDataset<T> dataset(const Rows<T>& x, const Rows<T>& y, const std::optional<Numbers<T>>& weights) {
    const std::size_t rows = x.shape(0);
    if (y.shape(0) != rows || (weights && weights->shape(0) != rows)) {
        throw Error(ErrorKind::usage, "x has " + std::to_string(rows) + " rows; y and the weights must have as many");
    }
    BasicDataset<T> data{copy(x), copy(y), {}};
    if (weights) {
        const std::span<const T> numbers = view(*weights);
        data.weights.assign(numbers.begin(), numbers.end());
    }
    return data;
}

/// Rows and how to learn from them; advanced by an epoch at a time.
class Training {
public:
    template <class T>
    Training(const Network& network, const Rows<T>& x, const Rows<T>& y, const std::optional<Numbers<T>>& weights,
             const Dict& settings, const OptimizerState* from, std::size_t threads,
             const std::optional<std::pair<Rows<T>, Rows<T>>>& validation) {
        if (!std::holds_alternative<BasicMlp<T>>(network.net())) {
            throw nb::type_error("the arrays have not the dtype of the network");
        }
        const TrainOptions options = train_options(settings, threads);
        check_domain(options.loss, view(y));
        TrainState<T> state{.net = std::get<BasicMlp<T>>(network.net()), .moments = {}, .count = {}};
        if (options.early_stopping.value_or(0) > 0) {
            state.best = state.net;
        }
        if (from != nullptr) {
            for (const Network& moment : from->moments) {
                state.moments.push_back(std::get<BasicMlp<T>>(moment.net()));
            }
            state.count = from->count;
        }
        BasicDataset<T> judges;
        if (validation) {
            judges = dataset<T>(validation->first, validation->second, std::nullopt);
            if (judges.rows() == 0) {
                throw Error(ErrorKind::usage, "validation: there is no row to judge by");
            }
        }
        run_.emplace<Run<T>>(dataset(x, y, weights), std::move(judges), std::move(state), options);
    }

    /// An epoch in that order at that rate: its loss. Raises what a signal's handler raises, KeyboardInterrupt as a
    /// rule, between two batches; Diverged.
    double advance(const std::optional<Numbers<std::int64_t>>& order, double rate) {
        std::vector<std::size_t> rows;
        if (order) {
            rows.assign(order->data(), order->data() + order->size());
        }
        return epoch({.order = rows, .learning_rate = rate}).loss;
    }

    /// The next epoch as the settings say: its number, loss, loss on the validation rows (NaN without) and rate.
    std::tuple<std::size_t, double, double, double> next() {
        const EpochReport report = epoch({});
        return {report.epoch, report.loss, report.validation_loss, report.learning_rate};
    }

    /// Why there is no epoch to come: a name of Stopped, or None.
    [[nodiscard]] std::optional<std::string> done() const {
        std::optional<Stopped> why;
        visit([&]<class T>(const Run<T>& run) { why = run.trainer.done(); });
        if (!why) {
            return std::nullopt;
        }
        return std::string(name(*why));
    }
    [[nodiscard]] std::size_t best_epoch() const {
        std::size_t best = 0;
        visit([&]<class T>(const Run<T>& run) { best = run.trainer.best_epoch(); });
        return best;
    }

    /// How many there will be at most.
    [[nodiscard]] std::size_t epochs() const {
        std::size_t epochs = 0;
        visit([&]<class T>(const Run<T>& run) { epochs = run.trainer.epochs(); });
        return epochs;
    }

    /// How often the loss was computed by a solver that sees all rows at once; 0 by others.
    [[nodiscard]] std::size_t evaluations() const { return evaluations_; }

    /// All epochs that are done, each as next() told it.
    [[nodiscard]] std::vector<std::tuple<std::size_t, double, double, double>> history() const {
        std::vector<std::tuple<std::size_t, double, double, double>> epochs;
        visit([&]<class T>(const Run<T>& run) {
            for (const EpochLosses& each : run.trainer.state().history) {
                epochs.emplace_back(each.epoch, each.loss, each.validation_loss, each.learning_rate);
            }
        });
        return epochs;
    }

    /// The weights that the training has to give: with early stopping those of the best epoch.
    void store_result(Network& network) const {
        visit([&]<class T>(const Run<T>& run) {
            std::ranges::copy(run.trainer.result().parameters(),
                              std::get<BasicMlp<T>>(network.net()).parameters().begin());
        });
    }

    /// The weights as they are now, copied into a network.
    void store(Network& network) const {
        visit([&]<class T>(const Run<T>& run) {
            std::ranges::copy(run.trainer.net().parameters(),
                              std::get<BasicMlp<T>>(network.net()).parameters().begin());
        });
    }

    [[nodiscard]] OptimizerState optimizer() const {
        OptimizerState result;
        visit([&]<class T>(const Run<T>& run) {
            TrainState<T> state = run.trainer.state();
            for (BasicMlp<T>& moment : state.moments) {
                result.moments.emplace_back(std::move(moment));
            }
            result.count = state.count;
        });
        return result;
    }

private:
    EpochReport epoch(const EpochPlan& plan) {
        std::optional<EpochReport> report;
        {
            const nb::gil_scoped_release others_may_run;
            report = std::visit(
                [&]<class R>(R& run) -> std::optional<EpochReport> {
                    if constexpr (std::is_same_v<R, std::monostate>) {
                        return {};
                    } else {
                        return run.trainer.advance(signalled, plan);
                    }
                },
                run_);
        }
        if (!report) {
            throw nb::python_error();
        }
        if (report->progress) {
            evaluations_ = report->progress->evaluations;
        }
        return *report;
    }

    template <class Visitor>
    void visit(Visitor&& visitor) const {
        if (const auto* in_float = std::get_if<Run<float>>(&run_)) {
            visitor(*in_float);
        } else if (const auto* in_double = std::get_if<Run<double>>(&run_)) {
            visitor(*in_double);
        }
    }

    std::variant<std::monostate, Run<float>, Run<double>> run_;
    std::size_t evaluations_ = 0;
};

template <class T>
void make(Training* self, const Network& network, const Rows<T>& x, const Rows<T>& y,
          const std::optional<Numbers<T>>& weights, const Dict& settings, const OptimizerState* from,
          std::size_t threads, const std::optional<std::pair<Rows<T>, Rows<T>>>& validation) {
    new (self) Training(network, x, y, weights, settings, from, threads, validation);
}

/// The loss at ŷ = y, which is 0 for those of a residual.
double least_value(Loss kind, double target) {
    return handgrad::visit(kind, [&](auto loss) {
        if constexpr (requires { loss.value(target, target); }) {
            return loss.value(target, target);
        } else {
            return 0.0;
        }
    });
}

/// The mean over the rows of the least that the loss can be, at ŷ = y: what tools leave out or add to theirs.
double least_loss(const std::string& name, const Rows<double>& y, const std::optional<Numbers<double>>& weights) {
    const Loss kind = loss_named(name).kind;
    double sum = 0.0, total = 0.0;
    for (std::size_t i = 0; i < y.shape(0); ++i) {
        const double weight = weights ? weights->data()[i] : 1.0;
        for (const double target : view(y).row(i)) {
            sum += weight * least_value(kind, target);
        }
        total += weight;
    }
    return sum / total;
}

/// Moments, and the count.
using Pickled = std::tuple<List, std::size_t, double, double>;

}  // namespace

void bind_training(nb::module_& m) {
    nb::class_<OptimizerState>(m, "OptimizerState", "What an optimizer remembers between two steps.")
        .def_prop_ro("steps", [](const OptimizerState& self) { return self.count.steps; })
        .def("__getstate__",
             [](const OptimizerState& self) {
                 List moments;
                 for (const Network& moment : self.moments) {
                     moments.append(nb::cast(Network(moment.net())));
                 }
                 return Pickled(moments, self.count.steps, self.count.beta1_power, self.count.beta2_power);
             })
        .def("__setstate__", [](OptimizerState& self, const Pickled& state) {
            new (&self) OptimizerState{};
            for (const nb::handle moment : std::get<0>(state)) {
                self.moments.emplace_back(nb::cast<const Network&>(moment).net());
            }
            self.count = {
                .steps = std::get<1>(state), .beta1_power = std::get<2>(state), .beta2_power = std::get<3>(state)};
        });
    nb::class_<Training>(m, "Training", "Rows and how to learn from them.")
        .def("__init__", &make<float>, nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(),
             nb::arg("weights").noconvert().none(), nb::arg("settings"), nb::arg("optimizer").none(),
             nb::arg("threads"), nb::arg("validation").noconvert() = nb::none())
        .def("__init__", &make<double>, nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(),
             nb::arg("weights").noconvert().none(), nb::arg("settings"), nb::arg("optimizer").none(),
             nb::arg("threads"), nb::arg("validation").noconvert() = nb::none())
        .def("advance", &Training::advance, nb::arg("order").noconvert().none(), nb::arg("rate"))
        .def("next", &Training::next)
        .def("done", &Training::done)
        .def_prop_ro("best_epoch", &Training::best_epoch)
        .def_prop_ro("epochs", &Training::epochs)
        .def_prop_ro("evaluations", &Training::evaluations)
        .def("history", &Training::history)
        .def("store_result", &Training::store_result, nb::arg("network"))
        .def("store", &Training::store, nb::arg("network"))
        .def("optimizer", &Training::optimizer);
    m.def("least_loss", &least_loss, nb::arg("loss"), nb::arg("y").noconvert(), nb::arg("weights").noconvert().none());
}

}  // namespace handgrad::python
