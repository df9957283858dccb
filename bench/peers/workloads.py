"""The workloads that the peers run: shapes, data with something to learn, first weights, and plain NumPy references."""

from dataclasses import dataclass

import numpy as np


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


TRAINING = {
    "T1": Training((10, 32, 1), "relu", "squared", "sgd", 32, 128),
    "T2": Training((16, 64, 1), "relu", "squared", "sgd", 64, 64),
    "T3": Training((24, 8, 2), "tanh", "squared", None, 200, 1, np.float64),
    "S1": Training((8, 64, 1), "relu", "squared", "adam", 32, 128),
    "S2": Training((30, 64, 1), "sigmoid", "binary", "adam", 32, 128),
    "S3": Training((64, 128, 10), "relu", "softmax", "adam", 64, 64),
    "M1": Training((64, 256, 10), "relu", "squared", "sgd", 128, 32),
    "M2": Training((784, 256, 10), "relu", "softmax", "adam", 128, 64),
    "M3": Training((54, 128, 7), "relu", "softmax", "adam", 256, 32),
    "D1": Training((4, 32, 16, 4), "tanh", "squared", "adam", 10_000, 1),
    "L1": Training((784, 1024, 10), "relu", "squared", "sgd", 256, 16),
    "L2": Training((4096, 4096, 1000), "relu", "squared", "sgd", 512, 1),
}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's
BULK_ROWS = 65_536


def shape_of(workload):
    """'I1/10-32-1' or 'J1/10-32-1/1024': the widths."""
    return tuple(map(int, workload.split("/")[1].split("-")))


def rows_of(workload):
    family, _, *rows = workload.split("/")
    return int(rows[0]) if rows else {"I1": 1, "I2": BULK_ROWS}[family]


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
