// The public edge: every function of the network broken in every argument raises Error(usage) that names both.
#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/math/two_layer.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/nn/vector_jacobian.hpp"

namespace handgrad {
namespace {

/// A call that must be refused, and what the message begins with: function, argument and cause. It points to the call,
/// which lives to the end of the statement: a std::function for each of some hundred took longer to compile than all
/// else.
struct Mistake {
    template <class Call>
    Mistake(std::string begin, const Call& made)
        : begins(std::move(begin)), call(&made), run([](const void* what) { (*static_cast<const Call*>(what))(); }) {}
    std::string begins;
    const void* call;
    void (*run)(const void* call);
};

void expect_refused(std::initializer_list<Mistake> mistakes) {
    for (const Mistake& mistake : mistakes) {
        try {
            mistake.run(mistake.call);
            ADD_FAILURE() << "not refused: " << mistake.begins;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage) << mistake.begins;
            EXPECT_EQ(std::string_view(error.what()).substr(0, mistake.begins.size()), mistake.begins);
        }
    }
}

/// A network 4-5-3 and all that its functions ask for, 2 rows of it. Right calls come first in each test, so that only
/// the one argument which a mistake is about can be what is refused.
template <class T>
struct Setup {
    static constexpr std::size_t rows = 2, n = 4, K = 3;
    BasicMlp<T> net = BasicMlp<T>::random({.sizes = {n, 5, K}}, 1);
    BasicMlp<T> other = BasicMlp<T>::random({.sizes = {n, 6, K}}, 1);
    BasicMlp<T> deeper = BasicMlp<T>::random({.sizes = {n, 5, 5, K}}, 1);
    BasicMlp<T> nothing;
    BasicMlp<T> grad = BasicMlp<T>::zeros_like(net);
    BasicMlp<T> wrong_grad = BasicMlp<T>::zeros_like(other);
    Matrix<T> x{rows, n}, y{rows, K}, yhat{rows, K}, z{rows, K}, u{rows, n}, J{rows, K*n}, one_J{K, n};
    Matrix<T> wide{rows, n + 1}, wide_y{rows, K + 1}, more{rows + 1, n}, more_y{rows + 1, K};
    std::vector<T> weights{T(1), T(2)}, more_weights{T(1), T(2), T(3)};
    std::vector<T> shared = std::vector<T>(4 * rows * K * n);  ///< for views that share numbers
    T* const null = nullptr;
};

template <class T>
class Edges : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Edges, Types);

TYPED_TEST(Edges, ViewsAndMatrices) {
    using T = TypeParam;
    Setup<T> s;
    using View = MatrixView<T>;
    const View view = s.x;
    const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2;
    EXPECT_EQ(view.rows_from(1, 1).rows(), 1U);
    EXPECT_EQ(View(nullptr, 0, 3).columns(), 3U);
    expect_refused({
        {"view: data is null", [&] { View(nullptr, 1, 3); }},
        {"view: stride is 2, but a row has 3 numbers", [&] { View(view.data(), 1, 3, 2); }},
        {"view: rows are", [&] { View(view.data(), huge, 4); }},
        {"view: rows are", [&] { Matrix<T>(huge, 4); }},
        {"rows_from: first has 3 rows before it, the view has 2", [&] { (void)view.rows_from(3, 0); }},
        {"rows_from: count has 2 rows, the view has from there on 1", [&] { (void)view.rows_from(1, 2); }},
        {"rows_from: count has", [&] { (void)view.rows_from(1, std::numeric_limits<std::size_t>::max()); }},
    });
}

