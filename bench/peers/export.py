"""Writes the networks of one-row inference for the peers that are called through C and C++.

Usage: export.py FOLDER WIDTHS...     (as 10-32-1)

For each: WIDTHS.onnx; WIDTHS.script.pt, traced and frozen by TorchScript; WIDTHS.pt2, compiled ahead of time by
torch.compile's own compiler; WIDTHS.x and WIDTHS.y, the row and the outputs by the NumPy reference, as bare floats.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np
import onnx_peer
import torch
import workloads


def modules(widths):
    (w1, b1), (w2, b2) = workloads.first_weights(widths)
    n, r, k = widths
    model = torch.nn.Sequential(torch.nn.Linear(n, r), torch.nn.ReLU(), torch.nn.Linear(r, k)).eval()
    for parameter, array in zip(model.parameters(), (w1.T, b1, w2.T, b2)):
        parameter.data.copy_(torch.from_numpy(array.copy()))
        parameter.requires_grad_(False)
    return model


def export(folder, shape):
    workload = f"I1/{shape}"
    widths, x = workloads.shape_of(workload), workloads.inputs(workload)
    x.tofile(folder / f"{shape}.x")
    workloads.outputs(workload, x).astype(np.float32).tofile(folder / f"{shape}.y")
    (folder / f"{shape}.onnx").write_bytes(onnx_peer.model(widths))
    model, row = modules(widths), torch.from_numpy(x)
    arrays = [p.detach().numpy().copy() for p in model.parameters()]
    np.concatenate([array.reshape(-1) for array in arrays]).tofile(folder / f"{shape}.parameters")
    with torch.no_grad():
        torch.jit.freeze(torch.jit.trace(model, row)).save(str(folder / f"{shape}.script.pt"))
        torch._inductor.aoti_compile_and_package(torch.export.export(model, (row,)),
                                                 package_path=str(folder / f"{shape}.pt2"),
                                                 inductor_configs={"freezing": True})


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr):
        for shape in sys.argv[2:]:
            export(where, shape)
