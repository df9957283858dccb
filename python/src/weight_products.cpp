// Derivatives by the weights for Python: the Jacobian of the outputs by all parameters, and products.
#include "handgrad/nn/weight_products.hpp"

#include <algorithm>
#include <optional>

#include "handgrad/base/error.hpp"
#include "python/src/lookups.hpp"
#include "python/src/network.hpp"

namespace handgrad::python {
namespace {

/// Of the parameters as they are now.
template <class T>
class Products {
public:
    explicit Products(Network& network) : net_(net_of(network)), products_(net_) {}

    nb::any jacobian(const Rows<T>& x) {
        const std::size_t rows = x.shape(0), K = net_.outputs(), P = net_.parameters().size();
        const NewArray<T> result = new_array<T>({rows, K, P});
        {
            const nb::gil_scoped_release others_may_run;
            products_.jacobian(net_, view(x), MatrixView<T>(result.data, rows * K, P));
        }
        return result.array;
    }
    nb::any along(const Rows<T>& x, const Numbers<T>& v, bool twice) {
        const BasicMlp<T> direction = direction_of(v);
        const NewArray<T> result = new_array<T>({x.shape(0), net_.outputs()});
        {
            const nb::gil_scoped_release others_may_run;
            const MatrixView<T> to(result.data, x.shape(0), net_.outputs());
            if (twice) {
                products_.along_twice(net_, view(x), direction, to);
            } else {
                products_.along(net_, view(x), direction, to);
            }
        }
        return result.array;
    }
    nb::any transposed(const Rows<T>& x, const Rows<T>& u) {
        return sum([&](BasicMlp<T>& result) { products_.transposed(net_, view(x), view(u), result); });
    }
    nb::any of_loss(const LossFunction& loss, const Rows<T>& x, const Rows<T>& y, const Numbers<T>& v,
                    const std::optional<Numbers<T>>& weights, bool gauss_newton) {
        const BasicMlp<T> direction = direction_of(v);
        const LabelledRows<T> rows{
            .x = view(x), .y = view(y), .weights = weights ? view(*weights) : std::span<const T>()};
        return sum([&](BasicMlp<T>& result) {
            if (gauss_newton) {
                products_.gauss_newton(loss, net_, rows, direction, result);
            } else {
                products_.hessian(loss, net_, rows, direction, result);
            }
        });
    }

private:
    static const BasicMlp<T>& net_of(Network& network) {
        if (!std::holds_alternative<BasicMlp<T>>(network.net())) {
            throw nb::type_error("the arrays have not the dtype of the network");
        }
        return std::get<BasicMlp<T>>(network.net());
    }
    BasicMlp<T> direction_of(const Numbers<T>& v) const {
        BasicMlp<T> direction = BasicMlp<T>::zeros_like(net_);
        if (v.shape(0) != direction.parameters().size()) {
            throw Error(ErrorKind::usage, "v has " + std::to_string(v.shape(0)) + " numbers, the network has " +
                                              std::to_string(direction.parameters().size()) + " parameters");
        }
        std::ranges::copy(view(v), direction.parameters().begin());
        return direction;
    }
    template <class Product>
    nb::any sum(const Product& product) {
        BasicMlp<T> result = BasicMlp<T>::zeros_like(net_);
        {
            const nb::gil_scoped_release others_may_run;
            product(result);
        }
        const NewArray<T> numbers = new_array<T>({result.parameters().size()});
        std::ranges::copy(result.parameters(), numbers.data);
        return numbers.array;
    }

    const BasicMlp<T>& net_;
    WeightProducts<T> products_;
};

template <class T>
void bind(nb::module_& m) {
    m.def(
        "parameter_jacobian", [](Network& network, const Rows<T>& x) { return Products<T>(network).jacobian(x); },
        nb::arg("network"), nb::arg("x").noconvert());
    m.def(
        "parameter_along",
        [](Network& network, const Rows<T>& x, const Numbers<T>& v, bool twice) {
            return Products<T>(network).along(x, v, twice);
        },
        nb::arg("network"), nb::arg("x").noconvert(), nb::arg("v").noconvert(), nb::arg("twice"));
    m.def(
        "parameter_transposed",
        [](Network& network, const Rows<T>& x, const Rows<T>& u) { return Products<T>(network).transposed(x, u); },
        nb::arg("network"), nb::arg("x").noconvert(), nb::arg("u").noconvert());
    m.def(
        "loss_product",
        [](Network& network, const Rows<T>& x, const Rows<T>& y, const Numbers<T>& v,
           const std::optional<Numbers<T>>& weights, const std::string& loss, double huber_delta, double quantile,
           bool gauss_newton) {
            return Products<T>(network).of_loss(loss_named(loss, huber_delta, quantile), x, y, v, weights,
                                                gauss_newton);
        },
        nb::arg("network"), nb::arg("x").noconvert(), nb::arg("y").noconvert(), nb::arg("v").noconvert(),
        nb::arg("weights").noconvert().none(), nb::arg("loss"), nb::arg("huber_delta"), nb::arg("quantile"),
        nb::arg("gauss_newton"));
}

}  // namespace

void bind_weight_products(nb::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace handgrad::python