TYPED_TEST(Edges, NetworksAndTapes) {
    using T = TypeParam;
    Setup<T> s;
    BasicMlp<T>& net = s.net;
    const BasicMlp<T>& constant = net;
    BasicTape<T> tape(net, 2);
    const BasicTape<T>& constant_tape = tape;
    EXPECT_EQ(s.nothing.layers() + s.nothing.inputs() + s.nothing.outputs(), 0U);
    EXPECT_TRUE(BasicMlp<T>::zeros_like(s.nothing).parameters().empty());
    expect_refused({
        {"weight: layer is 2, but there are 2 layers", [&] { (void)net.weight(2); }},
        {"weight: layer", [&] { (void)constant.weight(2); }},
        {"bias: layer", [&] { (void)net.bias(2); }},
        {"bias: layer", [&] { (void)constant.bias(2); }},
        {"weight: layer is 0, but there are 0 layers", [&] { (void)s.nothing.weight(0); }},
        {"activation: layer", [&] { (void)net.architecture().activation(2); }},
        {"network: needs", [&] { (void)BasicMlp<T>::zeros({}); }},
        {"network: needs", [&] { (void)BasicMlp<T>::random({}, 1); }},
        {"tape: net has no layers", [&] { BasicTape<T>(s.nothing, 2); }},
        {"set_rows: rows has 3 rows, the tape was made for 2", [&] { tape.set_rows(3); }},
        {"set_input: x has 3 rows, the tape was made for 2", [&] { tape.set_input(s.more); }},
        {"set_input: x has 5 columns, the network takes 4", [&] { tape.set_input(s.wide); }},
        {"layer: l is 2, but there are 2 layers", [&] { (void)tape.layer(2); }},
        {"layer: l", [&] { (void)constant_tape.layer(2); }},
    });
}

TYPED_TEST(Edges, ForwardAndJacobian) {
    using T = TypeParam;
    Setup<T> s;
    const BasicMlp<T>& net = s.net;
    const Matrix<T>& x = s.x;
    BasicTape<T> tape(net, 2), other_tape(s.other, 2), deeper_tape(s.deeper, 2), fresh(net, 2);
    forward(net, x, tape);
    jacobian(net, tape, 1, s.one_J);
    BasicTape<T> cut = tape;
    cut.layer(0).a = Matrix<T>(1, 5);
    const auto of_tape = [&](Matrix<T>& m, std::size_t r, std::size_t c) {
        return MatrixView<T>(m.values().data(), r, c, 0 + c);
    };
    // A tape so large that x and ∂ŷ/∂x fit into one of its layers.
    BasicTape<T> large(net, 8);
    forward(net, x, large);
    Matrix<T>& inside = large.layer(0).z;
    expect_refused({
        {"forward: net has no layers", [&] { forward(s.nothing, x, tape); }},
        {"forward: x has 5 columns, the network takes 4", [&] { forward(net, s.wide, tape); }},
        {"forward: x has 3 rows, the tape was made for 2", [&] { forward(net, s.more, tape); }},
        {"forward: tape has 3 layers, the network has 2", [&] { forward(net, x, deeper_tape); }},
        {"forward: tape has 6 columns in a layer, the network's has 5", [&] { forward(net, x, other_tape); }},
        {"forward: tape has 1 row, needed are 2", [&] { forward(net, x, cut); }},
        {"forward: tape overlaps with x", [&] { forward(net, of_tape(inside, 2, 4), large); }},
        {"jacobian: net has no layers", [&] { jacobian(s.nothing, tape, 0, s.one_J); }},
        {"jacobian: tape has 3 layers", [&] { jacobian(net, deeper_tape, 0, s.one_J); }},
        {"jacobian: tape holds no batch", [&] { jacobian(net, fresh, 0, s.one_J); }},
        {"jacobian: row is 2, but there are 2 rows", [&] { jacobian(net, tape, 2, s.one_J); }},
        {"jacobian: result has 2 rows, the network puts out 3",
         [&] { jacobian(net, tape, 0, MatrixView<T>(s.one_J).rows_from(0, 2)); }},
        {"jacobian: result has 12 columns, the network takes 4", [&] { jacobian(net, tape, 0, s.J); }},
        {"jacobian: result overlaps with net",
         [&] { jacobian(net, tape, 0, MatrixView<T>(s.net.parameters().data(), 3, 4)); }},
        {"jacobian: result overlaps with tape", [&] { jacobian(net, large, 0, of_tape(inside, 3, 4)); }},
    });
}

