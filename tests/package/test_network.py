"""The five steps from Python: the numbers of the derivation, memory that is shared, and calls that make no sense."""

import copy
import gc
import pickle
import re
import threading
import weakref

import numpy as np
import pytest

import handgrad


def rows(net, count=7, seed=1):
    rng = np.random.default_rng(seed)
    dtype = net.dtype
    x = rng.normal(size=(count, net.sizes[0])).astype(dtype)
    y = rng.uniform(0.1, 0.9, size=(count, net.sizes[-1])).astype(dtype)
    return x, y


def five_steps(net, x, y, loss):
    net.zero_gradients()
    tape = net.forward(x)
    value, dy = handgrad.loss(loss, tape.output, y)
    net.backward(tape, dy)
    return value, {name: gradient.copy() for name, gradient in net.gradients.items()}


# --- By hand, in NumPy ---------------------------------------------------------------------------------------------


def by_hand(net, x, y):
    """Loss and gradient of tanh and sigmoid with binary_cross_entropy (a mean over outputs and rows), Table 2."""
    p = net.parameters
    h = np.tanh(x @ p["linear1.weight"].T + p["linear1.bias"])
    z = h @ p["linear2.weight"].T + p["linear2.bias"]
    yhat = 1 / (1 + np.exp(-z))
    value = -np.mean(y * np.log(yhat) + (1 - y) * np.log(1 - yhat))
    d2 = (yhat - y) / y.size
    d1 = d2 @ p["linear2.weight"] * (1 - h**2)
    return value, {"linear1.weight": d1.T @ x, "linear1.bias": d1.sum(0), "linear2.weight": d2.T @ h,
                   "linear2.bias": d2.sum(0)}, d1 @ p["linear1.weight"]


@pytest.fixture
def net():
    return handgrad.Mlp([5, 8, 3], "tanh", "sigmoid", dtype="float64", seed=4)


def test_gradient_is_that_of_the_derivation(net):
    x, y = rows(net)
    value, gradient = five_steps(net, x, y, "binary_cross_entropy")
    expected, right, _ = by_hand(net, x, y)
    assert value == pytest.approx(expected, rel=1e-14)
    for name, numbers in right.items():
        np.testing.assert_allclose(gradient[name], numbers, rtol=1e-12, atol=1e-15, err_msg=name)


