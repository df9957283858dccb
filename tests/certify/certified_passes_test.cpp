// The certificate on the plain passes, over networks on which every broken formula of tools/mutate.py shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/nn/passes.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::certify {
namespace {

/// Gradient and ∂ŷ/∂x by forward(), loss(), backward() and jacobian().
ClaimedDerivatives<float> plain_derivatives(const Mlp& net, const LossFunction& function, const Dataset& data) {
    ClaimedDerivatives<float> claimed{Mlp::zeros_like(net), Matrix<float>(data.rows(), net.outputs() * net.inputs())};
    Tape tape(net, data.rows()), dtape(net, data.rows());
    forward(net, data.x, tape);
    loss(function, tape.output(), data.y, dtape.output());
    backward(net, tape, dtape, claimed.gradient);
    for (std::size_t row = 0; row < data.rows(); ++row) {
        jacobian(net, tape, row, {claimed.jacobians.row(row).data(), net.outputs(), net.inputs()});
    }
    return claimed;
}

/// Seven rows; x is 0 in one, so that z₁ = b⁽¹⁾ = 0 for the first unit, and far out in another, where σ saturates.
Certificate certificate_of(Activation f, Activation g, Loss kind) {
    Mlp net = Mlp::random({.sizes = {4, 4, 3}, .hidden = f, .output = g}, 3);
    Draw draw(5, 0);
    for (std::size_t l = 0; l < 2; ++l) {
        draw.fill(net.bias(l), -1.0, 1.0);
    }
    net.bias(0)[0] = 0.0F;
    Dataset data{draw.matrix<float>(7, 4, -1.0, 1.0), Matrix<float>(7, 3), {}};
    std::ranges::fill(data.x.row(2), 0.0F);
    for (std::size_t j = 0; j < 4; ++j) {
        data.x(5, j) = net.weight(0)(1, j) > 0.0F ? -90.0F : 90.0F;
    }
    std::ranges::generate(data.y.values(), [&] { return draw.coin() ? 0.0F : 1.0F; });
    return certify(net, kind, data, plain_derivatives(net, kind, data));
}

TEST(CertifiedPasses, AreAllPassed) {
    using enum Activation;
    for (const auto& [f, g, kind] :
         {std::tuple(relu, identity, Loss::squared_error), std::tuple(sigmoid, sigmoid, Loss::squared_error),
          std::tuple(sigmoid, sigmoid, Loss::binary_cross_entropy),
          std::tuple(tanh, softmax, Loss::binary_cross_entropy)}) {
        const Certificate certificate = certificate_of(f, g, kind);
        EXPECT_EQ(certificate.verdict, Verdict::pass) << name(f) << " " << name(g) << " " << name(kind);
        for (const CertifiedTensor& tensor : certificate.parameters) {
            if (tensor.judgement.verdict == Verdict::fail) {
                std::cout << "FAIL " << tensor.name << ": " << tensor.factor << "\n";
            }
        }
    }
}

}  // namespace
}  // namespace handgrad::certify