TYPED_TEST(Edges, LossBackwardAndPenalty) {
    using T = TypeParam;
    Setup<T> s;
    const BasicMlp<T>& net = s.net;
    const Loss kind = Loss::squared_error;
    BasicTape<T> tape(net, 2), dtape(net, 2), small(net, 1), deeper_tape(s.deeper, 2), fresh(net, 2);
    forward(net, s.x, tape);
    loss(kind, tape.output(), s.y, dtape.output(), s.weights);
    loss_value(kind, tape.output(), s.y, s.weights);
    output_backward(tape.output(), dtape.output(), 2);
    backward(net, tape, dtape, s.grad);
    penalty(net, 0.1, 2, &s.grad);
    LossFunction no_delta(Loss::huber), no_quantile(Loss::quantile);
    no_delta.huber_delta = 0.0;
    no_quantile.quantile = 1.0;
    TapeLayer<T> torn = tape.output();
    torn.z = Matrix<T>(1, 3);
    for (const bool derivatives : {true, false}) {
        const std::string place = derivatives ? "loss: " : "loss_value: ";
        const auto call = [&, derivatives](const LossFunction& function, const TapeLayer<T>& output,
                                           MatrixView<const T> y, std::span<const T> w) {
            if (derivatives) {
                loss(function, output, y, dtape.output(), w);
            } else {
                loss_value(function, output, y, w);
            }
        };
        const std::span<const T> null_weights(s.null, 2);
        expect_refused({
            {place + "huber_delta = 0", [=, &s, &tape] { call(no_delta, tape.output(), s.y, {}); }},
            {place + "quantile = 1", [=, &s, &tape] { call(no_quantile, tape.output(), s.y, {}); }},
            {place + "y has 2 rows, the output layer has 1", [=, &s] { call(kind, torn, s.y, {}); }},
            {place + "y has 4 columns, the output layer has 3",
             [=, &s, &tape] { call(kind, tape.output(), s.wide_y, {}); }},
            {place + "y has 3 rows, the output layer has 2",
             [=, &s, &tape] { call(kind, tape.output(), s.more_y, {}); }},
            {place + "row_weights has 3 numbers, rows there are 2",
             [=, &s, &tape] { call(kind, tape.output(), s.y, s.more_weights); }},
            {place + "row_weights is null", [=, &s, &tape] { call(kind, tape.output(), s.y, null_weights); }},
        });
    }
    const auto output_loss = [&](TapeLayer<T>& doutput, MatrixView<const T> y) {
        loss(kind, tape.output(), y, doutput);
    };
    expect_refused({
        {"loss: doutput has 1 row, needed are 2", [&] { output_loss(small.output(), s.y); }},
        {"loss: doutput has 5 columns, the output layer has 3", [&] { output_loss(dtape.layer(0), s.y); }},
        {"loss: doutput overlaps with output", [&] { output_loss(tape.output(), s.y); }},
        {"loss: doutput overlaps with y", [&] { output_loss(dtape.output(), dtape.output().a); }},
        {"output_backward: rows has 3 rows", [&] { output_backward(tape.output(), dtape.output(), 3); }},
        {"output_backward: rows has 2 rows, the output layer has 1", [&] { output_backward(torn, dtape.output(), 2); }},
        {"output_backward: doutput has 1 row", [&] { output_backward(tape.output(), small.output(), 2); }},
        {"output_backward: doutput has 5 columns", [&] { output_backward(tape.output(), dtape.layer(0), 2); }},
        {"output_backward: doutput overlaps with output", [&] { output_backward(tape.output(), tape.output(), 2); }},
        {"backward: net has no layers", [&] { backward(s.nothing, tape, dtape, s.grad); }},
        {"backward: tape has 3 layers", [&] { backward(net, deeper_tape, dtape, s.grad); }},
        {"backward: tape holds no batch", [&] { backward(net, fresh, dtape, s.grad); }},
        {"backward: dtape has 3 layers", [&] { backward(net, tape, deeper_tape, s.grad); }},
        {"backward: dtape has 1 row, needed are 2", [&] { backward(net, tape, small, s.grad); }},
        {"backward: dtape overlaps with tape", [&] { backward(net, tape, tape, s.grad); }},
        {"backward: grad has not the sizes", [&] { backward(net, tape, dtape, s.wrong_grad); }},
        {"backward: grad is the network itself", [&] { backward(net, tape, dtape, s.net); }},
        {"penalty: net has no layers", [&] { penalty(s.nothing, 0.1, 2, &s.grad); }},
        {"penalty: alpha = -0.1", [&] { penalty(net, -0.1, 2, &s.grad); }},
        {"penalty: alpha = nan", [&] { penalty(net, std::nan(""), 2, &s.grad); }},
        {"penalty: total_weight = 0.000000 must be above 0", [&] { penalty(net, 0.1, 0, &s.grad); }},
        {"penalty: grad has not the sizes", [&] { penalty(net, 0.1, 2, &s.wrong_grad); }},
        {"penalty: grad is the network itself", [&] { penalty(net, 0.1, 2, &s.net); }},
    });
}

