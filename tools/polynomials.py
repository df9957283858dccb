#!/usr/bin/python3
"""Computes the coefficients of the elementary functions and prints handgrad/math/coefficients.hpp.

    tools/polynomials.py | clang-format --style=file --assume-filename=x.hpp > handgrad/math/coefficients.hpp

Each polynomial is the minimax one (Remez exchange in 50 digits) for the error relative to the function it belongs to.
"""
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


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


LN2_HALF = mp.log(2) / 2 * mp.mpf("1.001")
S_MAX = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.001")

# e^r = 1 + r + r^2 h(r)
exp_h = taylor_safe(lambda r: (mp.expm1(r) - r) / r**2, [1 / mp.factorial(i + 2) for i in range(8)])
# log((1 + s)/(1 - s)) = 2 s + s v w(v) with v = s^2
log_w = taylor_safe(lambda v: (2 * mp.atanh(mp.sqrt(v)) / mp.sqrt(v) - 2) / v, [mp.mpf(2) / (2 * i + 3) for i in range(8)])
# erf(x) = x + x p(x^2)
erf_p = taylor_safe(
    lambda v: mp.erf(mp.sqrt(v)) / mp.sqrt(v) - 1,
    [2 / mp.sqrt(mp.pi) * (-1) ** i / mp.factorial(i) / (2 * i + 1) - (i == 0) for i in range(8)],
)


def erfc_g(a):
    """erfc(x) = e^(-x^2) t g(q), t = 1/(x + a), q = (x - a) t."""

    def g(q):
        x = a * (1 + q) / (1 - q)
        return erfcx(x) * (x + a)

    return g


def tables(bits, terms, erfc_a, erfc_high, erf_split):
    low_q, high_q = mp.mpf(-1), (erfc_high - erfc_a) / mp.mpf(erfc_high + erfc_a)
    g = erfc_g(erfc_a)
    return {
        "exp": minimax(exp_h, lambda r: r**2 / abs(mp.expm1(r)) if abs(r) > mp.mpf(10) ** -12 else mp.mpf(10) ** -12, -LN2_HALF, LN2_HALF, terms["exp"]),
        "log": minimax(log_w, lambda v: v / 2 + mp.mpf(10) ** -12, 0, S_MAX**2, terms["log"]),
        "erf": minimax(erf_p, lambda v: 1 / (1 + erf_p(v)), 0, mp.mpf(erf_split) ** 2 * mp.mpf("1.001"), terms["erf"]),
        "erfc": minimax(g, lambda q: 1 / g(q), low_q, high_q, terms["erfc"]),
    }


def print_tables(name, bits, suffix, result, erfc_a, erf_split):
    digits = 12 if bits == 24 else 20
    print("template <>\nstruct Coefficients<%s> {" % name)
    ln2_high = rounded(mp.log(2), bits - (9 if bits == 24 else 12))
    print("/// log 2 in two parts; multiples of the high one by any exponent are exact.")
    print("static constexpr %s log2_high = %s%s;" % (name, mp.nstr(ln2_high, 25), suffix))
    print("static constexpr %s log2_low = %s%s;" % (name, mp.nstr(mp.log(2) - ln2_high, 25), suffix))
    print("static constexpr %s erf_split = %s%s;" % (name, mp.nstr(mp.mpf(erf_split), 10), suffix))
    print("static constexpr %s erfc_center = %s%s;" % (name, mp.nstr(mp.mpf(erfc_a), 10), suffix))
    first = result["erfc"][0].pop(0)
    print("/// The first term of the polynomial of erfc, in two parts.")
    print("static constexpr %s erfc_first_high = %s%s;" % (name, mp.nstr(rounded(first, bits), 25), suffix))
    print("static constexpr %s erfc_first_low = %s%s;" % (name, mp.nstr(first - rounded(first, bits), 12), suffix))
    for table, (powers, error) in result.items():
        print("/// Relative error below 2^%s." % mp.nstr(mp.log(error, 2), 4))
        numbers = ", ".join(mp.nstr(c, digits) + suffix for c in powers)
        print("static constexpr std::array<%s, %d> %s{%s};" % (name, len(powers), table, numbers))
    print("};")


if __name__ == "__main__":
    print("// The coefficients of the elementary functions, written by tools/polynomials.py: change that, not this.")
    print("#pragma once\n\n#include <array>\n\nnamespace handgrad::math {\n")
    print("template <class Scalar>\nstruct Coefficients;\n")
    f = tables(24, {"exp": 6, "log": 4, "erf": 7, "erfc": 11}, 2, 10.1, 0.9)
    print_tables("float", 24, "F", f, 2, 0.9)
    print()
    d = tables(53, {"exp": 11, "log": 8, "erf": 13, "erfc": 24}, 4, 27.3, 0.9)
    print_tables("double", 53, "", d, 4, 0.9)
    print("\n}  // namespace handgrad::math")
