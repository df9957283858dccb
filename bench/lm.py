#!/usr/bin/env python3
"""Levenberg–Marquardt of handgrad beside scipy's least_squares and a prototype in NumPy, from the same first weights.

Usage: bench/lm.py PROGRAM [--starts N] [--runs N] [--table sinc|friedman] [--variants]

Prints for each table how many evaluations of the loss each method needs and what it comes to, and the time to equal loss
in one run on one thread. The prototype is the method of docs/derivations/levenberg_marquardt.md, word for word; with
--variants it also tries those that the page's last table compares. scipy gets our analytic Jacobian.
Needs NumPy and SciPy.
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import least_squares


def sinc():
    """Noise-free: sin(x)/x at 200 places."""
    x = np.linspace(-10.0, 10.0, 200)[:, None]
    return x, np.sinc(x / np.pi)


def friedman():
    """Friedman #1 without noise."""
    x = np.random.default_rng(0).uniform(size=(500, 5))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, y[:, None]


@dataclass
class Case:
    table: callable
    hidden: int
    evaluations: int
    units: tuple  # options for the units of the target
    goals: list = field(default_factory=list)  # (evaluations, mean squared error that the median is to have reached)


CASES = {
    "sinc": Case(sinc, 10, 2000, ("--no-scale-target",), [(150, 1e-8), (2000, 1e-14)]),
    "friedman": Case(friedman, 16, 600, ("--scale-target",), [(600, 2e-7)]),
}


# --- The network, in NumPy ---------------------------------------------------------------------------------------------


class Network:
    """n-r-1 with tanh, on rows that are scaled already; residuals are divided by the root of their number."""

    def __init__(self, x, y, hidden):
        self.x, self.y, self.r, self.n = x, y, hidden, x.shape[1]
        self.root = 1.0 / np.sqrt(len(x))

    def parts(self, w):
        n, r = self.n, self.r
        return w[: n * r].reshape(r, n), w[n * r : n * r + r], w[n * r + r : n * r + 2 * r], w[-1]

    def residuals(self, w):
        W1, b1, W2, b2 = self.parts(w)
        a = np.tanh(self.x @ W1.T + b1)
        return (a @ W2 + b2 - self.y[:, 0]) * self.root, a

    def jacobian(self, w, a):
        _, _, W2, _ = self.parts(w)
        delta = (1.0 - a * a) * (W2 * self.root)
        J = np.empty((len(self.x), len(w)))
        n, r = self.n, self.r
        J[:, : n * r] = (delta[:, :, None] * self.x[:, None, :]).reshape(len(self.x), -1)
        J[:, n * r : n * r + r] = delta
        J[:, n * r + r : -1] = a * self.root
        J[:, -1] = self.root
        return J

    def bent(self, w, a, v):
        """The second derivative of the residuals along v."""
        _, _, W2, _ = self.parts(w)
        V1, c1, V2, _ = self.parts(v)
        z_along = self.x @ V1.T + c1
        slope = 1.0 - a * a
        a_along = slope * z_along
        return ((-2.0 * a * slope * z_along * z_along) @ W2 + 2.0 * (a_along @ V2)) * self.root


# --- The methods -------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    evaluations: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    seconds: list = field(default_factory=list)

    def add(self, evaluations, loss, seconds):
        self.evaluations.append(evaluations)
        self.losses.append(loss)
        self.seconds.append(seconds)

    def first(self, loss, of):
        for value, reached in zip(of, self.losses):
            if reached <= loss:
                return value
        return np.inf

    def best_within(self, evaluations):
        return min((F for e, F in zip(self.evaluations, self.losses) if e <= evaluations), default=np.inf)


def prototype(net, w, most, accelerate=True, refuse=False, least=1 / 3, by_ten=False, running_maximum=False):
    """Eq. (L9)–(L15)."""
    run, start = Run(), time.perf_counter()
    rho, a = net.residuals(w)
    F, evaluations, nu, mu, new, D = rho @ rho, 1, 2.0, None, True, 1.0
    run.add(1, F, time.perf_counter() - start)
    while evaluations < most:
        if new:
            J = net.jacobian(w, a)
            A, g = J.T @ J, J.T @ rho
            if running_maximum:
                D = np.maximum(D if mu else 0.0, np.diag(A))
            mu = mu or 1e-3 * (1.0 if running_maximum else np.diag(A).max())
            new = False

        def failed():
            nonlocal mu, nu
            mu, nu = (10 * mu, nu) if by_ten else (mu * nu, 2 * nu)
            return mu > 1e30

        try:
            factor = cho_factor(A + mu * np.diag(D * np.ones(len(w))), check_finite=False)
        except LinAlgError:
            if failed():
                break
            continue
        v = -cho_solve(factor, g, check_finite=False)
        promised = v @ (mu * D * v - g)
        if not promised > np.finfo(float).eps * F:
            break
        step = v
        if accelerate:
            bend = -cho_solve(factor, J.T @ net.bent(w, a, v), check_finite=False)
            if 2 * np.sqrt(bend @ (D * bend)) <= 0.75 * np.sqrt(v @ (D * v)):
                step = v + 0.5 * bend
            elif refuse:
                if failed():
                    break
                continue
        next_rho, next_a = net.residuals(w + step)
        next_F = next_rho @ next_rho
        evaluations += 1
        if next_F < F:
            t = 2 * (F - next_F) / promised - 1
            mu *= 0.1 if by_ten else max(least, 1 - t**3)
            w, rho, a, F, nu, new = w + step, next_rho, next_a, next_F, 2.0, True
            run.add(evaluations, F, time.perf_counter() - start)
        elif failed():
            break
    return run