TYPED_TEST(Edges, PredictorOfOneRow) {
    using T = TypeParam;
    Setup<T> s;
    using Row = std::span<T>;
    using ConstRow = std::span<const T>;
    const BasicPredictor<T> predictor(s.net);
    const BasicPredictor<T> plain(s.net, {}, Differentiable::no);
    const ConstRow x = std::as_const(s.x).row(0);
    const Row yhat = s.yhat.row(0);
    T* const at = s.shared.data();
    predictor.predict(x, yhat);
    predictor.jacobian(x, yhat, s.one_J);
    // Right beside each other is not overlapping, on either side.
    predictor.predict(ConstRow(at, 4), Row(at + 4, 3));
    predictor.predict(ConstRow(at + 3, 4), Row(at, 3));
    const ConstRow null_x(s.null, 4);
    const Row null_yhat(s.null, 3);
    expect_refused({
        {"predictor: net has no layers", [&] { BasicPredictor<T>(s.nothing); }},
        {"predict: x has 3 numbers, the network takes 4", [&] { predictor.predict(x.first(3), yhat); }},
        {"predict: yhat has 2 numbers, the network puts out 3", [&] { predictor.predict(x, yhat.first(2)); }},
        {"predict: x is null", [&] { predictor.predict(null_x, yhat); }},
        {"predict: yhat is null", [&] { predictor.predict(x, null_yhat); }},
        {"predict: x is null", [&] { predictor.predict(null_x, null_yhat); }},
        {"predict: yhat overlaps with x", [&] { predictor.predict(ConstRow(at, 4), Row(at + 3, 3)); }},
        {"predict: yhat overlaps with x", [&] { predictor.predict(ConstRow(at + 2, 4), Row(at, 3)); }},
        {"predict: yhat overlaps with x", [&] { predictor.predict(ConstRow(at, 4), Row(at, 3)); }},
        {"jacobian: predictor was made with Differentiable::no", [&] { plain.jacobian(x, yhat, s.one_J); }},
        {"jacobian: x has 3 numbers", [&] { predictor.jacobian(x.first(3), yhat, s.one_J); }},
        {"jacobian: x is null", [&] { predictor.jacobian(null_x, yhat, s.one_J); }},
        {"jacobian: yhat has 2 numbers", [&] { predictor.jacobian(x, yhat.first(2), s.one_J); }},
        {"jacobian: yhat is null", [&] { predictor.jacobian(x, null_yhat, s.one_J); }},
        {"jacobian: J has 0 columns, the network takes 4", [&] { predictor.jacobian(x, yhat, MatrixView<T>()); }},
        {"jacobian: J has 2 rows, the network puts out 3",
         [&] { predictor.jacobian(x, yhat, MatrixView<T>(s.one_J).rows_from(0, 2)); }},
        {"jacobian: J overlaps with x",
         [&] { predictor.jacobian(ConstRow(at + 11, 4), yhat, MatrixView<T>(at, 3, 4)); }},
        {"jacobian: J overlaps with yhat", [&] { predictor.jacobian(x, Row(at + 11, 3), MatrixView<T>(at, 3, 4)); }},
    });
}

