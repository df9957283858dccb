#!/usr/bin/env python3
"""Second derivatives of a batch, ∂²ŷ/∂x² of 1024 rows on one core, beside JAX in the same run: the best closed form that
was found for it, and jax.jit(vmap(hessian)).

Usage: .venv-peers/bin/python bench/hessian.py [--rounds 15] [--core 0]

Each contender is a process of its own that stands still while another is timed; of all calls of all rounds the fastest
counts, as other programs only ever make one slower. The
closed forms for two layers are H_k = Σ_u W2[k,u] f″(z_u) W1[u,i] W1[u,j]: `whole` multiplies by the table of all n²
products of two weights, `triangle` by those with i <= j and spreads the result to the square, `three factors` leaves the
order to einsum. The tables are made beforehand. `ninja -C build/release hessian` builds our side.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("HANDGRAD_BENCH_HESSIAN", ROOT / "build" / "release" / "bench" / "hessian"))
SHAPES = ((10, 32, 1), (16, 64, 4))
ROWS = 1024
SECONDS = 0.1  # of a stretch


def arrays(shape, dtype):
    import numpy as np
    n, r, K = shape
    draw = np.random.default_rng(7)
    return [draw.uniform(-1, 1, size).astype(dtype) / 3 for size in ((r, n), (r,), (K, r), (K,), (ROWS, n))]


def variants(shape, dtype):
    """Name → function without arguments that gives ŷ and H, rows × K × n × n."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    jax.config.update("jax_enable_x64", True)
    n, r, K = shape
    W1, b1, W2, b2, x = (jnp.asarray(a) for a in arrays(shape, dtype))
    upper, lower = np.triu_indices(n)
    place = np.zeros((n, n), np.int32)
    place[upper, lower] = place[lower, upper] = np.arange(len(upper))
    products = (W1[:, :, None] * W1[:, None, :]).reshape(r, n * n)
    triangle = W1[:, upper] * W1[:, lower]

    def coefficients(x, W1, b1, W2, b2):
        a = jnp.tanh(x @ W1.T + b1)
        bend = -2 * a * (1 - a * a)
        return a @ W2.T + b2, bend[:, None, :] * W2[None]

    def whole(x, W1, b1, W2, b2, table):
        yhat, c = coefficients(x, W1, b1, W2, b2)
        return yhat, (c.reshape(-1, r) @ table).reshape(-1, K, n, n)

    def gathered(x, W1, b1, W2, b2, table):
        yhat, c = coefficients(x, W1, b1, W2, b2)
        return yhat, (c.reshape(-1, r) @ table)[:, place].reshape(-1, K, n, n)

    def turned(x, W1, b1, W2, b2, table):  # the triangle as rows, so that it is spread by whole rows
        yhat, c = coefficients(x, W1, b1, W2, b2)
        return yhat, (table.T @ c.reshape(-1, r).T)[place.reshape(-1)].T.reshape(-1, K, n, n)

    def factors(x, W1, b1, W2, b2, _):
        yhat, c = coefficients(x, W1, b1, W2, b2)
        return yhat, jnp.einsum("bku,ui,uj->bkij", c, W1, W1, optimize="optimal")

    def network(x, W1, b1, W2, b2):
        return W2 @ jnp.tanh(W1 @ x + b1) + b2

    def automatic(x, W1, b1, W2, b2, _):
        value = jax.vmap(network, (0, None, None, None, None))(x, W1, b1, W2, b2)
        return value, jax.vmap(jax.hessian(network), (0, None, None, None, None))(x, W1, b1, W2, b2)

    table = {"whole": (whole, products), "triangle": (gathered, triangle), "triangle, turned": (turned, triangle),
             "three factors": (factors, W1), "jit(vmap(hessian))": (automatic, W1)}
    made = {}
    for name, (function, factor) in table.items():
        made[name] = lambda f=jax.jit(function), t=factor: jax.block_until_ready(f(x, W1, b1, W2, b2, t))
    return made


def serve(shape, dtype, folder):
    """JAX's side: a line with a variant's name asks for the seconds of one call."""
    import time
    import numpy as np
    ours = np.fromfile(Path(folder) / "H", dtype)
    made = variants(shape, dtype)
    exact = np.asarray(variants(shape, "f8")["whole"]()[1]).ravel() if dtype == "f8" else ours
    for name, call in made.items():
        difference = np.abs(np.asarray(call()[1]).ravel() - exact).max() / np.abs(exact).max()
        if difference > {"f4": 1e-5, "f8": 1e-13}[dtype] or np.abs(ours - exact).max() > 1e-11:
            sys.exit(f"{name} gives other numbers: {difference}")
    print("|".join(made), flush=True)
    for line in sys.stdin:
        call = made[line.strip()]
        fastest, start = SECONDS, time.perf_counter()
        end = start + SECONDS
        while start < end:
            call()
            now = time.perf_counter()
            fastest, start = min(fastest, now - start), now
        print(fastest, flush=True)


class Contender:
    def __init__(self, command, environment):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.process.args)}: ended with {self.process.wait()}")
        return line.strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure(shape, dtype, rounds, environment, folder):
    """The fastest seconds of a call, of ours and of each variant."""
    W1, b1, W2, b2, x = arrays(shape, dtype)
    for name, parts in (("parameters", (W1, b1, W2, b2)), ("x", (x,))):
        (Path(folder) / name).write_bytes(b"".join(part.tobytes() for part in parts))
    ours = Contender([PROGRAM, "f32" if dtype == "f4" else "f64", *shape, ROWS, folder], environment)
    ours.ask("")
    peer = Contender([sys.executable, __file__, "--serve", *shape, dtype, folder], environment)
    names = peer.answer().split("|")
    best = {}
    for _ in range(rounds):
        for name in ("handgrad", *names):
            seconds = float(ours.ask("") if name == "handgrad" else peer.ask(name))
            best[name] = min(best.get(name, seconds), seconds)
    ours.end()
    peer.end()
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--serve", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        *shape, dtype, folder = options.serve
        serve(tuple(map(int, shape)), dtype, folder)
        return
    os.sched_setaffinity(0, {options.core})
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
                                "OMP_NUM_THREADS": "1"}
    print(f"Microseconds of one call of {ROWS} rows, and how often ours goes into the peer's:\n")
    for shape in SHAPES:
        for dtype in ("f4", "f8"):
            with tempfile.TemporaryDirectory() as folder:
                best = measure(shape, dtype, options.rounds, environment, folder)
            own = best.pop("handgrad")
            automatic = best.pop("jit(vmap(hessian))")
            name, closed = min(best.items(), key=lambda item: item[1])
            print(f"{'-'.join(map(str, shape))} {'float' if dtype == 'f4' else 'double'}: {own * 1e6:.0f}; best closed form "
                  f"({name}) {closed * 1e6:.0f}, {closed / own:.2f}x; jit(vmap(hessian)) {automatic * 1e6:.0f}, "
                  f"{automatic / own:.2f}x; "
                  + ", ".join(f"{other} {seconds * 1e6:.0f}" for other, seconds in best.items() if other != name),
                  flush=True)


if __name__ == "__main__":
    main()