def test_a_derivative_of_ones_own_and_the_derivative_by_x(net):
    x, y = rows(net)
    _, right, by_x = by_hand(net, x, y)
    tape = net.forward(x)
    yhat = tape.output
    np.testing.assert_allclose(yhat, net(x), rtol=0, atol=0)
    own = (yhat - y) / (yhat * (1 - yhat)) / y.size
    inputs = net.backward(tape, own, inputs=True)
    for name, numbers in right.items():
        np.testing.assert_allclose(net.gradients[name], numbers, rtol=1e-10, atol=1e-15, err_msg=name)
    np.testing.assert_allclose(inputs, by_x, rtol=1e-10, atol=1e-15)
    # … and of a named loss, whose array is that same derivative.
    _, dy = handgrad.loss("binary_cross_entropy", yhat, y)
    np.testing.assert_allclose(dy, own, rtol=1e-10)
    np.testing.assert_allclose(2.0 * dy - dy[:], own, rtol=1e-10)
    assert dy.shape == own.shape
    net.zero_gradients()
    np.testing.assert_allclose(net.backward(tape, dy, inputs=True), by_x, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(net.gradients["linear1.weight"], right["linear1.weight"], rtol=1e-10, atol=1e-15)


def test_backward_adds_up(net):
    x, y = rows(net)
    _, once = five_steps(net, x, y, "squared_error")
    tape = net.forward(x)
    net.backward(tape, handgrad.loss("squared_error", tape.output, y)[1])
    np.testing.assert_allclose(net.gradients["linear1.weight"], 2 * once["linear1.weight"], rtol=1e-15)
    net.zero_gradients()
    assert not any(gradient.any() for gradient in net.gradients.values())


def test_losses_of_several_tapes_do_not_mix(net):
    first, second = rows(net, seed=1), rows(net, seed=2)
    _, of_first = five_steps(net, *first, "squared_error")
    net.zero_gradients()
    tapes = [net.forward(x) for x, _ in (first, second)]
    dys = [handgrad.loss("squared_error", tape.output, y)[1] for tape, (_, y) in zip(tapes, (first, second), strict=True)]
    net.backward(tapes[0], dys[0])
    np.testing.assert_array_equal(net.gradients["linear2.weight"], of_first["linear2.weight"])
    with pytest.raises(handgrad.UsageError, match="another tape"):
        net.backward(tapes[0], dys[1])


def test_outputs_that_are_kept_keep_their_numbers(net):
    x, _ = rows(net)
    kept, tapes = [], []
    for i in range(6):
        tape = net.forward(x + i)
        kept.append(tape.output)
        tapes.append(tape if i % 2 else None)
    for i, output in enumerate(kept):
        np.testing.assert_array_equal(output, net(x + i))
    with pytest.raises(ValueError, match="read-only"):
        kept[0][0, 0] = 1.0


def test_row_gradients_have_the_gradient_as_their_mean(net):
    x, y = rows(net)
    _, whole = five_steps(net, x, y, "binary_cross_entropy")
    each = net.row_gradients(x, y, "binary_cross_entropy")
    assert each["linear1.weight"].shape == (7, 8, 5)
    for name, numbers in whole.items():
        np.testing.assert_allclose(each[name].mean(axis=0), numbers, rtol=1e-12, atol=1e-15)


def test_weighted_rows(net):
    x, y = rows(net)
    weights = np.array([0, 1, 2, 0, 3, 1, 1])
    tape = net.forward(x)
    value, dy = handgrad.loss("binary_cross_entropy", tape.output, y, weights=weights)
    net.backward(tape, dy)
    repeated = np.repeat(np.arange(7), weights)
    expected, right, _ = by_hand(net, x[repeated], y[repeated])
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(net.gradients["linear1.weight"], right["linear1.weight"], rtol=1e-12, atol=1e-15)


def test_loss_of_any_array(net):
    _, y = rows(net)
    yhat = np.full_like(y, 0.25)
    value, dy = handgrad.loss("squared_error", yhat, y)
    assert value == pytest.approx(np.mean(np.sum((yhat - y) ** 2, axis=1)), rel=1e-14)  # Eq. (3)
    np.testing.assert_allclose(dy, 2 * (yhat - y) / len(y), rtol=1e-13)  # Eq. (11)
    assert handgrad.loss("squared_error", yhat, y, convention="pytorch")[0] == pytest.approx(np.mean((yhat - y) ** 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("make", "settings"), [
    (lambda: handgrad.SGD(0.05), {"optimizer": "sgd", "learning_rate": 0.05}),
    (lambda: handgrad.SGD(0.05, momentum=0.9, nesterov=True),
     {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    (lambda: handgrad.Adam(0.01), {"optimizer": "adam", "learning_rate": 0.01}),
    (lambda: handgrad.AdamW(0.01, weight_decay=0.2), {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.2}),
])
def test_steps_by_hand_are_those_of_train_to_the_last_bit(dtype, make, settings):
    net = handgrad.Mlp([5, 8, 3], "tanh", "sigmoid", dtype=dtype, seed=4)
    twin = net.copy()
    x, y = rows(net, 20)
    optimizer = make()
    for _ in range(5):
        five_steps(net, x, y, "binary_cross_entropy")
        optimizer.step(net)
    result = handgrad.train(twin, x, y, loss="binary_cross_entropy", epochs=5, batch=20, shuffle=False, **settings)
    assert optimizer.steps == result.epochs == 5
    for name, numbers in net.parameters.items():
        np.testing.assert_array_equal(numbers, twin.parameters[name], err_msg=name)


def test_weight_decay_is_the_penalty_of_the_convention():
    for convention, expected in (("handgrad", 0.1), ("sklearn", 0.1 / 7)):
        net = handgrad.Mlp([5, 8, 3], "tanh", dtype="float64", convention=convention)
        x, y = rows(net)
        before = net.parameters["linear1.weight"].copy()
        _, gradient = five_steps(net, x, y, "squared_error")
        handgrad.SGD(1.0, weight_decay=0.1).step(net)
        moved = before - net.parameters["linear1.weight"]
        np.testing.assert_allclose(moved, gradient["linear1.weight"] + expected * before, rtol=1e-12, atol=1e-15)


# --- Derivatives by the inputs -------------------------------------------------------------------------------------


def test_jacobian_vjp_and_jvp_agree(net):
    x, _ = rows(net)
    J = net.jacobian(x)
    assert J.shape == (7, 3, 5)
    step = 1e-6
    by_differences = np.stack([(net(x + step * e) - net(x - step * e)) / (2 * step) for e in np.eye(5)], axis=2)
    np.testing.assert_allclose(J, by_differences, atol=1e-9)
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    np.testing.assert_allclose(net.vjp(x, v), np.einsum("rk,rki->ri", v, J), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(net.jvp(x, u), np.einsum("rki,ri->rk", J, u), rtol=1e-12, atol=1e-14)


def test_second_derivatives_agree(net):
    x, _ = rows(net)
    H = net.hessian(x)
    assert H.shape == (7, 3, 5, 5)
    np.testing.assert_array_equal(H, H.swapaxes(2, 3))
    step = 1e-6
    by_differences = np.stack([(net.jacobian(x + step * e) - net.jacobian(x - step * e)) / (2 * step) for e in np.eye(5)],
                              axis=3)
    np.testing.assert_allclose(H, by_differences, atol=1e-9)
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    weighted = np.einsum("rk,rkij->rij", v, H)
    np.testing.assert_allclose(net.hessian(x, v), weighted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(net.hvp(x, v, u), np.einsum("rij,rj->ri", weighted, u), rtol=1e-12, atol=1e-14)
    before = net.hessian(x)
    next(iter(net.parameters.values()))[...] *= 2  # the predictor is made anew
    assert (net.hessian(x) != before).any()


# --- Memory --------------------------------------------------------------------------------------------------------


def test_parameters_are_the_networks_own_memory(net):
    x, _ = rows(net)
    net.parameters["linear2.weight"][...] = 0.0
    net.parameters["linear2.bias"][...] = [0.0, 1.0, -1.0]
    np.testing.assert_allclose(net(x), np.tile(1 / (1 + np.exp([-0.0, -1.0, 1.0])), (7, 1)), rtol=1e-15)
    assert list(net.parameters) == ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
    assert net.parameters["linear1.weight"].shape == (8, 5)


def test_an_array_put_in_the_place_of_one_is_written_into_it(net):
    net.parameters["linear2.weight"] = np.zeros((3, 8))
    net.parameters["linear2.bias"] = np.zeros(3)
    np.testing.assert_array_equal(net(np.ones((1, 5))), [[0.5, 0.5, 0.5]])
    with pytest.raises(KeyError, match="linear3.weight"):
        net.parameters["linear3.weight"] = np.zeros(3)


def test_whatever_way_arrays_are_given_they_are_the_networks(net):
    other = {name: value + 1 for name, value in net.parameters.items()}
    x, _ = rows(net)
    expected = net.copy()
    for name in other:
        expected.parameters[name] = other[name]
    for write in (lambda n: n.parameters.update(other), lambda n: setattr(n, "parameters", other),
                  lambda n: n.parameters.__ior__(other)):
        changed = net.copy()
        write(changed)
        np.testing.assert_array_equal(changed(x), expected(x))
        np.testing.assert_array_equal(changed.parameters["linear1.bias"], other["linear1.bias"])
    net.gradients = other
    handgrad.SGD(1.0).step(net)
    np.testing.assert_allclose(net.flat(), -1.0, rtol=1e-6)
    before = net.flat().copy()
    with pytest.raises(KeyError, match="there are linear1.weight"):
        net.parameters.update(other | {"linear9.weight": np.ones(3)})
    with pytest.raises(ValueError, match="broadcast"):
        net.parameters.update(other | {"linear1.weight": np.ones((77, 3))})
    with pytest.raises((TypeError, AttributeError)):
        del net.parameters["linear1.weight"]
    np.testing.assert_array_equal(net.flat(), before)


def test_arrays_outlive_their_network(net):
    weight, gradient, x = net.parameters["linear1.weight"], net.gradients["linear1.weight"], rows(net)[0]
    expected, output = weight.copy(), net.forward(x).output
    wanted = output.copy()
    del net
    gc.collect()
    for _ in range(50):
        handgrad.Mlp([5, 8, 3], seed=None)
    np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(output, wanted)
    gradient[...] = 1.0


def test_networks_are_freed():
    class Watched(handgrad.Mlp):
        pass

    net = Watched([3, 2, 1])
    tape = net.forward(np.zeros((2, 3), np.float32))
    value, dy = handgrad.loss("squared_error", tape.output, np.zeros((2, 1)))
    net.backward(tape, dy)
    seen = weakref.ref(net)
    del net, tape, dy
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)),
                                    handgrad.Mlp.copy], ids=["copy", "deepcopy", "pickle", "method"])
def test_copies_are_networks_of_their_own(net, copied):
    x, y = rows(net)
    twin = copied(net)
    assert repr(twin) == repr(net) == "Mlp([5, 8, 3], hidden='tanh', output='sigmoid', dtype='float64', " \
                                      "convention='handgrad')"
    np.testing.assert_array_equal(twin(x), net(x))
    five_steps(twin, x, y, "squared_error")
    handgrad.SGD(0.1).step(twin)
    assert not np.array_equal(twin(x), net(x))
    assert not net.gradients["linear1.weight"].any()


def test_saved_it_is_the_programs_model_and_comes_back(net, tmp_path):
    x, _ = rows(net)
    net.save(tmp_path / "net.model", targets=["a", "b", "c"])
    assert repr(handgrad.Mlp.load(tmp_path / "net.model")) == repr(net)
    np.testing.assert_array_equal(handgrad.Mlp.load(tmp_path / "net.model")(x), net(x))
    model = handgrad.load(tmp_path / "net.model")
    assert (model.features, model.targets) == (["x1", "x2", "x3", "x4", "x5"], ["a", "b", "c"])
    np.testing.assert_array_equal(model.predict(x), net(x))
    (tmp_path / "broken.model").write_bytes((tmp_path / "net.model").read_bytes()[:-1])
    with pytest.raises(handgrad.ModelError, match="broken.model"):
        handgrad.Mlp.load(tmp_path / "broken.model")
    with pytest.raises(handgrad.FileError, match="nowhere.model"):
        handgrad.Mlp.load(tmp_path / "nowhere.model")


def test_weights_that_are_not_finite_go_where_they_are_allowed(net, tmp_path):
    net.parameters["linear1.weight"][0, 0] = np.nan
    with pytest.raises(handgrad.ModelError, match="allow_nonfinite"):
        net.save(tmp_path / "m")
    net.save(tmp_path / "m", allow_nonfinite=True)
    with pytest.raises(handgrad.ModelError, match="allow_nonfinite"):
        handgrad.Mlp.load(tmp_path / "m")
    assert handgrad.Mlp.load(tmp_path / "m", allow_nonfinite=True).flat().tobytes() == net.flat().tobytes()


# --- What people hand over -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [
    lambda x: x.tolist(), lambda x: x.astype(np.float32), lambda x: x.astype(np.float16), lambda x: x.astype(int),
    lambda x: x > 0, lambda x: np.asfortranarray(x), lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: x[:, ::-1],
    lambda x: x.astype(">f8"), lambda x: np.require(x, requirements="O")], ids=[
    "list", "float32", "float16", "int", "bool", "Fortran", "strided", "reversed", "big-endian", "owned"])
