"""CasADi runs exported C: values and derivatives, maps, an optimizer with exact second derivatives, sensitivities of an integrator."""

import numpy as np
import pytest
from onnx_witness import Network
from package_support import needs_program
from test_onnx import imported

casadi = pytest.importorskip("casadi", reason="casadi is not installed: tests/package/requirements-long.txt")

import pendulum  # noqa: E402  (which needs it)
from pendulum import external, in_symbols  # noqa: E402

pytestmark = needs_program


@pytest.mark.parametrize(("hidden", "output"), [("tanh", "identity"), ("sigmoid", "softmax"), ("silu", "sigmoid"), ("gelu", "exp")])
def test_values_jacobians_hessians_and_maps(hidden, output, tmp_path):
    network = Network((3, 5, 2), hidden, output, np.float64)
    net = external(imported(network, tmp_path), tmp_path)
    z = casadi.MX.sym("z", 3)
    v = np.array([0.3, -0.7])
    jacobian = casadi.Function("jacobian", [z], [casadi.jacobian(net(z), z)])
    hessian = casadi.Function("hessian", [z], [casadi.hessian(casadi.dot(casadi.DM(v), net(z)), z)[0]])
    along = casadi.Function("along", [z], [casadi.jacobian(casadi.jtimes(net(z), z, casadi.DM([1.0, 2.0, 3.0])), z)])
    for x in network.x:
        np.testing.assert_allclose(np.array(net(x)).ravel(), network(x[None]).real[0], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(np.array(jacobian(x)), network.jacobian(x[None])[0], rtol=1e-12, atol=1e-13)
        expected = network.hessian(x[None], v[None])[0]
        np.testing.assert_allclose(np.array(hessian(x)), expected, rtol=0, atol=1e-8 * max(1.0, np.abs(expected).max()))
        of_each = np.stack([network.hessian(x[None], unit[None])[0] for unit in np.eye(2)])
        np.testing.assert_allclose(np.array(along(x)), np.einsum("kij,i->kj", of_each, [1.0, 2.0, 3.0]), rtol=0,
                                   atol=1e-7 * max(1.0, np.abs(of_each).max()))
    np.testing.assert_array_equal(np.array(net.map(len(network.x))(network.x.T)), np.hstack([np.array(net(x)) for x in network.x]))


def test_second_derivatives_are_those_of_symbols_to_rounding(tmp_path):
    network = Network((4, 16, 16, 2), "tanh", "identity", np.float64)
    net, symbols = external(imported(network, tmp_path), tmp_path), in_symbols(network)
    z, v = casadi.MX.sym("z", 4), casadi.DM([0.3, -0.7])
    ours, theirs = (casadi.Function("h", [z], list(casadi.hessian(casadi.dot(v, f(z)), z))) for f in (net, symbols))
    for x in network.x:
        for found, expected in zip(ours(x), theirs(x), strict=True):
            np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-12, atol=1e-13)


@pytest.fixture(name="learned", scope="module")
def of_a_folder(tmp_path_factory):
    return pendulum.learned_pendulum(tmp_path_factory.mktemp("pendulum"))


def test_an_optimal_control_of_a_learned_pendulum_with_the_exact_hessian(learned):
    ours, theirs = map(pendulum.swing_up, learned)
    assert ours[0] <= theirs[0]
    assert ours[2] == pytest.approx(theirs[2], rel=1e-6)


def test_sensitivities_of_an_integrator(tmp_path):
    network = Network((3, 8, 2), "tanh", "identity", np.float64)
    net, symbols = external(imported(network, tmp_path), tmp_path), in_symbols(network)
    state, p = casadi.MX.sym("state", 2), casadi.MX.sym("p")
    found = []
    for f in (net, symbols):
        flow = casadi.integrator("flow", "cvodes", {"x": state, "p": p, "ode": f(casadi.vertcat(state, p))}, 0, 1, {"abstol": 1e-12, "reltol": 1e-12})
        end = flow(x0=state, p=p)["xf"]
        sensitivities = casadi.Function("s", [state, p], [casadi.jacobian(end, p),
                                                          casadi.jacobian(end, state), casadi.gradient(casadi.sumsqr(end), p)])
        found.append([np.array(each) for each in sensitivities([0.2, -0.4], 0.7)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