TYPED_TEST(Edges, PredictorOfManyRows) {
    using T = TypeParam;
    Setup<T> s;
    using View = MatrixView<T>;
    const BasicPredictor<T> predictor(s.net);
    const BasicPredictor<T> plain(s.net, {}, Differentiable::no);
    const Matrix<T>&x = s.x, &v = s.y, &u = s.u;
    const View yhat = s.yhat, z = s.z, J = s.J;
    Matrix<T> v_J(2, 4), J_u(2, 3);
    predictor.predict(x, yhat);
    predictor.predict(x, z, yhat);
    predictor.jacobian(x, yhat, J);
    predictor.jacobian(x, z, yhat, J);
    predictor.vector_jacobian(x, v, yhat, v_J);
    predictor.jacobian_vector(x, u, yhat, J_u);
    // Columns of one table lie between each other without overlapping, whatever their strides.
    T* const at = s.shared.data();
    predictor.predict(View(at, 2, 4, 7), View(at + 4, 2, 3, 7));
    predictor.predict(View(at, 2, 4, 14), View(at + 4, 2, 3, 5));
    const View short_yhat = yhat.rows_from(0, 1), short_v_J = View(v_J).rows_from(0, 1);
    const auto overlapping = [&](std::size_t from, std::size_t to) { return View(at + from, 2, to); };
    expect_refused({
        {"predict: x has 5 columns, the network takes 4", [&] { predictor.predict(s.wide, yhat); }},
        {"predict: yhat has 4 columns, the network puts out 3", [&] { predictor.predict(x, s.wide_y); }},
        {"predict: yhat has 1 row, x has 2", [&] { predictor.predict(x, short_yhat); }},
        {"predict: yhat overlaps with x", [&] { predictor.predict(overlapping(0, 4), overlapping(7, 3)); }},
        {"predict: yhat overlaps with x", [&] { predictor.predict(View(at, 2, 4, 7), View(at + 4, 2, 3, 6)); }},
        {"predict: z has 1 row, x has 2", [&] { predictor.predict(x, z.rows_from(0, 1), yhat); }},
        {"predict: z has 4 columns", [&] { predictor.predict(x, s.wide_y, yhat); }},
        {"predict: z overlaps with x", [&] { predictor.predict(overlapping(0, 4), overlapping(7, 3), yhat); }},
        {"predict: z overlaps with yhat", [&] { predictor.predict(x, yhat, yhat); }},
        {"jacobian: predictor was made", [&] { plain.jacobian(x, yhat, J); }},
        {"jacobian: x has 5 columns", [&] { predictor.jacobian(s.wide, yhat, J); }},
        {"jacobian: yhat has 1 row", [&] { predictor.jacobian(x, short_yhat, J); }},
        {"jacobian: J has 4 columns, outputs times inputs are 12", [&] { predictor.jacobian(x, yhat, s.one_J); }},
        {"jacobian: J has 1 row, x has 2", [&] { predictor.jacobian(x, yhat, J.rows_from(0, 1)); }},
        {"jacobian: J overlaps with x", [&] { predictor.jacobian(overlapping(0, 4), yhat, overlapping(7, 12)); }},
        {"jacobian: J overlaps with yhat", [&] { predictor.jacobian(x, overlapping(0, 3), overlapping(5, 12)); }},
        {"jacobian: z has 1 row, x has 2", [&] { predictor.jacobian(x, z.rows_from(0, 1), yhat, J); }},
        {"jacobian: z has 4 columns", [&] { predictor.jacobian(x, s.wide_y, yhat, J); }},
        {"jacobian: z overlaps with x", [&] { predictor.jacobian(overlapping(0, 4), overlapping(7, 3), yhat, J); }},
        {"jacobian: z overlaps with yhat", [&] { predictor.jacobian(x, yhat, yhat, J); }},
        {"jacobian: J overlaps with z", [&] { predictor.jacobian(x, overlapping(0, 3), yhat, overlapping(5, 12)); }},
        {"vector_jacobian: predictor was made", [&] { plain.vector_jacobian(x, v, yhat, v_J); }},
        {"vector_jacobian: x has 5 columns", [&] { predictor.vector_jacobian(s.wide, v, yhat, v_J); }},
        {"vector_jacobian: v has 4 columns", [&] { predictor.vector_jacobian(x, s.wide_y, yhat, v_J); }},
        {"vector_jacobian: v has 3 rows", [&] { predictor.vector_jacobian(x, s.more_y, yhat, v_J); }},
        {"vector_jacobian: yhat has 1 row", [&] { predictor.vector_jacobian(x, v, short_yhat, v_J); }},
        {"vector_jacobian: yhat overlaps with v", [&] { predictor.vector_jacobian(x, yhat, yhat, v_J); }},
        {"vector_jacobian: v_J has 1 row", [&] { predictor.vector_jacobian(x, v, yhat, short_v_J); }},
        {"vector_jacobian: v_J has 5 columns", [&] { predictor.vector_jacobian(x, v, yhat, s.wide); }},
        {"vector_jacobian: v_J overlaps with v",
         [&] { predictor.vector_jacobian(x, overlapping(0, 3), yhat, overlapping(5, 4)); }},
        {"vector_jacobian: v_J overlaps with x", [&] { predictor.vector_jacobian(v_J, v, yhat, v_J); }},
        {"vector_jacobian: v_J overlaps with yhat",
         [&] { predictor.vector_jacobian(x, v, overlapping(0, 3), overlapping(5, 4)); }},
        {"jacobian_vector: predictor was made", [&] { plain.jacobian_vector(x, u, yhat, J_u); }},
        {"jacobian_vector: x has 5 columns", [&] { predictor.jacobian_vector(s.wide, u, yhat, J_u); }},
        {"jacobian_vector: u has 5 columns", [&] { predictor.jacobian_vector(x, s.wide, yhat, J_u); }},
        {"jacobian_vector: u has 3 rows", [&] { predictor.jacobian_vector(x, s.more, yhat, J_u); }},
        {"jacobian_vector: yhat has 1 row", [&] { predictor.jacobian_vector(x, u, short_yhat, J_u); }},
        {"jacobian_vector: yhat overlaps with u",
         [&] { predictor.jacobian_vector(x, overlapping(0, 4), overlapping(7, 3), J_u); }},
        {"jacobian_vector: J_u has 3 rows", [&] { predictor.jacobian_vector(x, u, yhat, s.more_y); }},
        {"jacobian_vector: J_u has 4 columns", [&] { predictor.jacobian_vector(x, u, yhat, s.wide_y); }},
        {"jacobian_vector: J_u overlaps with u",
         [&] { predictor.jacobian_vector(x, overlapping(0, 4), yhat, overlapping(7, 3)); }},
        {"jacobian_vector: J_u overlaps with x",
         [&] { predictor.jacobian_vector(overlapping(0, 4), u, yhat, overlapping(7, 3)); }},
        {"jacobian_vector: J_u overlaps with yhat", [&] { predictor.jacobian_vector(x, u, yhat, yhat); }},
    });
}