def test_arrays_are_converted_once(net, given):
    x, y = rows(net)
    other = given(x * 3)
    same = np.ascontiguousarray(np.asarray(other, dtype=np.float64))
    np.testing.assert_array_equal(net(other), net(same))
    np.testing.assert_array_equal(net.forward(other).output, net(same))


def test_read_only_arrays_are_taken_and_left(net):
    x, y = rows(net)
    kept = x.copy()
    x.flags.writeable = y.flags.writeable = False
    five_steps(net, x, y, "squared_error")
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(("given", "error", "message"), [
    (np.array([["a", "b", "c", "d", "e"]]), TypeError, "x: an array of numbers is expected, not of <U1; texts become"),
    (np.array([[1, None, 2, 3, 4]], dtype=object), TypeError, "not of object; a column may hold texts or missing values"),
    (np.zeros((2, 5), complex), TypeError, "not of complex128"),
    (np.zeros(5), ValueError, "an array of 1 axes; one row is x[None, :]"),
    (np.zeros((1, 2, 5)), ValueError, "an array of 3 axes"),
    (np.zeros((2, 4)), handgrad.UsageError, "4 columns"),
    (3.0, ValueError, "an array of 0 axes"),
    ("x", TypeError, "not of <U1"),
    (np.zeros((2, 5), "M8[s]"), TypeError, "datetime64"),
])
def test_other_arrays_are_refused(net, given, error, message):
    for call in (net, net.forward, net.jacobian):
        with pytest.raises(error, match=re.escape(message)):
            call(given)


