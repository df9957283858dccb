"""CasADi takes the derivatives that stand beside a network by their names: in an optimizer they are exact."""

import os
from pathlib import Path

import numpy as np
import pytest
from onnx_witness import Network
from package_support import needs_program, run
from test_onnx import imported

casadi = pytest.importorskip("casadi", reason="casadi is not installed: tests/package/requirements-long.txt")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytestmark = needs_program


@pytest.fixture(scope="module", autouse=True)
def runtime():
    """CasADi looks for the library of ONNX Runtime under this name, once."""
    [library] = (Path(ort.__file__).parent / "capi").glob("libonnxruntime.so.*")
    os.environ["CASADI_ONNXRUNTIME_LIB"] = str(library)


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_jacobian_products_and_hessian_in_casadi(output, tmp_path):
    network = Network((3, 5, 2), "tanh", output, np.float64)
    run("export", imported(network, tmp_path), "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    graph = casadi.GraphBuilder(str(tmp_path / "net.onnx"))
    graph.bind_dim("batch", 1)
    net = graph.create("net")
    x, v, d = network.x[:1], np.array([[0.3, -0.7]]), np.array([[0.1, 2.0, -1.0]])
    jacobian = network.jacobian(x)[0]
    np.testing.assert_allclose(np.array(net(x)), network(x).real, rtol=1e-13)
    np.testing.assert_allclose(np.array(net.jacobian()(x, 0)), jacobian, rtol=1e-12)
    for count in (1, 3):
        seeds = np.hstack([(i + 1) * v for i in range(count)])
        np.testing.assert_allclose(np.array(net.reverse(count)(x, 0, seeds)), np.hstack([(i + 1) * (v @ jacobian) for i in range(count)]), rtol=1e-12)
        seeds = np.hstack([(i + 1) * d for i in range(count)])
        np.testing.assert_allclose(np.array(net.forward(count)(x, 0, seeds)), np.hstack([(i + 1) * (d @ jacobian.T) for i in range(count)]), rtol=1e-12)
    z = casadi.MX.sym("z", 1, 3)
    hessian, gradient = casadi.hessian(casadi.dot(casadi.DM(v), net(z)), z)
    of_z = casadi.Function("of_z", [z], [hessian, gradient])
    found, slope = of_z(x)
    np.testing.assert_allclose(np.array(found), network.hessian(x, v)[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.array(slope).ravel(), (v @ jacobian).ravel(), rtol=1e-12)


def test_ipopt_finds_the_input_of_an_output(tmp_path):
    network = Network((3, 5, 2), "tanh", "sigmoid", np.float64)
    run("export", imported(network, tmp_path), "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    graph = casadi.GraphBuilder(str(tmp_path / "net.onnx"))
    graph.bind_dim("batch", 1)
    net = graph.create("net")
    z, wanted = casadi.MX.sym("z", 3), network(network.x[1:2]).real
    solver = casadi.nlpsol("solver", "ipopt", {"x": z, "f": casadi.sumsqr(net(z.T) - casadi.DM(wanted))},
                           {"ipopt.print_level": 0, "ipopt.sb": "yes", "print_time": 0})
    solution = solver(x0=network.x[0])
    assert solver.stats()["success"] and float(solution["f"]) < 1e-12
