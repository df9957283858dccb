"""Eq. (1)–(19) of the derivation in NumPy, literally: a row at a time, every Jacobian dense, then the step of Eq. (4).

Written from the derivation alone, to witness what the program computes. Numbers are Bounded, so that a bound on the
rounding error comes with every result.
"""

import numpy as np
from bounded import Bounded, affine, diag, exp, indicator_not_negative, log, mean, outer, positive_part, total


def identity(z):
    return z


def identity_jacobian(z):                                         # Eq. (8), Eq. (9)
    return Bounded(np.eye(z.value.size))


def relu(z):                                                      # Table 1, row f
    return positive_part(z)


def relu_jacobian(z):                                             # Eq. (5), Eq. (6), Eq. (7)
    return diag(indicator_not_negative(z))


def sigmoid(z):                                                   # Table 3, rows f and g
    return 1.0 / (1.0 + exp(-z))


def sigmoid_jacobian(z):                                          # Eq. (12), Eq. (13); Eq. (14), Eq. (15)
    t = exp(-z)
    return diag(t / ((1.0 + t) * (1.0 + t)))


def squared_error(yhat, y):                                       # Eq. (3)
    return total((yhat - y) * (yhat - y))


def squared_error_row(yhat, y):                                   # Eq. (10), Eq. (11); Eq. (16), Eq. (17)
    return 2.0 * (yhat - y)


def binary_cross_entropy(yhat, y):                                # Table 5, row loss
    return total(-(y * log(yhat) + (1.0 - y) * log(1.0 - yhat))) / y.value.size


def binary_cross_entropy_row(yhat, y):                            # Eq. (18), Eq. (19)
    return -(y / yhat - (1.0 - y) / (1.0 - yhat)) / y.value.size


ACTIVATIONS = {"identity": (identity, identity_jacobian), "relu": (relu, relu_jacobian),
               "sigmoid": (sigmoid, sigmoid_jacobian)}
LOSSES = {"squared_error": (squared_error, squared_error_row),
          "binary_cross_entropy": (binary_cross_entropy, binary_cross_entropy_row)}


def loss_and_gradient(weights, x, y, hidden, output, loss):
    """One row: the loss, and the gradient by each parameter in the parameter's own shape."""
    f, f_jacobian = ACTIVATIONS[hidden]
    g, g_jacobian = ACTIVATIONS[output]
    l, l_row = LOSSES[loss]

    z1 = affine(weights["linear1.weight"], x, weights["linear1.bias"])      # Eq. (1), Eq. (2)
    z2 = f(z1)
    z3 = affine(weights["linear2.weight"], z2, weights["linear2.bias"])
    yhat = g(z3)

    delta3 = l_row(yhat, y) @ g_jacobian(z3)                                # Table 2, Table 4: row b2
    delta1 = delta3 @ weights["linear2.weight"] @ f_jacobian(z1)            # row b1
    return l(yhat, y), {"linear1.weight": outer(delta1, x),                 # row W1, in the shape of W1
                        "linear1.bias": delta1,
                        "linear2.weight": outer(delta3, z2),                # row W2, in the shape of W2
                        "linear2.bias": delta3}


def step(weights, x, y, learning_rate, pair):
    """Eq. (4) on a batch: the mean loss before the step, and the weights after it. x is rows × n, y is rows × K."""
    rows = [loss_and_gradient(weights, Bounded.rounded(x[i]), Bounded.rounded(y[i]), *pair) for i in range(len(x))]
    gradient = {name: mean([row_gradient[name] for _, row_gradient in rows]) for name in weights}
    rate = Bounded.rounded(learning_rate)
    return (mean([row_loss for row_loss, _ in rows]),
            {name: weight - rate * gradient[name] for name, weight in weights.items()})


def epoch(weights, x, y, batch, learning_rate, pair):
    """One pass over the rows in their order: the mean of the batches' losses as they were seen, and the weights."""
    weights = {name: Bounded(weight) for name, weight in weights.items()}
    losses = []
    for start in range(0, len(x), batch):
        rows = slice(start, start + batch)
        loss, weights = step(weights, x[rows], y[rows], learning_rate, pair)
        losses += [loss] * len(x[rows])
    return mean(losses), weights