@pytest.mark.parametrize(("call", "message"), [
    (lambda net, x, y: handgrad.Mlp([3]), "at least an input and an output size"),
    (lambda net, x, y: handgrad.Mlp([3, 0, 1]), "size 2 of 3 is 0"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], "reul"), "'reul' is no activation; there are identity, relu"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], ["relu", "tanh"]), "hidden"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], dtype="float16"), "neither float32 nor float64"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], convention="keras"), "is no convention"),
    (lambda net, x, y: handgrad.loss("mse", net.forward(x).output, y), "'mse' is no loss; there are squared_error"),
    (lambda net, x, y: handgrad.loss("squared_error", net.forward(x).output, y[:3]), "y has 3 rows"),
    (lambda net, x, y: handgrad.loss("huber", net.forward(x).output, y, huber_delta=0.0), "huber_delta"),
    (lambda net, x, y: handgrad.loss("squared_error", net.forward(x).output, y, weights=[1.0]), "weights"),
    (lambda net, x, y: net.backward(net.copy().forward(x), y), "the tape is that of another network"),
    (lambda net, x, y: net.backward(net.forward(x), y[:2]), "2 rows"),
    (lambda net, x, y: handgrad.Adam(-1.0), "learning_rate"),
    (lambda net, x, y: handgrad.Adam(beta1=1.0), "beta1"),
    (lambda net, x, y: handgrad.SGD(nesterov=True), "nesterov needs a momentum"),
    (lambda net, x, y: handgrad.SGD(weight_decay=0.1).step(net), "backward was not called yet"),
    (lambda net, x, y: handgrad.train(net, x, y[:2]), "rows"),
    (lambda net, x, y: handgrad.train(net, x, y, learning_rat=1.0), "learning_rat"),
    (lambda net, x, y: handgrad.train(net, x, y, batch=0), "batch"),
    (lambda net, x, y: handgrad.train(net, x, y, early_stopping=3), "validation"),
    (lambda net, x, y: handgrad.train(net, x, y, weights=[1.0]), "weights"),
    (lambda net, x, y: handgrad.train(net, x, y, validation=(x, y[:, :1])), "the validation rows do not have"),
    (lambda net, x, y: handgrad.train(net, x, y, validation=(x[:, :1], y)), "the validation rows do not have"),
    (lambda net, x, y: handgrad.train(net, x, y, validation=(x[:0], y[:0])), "no row to judge by"),
    (lambda net, x, y: handgrad.train(net, x, y, weights=-np.ones(len(x))), "of row 0, counted from 0, is -1"),
    (lambda net, x, y: handgrad.train(net, x, y, weights=np.zeros(len(x))), "weights have the sum 0"),
    (lambda net, x, y: handgrad.train(net, x, y, weights=[np.nan] * len(x)), "of row 0, counted from 0, is nan"),
    (lambda net, x, y: handgrad.train(net, x, y, weights=np.full(len(x), 1e-320)), "weights have the sum"),
    (lambda net, x, y: handgrad.loss("squared_error", net.forward(x).output, y, weights=-np.ones(len(x))), "is -1"),
    (lambda net, x, y: handgrad.loss("squared_error", y, y, weights=np.zeros(len(x))), "have the sum 0"),
    (lambda net, x, y: handgrad.loss("squared_error", y, np.ma.masked_greater(y, 0.0)), "are masked"),
    (lambda net, x, y: net(np.ma.masked_less(x, 0.0)), "are masked"),
    (lambda net, x, y: handgrad.Mlp([3, -2, 1]), "size 2 of 3 is -2"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], seed=-1), "seed = -1 is out of range"),
    (lambda net, x, y: handgrad.loss("poisson", net.forward(x).output, -1.0 - y * y), "is outside the domain of the loss poisson"),
    (lambda net, x, y: handgrad.loss("poisson", y, -1.0 - y * y), "] = -1"),
    (lambda net, x, y: handgrad.train(net, x, 2.0 + y * y, loss="binary_cross_entropy"), "y[0, 0] = 2"),
    (lambda net, x, y: handgrad.train(net, x, y, threads=-1), "threads = -1 is out of range; it must be 0 or more"),
    (lambda net, x, y: handgrad.train(net, x, y, epochs=-1), "epochs = -1 is out of range"),
    (lambda net, x, y: handgrad.check(net, x[:0], y[:0]), "x: there is no row"),
])
def test_calls_that_make_no_sense(net, call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(net, *rows(net))
    for base in (handgrad.Error, ValueError):
        with pytest.raises(base):
            call(net, *rows(net))


@pytest.mark.parametrize(("call", "message"), [
    (lambda net, x, y: handgrad.train(net, x, y, epochs=2.0), "epochs: a whole number is expected, not 2.0"),
    (lambda net, x, y: handgrad.train(net, x, y, early_stopping=True), "early_stopping: a whole number is expected, not True"),
    (lambda net, x, y: handgrad.train(net, x, y, validation=0.2), "validation: a pair of arrays (x, y)"),
    (lambda net, x, y: handgrad.train(net, x, y, threads="2"), "threads: a whole number is expected, not '2'"),
    (lambda net, x, y: handgrad.Mlp([3, 2, 1], hidden=None), "hidden: a name or a list of names is expected, not None"),
    (lambda net, x, y: handgrad.Mlp(3), "sizes: a list of whole numbers"),
    (lambda net, x, y: handgrad.Mlp("3-2-1"), "sizes: a list of whole numbers"),
])
def test_values_of_another_type_are_refused_by_name(net, call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call(net, *rows(net))


def test_a_look_at_the_derivative_after_the_step_is_refused(net):
    """It would be computed from other weights than the loss was."""
    x, y = rows(net)
    tape = net.forward(x)
    _, dy = handgrad.loss("squared_error", tape.output, y)
    before = handgrad.loss("squared_error", net.forward(x).output.copy(), y)[1]
    bias = net.parameters["linear1.bias"].copy()
    net.parameters["linear1.bias"] += 0.5
    with pytest.raises(handgrad.UsageError, match="have changed since forward"):
        np.asarray(dy)
    net.parameters["linear1.bias"] = bias
    np.testing.assert_allclose(dy, before, rtol=1e-6)


def test_the_derivative_has_what_an_array_has(net):
    x, y = rows(net)
    _, dy = handgrad.loss("squared_error", net.forward(x).output, y)
    array = np.asarray(dy)
    assert len(dy) == len(array) and dy.shape == array.shape and dy.dtype == array.dtype
    assert dy.sum() == array.sum() and (dy.T == array.T).all() and (dy == array).all() and not (dy != array).any()
    assert dy.tolist() == [list(row) for row in dy]
    with pytest.raises(AttributeError):
        dy.colour


@pytest.mark.parametrize("make", [handgrad.SGD, lambda: handgrad.SGD(momentum=0.9), handgrad.Adam, handgrad.AdamW])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_a_copied_optimizer_goes_on_to_the_same_bits(net, make, copied):
    x, y = rows(net)
    optimizer = make()
    for _ in range(3):
        net.zero_gradients()
        five_steps(net, x, y, "squared_error")
        optimizer.step(net)
    other_net, other = net.copy(), copied(copied(optimizer))
    assert other.steps == optimizer.steps == 3
    for each, of in ((net, optimizer), (other_net, other)):
        each.zero_gradients()
        five_steps(each, x, y, "squared_error")
        of.step(each)
    assert net.flat().tobytes() == other_net.flat().tobytes() and other.steps == 4
    if make is not handgrad.SGD:  # which remembers nothing of a network
        with pytest.raises(handgrad.UsageError, match="network of other sizes"):
            copied(optimizer).step(handgrad.Mlp([2, 2], dtype=net.dtype))


def test_an_optimizer_is_for_one_network(net):
    x, y = rows(net)
    optimizer = handgrad.Adam()
    five_steps(net, x, y, "squared_error")
    optimizer.step(net)
    with pytest.raises(handgrad.UsageError, match="remembers the steps of another network"):
        optimizer.step(net.copy())


# --- train -----------------------------------------------------------------------------------------------------------


def test_train_reports_and_stops():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = np.sin(x[:, :1])
    net = handgrad.Mlp([3, 16, 1], "tanh", dtype="float64")
    seen = []
    result = handgrad.train(net, x[:150], y[:150], epochs=400, validation=(x[150:], y[150:]), early_stopping=5,
                            learning_rate=0.02, callback=seen.append)
    assert result.history == seen
    assert result.stopped == "early"
    best = min(result.history, key=lambda epoch: epoch.validation_loss)
    assert result.best_epoch == best.epoch == result.epochs - 5
    assert handgrad.loss("squared_error", net(x[150:]), y[150:])[0] == pytest.approx(best.validation_loss, rel=1e-12)
    ended = handgrad.train(net, x, y, epochs=9, callback=lambda epoch: epoch.epoch < 4)
    assert (ended.stopped, ended.epochs) == ("callback", 4)
    assert handgrad.train(net, x, y, epochs=0).epochs == 0


def test_a_bar_shows_the_epochs(net, capsys):
    tqdm = pytest.importorskip("tqdm")
    x, y = rows(net)
    silent, shown = net.copy(), net.copy()
    handgrad.train(silent, x, y, epochs=4)
    assert capsys.readouterr().err == ""
    handgrad.train(shown, x, y, epochs=4, verbose=True, validation=(x, y))
    told = capsys.readouterr().err
    assert "epochs: 100%" in told and "4/4" in told and "validation_loss=" in told and not tqdm.tqdm._instances
    assert silent.flat().tobytes() == shown.flat().tobytes()


def test_divergence_keeps_the_last_good_epoch():
    rng = np.random.default_rng(0)
    x, y = 1e3 * rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    net = handgrad.Mlp([3, 4, 1], "identity", dtype="float64")
    with pytest.raises(handgrad.DivergedError, match="diverged in epoch") as raised:
        handgrad.train(net, x, y, epochs=1000, optimizer="sgd", learning_rate=1.0)
    assert isinstance(raised.value, ArithmeticError)
    assert all(np.isfinite(numbers).all() for numbers in net.parameters.values())


# --- Threads ---------------------------------------------------------------------------------------------------------


def test_threads_share_a_network():
    net = handgrad.Mlp([50, 300, 4], "tanh", dtype="float64")
    x, y = rows(net, 300)
    expected, gradient = net(x), five_steps(net, x, y, "squared_error")[1]["linear1.weight"]
    wrong = []

    def work():
        for _ in range(20):
            tape = net.forward(x)
            if not np.array_equal(tape.output, expected) or not np.array_equal(net(x), expected):
                wrong.append("outputs")
            if not np.allclose(net.row_gradients(x[:5], y[:5])["linear1.weight"].shape, (5, 300, 50)):
                wrong.append("rows")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    np.testing.assert_array_equal(five_steps(net, x, y, "squared_error")[1]["linear1.weight"], gradient)


# --- Derivatives by the weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype,rounding", [("float64", 1e-9), ("float32", 2e-3)])
@pytest.mark.parametrize("loss,output", [("squared_error", "identity"), ("cross_entropy", "softmax"), ("huber", "tanh")])
def test_products_with_derivatives_by_the_weights(dtype, rounding, loss, output):
    """Against central differences of the gradient and of yhat in double."""
    draw = np.random.default_rng(3)
    net = handgrad.Mlp([3, 5, 4, 2], hidden="tanh", output=output, seed=1, dtype=dtype)
    wide = handgrad.Mlp([3, 5, 4, 2], hidden="tanh", output=output, seed=1, dtype="float64")
    wide.parameters = {name: np.asarray(values, "float64") for name, values in net.parameters.items()}
    x = draw.normal(size=(7, 3))
    y = np.eye(2)[draw.integers(0, 2, 7)]
    weights = draw.uniform(0.5, 2.0, 7)
    w0 = wide.flat().copy()
    v = draw.normal(size=w0.size)
    h = 1e-5

    def outputs(t):
        wide.flat()[...] = w0 + t * v
        return wide(x)

    def gradient(t):
        wide.flat()[...] = w0 + t * v
        each = wide.row_gradients(x, y, loss)
        rows = np.concatenate([values.reshape(7, -1) for values in each.values()], axis=1)
        return weights @ rows / weights.sum()

    J = net.parameter_jacobian(x)
    assert J.shape == (7, 2, w0.size) and J.dtype == np.dtype(dtype)
    slope = (outputs(h) - outputs(-h)) / (2 * h)
    np.testing.assert_allclose(net.parameter_jvp(x, v), slope, rtol=rounding, atol=rounding)
    np.testing.assert_allclose(J @ v.astype(dtype), slope, rtol=rounding, atol=rounding)
    second = (outputs(1e-4) - 2 * outputs(0.0) + outputs(-1e-4)) / 1e-8
    np.testing.assert_allclose(net.parameter_second(x, v), second, rtol=1e-4, atol=max(1e-5, rounding))
    u = draw.normal(size=(7, 2))
    np.testing.assert_allclose(net.parameter_vjp(x, u), np.einsum("rk,rkp->p", u, J), rtol=rounding, atol=rounding)
    turned = (gradient(h) - gradient(-h)) / (2 * h)
    np.testing.assert_allclose(net.hessian_vector_product(x, y, v, loss, sample_weight=weights), turned, rtol=1e-5, atol=max(1e-8, rounding))
    if loss == "squared_error":
        expected = 2 * np.einsum("r,rkp,rk->p", weights / weights.sum(), J, J @ v)
        product = net.gauss_newton_product(x, y, v, loss, sample_weight=weights)
        np.testing.assert_allclose(product, expected, rtol=rounding, atol=rounding)
    assert v @ np.asarray(net.gauss_newton_product(x, y, v, loss), "float64") >= 0.0
    with pytest.raises(handgrad.UsageError, match="v has 3 numbers, the network has"):
        net.parameter_jvp(x, v[:3])
    with pytest.raises(ValueError, match="one number for each parameter"):
        net.parameter_jvp(x, u)
