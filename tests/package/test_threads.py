"""Threads that share networks and models: the same bits as one after the other. In make test-long under the thread sanitizer."""

import threading
import warnings

import numpy as np
import pytest

import handgrad

ROWS = np.random.default_rng(4).normal(size=(300, 6))
TARGETS = np.sin(ROWS[:, :2])


def at_once(*calls, times=6):
    """What each call gave, all of them at once, several times over. The first that raises ends the test."""
    results, errors = [[] for _ in calls], []
    barrier = threading.Barrier(len(calls))

    def work(place, call):
        try:
            barrier.wait()
            for _ in range(times):
                results[place].append(call())
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def expect_same(calls):
    alone = [np.asarray(call()).tobytes() for call in calls]
    for expected, got in zip(alone, at_once(*calls)):
        assert {np.asarray(each).tobytes() for each in got} == {expected}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_answers_several(dtype):
    net = handgrad.Mlp([6, 9, 2], "tanh", dtype=dtype)
    x = ROWS.astype(dtype)
    v, u = np.ones((len(x), 2), dtype), np.ones_like(x)
    expect_same([lambda: net(x), lambda: net(x[:1]), lambda: net.jacobian(x), lambda: net.vjp(x, v), lambda: net.jvp(x, u),
                 lambda: net(ROWS), lambda: net.row_gradients(x, TARGETS)["linear1.weight"]])


def test_gradients_of_several_are_added():
    """Which order they are added in is the threads'; with whole numbers all orders come to the same."""
    net = handgrad.Mlp([6, 2], dtype="float64", seed=None)
    x, y = np.round(ROWS[:128]), np.round(4 * TARGETS[:128])

    def backward():
        tape = net.forward(x)
        net.backward(tape, handgrad.loss("squared_error", tape.output, y)[1])

    backward()
    once = net.gradients["linear1.weight"].copy()
    net.zero_gradients()
    at_once(*[backward] * 4, times=5)
    np.testing.assert_array_equal(net.gradients["linear1.weight"], 20 * once)


def test_networks_are_trained_beside_each_other():
    def trained(seed):
        net = handgrad.Mlp([6, 9, 2], seed=seed)
        handgrad.train(net, ROWS, TARGETS, epochs=3, seed=seed, threads=2)
        return net.flat()

    expect_same([lambda seed=seed: trained(seed) for seed in range(4)])


def test_a_model_answers_several():
    table = {f"c{i}": ROWS[:, i] for i in range(3)} | {"kind": np.array(["a", "b", "c"])[np.arange(len(ROWS)) % 3], "y": TARGETS[:, 0]}
    model = handgrad.fit(table, "y", epochs=2).model
    one = model.predictor()
    row = [0.5, -1.0, 2.0, "b"]
    expect_same([lambda: model.predict(table), lambda: model.jacobian(table).values, lambda: one(row)])


def test_estimators_answer_several():
    pytest.importorskip("sklearn")
    estimator = handgrad.MLPRegressor(hidden_layer_sizes=(9,), max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three epochs are few
        estimator.fit(ROWS, TARGETS)
    expect_same([lambda: estimator.predict(ROWS), lambda: estimator.predict(ROWS[:1]), lambda: estimator.jacobian(ROWS)])
