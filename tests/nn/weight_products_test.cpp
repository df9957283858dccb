// Products with derivatives by the weights on the kernels: against the plain loops, which are tested against the
// complex step; bits that no thread and no instruction set moves; what is refused.
#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "handgrad/nn/plain_products.hpp"
#include "handgrad/nn/weight_products.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/weight_products.hpp"

namespace handgrad {
namespace {

using witness::Directed;

/// All products of a problem in T.
template <class T>
struct Products {
    Matrix<T> jacobian, along, along_twice, row_gradients;
    BasicMlp<T> transposed, gauss_newton, hessian;

    [[nodiscard]] std::vector<std::span<const T>> all() const {
        return {jacobian.values(),      along.values(),          along_twice.values(),
                row_gradients.values(), transposed.parameters(), gauss_newton.parameters(),
                hessian.parameters()};
    }
};

/// The numbers of a problem in T.
template <class T>
struct Numbers {
    explicit Numbers(const Directed& d)
        : function(d.function),
          net(convert<T>(d.net)),
          v(BasicMlp<T>::zeros_like(net)),
          x(convert<T>(d.x)),
          y(convert<T>(d.y)),
          u(convert<T>(d.u)),
          weights(d.weights.begin(), d.weights.end()) {
        for (std::size_t p = 0; p < d.v.size(); ++p) {
            v.parameters()[p] = static_cast<T>(d.v[p]);
        }
    }
    [[nodiscard]] Products<T> empty() const {
        const std::size_t N = x.rows(), K = net.outputs(), P = net.parameters().size();
        return {.jacobian = {N * K, P},
                .along = {N, K},
                .along_twice = {N, K},
                .row_gradients = {N, P},
                .transposed = BasicMlp<T>::zeros_like(net),
                .gauss_newton = BasicMlp<T>::zeros_like(net),
                .hessian = BasicMlp<T>::zeros_like(net)};
    }
    [[nodiscard]] Products<T> by_kernels(const Execution& execution) const {
        Products<T> p = empty();
        WeightProducts<T> products(net, execution);
        const LabelledRows<T> rows{.x = x, .y = y, .weights = weights};
        products.jacobian(net, x, p.jacobian);
        products.along(net, x, v, p.along);
        products.along_twice(net, x, v, p.along_twice);
        products.transposed(net, x, u, p.transposed);
        products.row_gradients(function, net, rows, p.row_gradients);
        products.gauss_newton(function, net, rows, v, p.gauss_newton);
        products.hessian(function, net, rows, v, p.hessian);
        return p;
    }
    [[nodiscard]] Products<T> by_plain_loops() const {
        Products<T> p = empty();
        const plain::WeightedRows<T> rows{.x = x, .y = y, .weights = weights};
        const std::span<const T> direction = v.parameters();
        plain::parameter_jacobian<T>(net, x, p.jacobian);
        plain::along<T>(net, x, direction, p.along);
        plain::along_twice<T>(net, x, direction, p.along_twice);
        plain::transposed<T>(net, x, u, p.transposed.parameters());
        plain::row_gradients<T>(function, net, rows, p.row_gradients);
        plain::gauss_newton_product<T>(function, net, rows, direction, p.gauss_newton.parameters());
        plain::hessian_product<T>(function, net, rows, direction, p.hessian.parameters());
        return p;
    }
    LossFunction function;
    BasicMlp<T> net, v;
    Matrix<T> x, y, u;
    std::vector<T> weights;
};

template <class T>
bool same(std::span<const T> a, std::span<const T> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}
template <class T>
std::vector<double> doubles(std::span<const T> numbers) {
    return {numbers.begin(), numbers.end()};
}

template <class T>
class WeightProductsOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(WeightProductsOf, Scalars);

TYPED_TEST(WeightProductsOf, RowsHaveTheBitsOfThePlainLoopsAndSumsTheirNumbers) {
    using T = TypeParam;
    const double rounding = sizeof(T) == sizeof(float) ? 2e-6 : 4e-15;
    for (const Directed& d : witness::directed_losses()) {
        SCOPED_TRACE(described(d.net.architecture()) + " " + std::string(name(d.function.kind)));
        const Numbers<T> numbers(d);
        const Products<T> kernels = numbers.by_kernels({}), loops = numbers.by_plain_loops();
        EXPECT_TRUE(same<T>(kernels.jacobian.values(), loops.jacobian.values()));
        EXPECT_TRUE(same<T>(kernels.along.values(), loops.along.values()));
        EXPECT_TRUE(same<T>(kernels.along_twice.values(), loops.along_twice.values()));
        EXPECT_TRUE(same<T>(kernels.row_gradients.values(), loops.row_gradients.values()));
        for (std::size_t i = 4; i < kernels.all().size(); ++i) {
            witness::expect_near(doubles(kernels.all()[i]), doubles(loops.all()[i]), rounding);
        }
    }
}

TYPED_TEST(WeightProductsOf, ThreadsAndInstructionSetsMoveNoBit) {
    using T = TypeParam;
    std::uint64_t seed = 300;
    for (const std::size_t rows : {1U, 15U, 21U, 256U, 2100U}) {
        for (const Architecture& shape :
             {Architecture{.sizes = {3, 9, 7, 2}, .hidden = Activation::tanh},
              Architecture{.sizes = {5, 6, 3}, .hidden = Activation::silu, .output = Activation::softmax},
              Architecture{.sizes = {2, 33, 1}, .hidden = Activation::gelu, .output = Activation::sigmoid}}) {
            SCOPED_TRACE(described(shape));
            const Numbers<T> numbers(witness::directed(shape, Loss::squared_error, rows, ++seed));
            const Products<T> expected = numbers.by_kernels({.threads = 1, .simd = SimdLevel::scalar});
            for (const SimdLevel level : witness::available_levels()) {
                for (const std::size_t threads : {1U, 3U}) {
                    const Products<T> products = numbers.by_kernels({.threads = threads, .simd = level});
                    for (std::size_t i = 0; i < expected.all().size(); ++i) {
                        EXPECT_TRUE(same<T>(expected.all()[i], products.all()[i])) << name(level) << " " << i;
                    }
                }
            }
        }
    }
}

/// A change here is a change of what every user gets: it needs a line in CHANGELOG.md and in docs/numerics.md.
TYPED_TEST(WeightProductsOf, BitsAreThoseOfTheTable) {
    using T = TypeParam;
    struct Golden {
        std::vector<std::size_t> sizes;
        Activation hidden, output;
        std::uint64_t in_float, in_double;
    };
    using enum Activation;
    const std::vector<Golden> goldens{
        {{2, 12, 12, 1}, tanh, identity, 0x8c9ffa33ec1e66afU, 0x916bb929c78fab95U},
        {{5, 33, 17}, silu, softmax, 0x581ba67874f12b48U, 0x3b22ba0ff906c1f7U},
        {{4, 9, 8, 7, 3}, gelu, sigmoid, 0xdfddbdc123b4ed41U, 0x368fe9f227107282U},
        {{3, 5}, tanh, exp, 0x29ae3dc5ada10c73U, 0x78e726b832cac9beU},
    };
    for (const Golden& golden : goldens) {
        const Architecture shape{.sizes = golden.sizes, .hidden = golden.hidden, .output = golden.output};
        const Numbers<T> numbers(witness::directed(shape, Loss::squared_error, 600, 4));
        const Products<T> products = numbers.by_kernels({});
        std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
        for (const std::span<const T> part : products.all()) {
            for (const T number : part) {
                const auto bits = std::bit_cast<typename math::Bits<T>::Integer>(number);
                for (std::size_t byte = 0; byte < sizeof bits; ++byte) {
                    hash = (hash ^ ((bits >> (8 * byte)) & 0xffU)) * 0x100000001b3U;
                }
            }
        }
        EXPECT_EQ(hash, sizeof(T) == sizeof(float) ? golden.in_float : golden.in_double)
            << described(shape) << " 0x" << std::hex << hash;
    }
}

TEST(WeightProducts, HessianOfThePenaltyIsItsGradientAtTheDirection) {
    for (const Penalty kind : {Penalty::weights, Penalty::all_parameters, Penalty::weights_per_row}) {
        Architecture shape{.sizes = {3, 5, 2}, .hidden = Activation::tanh};
        shape.conventions.penalty = kind;
        const Directed d = witness::directed(shape, Loss::squared_error, 5, 9);
        const Numbers<double> numbers(d);
        BasicMlp<double> product = BasicMlp<double>::zeros_like(d.net);
        WeightProducts<double> products(d.net);
        products.hessian(d.function, d.net, {.x = d.x, .y = d.y}, numbers.v, product);
        penalty(numbers.v, 0.3, 5.0, &product);
        BasicMlp<witness::Complex> grad = BasicMlp<witness::Complex>::zeros_like(witness::moved(d));
        plain::penalty<witness::Complex>(witness::moved(d), 0.3, 5.0, &grad);
        std::vector<double> expected = witness::complex_step_hessian_product(d);
        for (std::size_t p = 0; p < expected.size(); ++p) {
            expected[p] += grad.parameters()[p].imag() / witness::tiny;
        }
        witness::expect_near(product.parameters(), expected, 1e-12);
    }
}

TEST(WeightProducts, RefuseWhatDoesNotFit) {
    const Directed d = witness::directed({.sizes = {3, 5, 2}, .hidden = Activation::tanh}, Loss::squared_error, 4, 2);
    WeightProducts<double> products(d.net);
    Matrix<double> narrow(4, 1), J(8, 31);
    BasicMlp<double> other = BasicMlp<double>::zeros({.sizes = {3, 4, 2}, .hidden = Activation::tanh});
    BasicMlp<double> v = BasicMlp<double>::zeros_like(d.net), result = v;
    const auto text = [](auto call) { return message_of(ErrorKind::usage, call); };
    EXPECT_EQ(text([&] { products.jacobian(d.net, d.x, J); }),
              "WeightProducts::jacobian: result has 31 columns, the network has as parameters 32");
    EXPECT_EQ(text([&] { products.along(d.net, d.x, other, narrow); }),
              "WeightProducts::along: v has not the sizes of the network; make it by BasicMlp::zeros_like");
    EXPECT_EQ(text([&] { products.along_twice(d.net, d.x, v, narrow); }),
              "WeightProducts::along_twice: result has 1 column, the network puts out 2");
    EXPECT_EQ(text([&] { products.transposed(other, d.x, d.u, result); }),
              "WeightProducts::transposed: net has another architecture than the network that this was made for");
    EXPECT_NE(text([&] { products.hessian(d.function, d.net, {.x = d.x, .y = d.y}, v, v); }), "");
    EXPECT_NE(text([&] { products.hessian(d.function, d.net, {.x = d.x, .y = narrow}, v, result); }), "");
    const std::vector<double> zeros(4);
    EXPECT_NE(
        text([&] { products.gauss_newton(d.function, d.net, {.x = d.x, .y = d.y, .weights = zeros}, v, result); }), "");
}

}  // namespace
}  // namespace handgrad
