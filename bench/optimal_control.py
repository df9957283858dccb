#!/usr/bin/env python3
"""A learned pendulum swung up by Ipopt with exact Hessians: the network as exported C, and the same written in CasADi's symbols.

Usage: bench/optimal_control.py [--write]    in a Python with casadi, numpy, onnx and onnxruntime; prints the table of
docs/casadi.md, or writes it there; the program is that of HANDGRAD_PROGRAM or build/release/cli/handgrad.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("HANDGRAD_PROGRAM", str(ROOT / "build/release/cli/handgrad"))
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/package")]
import measured  # noqa: E402  (after the paths that lead to it)

REPEATS = 15


def main(arguments):
    import casadi
    from pendulum import learned_pendulum, swing_up

    with tempfile.TemporaryDirectory() as name:
        networks = dict(zip(("exported C", "CasADi's symbols"), learned_pendulum(Path(name))))
        best = {way: min((swing_up(network) for _ in range(REPEATS)), key=lambda solved: solved[1]) for way, network in networks.items()}
    rows = [[way, str(iterations), f"{1e3 * seconds:.0f} ms", f"{cost:.6f}"] for way, (iterations, seconds, cost) in best.items()]
    table = measured.table(["the network as", "iterations", "fastest of 15 solutions", "cost"], rows)
    if "--write" in arguments:
        stamp = measured.stamp("bench/optimal_control.py --write", "bench/optimal_control.py", "tests/package/pendulum.py", machine=True,
                               with_what=f"CasADi {casadi.__version__}, gcc -O3 -march=native")
        measured.write(ROOT / "docs/casadi.md", "optimal-control", f"{table}\n\n{stamp}")
    else:
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
