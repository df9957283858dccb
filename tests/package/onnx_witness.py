"""The network and its derivatives in NumPy, from the formulas of the derivation: derivatives by the complex step."""

import math

import numpy as np

ACTIVATIONS = ["identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "exp", "softmax"]
HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
SLOPE = 0.2


def _erf(z):
    """erf, and to first order in the imaginary part its derivative."""
    real = np.vectorize(math.erf)(z.real)
    return real + 1j * z.imag * 2 / math.sqrt(math.pi) * np.exp(-z.real**2)


def _sigmoid(z):
    return np.where(z.real < 0, np.exp(np.minimum(z.real, 0) + 1j * z.imag) / (1 + np.exp(np.minimum(z.real, 0) + 1j * z.imag)),
                    1 / (1 + np.exp(-np.maximum(z.real, 0) - 1j * z.imag)))


def activate(name, z):
    """One activation of complex numbers, whose real part decides."""
    left = z.real < 0
    if name == "softmax":
        e = np.exp(z - z.real.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    return {
        "identity": lambda: z,
        "relu": lambda: np.where(left, 0, z),
        "leaky_relu": lambda: np.where(left, SLOPE * z, z),
        "elu": lambda: np.where(left, np.exp(np.where(left, z, 0)) - 1, z),
        "sigmoid": lambda: _sigmoid(z),
        "tanh": lambda: np.tanh(z),
        "softplus": lambda: np.log(1 + np.exp(z)),
        "silu": lambda: z * _sigmoid(z),
        "gelu": lambda: z * (1 + _erf(z / math.sqrt(2))) / 2,
        "gelu_tanh": lambda: z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2,
        "exp": lambda: np.exp(z),
    }[name]()


class Network:
    """Random weights, one after the other; `weights` are what goes into a file."""

    def __init__(self, sizes, hidden, output, dtype, seed=0):
        rng = np.random.default_rng(seed)
        self.sizes, self.hidden, self.output, self.dtype = sizes, hidden, output, dtype
        self.layers = [(rng.normal(size=(m, n)).astype(dtype) / dtype(math.sqrt(n)), rng.normal(size=m).astype(dtype) / 4)
                       for n, m in zip(sizes[:-1], sizes[1:], strict=True)]
        self.x = rng.normal(size=(4, sizes[0])).astype(dtype)

    def save(self, path):
        np.savez(path, **{f"{part}{place}": array for place, layer in enumerate(self.layers, 1)
                          for part, array in zip("Wb", layer, strict=True)})

    def __call__(self, x):
        """yhat; `largest` becomes the largest |z| on the way, whose rounding every result has."""
        a, self.largest = np.asarray(x, dtype=complex), 1.0
        for place, (w, b) in enumerate(self.layers, 1):
            z = a @ w.T.astype(complex) + b
            self.largest = max(self.largest, np.abs(z.real).max())
            a = activate(self.output if place == len(self.layers) else self.hidden, z)
        return a

    def jacobian(self, x):
        """rows x K x n."""
        step = 1e-30
        columns = [self(x + 1j * step * unit).imag / step for unit in np.eye(self.sizes[0])]
        return np.stack(columns, axis=-1)

    def hessian(self, x, v):
        """Of v yhat, rows x n x n: differences of the complex step, so to ten digits."""
        step = 1e-5
        x = np.asarray(x, dtype=float)
        columns = [np.einsum("rk,rkn->rn", v, self.jacobian(x + step * unit) - self.jacobian(x - step * unit)) / (2 * step)
                   for unit in np.eye(self.sizes[0])]
        return np.stack(columns, axis=-1)
