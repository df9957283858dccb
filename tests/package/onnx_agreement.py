#!/usr/bin/env python3
"""How far ONNX Runtime is from the network in NumPy: the table of docs/onnx.md.

Usage: HANDGRAD_PROGRAM=build/release/cli/handgrad .venv-package/bin/python tests/package/onnx_agreement.py [--write]

Of each hidden activation the largest difference over all outputs, two depths and the rows of each, in units in the last place of the
largest number of its kind.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx_witness import ACTIVATIONS, HIDDEN, Network
from package_support import run
from test_onnx import imported, opset, session

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "tools"))
import measured  # noqa: E402  (after the path that leads to it)


def differences(sizes, hidden, output, dtype, folder):
    """Of yhat, the Jacobian and the Hessian."""
    network = Network(sizes, hidden, output, dtype)
    run("export", imported(network, folder), "--to", "onnx", "--derivatives", "-o", folder / "net.onnx", "--quiet")
    x, wide = network.x, network.x.astype(float)
    v = np.random.default_rng(1).normal(size=(len(x), sizes[-1])).astype(dtype)
    found = [session(folder / "net.onnx").run(None, {"x": x})[0], session(folder / "jac_net.onnx").run(None, {"x": x})[0],
             session(folder / "jac_adj_net.onnx").run(None, {"x": x, "adj_yhat": v})[0]]
    expected = [network(wide).real, network.jacobian(wide), network.hessian(wide, v.astype(float))]
    return [np.abs(a.reshape(b.shape) - b).max() / max(np.abs(b).max(), 1e-30) / np.finfo(dtype).eps
            for a, b in zip(found, expected, strict=True)], [opset(onnx.load(folder / name)) for name in ("net.onnx", "jac_adj_net.onnx")]


def main():
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for hidden in HIDDEN:
            cells = []
            for dtype in (np.float32, np.float64):
                made = [differences(sizes, hidden, output, dtype, Path(folder)) for sizes in ((3, 5, 2), (4, 6, 5, 3)) for output in ACTIVATIONS
                        if not (hidden == "exp" and output in ("exp", "softmax"))]  # beyond all numbers, or saturated
                worst = np.max([one for one, _ in made], axis=0)
                # With an output that asks for nothing: the first, identity.
                cells += [f"{made[0][1][0]}, {made[0][1][1]}", *(f"{number:.0f}" for number in worst[:3 if dtype == np.float32 else 2])]
            rows.append([hidden, *cells])
    table = measured.table(["hidden activation", "opset, float", "ŷ", "Jacobian", "Hessian", "opset, double", "ŷ", "Jacobian"], rows)
    print(table)
    if "--write" in sys.argv:
        stamp = measured.stamp("tests/package/onnx_agreement.py --write", HERE, with_what=f"ONNX Runtime {onnxruntime.__version__}")
        measured.write(HERE.parents[2] / "docs/onnx.md", "onnx-agreement", f"{table}\n\n{stamp}")


if __name__ == "__main__":
    main()