TYPED_TEST(Edges, LossGradient) {
    using T = TypeParam;
    Setup<T> s;
    const BasicMlp<T>& net = s.net;
    const Loss kind = Loss::squared_error;
    LossGradient<T> gradient(net, kind, 2), weighted(net, kind, 2, true);
    gradient(net, s.x, s.y, s.grad);
    weighted(net, s.x, s.y, s.grad, s.weights);
    LossFunction no_delta(Loss::huber), no_quantile(Loss::quantile);
    no_delta.huber_delta = -1.0;
    no_quantile.quantile = 0.0;
    Architecture sigmoid = net.architecture();
    sigmoid.hidden = Activation::sigmoid;
    const BasicMlp<T> unlike = BasicMlp<T>::zeros(sigmoid);
    const std::span<const T> null_weights(s.null, 2);
    expect_refused({
        {"LossGradient: net has no layers", [&] { LossGradient<T>(s.nothing, kind, 2); }},
        {"LossGradient: huber_delta = -1", [&] { LossGradient<T>(net, no_delta, 2); }},
        {"LossGradient: quantile = 0", [&] { LossGradient<T>(net, no_quantile, 2); }},
        {"LossGradient: most_rows is 0", [&] { LossGradient<T>(net, kind, 0); }},
        {"LossGradient: net has another architecture", [&] { gradient(s.other, s.x, s.y, s.grad); }},
        {"LossGradient: net has another architecture", [&] { gradient(unlike, s.x, s.y, s.grad); }},
        {"LossGradient: x has 3 rows, it was made for 2", [&] { gradient(net, s.more, s.y, s.grad); }},
        {"LossGradient: x has 5 columns", [&] { gradient(net, s.wide, s.y, s.grad); }},
        {"LossGradient: x has no rows", [&] { gradient(net, Matrix<T>(0, 4), s.y, s.grad); }},
        {"LossGradient: y has 3 rows, x has 2", [&] { gradient(net, s.x, s.more_y, s.grad); }},
        {"LossGradient: y has 4 columns", [&] { gradient(net, s.x, s.wide_y, s.grad); }},
        {"LossGradient: grad has not", [&] { gradient(net, s.x, s.y, s.wrong_grad); }},
        {"LossGradient: grad is the network", [&] { gradient(net, s.x, s.y, s.net); }},
        {"LossGradient: row_weights has 2 numbers, it was made without any, and needed are 0",
         [&] { gradient(net, s.x, s.y, s.grad, s.weights); }},
        {"LossGradient: row_weights has 0 numbers, rows there are 2", [&] { weighted(net, s.x, s.y, s.grad); }},
        {"LossGradient: row_weights is null", [&] { weighted(net, s.x, s.y, s.grad, null_weights); }},
    });
}

