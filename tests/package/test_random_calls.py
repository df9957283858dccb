"""Random calls: shapes, dtypes, strides and lifetimes of views, right or refused, without a crash or a leak; a thousand, and
ten thousand in make test-long (HANDGRAD_EXAMPLES=200)."""

import gc
import os
import resource

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

import handgrad

EXAMPLES, STEPS = int(os.environ.get("HANDGRAD_EXAMPLES", "20")), 50
SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=4)
DTYPES = st.sampled_from(["f4", "f8", ">f8", "f2", "i4", "u1", "?", "O", "U3", "c16", "M8[s]"])
LOSSES = st.sampled_from(["squared_error", "absolute_error", "huber", "quantile", "binary_cross_entropy", "nonsense"])
REFUSED = (ValueError, TypeError, ArithmeticError)


def given(data, columns):
    """An array that may be anything, mostly of the right width, in C order or not, writable or not."""
    width = data.draw(st.sampled_from([columns, columns, columns, columns + 1]))
    dtype = data.draw(DTYPES)
    rows = data.draw(st.integers(0, 6))
    if dtype in ("O", "U3", "c16", "M8[s]"):
        return np.zeros((rows, width), dtype)
    array = data.draw(hnp.arrays(dtype, (2 * rows, width), elements=hnp.from_dtype(np.dtype(dtype), min_value=0, max_value=1)
                                 if dtype != "?" else None))
    array = data.draw(st.sampled_from([array[::2], np.asfortranarray(array), array[:rows][::-1], array]))
    array.flags.writeable = data.draw(st.booleans())
    return array


class Calls(RuleBasedStateMachine):
    nets = Bundle("nets")
    tapes = Bundle("tapes")
    kept = Bundle("kept")

    @initialize(target=nets, sizes=SIZES)
    def first(self, sizes):
        return handgrad.Mlp(sizes, dtype="float64")

    @rule(target=nets, sizes=SIZES, dtype=st.sampled_from(["float32", "float64"]), hidden=st.sampled_from(["relu", "tanh"]))
    def make(self, sizes, dtype, hidden):
        return handgrad.Mlp(sizes, hidden, dtype=dtype)

    @rule(target=tapes, net=nets, data=st.data())
    def forward(self, net, data):
        x = given(data, net.sizes[0])
        try:
            tape = net.forward(x)
        except REFUSED:
            return None
        np.testing.assert_array_equal(tape.output, net(x))
        return net, tape, x, tape.output.copy()

    @rule(made=consumes(tapes), loss=LOSSES, data=st.data())
    def back(self, made, loss, data):
        if made is None:
            return
        net, tape, x, output = made
        np.testing.assert_array_equal(tape.output, output)  # whatever was called meanwhile
        y = given(data, net.sizes[-1])
        try:
            value, dy = handgrad.loss(loss, tape.output, y)
            net.backward(tape, dy)
            net.backward(tape, np.asarray(dy), inputs=True)
            handgrad.SGD(1e-3).step(net)
        except REFUSED:
            return
        assert np.isfinite(value) or loss == "binary_cross_entropy"

    @rule(target=kept, net=nets)
    def keep(self, net):
        return net.parameters["linear1.weight"], net.gradients["linear1.bias"]

    @rule(views=kept, number=st.floats(-1, 1))
    def write(self, views, number):
        for view in views:
            view[...] = number

    @rule(net=consumes(nets))
    def drop(self, net):
        del net
        gc.collect()

    @rule(net=nets, data=st.data())
    def derive(self, net, data):
        x = given(data, net.sizes[0])
        try:
            J = net.jacobian(x)
            v = np.ones((len(x), net.sizes[-1]))
            np.testing.assert_allclose(net.vjp(x, v), J.sum(axis=1), rtol=1e-3, atol=1e-4)
        except REFUSED:
            return


def test_random_calls():
    Calls.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True,
                                       suppress_health_check=list(HealthCheck))
    Calls.TestCase().runTest()


def test_nothing_is_left_behind():
    x, y = np.zeros((64, 50), np.float32), np.zeros((64, 1), np.float32)

    def use(times):
        for _ in range(times):
            net = handgrad.Mlp([50, 100, 1])
            tape = net.forward(x)
            _, dy = handgrad.loss("squared_error", tape.output, y)
            net.backward(tape, dy)
            net.jacobian(x)
            assert np.asarray(dy).shape == (64, 1)
        gc.collect()

    use(50)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    use(500)  # of which each would leave some 100 KB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000
