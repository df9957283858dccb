// The five steps of training, by hand: a network with one hidden layer learns y = x1 x2 from 64 rows.
#include <cstddef>
#include <cstdio>

#include "handgrad/handgrad.hpp"

using namespace handgrad;

int main() {
    Matrix<float> x(64, 2), y(64, 1);
    for (std::size_t i = 0; i < 64; ++i) {
        x(i, 0) = static_cast<float>(i % 8) / 4 - 1;
        x(i, 1) = static_cast<float>(i / 8) / 4 - 1;
        y(i, 0) = x(i, 0) * x(i, 1);
    }

    // Step 1, build: Eq. (1), Linear -> relu -> Linear -> identity.
    Mlp net = Mlp::random({.sizes = {2, 16, 1}, .hidden = Activation::relu, .output = Activation::identity}, 0);
    Mlp grad = Mlp::zeros_like(net);
    Tape tape(net, 64), dtape(net, 64);
    Optimizer<float> sgd(net, {.kind = OptimizerKind::sgd, .learning_rate = 0.3});

    for (int epoch = 0; epoch <= 2000; ++epoch) {
        forward(net, x, tape);                                                   // step 2, Eq. (2)
        double l = loss(Loss::squared_error, tape.output(), y, dtape.output());  // step 3, Eq. (3), (11)
        grad.set_zero();
        backward(net, tape, dtape, grad);  // step 4, Table 2: zero first, then accumulate
        sgd.update(net, grad);             // step 5, Eq. (4)
        if (epoch % 500 == 0) {
            std::printf("epoch %4d  loss %.6f\n", epoch, l);
        }
    }
    std::printf("at x = (0.5, -0.5): yhat = %.3f, y = %.3f\n", tape.yhat()(22, 0), y(22, 0));
}