// A mean needs weights that can be divided by: what a weighted sum makes of others is no loss.
TYPED_TEST(Edges, RowWeights) {
    using T = TypeParam;
    Setup<T> s;
    const BasicMlp<T>& net = s.net;
    LossGradient<T> weighted(net, Loss::squared_error, 2, true);
    BasicTape<T> tape(net, 2), dtape(net, 2);
    forward(net, s.x, tape);
    const auto refused = [&](const std::string& cause, const std::vector<T>& weights) {
        expect_refused({
            {"LossGradient: row_weights " + cause, [&] { weighted(net, s.x, s.y, s.grad, weights); }},
            {"loss: row_weights " + cause,
             [&] { loss<T>(Loss::squared_error, tape.output(), s.y, dtape.output(), weights); }},
        });
    };
    EXPECT_GT(weighted(net, s.x, s.y, s.grad, std::vector<T>{0, 2}), 0.0);
    constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
    EXPECT_GT(weighted(net, s.x, s.y, s.grad, std::vector<T>{0, least}), 0.0);
    refused("of row 1, counted from 0, is -1", {2, -1});
    refused("of row 0, counted from 0, is nan", {std::numeric_limits<T>::quiet_NaN(), 1});
    refused("of row 1, counted from 0, is inf", {1, std::numeric_limits<T>::infinity()});
    refused("have the sum 0, by which nothing can be divided", {0, 0});
    refused("have the sum ", {least / 4, least / 4});
    refused("have the sum ", {most, most});
}

TYPED_TEST(Edges, VectorJacobian) {
    using T = TypeParam;
    Setup<T> s;
    const BasicMlp<T>& net = s.net;
    const Matrix<T>&x = s.x, &dl_dyhat = s.y;
    Matrix<T>&yhat = s.yhat, &dx = s.u;
    VectorJacobian<T> product(net, 2);
    product.forward(net, x, yhat);
    product(net, x, dl_dyhat, yhat, s.grad, dx);
    product(net, x, dl_dyhat, yhat, s.grad);
    BasicMlp<T>& grad = s.grad;
    T* const at = s.shared.data();
    const auto view = [&](std::size_t from, std::size_t columns) { return MatrixView<T>(at + from, 2, columns); };
    expect_refused({
        {"VectorJacobian: net has no layers", [&] { VectorJacobian<T>(s.nothing, 2); }},
        {"VectorJacobian: most_rows is 0", [&] { VectorJacobian<T>(net, 0); }},
        {"VectorJacobian: net has another", [&] { product.forward(s.other, x, yhat); }},
        {"VectorJacobian: x has 5 columns", [&] { product.forward(net, s.wide, yhat); }},
        {"VectorJacobian: x has 3 rows", [&] { product.forward(net, s.more, yhat); }},
        {"VectorJacobian: yhat has 3 rows", [&] { product.forward(net, x, s.more_y); }},
        {"VectorJacobian: yhat overlaps with x", [&] { product.forward(net, view(0, 4), view(7, 3)); }},
        {"VectorJacobian: net has another", [&] { product(s.other, x, dl_dyhat, yhat, grad, dx); }},
        {"VectorJacobian: x has 5 columns", [&] { product(net, s.wide, dl_dyhat, yhat, grad, dx); }},
        {"VectorJacobian: x has 3 rows", [&] { product(net, s.more, dl_dyhat, yhat, grad, dx); }},
        {"VectorJacobian: x has no rows", [&] { product(net, Matrix<T>(0, 4), dl_dyhat, yhat, grad, dx); }},
        {"VectorJacobian: dl_dyhat has 4 columns", [&] { product(net, x, s.wide_y, yhat, grad, dx); }},
        {"VectorJacobian: dl_dyhat has 3 rows", [&] { product(net, x, s.more_y, yhat, grad, dx); }},
        {"VectorJacobian: yhat has 4 columns", [&] { product(net, x, dl_dyhat, s.wide_y, grad, dx); }},
        {"VectorJacobian: yhat has 3 rows", [&] { product(net, x, dl_dyhat, s.more_y, grad, dx); }},
        {"VectorJacobian: yhat overlaps with x", [&] { product(net, view(0, 4), dl_dyhat, view(7, 3), grad, dx); }},
        {"VectorJacobian: yhat overlaps with dl_dyhat", [&] { product(net, x, yhat, yhat, grad, dx); }},
        {"VectorJacobian: grad has not", [&] { product(net, x, dl_dyhat, yhat, s.wrong_grad, dx); }},
        {"VectorJacobian: grad is the network", [&] { product(net, x, dl_dyhat, yhat, s.net, dx); }},
        {"VectorJacobian: dl_dx has 5 columns", [&] { product(net, x, dl_dyhat, yhat, grad, s.wide); }},
        {"VectorJacobian: dl_dx has 3 rows", [&] { product(net, x, dl_dyhat, yhat, grad, s.more); }},
        {"VectorJacobian: dl_dx overlaps with x", [&] { product(net, dx, dl_dyhat, yhat, grad, dx); }},
        {"VectorJacobian: dl_dx overlaps with dl_dyhat", [&] { product(net, x, view(0, 3), yhat, grad, view(5, 4)); }},
        {"VectorJacobian: dl_dx overlaps with yhat", [&] { product(net, x, dl_dyhat, view(0, 3), grad, view(5, 4)); }},
    });
}

