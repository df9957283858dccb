"""handgrad export --to onnx: sound for ONNX's own checker, and in ONNX Runtime what the network and its derivatives are."""

import math
import os

import numpy as np
import pytest
from onnx_witness import ACTIVATIONS, HIDDEN, SLOPE, Network
from package_support import needs_program, run

onnx = pytest.importorskip("onnx", reason="onnx is not installed: tools/python-environment package")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: tools/python-environment package")
pytestmark = needs_program

ALL = os.environ.get("HANDGRAD_EXPORT") == "all"
# In units of the precision, beside the size of the numbers: the runtime's sums, and its own tanh and exp.
ROUNDINGS = 64


def checked(path):
    """The file, sound by ONNX's checker and its inference of shapes."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def opset(model, domain=""):
    return next(one.version for one in model.opset_import if one.domain == domain)


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def of(path, **inputs):
    """What ONNX Runtime makes of a file that the checker has passed."""
    checked(path)
    return session(path).run(None, inputs)


def imported(network, folder, *words):
    """The network as a model file, without a training."""
    network.save(folder / "weights.npz")
    hidden = ["--hidden-activation", network.hidden] if len(network.layers) > 1 else []
    run("import", folder / "weights.npz", *hidden, "--output-activation", network.output, "--leaky-slope", SLOPE,
        "-o", folder / "net.model", "--quiet", *words)
    return folder / "net.model"


def assert_near(actual, expected, dtype, terms, extra=0.0):
    """To rounding of numbers whose size is that of what is expected, times `terms`: of z, and of the factors."""
    assert actual.dtype == dtype and actual.shape == expected.shape
    scale = max(1.0, np.abs(expected).max()) * terms
    error = np.abs(actual - expected).max()
    assert error <= ROUNDINGS * np.finfo(dtype).eps * scale + extra, (error, scale)


def cases():
    depths = [(3, 2), (3, 5, 2), (4, 6, 5, 3)] if ALL else [(3, 5, 2)]
    pairs = [(hidden, output) for hidden in HIDDEN for output in ACTIVATIONS] if ALL else \
        [(hidden, "identity") for hidden in HIDDEN] + [("tanh", output) for output in ACTIVATIONS if output != "identity"]
    return [(sizes, hidden, output, dtype) for sizes in depths for hidden, output in pairs for dtype in (np.float32, np.float64)]


@pytest.mark.parametrize("sizes, hidden, output, dtype", cases(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_network_and_derivatives_in_onnx_runtime(sizes, hidden, output, dtype, tmp_path):
    network = Network(sizes, hidden, output, dtype)
    model = imported(network, tmp_path)
    run("export", model, "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    rng = np.random.default_rng(1)
    x = network.x
    rows, n, outputs = len(x), sizes[0], sizes[-1]
    wide = x.astype(float)
    [yhat] = of(tmp_path / "net.onnx", x=x)
    expected = network(wide).real
    z = network.largest
    assert_near(yhat, expected, dtype, z)
    jacobian = network.jacobian(wide)
    steep = max(1.0, np.abs(jacobian).max())
    [j] = of(tmp_path / "jac_net.onnx", x=x)
    assert_near(j.reshape(rows, outputs, n), jacobian, dtype, z)
    d = rng.normal(size=(rows, n)).astype(dtype)
    [tangent] = of(tmp_path / "fwd_net.onnx", x=x, fwd_x=d)
    assert_near(tangent, np.einsum("rkn,rn->rk", jacobian, d), dtype, z * steep)
    v = rng.normal(size=(rows, outputs)).astype(dtype)
    [pulled] = of(tmp_path / "adj_net.onnx", x=x, adj_yhat=v)
    assert_near(pulled, np.einsum("rkn,rk->rn", jacobian, v), dtype, z * steep)
    hessian, transposed = of(tmp_path / "jac_adj_net.onnx", x=x, adj_yhat=v)
    expected = network.hessian(wide, v.astype(float))
    assert_near(hessian.reshape(rows, n, n), expected, dtype, z * steep**2, 1e-8 * max(1, np.abs(expected).max()))
    assert_near(transposed.reshape(rows, n, outputs), jacobian.transpose(0, 2, 1), dtype, z)


@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
def test_several_directions_of_each_row(output, tmp_path):
    network = Network((3, 5, 2), "tanh", output, np.float64)
    run("export", imported(network, tmp_path), "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    rng, rows = np.random.default_rng(2), len(network.x)
    jacobian = network.jacobian(network.x)
    v, d = rng.normal(size=(rows, 6, 2)), rng.normal(size=(rows, 7, 3))
    [pulled] = of(tmp_path / "adj_net.onnx", x=network.x, adj_yhat=v.reshape(rows, -1))
    np.testing.assert_allclose(pulled.reshape(rows, 6, 3), v @ jacobian, rtol=1e-12, atol=1e-15)
    [pushed] = of(tmp_path / "fwd_net.onnx", x=network.x, fwd_x=d.reshape(rows, -1))
    np.testing.assert_allclose(pushed.reshape(rows, 7, 2), d @ jacobian.transpose(0, 2, 1), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("hidden, dtype, expected", [
    ("relu", np.float32, 7), ("tanh", np.float64, 7), ("softplus", np.float32, 7), ("leaky_relu", np.float64, 9), ("gelu", np.float32, 20)])
def test_the_opset_is_the_lowest_that_serves(hidden, dtype, expected, tmp_path):
    run("export", imported(Network((3, 4, 1), hidden, "identity", dtype), tmp_path), "--to", "onnx", "-o", tmp_path / "net.onnx", "--quiet")
    assert opset(checked(tmp_path / "net.onnx")) == expected


@pytest.mark.parametrize("hidden", [name for name in HIDDEN if name not in ("identity", "relu", "leaky_relu")])
def test_slopes_keep_their_digits_far_out(hidden, tmp_path):
    """A single unit, whose slope is the Jacobian: relative, where nothing is left of the value."""
    network = Network((1, 1, 1), hidden, "identity", np.float64)
    network.layers = [(np.ones((1, 1)), np.zeros(1))] * 2
    run("export", imported(network, tmp_path), "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    z = np.array([[-30.0], [-12], [-5], [-1e-3], [0], [1e-3], [4], [30]])
    [j] = of(tmp_path / "jac_net.onnx", x=z)
    # The witness of tanh would cancel; those of gelu do, left of 0.
    t = np.exp(-2 * abs(z))
    expected = 4 * t / (1 + t) ** 2 if hidden == "tanh" else network.jacobian(z)[:, :, 0]
    np.testing.assert_allclose(j, expected, rtol=1e-11, atol=1e-14 if hidden in ("gelu", "gelu_tanh") else 1e-17)


def test_gelu_keeps_its_digits_left_of_zero(tmp_path):
    """The slope at -8 by mpmath-like digits: P(z) + z p(z) of the normal distribution, from erfc."""
    network = Network((1, 1, 1), "gelu", "identity", np.float64)
    network.layers = [(np.ones((1, 1)), np.zeros(1))] * 2
    run("export", imported(network, tmp_path), "--to", "onnx", "--derivatives", "-o", tmp_path / "net.onnx", "--quiet")
    z = np.array([[-8.0], [-3.0], [-1.0]])
    [j] = of(tmp_path / "jac_net.onnx", x=z)
    expected = [math.erfc(-one / math.sqrt(2)) / 2 + one * math.exp(-one * one / 2) / math.sqrt(2 * math.pi) for one in z[:, 0]]
    np.testing.assert_allclose(j[:, 0], expected, rtol=1e-13)


def test_values_keep_their_digits_near_and_far_left(tmp_path):
    z = np.array([[-30.0], [-2.0], [-1e-9], [1e-9], [3.0]])
    left = z < 0
    expected = {"softplus": np.log1p(np.exp(z)), "elu": np.where(left, np.expm1(z), z),
                "gelu": np.array([[one * math.erfc(-one / math.sqrt(2)) / 2] for one in z[:, 0]])}
    for hidden, values in expected.items():
        network = Network((1, 1, 1), hidden, "identity", np.float64)
        network.layers = [(np.ones((1, 1)), np.zeros(1))] * 2
        run("export", imported(network, tmp_path), "--to", "onnx", "-o", tmp_path / "net.onnx", "--quiet")
        [yhat] = of(tmp_path / "net.onnx", x=z)
        np.testing.assert_allclose(yhat, values, rtol=1e-12, err_msg=hidden)
