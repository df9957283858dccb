"""handgrad import: networks of PyTorch, scikit-learn and ONNX as models; a file of a stranger is refused, not believed."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from onnx_witness import ACTIVATIONS, HIDDEN, SLOPE, Network, activate
from package_support import PROGRAM, needs_program, run

onnx = pytest.importorskip("onnx", reason="onnx is not installed: tools/python-environment package")
pytestmark = needs_program
MODEL_ERROR, USAGE = 4, 2
h, F, D = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


def said(*words, code):
    """What the program says on its way to that code."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def outputs(model, x):
    """What the model makes of rows, in its own numbers, by its exported weights."""
    run("export", model, "--to", "npz", "-o", model.with_suffix(".npz"), "--quiet")
    arrays = np.load(model.with_suffix(".npz"))
    names = list(arrays["activations"])
    a = x.astype(float)
    for place, name in enumerate(names, 1):
        a = activate(name, (a @ arrays[f"linear{place}.weight"].astype(float).T + arrays[f"linear{place}.bias"]).astype(complex)).real
    return a


def tensor(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def graph(nodes, constants, n=3, inputs=("x",), output="y", opset=13, element=F, domain=""):
    value = h.make_tensor_value_info
    made = h.make_graph([h.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes], "g",
                        [value(name, element, ["batch", n]) for name in inputs], [value(output, element, ["batch", "k"])], constants)
    return h.make_model(made, opset_imports=[h.make_opsetid(domain, opset)], ir_version=8)


W, B = np.arange(6, dtype=np.float32).reshape(2, 3) / 4 - 0.5, np.array([0.5, -1], dtype=np.float32)
X = np.array([[1.0, 2, 3], [-1, 0.5, 2]])
Z = X @ W.T + B


def taken(model, folder, *words):
    """The model file of such a graph."""
    onnx.save(model, folder / "in.onnx")
    run("import", folder / "in.onnx", "-o", folder / "m.model", "--quiet", *words)
    return folder / "m.model"


@pytest.mark.parametrize("hidden, output", [(hidden, "identity") for hidden in HIDDEN] + [("tanh", output) for output in ACTIVATIONS])
def test_what_was_exported_comes_back_with_its_bits(hidden, output, tmp_path):
    network = Network((3, 5, 4, 2), hidden, output, np.float32)
    network.save(tmp_path / "w.npz")
    run("import", tmp_path / "w.npz", "--hidden-activation", hidden, "--output-activation", output, "--leaky-slope", SLOPE,
        "-o", tmp_path / "a.model", "--quiet")
    run("export", tmp_path / "a.model", "--to", "onnx", "-o", tmp_path / "a.onnx", "--quiet")
    run("import", tmp_path / "a.onnx", "-o", tmp_path / "b.model", "--quiet")
    for name in ("a", "b"):
        run("export", tmp_path / f"{name}.model", "--to", "npz", "-o", tmp_path / f"{name}.npz", "--quiet")
    a, b = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    for name in a.files:
        if name == "leaky_slope" and "leaky_relu" not in (hidden, output):
            continue
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("nodes, constants", [
    ([("Gemm", ["x", "w", "b"], ["y"], {"transB": 1})], [tensor("w", W), tensor("b", B)]),
    ([("Gemm", ["x", "w", "b"], ["y"])], [tensor("w", W.T.copy()), tensor("b", B[None])]),
    ([("Gemm", ["x", "w", "b"], ["y"], {"alpha": 0.5, "beta": 2.0})], [tensor("w", 2 * W.T.copy()), tensor("b", B / 2)]),
    ([("MatMul", ["x", "w"], ["m"]), ("Add", ["m", "b"], ["y"])], [tensor("w", W.T.copy()), tensor("b", B)]),
    ([("MatMul", ["x", "w"], ["m"]), ("Add", ["b", "m"], ["y"])], [tensor("w", W.T.copy()), tensor("b", B)]),
    ([("Identity", ["x"], ["i"]), ("Gemm", ["i", "w"], ["m"], {"transB": 1}), ("Add", ["m", "b"], ["n"]), ("Dropout", ["n"], ["y"])],
     [tensor("w", W), tensor("b", B)]),
    ([("Constant", [], ["w"], {"value": tensor("", W.T.copy())}), ("MatMul", ["x", "w"], ["m"]), ("Add", ["m", "b"], ["y"])], [tensor("b", B)]),
], ids=["transB", "bias of two axes", "alpha and beta", "MatMul and Add", "bias first", "what does nothing", "constants as nodes"])
def test_one_layer_in_all_its_forms(nodes, constants, tmp_path):
    np.testing.assert_allclose(outputs(taken(graph(nodes, constants), tmp_path), X), Z, rtol=1e-6)


def typed(name, array, kind, raw):
    """A tensor of that type, its numbers raw or in a field of their own."""
    if raw:
        return h.make_tensor(name, kind, array.shape, array.astype(h.tensor_dtype_to_np_dtype(kind)).tobytes(), raw=True)
    return h.make_tensor(name, kind, array.shape, array.flatten().tolist())


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"])
def test_every_type_of_weights(kind, raw, tmp_path):
    kind = getattr(onnx.TensorProto, kind)
    nodes = [("Gemm", ["x", "w", "b"], ["y"], {"transB": 1})]
    model = taken(graph(nodes, [typed("w", W, kind, raw), typed("b", B, kind, raw)], element=kind), tmp_path)
    np.testing.assert_array_equal(outputs(model, X), Z)  # eighths: exact in all of them
    assert np.load(model.with_suffix(".npz"))["linear1.weight"].dtype == (np.float64 if kind == D else np.float32)


GEMM = ("Gemm", ["x", "w", "b"], ["z"], {"transB": 1})
CONSTANTS = [tensor("w", W), tensor("b", B)]


@pytest.mark.parametrize("model, words", [
    (lambda: graph([("Conv", ["x", "w"], ["y"])], CONSTANTS), ["node 1 (Conv)", "not known", "Gemm"]),
    (lambda: graph([GEMM, ("Gelu", ["z"], ["y"], {"approximate": "sideways"})], CONSTANTS, opset=20), ["node 2 (Gelu)", "sideways"]),
    (lambda: graph([GEMM, ("Elu", ["z"], ["y"], {"alpha": 2.0})], CONSTANTS), ["node 2 (Elu)", "alpha is 2"]),
    (lambda: graph([GEMM, ("Softmax", ["z"], ["y"], {"axis": 0})], CONSTANTS), ["node 2 (Softmax)", "axis is 0"]),
    (lambda: graph([("Gemm", ["y", "w", "b"], ["z"]), ("Relu", ["z"], ["y"])], CONSTANTS), ["node 1 (Gemm)", "'y'", "circles"]),
    (lambda: graph([GEMM, ("Relu", ["x"], ["y"])], CONSTANTS), ["node 2 (Relu)", "'x'", "branches"]),
    (lambda: graph([GEMM, ("Relu", ["z"], ["r"]), ("Relu", ["r"], ["y"])], CONSTANTS), ["node 3 (Relu)", "one behind each"]),
    (lambda: graph([GEMM, ("Gemm", ["z", "w", "b"], ["y"])], CONSTANTS), ["node 2 (Gemm)", "the bias has the shape (2,), the layer 3"]),
    (lambda: graph([GEMM, ("Gemm", ["z", "w", "b"], ["y"], {"transB": 1})], CONSTANTS), ["node 2 (Gemm)", "takes 3 numbers", "gives 2"]),
    (lambda: graph([("Gemm", ["x", "w", "b"], ["y"], {"transA": 1})], CONSTANTS), ["transA"]),
    (lambda: graph([("Gemm", ["x", "v", "b"], ["y"])], CONSTANTS), ["'v' is no constant"]),
    (lambda: graph([GEMM], CONSTANTS, inputs=("x", "u"), output="z"), ["2 inputs"]),
    (lambda: graph([GEMM], CONSTANTS, output="y"), ["its output is not what the last node gives"]),
    (lambda: graph([("Relu", ["x"], ["y"])], CONSTANTS), ["node 1 (Relu)", "behind a layer"]),
    (lambda: graph([], CONSTANTS, output="x"), ["no layer"]),
    (lambda: graph([GEMM], CONSTANTS, output="z", opset=6), ["opset 6", "7 to 28"]),
    (lambda: graph([GEMM], CONSTANTS, output="z", opset=99), ["opset 99", "7 to 28"]),
    (lambda: graph([GEMM], [tensor("w", W.astype(np.int32)), tensor("b", B)], output="z"), ["'w' is no constant of numbers"]),
    (lambda: graph([GEMM], [tensor("w", np.full_like(W, np.inf)), tensor("b", B)], output="z"), ["NaN or infinite"]),
    (lambda: graph([GEMM], [*CONSTANTS, tensor("w", W)], output="z"), ["'w' is there twice"]),
])
def test_what_is_no_chain_is_named(model, words, tmp_path):
    onnx.save(model(), tmp_path / "in.onnx")
    message = said("import", tmp_path / "in.onnx", "-o", tmp_path / "m.model", code=MODEL_ERROR)
    for word in words:
        assert word in message
    assert not (tmp_path / "m.model").exists()


def outside(location):
    """Weights that are to be looked for elsewhere."""
    weights = tensor("w", W)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    return graph([GEMM], [weights, tensor("b", B)], output="z")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "link", "w.bin"])