TEST(TwoLayerEdges, SizesThatDoNotFit) {
    using namespace math::two_layer;
    const Network<double> net{.W1 = {3, 4}, .b1 = Vector<double>(3), .W2 = {2, 3}, .b2 = Vector<double>(2)};
    const Vector<double> x(4), y(2), five(5);
    const Forward<double> t = forward(net, x, y);
    const Backward<double> d = backward(net, x, y, t);
    Network<double> moved = net;
    update(moved, d, 0.1);
    expect_refused({
        {"forward: x has 5 numbers, needed are 4", [&] { forward(net, five, y); }},
        {"forward: y has 5 numbers, needed are 2", [&] { forward(net, x, five); }},
        {"backward: x has 5 numbers", [&] { backward(net, five, y, t); }},
        {"backward: y has 5 numbers", [&] { backward(net, x, five, t); }},
        {"linear: v has 5 numbers", [&] { linear(net.W1, five, net.b1); }},
        {"linear: b has 5 numbers", [&] { linear(net.W1, x, five); }},
        {"product: b has 3 rows, a has columns 4", [&] { product(net.W1, net.W1); }},
        {"loss_jacobian: yhat has 5 numbers", [&] { loss_jacobian(TwoLayerLoss::squared_error, five, y); }},
    });
    const auto broken_net = [&](const std::string& name, auto member, auto value) {
        Network<double> broken = net;
        broken.*member = value;
        expect_refused({{"forward: " + name, [=] { forward(broken, x, y); }}});
        expect_refused({{"backward: " + name, [=] { backward(broken, x, y, t); }}});
    };
    broken_net("net.b1 has 5", &Network<double>::b1, five);
    broken_net("net.b2 has 5", &Network<double>::b2, five);
    broken_net("net.W2 has 1 column", &Network<double>::W2, Matrix<double>(2, 1));
    const auto broken_forward = [&](const std::string& name, auto member) {
        Forward<double> broken = t;
        broken.*member = five;
        expect_refused({{"backward: t." + name + " has 5", [=] { backward(net, x, y, broken); }}});
    };
    broken_forward("z1", &Forward<double>::z1);
    broken_forward("z2", &Forward<double>::z2);
    broken_forward("z3", &Forward<double>::z3);
    broken_forward("yhat", &Forward<double>::yhat);
    const auto broken_backward = [&](const std::string& name, auto member, auto value) {
        Backward<double> broken = d;
        broken.*member = value;
        expect_refused({{"update: d." + name + " has", [=] {
                             Network<double> copy = net;
                             update(copy, broken, 0.1);
                         }}});
    };
    broken_backward("dW1", &Backward<double>::dW1, Matrix<double>(3, 5));
    broken_backward("db1", &Backward<double>::db1, five);
    broken_backward("dW2", &Backward<double>::dW2, Matrix<double>(1, 3));
    broken_backward("db2", &Backward<double>::db2, five);
}

}  // namespace
}  // namespace handgrad
