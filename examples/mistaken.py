"""A backward pass in NumPy with two slips, for `handgrad compare` to find: a missing transpose, and a sum over rows."""

import json
import struct

import numpy as np

with open("small.model", "rb") as file:  # safetensors: a length, a header in JSON, the numbers
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
columns = json.loads(header.pop("__metadata__")["preprocessing"])
W1, b1, W2, b2 = (
    np.frombuffer(data[slice(*tensor["data_offsets"])], "<f4").reshape(tensor["shape"]).astype(float)
    for tensor in (header[name] for name in ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")))

table = np.genfromtxt("small.csv", delimiter=",", skip_header=1)
x = (table[:, :2] - [c["shift"] for c in columns["features"]]) / [c["scale"] for c in columns["features"]]
y = (table[:, 2:] - columns["targets"][0]["shift"]) / columns["targets"][0]["scale"]

z1 = x @ W1.T + b1  # Table 1, a row for each row of the table
z2 = np.maximum(z1, 0)
yhat = z2 @ W2.T + b2
d2 = 2 * (yhat - y) / len(x)  # Table 2: ∂l/∂z₃ of the mean loss
d1 = (d2 @ W2) * (z1 >= 0)
np.savez("mine.npz", **{"linear1.weight": x.T @ d1,  # should be d1.T @ x
                        "linear1.bias": d1.sum(axis=0),
                        "linear2.weight": d2.T @ z2,
                        "linear2.bias": d2.sum(axis=0) * len(x)})  # the mean is in d2 already
