// What a gradient that was made for its largest batch must not do while it is called: allocate.
#include <gtest/gtest.h>

#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/vector_jacobian.hpp"
#include "tests/support/counted_allocations.hpp"
#include "tests/support/networks.hpp"

namespace handgrad {
namespace {

TEST(Engine, GradientsAndVectorJacobiansAllocateNothing) {
    const Mlp net = drawn_net<float>(Draw(1), {.sizes = {10, 40, 24, 4}});
    const Matrix<float> x = Draw(2).matrix<float>(600, 10, -2.0, 2.0), y = Draw(3).matrix<float>(600, 4, -2.0, 2.0);
    Matrix<float> yhat(600, 4), dl_dx(600, 10);
    Mlp grad = Mlp::zeros_like(net);
    LossGradient<float> gradient(net, Loss::squared_error, 600, false, {.threads = 1});
    VectorJacobian<float> product(net, 600, {.threads = 1});
    std::size_t before = 0;
    for (int i = 0; i < 2; ++i) {
        before = allocations();
        gradient(net, x, y, grad);
        product.forward(net, x, yhat);
        product(net, x, y, yhat, grad, dl_dx);
        product(net, x.view().rows_from(0, 3), y.view().rows_from(0, 3), yhat.view().rows_from(0, 3), grad);
    }
    EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace handgrad
