"""Gradients with mistakes: a backward pass in NumPy, written from the derivation alone, in which each step can go wrong.

The whole batch at once: x is B × n, y is B × K, weights are out × in. `mistakes` is a set of names; those that act on
the pass itself are read here, those that act on a finished tensor in `spoil`.
"""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * (1.0 - sigmoid(z))


def relu_slope(z, at_zero):
    return np.where(z > 0.0, 1.0, np.where(z < 0.0, 0.0, at_zero)).astype(z.dtype)


VALUE = {"identity": lambda z: z, "relu": lambda z: np.maximum(z, 0.0), "sigmoid": sigmoid, "tanh": np.tanh,
         "softmax": lambda z: np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum(
             1, keepdims=True)}


def slope(activation, z, at_zero):
    return {"identity": lambda: np.ones_like(z), "relu": lambda: relu_slope(z, at_zero),
            "sigmoid": lambda: sigmoid_slope(z), "tanh": lambda: 1.0 - np.tanh(z) ** 2}[activation]()


def loss_slope(loss, yhat, y):
    """∂l/∂ŷ of each row: Eq. (11), Eq. (19), and −y/ŷ of the cross entropy."""
    if loss == "squared_error":
        return 2.0 * (yhat - y)
    if loss == "binary_cross_entropy":
        return -(y / yhat - (1.0 - y) / (1.0 - yhat)) / y.shape[1]
    return -y / yhat


OTHER_SLOPES = {
    "hidden_derivative_twice": lambda f, z, a: slope(f, z, 1.0) ** 2,
    "slope_of_sigmoid": lambda f, z, a: a * (1.0 - a),
    "slope_of_tanh": lambda f, z, a: 1.0 - a * a,
    "slope_of_relu": lambda f, z, a: (z > 0.0).astype(z.dtype),
    "z_in_slope": lambda f, z, a: z * (1.0 - z) if f == "sigmoid" else 1.0 - z * z,
    "mask_inverted": lambda f, z, a: slope(f, -z, 1.0),
}
"""What else may stand for f′."""


def hidden_slope(activation, z, a, layer, mistakes):
    """f′ of hidden layer `layer` (from 1), or what the mistake puts in its place."""
    at_zero = 0.0 if "relu_at_zero" in mistakes else 1.0
    if mistakes & {"missing_hidden_derivative", f"missing_hidden_derivative@{layer}"}:
        return np.ones_like(z)
    if mistakes & {"derivative_at_activation", f"derivative_at_activation@{layer}"}:
        return slope(activation, a, at_zero)
    for mistake, formula in OTHER_SLOPES.items():
        if mistakes & {mistake, f"{mistake}@{layer}"}:
            return formula(activation, z, a)
    return slope(activation, z, at_zero)


def output_delta(net, z, yhat, y, mistakes):
    """∂l/∂z of the last layer."""
    other = {"squared_error_gradient": "squared_error", "cross_entropy_gradient": "binary_cross_entropy"}
    loss = next((other[mistake] for mistake in sorted(mistakes) if mistake in other), net["loss"])
    by_yhat = loss_slope(loss, yhat, y)
    if "loss_epsilon" in mistakes:
        e = np.asarray(1e-3, z.dtype)
        by_yhat = -y / (yhat + e) if loss == "cross_entropy" else -(y / (yhat + e) - (1 - y) / (1 - yhat + e)) / y.shape[1]
    if "softmax_twice" in mistakes:
        twice = VALUE["softmax"](yhat) - y
        return yhat * (twice - (twice * yhat).sum(1, keepdims=True))
    if "softmax_diagonal" in mistakes:
        return by_yhat * yhat * (1.0 - yhat)
    if "output_derivative_twice" in mistakes:
        return output_delta(net, z, yhat, y, mistakes - {"output_derivative_twice"}) * slope(net["output"], z, 1.0)
    if "missing_output_derivative" in mistakes:
        return by_yhat
    if net["output"] == "softmax":
        return yhat * (by_yhat - (by_yhat * yhat).sum(1, keepdims=True))
    at = yhat if "derivative_at_output" in mistakes else z
    return by_yhat * slope(net["output"], at, 1.0)


def gradient(net, weights, x, y, mistakes=frozenset()):
    """linear1.weight, linear1.bias … by name, in the dtype of the weights."""
    layers = len(weights) // 2
    names = [net["hidden"]] * (layers - 1) + [net["output"]]
    if "part_of_batch" in mistakes:
        x, y = x[:len(x) // 2], y[:len(y) // 2]
    back = weights
    if "updated_weights" in mistakes:
        right = gradient(net, weights, x, y)
        back = {name: w - np.asarray(0.1, w.dtype) * right[name] for name, w in weights.items()}
    z, a = [], [x]
    for layer, activation in enumerate(names, start=1):
        bias = weights[f"linear{layer}.bias"] * np.asarray("bias_left_out" not in mistakes, x.dtype)
        z.append(a[-1] @ weights[f"linear{layer}.weight"].T + bias)
        a.append(VALUE[activation](z[-1]))
    rows = len(x)
    delta = output_delta(net, z[-1], a[-1], y, mistakes) / np.asarray(rows, x.dtype)
    result = {}
    for layer in range(layers, 0, -1):
        times = np.arange(rows, 0, -1, dtype=x.dtype)[:, None] if "accumulated_rows" in mistakes else 1.0
        entered = z[layer - 2] if "z_for_activation" in mistakes and layer > 1 else a[layer - 1]
        result[f"linear{layer}.weight"] = (delta * times).T @ entered
        result[f"linear{layer}.bias"] = wrong_bias(delta * times, mistakes)
        if layer > 1:
            W = back[f"linear{layer}.weight"]
            by_a = delta @ (W.T if "untransposed_weights" in mistakes and W.shape[0] == W.shape[1] else W)
            by_slope = hidden_slope(names[layer - 2], z[layer - 2], a[layer - 1], layer - 1, mistakes)
            delta = by_a * ((by_a > 0.0).astype(x.dtype) if "mask_of_gradient" in mistakes else by_slope)
    return spoil(result, rows, y.shape[1], mistakes)


def wrong_bias(delta, mistakes):
    rows = len(delta)
    sums = {"bias_mean": lambda: delta.mean(0), "bias_not_averaged": lambda: delta.sum(0) * rows,
            "bias_first_row": lambda: delta[0] * rows, "bias_last_row": lambda: delta[-1],
            "bias_all_units": lambda: np.full(delta.shape[1], delta.sum()), "bias_scalar": lambda: delta.sum(),
            "bias_wrong_axis": lambda: delta.sum(1), "bias_not_summed": lambda: delta * rows}
    wrong = [sums[mistake] for mistake in sums if mistake in mistakes]
    return wrong[0]() if wrong else delta.sum(0)


def spoil(tensors, rows, outputs, mistakes):
    """Factors and transposition of finished tensors."""
    factors = {"sign": -1.0, "factor_2": 2.0, "factor_half": 0.5, "accumulated_twice": 2.0, "accumulated_3": 3.0,
               "outputs_summed": outputs, "outputs_averaged": 1.0 / outputs, "rows_summed": rows,
               "rows_averaged": 1.0 / rows}
    for name, tensor in tensors.items():
        for mistake, factor in factors.items():
            if mistake in mistakes:
                tensor = tensor * np.asarray(factor, tensor.dtype)
        if "never_computed" in mistakes and name.endswith("bias"):
            tensor = np.zeros_like(tensor)
        if "transposed" in mistakes and name.endswith("weight"):
            tensor = tensor.T
        tensors[name] = np.ascontiguousarray(tensor)
    return tensors