def scipy_lm(net, w, most):
    run, start = Run(), time.perf_counter()
    count, kept = 0, [None, None]

    def residuals(w):
        nonlocal count
        count += 1
        rho, a = net.residuals(w)
        kept[:] = w.copy(), a
        F = rho @ rho
        if not run.losses or F < run.losses[-1]:
            run.add(count, F, time.perf_counter() - start)
        return rho

    def jacobian(w):
        a = kept[1] if np.array_equal(kept[0], w) else net.residuals(w)[1]
        return net.jacobian(w, a)

    method = "lm" if len(net.x) >= len(w) else "trf"
    least_squares(residuals, w, jac=jacobian, method=method, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=most)
    return run


# --- The program -------------------------------------------------------------------------------------------------------


class Program:
    def __init__(self, program, case, folder):
        self.program, self.case, self.folder = program, case, Path(folder)
        x, y = case.table()
        names = [f"x{i}" for i in range(x.shape[1])] + ["y"]
        table = self.folder / "table.csv"
        rows = [",".join(repr(float(value)) for value in row) for row in np.hstack([x, y])]
        table.write_text(",".join(names) + "\n" + "\n".join(rows) + "\n")
        self.table = table

    def train(self, seed, epochs, *more):
        model = self.folder / "m.model"
        words = ["train", self.table, "--target", "y", "--hidden", self.case.hidden, "--hidden-activation", "tanh"]
        words += ["--dtype", "f64", "--optimizer", "lm", "--epochs", epochs, "--validation", 0, "--early-stopping", 0]
        words += [*self.case.units, "--task", "regression", "--seed", seed, "--json", "--threads", 1, "-o", model, *more]
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=True)
        return model, [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, seed):
        """The first weights of a seed, and the rows as the network sees them."""
        model, _ = self.train(seed, 0)
        bytes_of = model.read_bytes()
        (size,) = struct.unpack("<Q", bytes_of[:8])
        head = json.loads(bytes_of[8 : 8 + size])
        w = []
        for name in ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"):
            begin, end = head[name]["data_offsets"]
            w.append(np.frombuffer(bytes_of[8 + size + begin : 8 + size + end]))
        encoded = self.folder / "e.npz"
        subprocess.run([self.program, "encode", model, self.table, "-o", encoded], check=True, capture_output=True)
        rows = np.load(encoded)
        return np.concatenate(w), rows["x"].astype(float), rows["y"].astype(float).reshape(-1, 1)

    def lm(self, seed):
        _, events = self.train(seed, 100000, "--max-fun", self.case.evaluations)
        run, seconds = Run(), 0.0
        for event in events:
            if event["event"] == "epoch":
                seconds += event["seconds"]
                run.add(event["evaluations"], event["loss"], seconds)
        return run


VARIANTS = {
    "as derived": {},
    "a too long: refused": {"refuse": True},
    "to a tenth at most": {"least": 0.1},
    "by ten": {"by_ten": True},
    "no acceleration": {"accelerate": False},
    "running maximum": {"running_maximum": True},
}


def fastest(times, run):
    """The same run several times: of each moment the shortest time, as other programs only ever make one slower."""
    runs = [run() for _ in range(times)]
    runs[0].seconds = [min(moment) for moment in zip(*(one.seconds for one in runs), strict=True)]
    return runs[0]


def report(name, case, runs):
    losses = " ".join(
        f"after {e}: {np.median([run.best_within(e) for run in runs]):.1e}" for e in sorted({g[0] for g in case.goals})
    )
    to_8 = np.median([run.first(1e-8, run.evaluations) for run in runs])
    print(f"  {name:28} median {losses}, evaluations to 1e-8: {to_8:.0f}", flush=True)


def ratio(slow, fast):
    """Median of how often longer one takes to a loss that both reach: a little above the larger of what they end with."""
    ratios = []
    for one, other in zip(slow, fast):
        loss = 1.01 * max(one.losses[-1], other.losses[-1])
        ratios.append(one.first(loss, one.seconds) / other.first(loss, other.seconds))
    return np.median(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts (3)")
    parser.add_argument("--table", choices=sorted(CASES))
    parser.add_argument("--variants", action="store_true")
    options = parser.parse_args()
    missed = 0
    for name, case in CASES.items():
        if options.table not in (None, name):
            continue
        print(f"{name}: 1 thread, {options.starts} starts, at most {case.evaluations} evaluations")
        with tempfile.TemporaryDirectory() as folder:
            program = Program(options.program, case, folder)
            starts = [program.start(seed) for seed in range(options.starts)]
            nets = [Network(x, y, case.hidden) for _, x, y in starts]
            ours = [fastest(options.runs, lambda seed=seed: program.lm(seed)) for seed in range(options.starts)]
        report("handgrad lm", case, ours)
        most = case.evaluations
        if options.variants:
            for variant, settings in VARIANTS.items():
                runs = [prototype(net, w, most, **settings) for net, (w, _, _) in zip(nets, starts)]
                report(variant, case, runs)
        else:
            peers = {"prototype in NumPy": (prototype, 5), "scipy least_squares": (scipy_lm, 20)}
            for peer, (method, goal) in peers.items():
                runs = [fastest(options.runs, lambda net=net, w=w: method(net, w, most)) for net, (w, _, _) in zip(nets, starts)]
                report(peer, case, runs)
                times = ratio(runs, ours)
                missed += times < goal
                print(f"  {'':28} takes {times:.1f} times as long as handgrad to equal loss (goal: {goal})")
        for evaluations, loss in case.goals:
            reached = np.median([run.best_within(evaluations) for run in ours])
            missed += reached > loss
            print(f"  goal: {loss:.0e} within {evaluations} evaluations: {'met' if reached <= loss else 'missed'}")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
