"""The workloads that the peers run, from bench/workloads.toml: data with something to learn, first weights, and plain
NumPy references."""

from dataclasses import dataclass

import numpy as np
from table import COMPARED

LOSSES = {"squared_error": "squared", "binary_cross_entropy": "binary", "cross_entropy": "softmax"}


@dataclass(frozen=True)
class Training:
    """A training step: widths d₀-…-d_L, hidden activation, loss (which fixes the output activation), optimizer."""

    widths: tuple
    activation: str
    loss: str
    optimizer: str | None  # none: loss and gradient only
    batch: int
    batches: int  # in an epoch: the data set has batches × batch rows
    dtype: type = np.float32

    @property
    def learning_rate(self):
        return 1e-3 if self.optimizer == "adam" else 0.5 / (self.widths[0] + self.widths[1])

    @property
    def epochs_to_learn(self):
        """Enough to see the loss fall."""
        return 2 if self.widths[0] > 1000 else max(1, 64 // self.batches)


def training(row):
    optimizer = None if row.kind == "gradient" else row.optimizer
    return Training(row.widths, row.hidden, LOSSES[row.loss], optimizer, row.rows, row.batches,
                    np.float64 if row.double else np.float32)


TRAINING = {name: training(row) for name, row in COMPARED.items() if row.trains}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's


def shape_of(workload):
    return COMPARED[workload].widths


def rows_of(workload):
    return COMPARED[workload].rows


def first_weights(widths, dtype=np.float32, seed=1):
    """[(W in × out, b)], He's scale for W; small numbers for b so that a forgotten bias shows."""
    random = np.random.default_rng(seed)
    return [((random.standard_normal((n, m), np.float32) * np.sqrt(2 / n)).astype(dtype),
             (random.standard_normal(m, np.float32) * 0.1).astype(dtype)) for n, m in zip(widths, widths[1:])]


def data(job):
    """X rows × n and Y rows × K: a noisy function of X, as numbers, 0 and 1, or one-hot rows."""
    random = np.random.default_rng(2)
    rows, inputs, outputs = job.batch * job.batches, job.widths[0], job.widths[-1]
    x = random.standard_normal((rows, inputs), np.float32)
    score = np.tanh(x @ (random.standard_normal((inputs, outputs), np.float32) / np.sqrt(inputs)))
    score += 0.1 * random.standard_normal(score.shape, np.float32)
    if job.loss == "binary":
        score = (score > 0).astype(np.float32)
    elif job.loss == "softmax":
        score = np.eye(outputs, dtype=np.float32)[score.argmax(axis=1)]
    return x.astype(job.dtype), score.astype(job.dtype)


def activate(name, z):
    if name == "relu":
        return np.maximum(z, 0)
    return np.tanh(z) if name == "tanh" else 1 / (1 + np.exp(-z))


def derivative(name, a):
    """f′ from a = f(z)."""
    if name == "relu":
        return (a > 0).astype(a.dtype)
    return 1 - a * a if name == "tanh" else a * (1 - a)


def loss_and_gradient(job, parameters, x, y):
    """Mean over rows of ½Σ(ŷ−y)², binary cross-entropy or cross-entropy, and [(∂W, ∂b)]; plain, for checks."""
    a = [x]
    for w, b in parameters[:-1]:
        a.append(activate(job.activation, a[-1] @ w + b))
    z = a[-1] @ parameters[-1][0] + parameters[-1][1]
    if job.loss == "squared":
        value, delta = ((z - y) ** 2).sum() / 2, z - y
    elif job.loss == "binary":
        value, delta = (np.logaddexp(0, z) - z * y).sum(), 1 / (1 + np.exp(-z)) - y
    else:
        z = z - z.max(axis=1, keepdims=True)
        exponentials = np.exp(z)
        total = exponentials.sum(axis=1, keepdims=True)
        value, delta = (np.log(total[:, 0]) - (z * y).sum(axis=1)).sum(), exponentials / total - y
    delta = delta / len(x)
    gradient = []
    for layer in reversed(range(len(parameters))):
        gradient.append((a[layer].T @ delta, delta.sum(axis=0)))
        if layer:
            delta = (delta @ parameters[layer][0].T) * derivative(job.activation, a[layer])
    return value / len(x), gradient[::-1]


def inputs(workload):
    return np.random.default_rng(3).standard_normal((rows_of(workload), shape_of(workload)[0]), np.float32)


def outputs(workload, x):
    """The reference of I1 and I2: relu, then identity; in double."""
    (w1, b1), (w2, b2) = first_weights(shape_of(workload), np.float64)
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2


def jacobians(workload, x):
    """The reference of J1: rows × K × n, in double."""
    (w1, b1), (w2, _) = first_weights(shape_of(workload), np.float64)
    return ((x @ w1 + b1 > 0)[:, None, :] * w2.T[None]) @ w1.T


def same(got, wanted, tolerance=1e-4):
    """Says nothing when `got` is `wanted` to within float's rounding; raises otherwise."""
    error = np.abs(np.asarray(got, np.float64).reshape(wanted.shape) - wanted).max() / np.abs(wanted).max()
    if not error < tolerance:
        raise ArithmeticError(f"results differ from the reference by {error:.1e} of the largest")
    return f"agrees with the reference to {error:.0e}"