def test_numbers_in_other_files_are_never_opened(location, tmp_path):
    """Case 20 of the faults."""
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "w.bin").write_bytes(W.tobytes())
    (tmp_path / "in.onnx").write_bytes(outside(location).SerializeToString())
    done = subprocess.run(["strace", "-f", "-e", "trace=%file", "-o", tmp_path / "trace", PROGRAM, "import", "in.onnx", "-o", "m.model"],
                          capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    if "ptrace" in done.stderr.lower():
        pytest.skip("no process may be traced here")
    assert done.returncode == MODEL_ERROR and "external data not supported" in done.stderr
    trace = (tmp_path / "trace").read_text()
    assert '"in.onnx"' in trace
    for name in ("passwd", '"link"', "w.bin"):
        assert name not in trace


def test_a_flag_alone_says_external_too(tmp_path):
    model = outside("x")
    del model.graph.initializer[0].external_data[:]
    (tmp_path / "in.onnx").write_bytes(model.SerializeToString())
    assert "external data not supported" in said("import", tmp_path / "in.onnx", "-o", tmp_path / "m.model", code=MODEL_ERROR)


def test_every_cut_and_many_damaged_bytes_end_in_a_message(tmp_path):
    whole = graph([GEMM, ("Tanh", ["z"], ["y"])], CONSTANTS).SerializeToString()
    rng = np.random.default_rng(0)
    step = 1 if os.environ.get("HANDGRAD_EXPORT") == "all" else 9
    forged = [whole[:end] for end in range(0, len(whole), step)]
    for _ in range(600 // step):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        forged.append(bytes(damaged))
    for bytes_ in forged:
        (tmp_path / "in.onnx").write_bytes(bytes_)
        done = subprocess.run([PROGRAM, "import", tmp_path / "in.onnx", "-o", tmp_path / "m.model"], capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, MODEL_ERROR), (done.returncode, done.stderr)


@pytest.mark.parametrize("dims", [[2**62, 4], [2**31, 2**31, 2**31], [-1, 3], [0, 3], [3, 3], [2] * 9, [2**40]])
def test_axes_that_the_bytes_do_not_bear_out(dims, tmp_path):
    weights = tensor("w", W)
    del weights.dims[:]
    weights.dims.extend(dims)
    (tmp_path / "in.onnx").write_bytes(graph([GEMM], [weights, tensor("b", B)], output="z").SerializeToString())
    assert "tensor 'w'" in said("import", tmp_path / "in.onnx", "-o", tmp_path / "m.model", code=MODEL_ERROR)


def test_other_files_are_named_as_what_they_are(tmp_path):
    for name, content, words in [("a.pt", b"\x80\x02}", "pickle"), ("a.onnx", b"", "empty"), ("a.txt", b"hello there", "no sound ONNX"),
                                 ("a.csv", b"x,y\n1,2\n", "ONNX")]:
        (tmp_path / name).write_bytes(content)
        assert words in said("import", tmp_path / name, "-o", tmp_path / "m.model", code=MODEL_ERROR)


# Weights by their names ------------------------------------------------------------------------------------------------

LAYERS = Network((3, 5, 2), "tanh", "identity", np.float64).layers


@pytest.mark.parametrize("names, turned", [
    (("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"), False), (("0.weight", "0.bias", "2.weight", "2.bias"), False),
    (("net.9.weight", "net.9.bias", "net.10.weight", "net.10.bias"), False), (("fc1.weight", "fc1.bias", "out.weight", "out.bias"), False),
    (("input.weight", "input.bias", "end.weight", "end.bias"), False), (("W1", "b1", "W2", "b2"), False), (("W1", "b1", "W2", "b2"), True),
    (("coefs_0", "intercepts_0", "coefs_1", "intercepts_1"), True), (("dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"), True)])
def test_weights_by_their_names(names, turned, tmp_path):
    arrays = [array for w, b in LAYERS for array in (w.T if turned else w, b)]
    np.savez(tmp_path / "w.npz", **dict(zip(names, arrays, strict=True)))
    run("import", tmp_path / "w.npz", "--hidden-activation", "tanh", "-o", tmp_path / "m.model", "--quiet")
    expected = Network((3, 5, 2), "tanh", "identity", np.float64)(X).real
    np.testing.assert_allclose(outputs(tmp_path / "m.model", X), expected, rtol=1e-14)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_scikit_learns_coefficients_predict_the_same(tmp_path):
    from sklearn.neural_network import MLPRegressor
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    peer = MLPRegressor(hidden_layer_sizes=(6, 4), activation="logistic", solver="lbfgs", max_iter=50, random_state=0).fit(x, x @ [1.0, -2, 0.5])
    np.savez(tmp_path / "w.npz", **{f"coefs_{i}": w for i, w in enumerate(peer.coefs_)}, **{f"intercepts_{i}": b for i, b in enumerate(peer.intercepts_)})
    run("import", tmp_path / "w.npz", "--hidden-activation", "sigmoid", "--inputs", "a,b,c", "-o", tmp_path / "m.model", "--quiet")
    np.savetxt(tmp_path / "t.csv", x, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    predicted = np.array(run("predict", tmp_path / "m.model", tmp_path / "t.csv").split()[1:], dtype=float)
    np.testing.assert_allclose(predicted, peer.predict(x), rtol=1e-12)


def test_a_torch_export_comes_back(tmp_path):
    Network((3, 5, 2), "relu", "identity", np.float32).save(tmp_path / "w.npz")
    run("import", tmp_path / "w.npz", "--hidden-activation", "relu", "-o", tmp_path / "a.model", "--quiet")
    run("export", tmp_path / "a.model", "--to", "torch", "-o", tmp_path / "a.safetensors", "--quiet")
    run("import", tmp_path / "a.safetensors", "--hidden-activation", "relu", "-o", tmp_path / "b.model", "--quiet")
    hashes = [run("inspect", tmp_path / f"{name}.model", "--json").split('"parameters_hash":')[1][:40] for name in "ab"]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("arrays, words, code, reason", [
    ({"w1": np.ones((2, 3)), "b1": np.ones(2), "w2": np.ones((2, 2)), "b2": np.ones(2)}, [], USAGE, "--hidden-activation relu"),
    ({"w1": np.ones((2, 3)), "b1": np.ones(4)}, [], MODEL_ERROR, "do not fit"),
    ({"w1": np.ones((2, 3)), "w2": np.ones((4, 5))}, [], MODEL_ERROR, "do not fit each other"),
    ({"w1": np.ones((2, 3)), "b2": np.ones(2)}, [], MODEL_ERROR, "belongs to no weight"),
    ({"conv.weight": np.ones((2, 3, 4))}, [], MODEL_ERROR, "Linear alone"),
    ({"age": np.ones(3)}, [], MODEL_ERROR, "no weights are in it"),
    ({"w1": np.ones((2, 3))}, ["--inputs", "a,b"], USAGE, "2 names for 3 columns"),
    ({"w1": np.array([["a", "b"]])}, [], MODEL_ERROR, "w1"),
])
def test_weights_that_cannot_be_taken(arrays, words, code, reason, tmp_path):
    np.savez(tmp_path / "w.npz", **arrays)
    assert reason in said("import", tmp_path / "w.npz", "-o", tmp_path / "m.model", *words, code=code)


@pytest.mark.parametrize("output, outputs_, task", [
    ("identity", 1, "regression"), ("softmax", 3, "classification"), ("sigmoid", 1, "classification"), ("sigmoid", 2, "multilabel"), ("exp", 2, "regression")])
def test_the_output_says_the_task(output, outputs_, task, tmp_path):
    Network((3, outputs_), "tanh", output, np.float32).save(tmp_path / "w.npz")
    run("import", tmp_path / "w.npz", "--output-activation", output, "-o", tmp_path / "m.model", "--quiet")
    assert f'"task":"{task}"' in run("inspect", tmp_path / "m.model", "--json")
    (tmp_path / "t.csv").write_text("x1,x2,x3\n1,2,3\n")
    assert run("predict", tmp_path / "m.model", tmp_path / "t.csv")


def test_scales_beside_the_weights_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 3)) * [1, 100, 0.01] + [5, -30, 0]
    rows = np.column_stack([rows, rows @ [3, 0.5, 200] + 1000])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,c,price", comments="", fmt="%.17g")
    run("train", tmp_path / "t.csv", "--target", "price", "--epochs", 3, "-o", tmp_path / "m.model", "--quiet")
    run("export", tmp_path / "m.model", "--to", "npz", "-o", tmp_path / "w.npz", "--quiet")
    run("import", tmp_path / "w.npz", "--hidden-activation", "relu", "--inputs", "a,b,c", "--targets", "price", "-o", tmp_path / "n.model", "--quiet")
    assert run("predict", tmp_path / "n.model", tmp_path / "t.csv") == run("predict", tmp_path / "m.model", tmp_path / "t.csv")
