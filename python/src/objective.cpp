// The loss as a function of all parameters, with its gradient: what a minimiser of somebody else's asks for.
#include <algorithm>
#include <optional>

#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/passes.hpp"
#include "python/src/network.hpp"
#include "python/src/settings.hpp"

namespace handgrad::python {
namespace {

/// Eq. (3) or Table 5 over all rows, penalty included, in double.
class Objective {
public:
    Objective(const Network& network, const Rows<double>& x, const Rows<double>& y,
              const std::optional<Numbers<double>>& weights, const Dict& settings, std::size_t threads)
        : options_(train_options(settings, threads)),
          net_(std::visit([](const auto& net) { return convert<double>(net); }, network.net())),
          gradient_(BasicMlp<double>::zeros_like(net_)),
          data_{copy(x), copy(y), {}},
          loss_gradient_(net_, options_.loss, data_.rows(), weights.has_value(), options_.execution) {
        if (weights) {
            const std::span<const double> numbers = view(*weights);
            data_.weights.assign(numbers.begin(), numbers.end());
        }
    }

    /// Loss and gradient at these parameters, in the order of the network's own.
    std::pair<double, nb::any> operator()(const Numbers<double>& parameters) {
        if (parameters.size() != net_.parameters().size()) {
            throw Error(ErrorKind::usage, "the parameters are not as many as the network has");
        }
        std::ranges::copy(view(parameters), net_.parameters().begin());
        const NewArray<double> result = new_array<double>({parameters.size()});
        double loss = 0.0;
        {
            const nb::gil_scoped_release others_may_run;
            loss = loss_gradient_(net_, data_.x, data_.y, gradient_, data_.weights);
            loss += penalty(net_, penalty_strength(options_.optimizer), data_.total_weight(), &gradient_);
            std::ranges::copy(gradient_.parameters(), result.data);
        }
        return {loss, result.array};
    }

private:
    TrainOptions options_;
    BasicMlp<double> net_, gradient_;
    BasicDataset<double> data_;
    LossGradient<double> loss_gradient_;
};

}  // namespace

void bind_objective(nb::module_& m) {
    nb::class_<Objective>(m, "Objective", "The loss as a function of all parameters, with its gradient.")
        .def(nb::init<const Network&, const Rows<double>&, const Rows<double>&, const std::optional<Numbers<double>>&,
                      const Dict&, std::size_t>(),
             nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(),
             nb::arg("weights").noconvert().none(), nb::arg("settings"), nb::arg("threads"))
        .def("__call__", &Objective::operator(), nb::arg("parameters").noconvert());
}

}  // namespace handgrad::python
