#!/usr/bin/python3
"""How long one row takes in exported C: outputs, ∂ŷ/∂x and ∂²ŷ/∂x², each the fastest of 200 stretches of 1000 calls.

Usage: bench/exported_c.py [--write]    prints the table of docs/export.md, or writes it there; the program is that of
HANDGRAD_PROGRAM or build/release/cli/handgrad.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import measured  # noqa: E402  (after the path that leads to it)

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build/release/cli/handgrad")).resolve()
NETWORKS = ((10, 1, "32", "relu"), (10, 1, "32", "tanh"), (16, 4, "64", "relu"), (16, 4, "64", "tanh"))
MAIN = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
#include "net.h"
static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return 1e9 * (double)at.tv_sec + (double)at.tv_nsec;
}
#define TIME(call) do { \\
        double best = 1e18; \\
        for (int stretch = 0; stretch < 200; ++stretch) { \\
            const double begin = now(); \\
            for (int i = 0; i < 1000; ++i) { \\
                x[0] = 0.001f * yhat[0]; /* each waits for the one before */ \\
                call; \\
            } \\
            const double took = now() - begin; \\
            best = took < best ? took : best; \\
        } \\
        printf("%.3f\\n", best / 1e6); \\
    } while (0)
int main(void)
{
    static float x[NET_INPUTS], yhat[NET_OUTPUTS], J[NET_OUTPUTS * NET_INPUTS], H[NET_OUTPUTS * NET_INPUTS * NET_INPUTS];
    for (int i = 0; i < NET_INPUTS; ++i) {
        x[i] = 0.1f * (float)i - 0.7f;
    }
    TIME(net_forward(x, yhat));
    TIME(net_jacobian(x, yhat, J));
    TIME(net_hessian(x, yhat, H));
    return net_selftest();
}
"""


def run(*words, folder):
    return subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, check=True).stdout


def export(folder, inputs, outputs, hidden, activation):
    numbers = random.Random(1)
    names = [f"x{i}" for i in range(inputs)] + [f"y{k}" for k in range(outputs)]
    rows = [",".join(f"{numbers.gauss(0, 1):.4f}" for _ in names) for _ in range(60)]
    (folder / "t.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    run(PROGRAM, "train", "t.csv", "--target", ",".join(names[inputs:]), "--task", "regression", "--hidden", hidden, "--hidden-activation",
        activation, "--epochs", 2, "--quiet", "-o", "net.model", folder=folder)
    run(PROGRAM, "export", "net.model", "--to", "c99", "--hessian", "--quiet", "-o", ".", folder=folder)
    (folder / "main.c").write_text(MAIN)


def main(arguments):
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    rows, versions = [], []
    for name in compilers:
        versions.append(run(name, "--version", folder=ROOT).splitlines()[0])
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            export(folder, *network)
            cells = []
            for compiler in compilers:
                run(compiler, "-std=c99", "-O3", "-march=native", "main.c", "net.c", "-lm", "-o", "bench", folder=folder)
                cells.append(run("./bench", folder=folder).split())
            rows.append([f"{network[0]}-{network[2]}-{network[1]} {network[3]}", *(f"{cell} µs" for one in zip(*cells) for cell in one)])
    header = ["network", *(f"{what}, {compiler}" for what in ("ŷ", "∂ŷ/∂x", "∂²ŷ/∂x²") for compiler in compilers)]
    table = measured.table(header, rows)
    if "--write" in arguments:
        stamp = measured.stamp("bench/exported_c.py --write", "bench/exported_c.py", machine=True, with_what=", ".join(versions))
        measured.write(ROOT / "docs/export.md", "exported-speed", f"{table}\n\n{stamp}")
    else:
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
