#!/usr/bin/python3
"""Computes the coefficients of the elementary functions and prints handgrad/math/coefficients.hpp.

    tools/polynomials.py | clang-format --style=file --assume-filename=x.hpp > handgrad/math/coefficients.hpp

Each polynomial is the minimax one (Remez exchange in 50 digits) for the error relative to the function it belongs to.
"""
from dataclasses import dataclass

import mpmath as mp

mp.mp.dps = 50


def minimax(target, weight, low, high, count):
    """Coefficients c of the polynomial of `count` terms that minimises max |weight (target - sum c_i u^i)|."""
    low, high = mp.mpf(low), mp.mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    # The unknowns are Chebyshev coefficients, which keep the linear system well conditioned.
    grid = [middle - half * mp.cos(mp.pi * i / 1200) for i in range(1201)]
    values = [(u, target(u), weight(u)) for u in grid]
    points = [round(1200 * i / mp.mpf(count)) for i in range(count + 1)]

    def basis(u):
        t = [mp.mpf(1), (u - middle) / half]
        while len(t) < count:
            t.append(2 * t[1] * t[-1] - t[-2])
        return t[:count]

    bases = [basis(u) for u in grid]
    for _ in range(12):
        rows = [bases[p] + [(-1) ** i / values[p][2]] for i, p in enumerate(points)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([values[p][1] for p in points]))
        chebyshev = [solution[i] for i in range(count)]
        errors = [w * (t - mp.fdot(chebyshev, b)) for (u, t, w), b in zip(values, bases)]
        # One extremum from each run of errors of one sign; the best `count + 1` neighbours of them.
        extrema = []
        for i, e in enumerate(errors):
            if extrema and mp.sign(errors[extrema[-1]]) == mp.sign(e):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < count + 1 or extrema == points:
            break
        points = extrema
    error = max(abs(e) for e in errors)
    # From Chebyshev polynomials of (u - middle)/half to powers of u.
    powers = [mp.mpf(0)] * count
    t_previous, t_now = [mp.mpf(1)], [-middle / half, 1 / half]
    for i in range(count):
        for j, c in enumerate(t_previous):
            powers[j] += chebyshev[i] * c
        shifted = [mp.mpf(0)] + [2 / half * c for c in t_now]
        for j, c in enumerate(t_now):
            shifted[j] -= 2 * middle / half * c
        for j, c in enumerate(t_previous):
            shifted[j] -= c
        t_previous, t_now = t_now, shifted
    return powers, error


def rounded(x, bits):
    """x with `bits` binary digits."""
    mantissa, exponent = mp.frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(mantissa, bits)), int(exponent) - bits)


def taylor_safe(function, series):
    """`function`, but near 0, where its closed form cancels, the Taylor series."""
    return lambda u: function(u) if abs(u) > mp.mpf(10) ** -8 else mp.polyval(series[::-1], u)


def exp_h(r):
    return (mp.expm1(r) - r) / r**2


def log_w(v):
    return (2 * mp.atanh(mp.sqrt(v)) / mp.sqrt(v) - 2) / v


def erf_p(v):
    return mp.erf(mp.sqrt(v)) / mp.sqrt(v) - 1


EXP_SERIES = [1 / mp.factorial(i + 2) for i in range(8)]
LOG_SERIES = [mp.mpf(2) / (2 * i + 3) for i in range(8)]
ERF_SERIES = [2 / mp.sqrt(mp.pi) * (-1) ** i / mp.factorial(i) / (2 * i + 1) - (i == 0) for i in range(8)]
TINY = mp.mpf(10) ** -12


