"""A port of the backward pass, checked: which of its gradients is wrong, and what was mistaken in it?"""

import numpy as np

import handgrad

rng = np.random.default_rng(0)
net = handgrad.Mlp([4, 8, 3], hidden="tanh", output="softmax", dtype="float64", seed=2)
x, y = rng.normal(size=(20, 4)), np.eye(3)[rng.integers(0, 3, size=20)]


def my_gradients(p):
    """The port: somebody forgot that the loss is a mean over the rows, and tanh' in the first layer."""
    h = np.tanh(x @ p["linear1.weight"].T + p["linear1.bias"])
    z = h @ p["linear2.weight"].T + p["linear2.bias"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    d2 = e / e.sum(axis=1, keepdims=True) - y
    d1 = d2 @ p["linear2.weight"] / len(x)
    return {"linear2.weight": d2.T @ h, "linear2.bias": d2.sum(axis=0), "linear1.weight": d1.T @ x, "linear1.bias": d1.sum(axis=0)}


print(handgrad.compare(net, x, y, my_gradients(net.parameters), loss="cross_entropy"))
