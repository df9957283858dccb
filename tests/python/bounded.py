"""Arrays that carry a bound on their rounding error, so that a tolerance is derived from the sizes of the terms."""

import numpy as np

U = {"f64": 2.0**-53, "f32": 2.0**-24}
"""Unit roundoff of each number type: one rounding changes a number by at most this share of it."""
EXP_LOG_ROUNDINGS = 4.0
"""exp and log are granted an error of 4 u, that is 2 ulp."""


class Bounded:
    """A float64 array and, for each element, how far an evaluation may be from the exact result in units of u.

    First order (terms in u² are left out), and good for any order in which the sums of a product or a mean are taken.
    """

    __array_ufunc__ = None  # array @ Bounded is ours to compute

    def __init__(self, value, error=0.0):
        self.value = np.asarray(value, dtype=np.float64)
        self.error = np.broadcast_to(np.asarray(error, dtype=np.float64), self.value.shape)

    @staticmethod
    def rounded(value):
        """A number that was rounded once on its way into the program."""
        return Bounded(value, np.abs(value))

    def __neg__(self):
        return Bounded(-self.value, self.error)

    def __add__(self, other):
        other = _bounded(other)
        value = self.value + other.value
        return Bounded(value, self.error + other.error + np.abs(value))

    def __sub__(self, other):
        return self + -_bounded(other)

    def __rsub__(self, other):
        return _bounded(other) + -self

    def __mul__(self, other):
        other = _bounded(other)
        value = self.value * other.value
        return Bounded(value, self.error * np.abs(other.value) + np.abs(self.value) * other.error + np.abs(value))

    def __truediv__(self, other):
        other = _bounded(other)
        value = self.value / other.value
        return Bounded(value, (self.error + np.abs(value) * other.error) / np.abs(other.value) + np.abs(value))

    def __rtruediv__(self, other):
        return _bounded(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __matmul__(self, other):
        a, b = np.abs(self.value), np.abs(other.value)
        return Bounded(self.value @ other.value, self.error @ b + a @ other.error + a.shape[-1] * (a @ b))

    def __rmatmul__(self, other):
        return _bounded(other) @ self

    def __getitem__(self, index):
        return Bounded(self.value[index], self.error[index])


def _bounded(value):
    return value if isinstance(value, Bounded) else Bounded(value)


def affine(weight, x, bias):
    """W x + b, whichever term the sum starts with."""
    size = np.abs(weight.value) @ np.abs(x.value) + np.abs(bias.value)
    propagated = weight.error @ np.abs(x.value) + np.abs(weight.value) @ x.error + bias.error
    return Bounded(weight.value @ x.value + bias.value, propagated + (weight.value.shape[1] + 1) * size)


def outer(a, b):
    """a bᵀ of two vectors."""
    return a[:, np.newaxis] * b[np.newaxis, :]


def diag(vector):
    return Bounded(np.diag(vector.value), np.diag(vector.error))


def total(vector):
    """The sum of a vector's elements in any order."""
    return Bounded(vector.value.sum(), vector.error.sum() + vector.value.size * np.abs(vector.value).sum())


def mean(terms):
    """The mean of several arrays, summed in any order and divided before or after."""
    count = len(terms)
    size = sum(np.abs(term.value) for term in terms) / count
    return Bounded(sum(term.value for term in terms) / count,
                   sum(term.error for term in terms) / count + (count + 2) * size)


def exp(x):
    value = np.exp(x.value)
    return Bounded(value, value * (x.error + EXP_LOG_ROUNDINGS))


def log(x):
    value = np.log(x.value)
    return Bounded(value, x.error / np.abs(x.value) + np.abs(value) * EXP_LOG_ROUNDINGS)


def positive_part(x):
    """x⁺: an error of x passes where x is not negative."""
    return Bounded(np.maximum(x.value, 0.0), np.where(x.value >= 0.0, x.error, 0.0))


def indicator_not_negative(x):
    """1 for x ≥ 0, else 0; exact, provided that no rounding can turn the sign of x."""
    assert np.all((np.abs(x.value) > x.error * U["f32"]) | (x.error == 0.0)), "data too close to a kink: other seed"
    return Bounded(np.where(x.value >= 0.0, 1.0, 0.0))


def assert_agree(actual, expected, dtype):
    """That a result of the program, computed in `dtype`, is as near as rounding in both computations allows."""
    distance = np.abs(actual.astype(np.float64) - expected.value)
    allowed = expected.error * (U[dtype] + U["f64"])
    worst = np.argmax(distance - allowed)
    assert np.all(distance <= allowed), (f"off by {distance.flat[worst]:.3g}, allowed {allowed.flat[worst]:.3g}, "
                                         f"expected {expected.value.flat[worst]!r}, got {actual.flat[worst]!r}")