@dataclass
class Precision:
    """A number type of C++ and how long and where its polynomials are."""

    name: str
    suffix: str
    bits: int
    exponent_bits: int  # of k in k log 2, with a sign's worth to spare
    digits: int  # decimal ones that determine a coefficient
    erfc_center: int  # a of erfc(x) = e^(-x^2) t g(q), t = 1/(x + a), q = (x - a) t: a power of two
    erfc_end: float  # where erfc has become 0
    terms: dict

    erf_split = 0.9  # erf by its polynomial below, as 1 - erfc above

    def polynomials(self):
        """(name, what it is, its coefficients and their error), for each."""
        half_log2 = mp.log(2) / 2 * mp.mpf("1.001")
        s_end = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.001")
        a = mp.mpf(self.erfc_center)

        def g(q):
            x = a * (1 + q) / (1 - q)
            return mp.exp(x * x) * mp.erfc(x) * (x + a)

        h = taylor_safe(exp_h, EXP_SERIES)
        p = taylor_safe(erf_p, ERF_SERIES)
        weights = {
            "exp": lambda r: r**2 / abs(mp.expm1(r)) if abs(r) > TINY else TINY,
            "log": lambda v: v / 2 + TINY,
            "erf": lambda v: 1 / (1 + p(v)),
            "erfc": lambda q: 1 / g(q),
        }
        shapes = {
            "exp": ("h of e^r = 1 + r + r^2 h(r)", h, -half_log2, half_log2),
            "log": ("w of log((1 + s)/(1 - s)) = 2 s + s v w(v), v = s^2", taylor_safe(log_w, LOG_SERIES), 0, s_end**2),
            "erf": ("p of erf x = x + x p(x^2)", p, 0, mp.mpf(self.erf_split) ** 2 * mp.mpf("1.001")),
            "erfc": (
                "g, without its first term, of erfc x = e^(-x^2) t g(q), t = 1/(x + a), q = (x - a) t",
                g,
                mp.mpf(-1),
                (self.erfc_end - a) / (self.erfc_end + a),
            ),
        }
        for name, (what, target, low, high) in shapes.items():
            yield name, what, minimax(target, weights[name], low, high, self.terms[name])

    def constant(self, comment, name, value, digits=25):
        print("/// %s\nstatic constexpr %s %s = %s%s;" % (comment, self.name, name, mp.nstr(value, digits), self.suffix))

    def print(self):
        print("template <>\nstruct Coefficients<%s> {" % self.name)
        high = rounded(mp.log(2), self.bits - self.exponent_bits)
        self.constant("log 2 in two parts: any exponent times the high one is exact.", "log2_high", high)
        self.constant("The rest of log 2.", "log2_low", mp.log(2) - high)
        self.constant("erf by its polynomial below, as 1 - erfc above.", "erf_split", mp.mpf(self.erf_split), 10)
        self.constant("a of erfc, below.", "erfc_center", mp.mpf(self.erfc_center), 10)
        for name, what, (powers, error) in self.polynomials():
            if name == "erfc":
                first = powers.pop(0)
                self.constant("The first term of polynomial g of erfc, in two parts.", "erfc_first_high", rounded(first, self.bits))
                self.constant("The rest of it.", "erfc_first_low", first - rounded(first, self.bits), 12)
            print("/// Polynomial %s; relative error below 2^%s." % (what, mp.nstr(mp.log(error, 2), 4)))
            numbers = ", ".join(mp.nstr(c, self.digits) + self.suffix for c in powers)
            print("static constexpr std::array<%s, %d> %s{%s};" % (self.name, len(powers), name, numbers))
        print("};\n")


PRECISIONS = [
    Precision("float", "F", 24, 9, 12, 2, 10.1, {"exp": 6, "log": 4, "erf": 7, "erfc": 11}),
    Precision("double", "", 53, 12, 20, 4, 27.3, {"exp": 11, "log": 8, "erf": 13, "erfc": 24}),
]

if __name__ == "__main__":
    print("// The coefficients of the elementary functions, written by tools/polynomials.py: change that, not this.")
    print("#pragma once\n\n#include <array>\n\nnamespace handgrad::math {\n")
    print("template <class Scalar>\nstruct Coefficients;\n")
    for precision in PRECISIONS:
        precision.print()
    print("}  // namespace handgrad::math")
