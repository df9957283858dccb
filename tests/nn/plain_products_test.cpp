// Products with derivatives by the weights, as plain loops: each against the complex step, for all activations and
// losses, at any depth.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "handgrad/nn/plain_products.hpp"
#include "tests/support/weight_products.hpp"

namespace handgrad {
namespace {

using witness::Complex;
using witness::Directed;

TEST(PlainProducts, L3_ParameterJacobianIsTheComplexStep) {
    for (const Directed& d : witness::directed_networks()) {
        SCOPED_TRACE(described(d.net.architecture()));
        const Matrix<double> expected = witness::complex_step_jacobian(d);
        Matrix<double> J(expected.rows(), expected.columns());
        plain::parameter_jacobian<double>(d.net, d.x, J);
        witness::expect_near(J.values(), expected.values(), 1e-12);
    }
}

TEST(PlainProducts, L1_L4_AlongAndTransposedAreProductsWithTheJacobian) {
    for (const Directed& d : witness::directed_networks()) {
        SCOPED_TRACE(described(d.net.architecture()));
        const Matrix<double> J = witness::complex_step_jacobian(d);
        std::vector<double> Jv(J.rows()), JTu(J.columns());
        for (std::size_t i = 0; i < J.rows(); ++i) {
            for (std::size_t p = 0; p < J.columns(); ++p) {
                Jv[i] += J(i, p) * d.v[p];
                JTu[p] += J(i, p) * d.u.values()[i];
            }
        }
        Matrix<double> along(d.x.rows(), d.net.outputs());
        plain::along<double>(d.net, d.x, d.v, along);
        witness::expect_near(along.values(), Jv, 1e-12);
        std::vector<double> transposed(J.columns());
        plain::transposed<double>(d.net, d.x, d.u, transposed);
        witness::expect_near(transposed, JTu, 1e-12);
    }
}

TEST(PlainProducts, L2_SecondDerivativeAlongADirectionIsTheComplexStepOfTheFirst) {
    for (const Directed& d : witness::directed_networks()) {
        SCOPED_TRACE(described(d.net.architecture()));
        Matrix<double> twice(d.x.rows(), d.net.outputs());
        plain::along_twice<double>(d.net, d.x, d.v, twice);
        witness::expect_near(twice.values(), witness::complex_step_along_twice(d), 1e-11);
    }
}

TEST(PlainProducts, L6_L7_HessianProductIsTheComplexStepOfTheGradient) {
    for (const Directed& d : witness::directed_losses()) {
        SCOPED_TRACE(described(d.net.architecture()) + " " + std::string(name(d.function.kind)));
        std::vector<double> product(d.v.size());
        plain::hessian_product<double>(d.function, d.net, {.x = d.x, .y = d.y, .weights = d.weights}, d.v, product);
        witness::expect_near(product, witness::complex_step_hessian_product(d), 1e-11);
    }
}

TEST(PlainProducts, L5_GaussNewtonProductIsThatOfJacobianAndTheLossesSecondDerivative) {
    for (const Directed& d : witness::directed_losses()) {
        SCOPED_TRACE(described(d.net.architecture()) + " " + std::string(name(d.function.kind)));
        std::vector<double> product(d.v.size());
        plain::gauss_newton_product<double>(d.function, d.net, {.x = d.x, .y = d.y, .weights = d.weights}, d.v,
                                            product);
        witness::expect_near(product, witness::complex_step_gauss_newton(d), 1e-11);
    }
}

TEST(PlainProducts, RowGradientsAddUpToTheGradient) {
    for (const Directed& d : witness::directed_losses()) {
        SCOPED_TRACE(described(d.net.architecture()) + " " + std::string(name(d.function.kind)));
        Matrix<double> each(d.x.rows(), d.v.size());
        plain::row_gradients<double>(d.function, d.net, {.x = d.x, .y = d.y}, each);
        const std::vector<double> shares = witness::row_shares(d);
        std::vector<double> sum(d.v.size());
        for (std::size_t r = 0; r < d.x.rows(); ++r) {
            for (std::size_t p = 0; p < sum.size(); ++p) {
                sum[p] += shares[r] * each(r, p);
            }
        }
        witness::expect_near(sum, witness::gradient(d), 1e-12);
    }
}

}  // namespace
}  // namespace handgrad
