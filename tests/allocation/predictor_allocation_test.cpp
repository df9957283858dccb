// What the predictor must not do while it predicts: allocate.
#include <gtest/gtest.h>

#include "handgrad/nn/predictor.hpp"
#include "tests/support/counted_allocations.hpp"
#include "tests/support/networks.hpp"

namespace handgrad {
namespace {

TEST(Allocations, AreCounted) {
    const std::size_t before = allocations();
    const Matrix<float> some(2, 3);
    EXPECT_GT(allocations(), before);
}

TEST(Predictor, CallsAllocateNothing) {
    for (const std::size_t width : {32, 3000}) {  // scratch on the stack, and kept by the thread
        const Predictor predictor(drawn_net<float>(Draw(1), {.sizes = {10, width, 4}}));
        const Matrix<float> x = Draw(2).matrix<float>(200, 10, -2.0, 2.0), v = Draw(3).matrix<float>(200, 4, -2.0, 2.0);
        Matrix<float> yhat(200, 4), J(200, 40), one_J(4, 10), v_J(200, 10), J_u(200, 4);
        std::size_t before = 0;
        for (int i = 0; i < 2; ++i) {
            before = allocations();
            predictor.predict(x.row(0), yhat.row(0));
            predictor.predict(x, yhat);
            predictor.jacobian(x.row(0), yhat.row(0), one_J);
            predictor.jacobian(x, yhat, J);
            predictor.vector_jacobian(x, v, yhat, v_J);
            predictor.jacobian_vector(x, x, yhat, J_u);
        }
        EXPECT_EQ(allocations(), before) << width;
    }
}

TEST(Predictor, SecondDerivativesAllocateNothing) {
    for (const std::size_t width : {32, 1000}) {
        const Predictor predictor(drawn_net<float>(Draw(1), {.sizes = {10, width, 9, 4}, .hidden = Activation::tanh}),
                                  {}, Differentiable::twice);
        const Matrix<float> x = Draw(2).matrix<float>(200, 10, -2.0, 2.0), v = Draw(3).matrix<float>(200, 4, -2.0, 2.0);
        Matrix<float> yhat(200, 4), H(200, 400), weighted(200, 100), H_u(200, 10);
        std::size_t before = 0;
        for (int i = 0; i < 2; ++i) {
            before = allocations();
            predictor.hessian(x.row(0), yhat.row(0), H.row(0));
            predictor.hessian(x, yhat, H);
            predictor.weighted_hessian(x, v, yhat, weighted);
            predictor.hessian_vector(x, v, x, yhat, H_u);
        }
        EXPECT_EQ(allocations(), before) << width;
    }
}

}  // namespace
}  // namespace handgrad
