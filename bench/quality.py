#!/usr/bin/env python3
"""Held-out scores of `handgrad train TABLE --target COLUMN`, as it comes, on public tables: beside scikit-learn's
multilayer perceptron as it comes and with the same width, epochs and batch, a linear model, and gradient boosting.

Usage: bench/quality.py [--cache FOLDER] [--splits N] [-o docs/scores.md]
       bench/quality.py --choose [--cache FOLDER] [--splits N]

The tables, and the settings of which --choose makes the table, are those of bench/quality.toml. Writes a page, of which
docs/scores.md also gives README.md its table. Results of programs are kept in FOLDER, those of handgrad under the hash
of its program. Needs the packages of bench/quality-environment; the program is build/release/cli/handgrad, or the one
that HANDGRAD_PROGRAM names.
"""

import argparse
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # one thread each

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import lightgbm  # noqa: E402  (after the threads and the path)
import measured  # noqa: E402
import numpy as np  # noqa: E402
import quality_choice  # noqa: E402
import quality_page  # noqa: E402
import quality_runs as runs  # noqa: E402
import sklearn  # noqa: E402
from quality_tables import SETTINGS, all_tables  # noqa: E402

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad"))


def contestants():
    """By the names under which the page speaks of them."""
    like = SETTINGS["like_for_like"]
    return {"handgrad": runs.Program(PROGRAM, "plain", []),
            "handgrad alike": runs.Program(PROGRAM, "alike", like["options"].split()),
            "scikit-learn": runs.Peer("sklearn", runs.plain_perceptron),
            "scikit-learn alike": runs.Peer("sklearn-alike", runs.same_perceptron(
                like["hidden"], like["batch"], like["epochs"], like["steps"])),
            "linear": runs.Peer("linear", runs.linear),
            "LightGBM": runs.Peer("lightgbm", runs.boosting)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="the settings that were tried, on the first half")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "quality", metavar="FOLDER")
    parser.add_argument("--splits", type=int, default=10, metavar="N")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "scores.md")
    options = parser.parse_args()
    cache = runs.Cache(options.cache)
    if options.choose:
        tables = [table for table in all_tables() if table.chosen_on]
        print(quality_choice.table_of_choice(cache, PROGRAM, tables, options.splits))
        return
    scripts = sorted(Path(__file__).parent.glob("quality*"))
    stamp = measured.stamp("make scores", *scripts, machine=True,
                           with_what=f"scikit-learn {sklearn.__version__}, LightGBM {lightgbm.__version__}, "
                                     f"NumPy {np.__version__}, one thread each")
    results = {name: cache.results(one, all_tables(), options.splits) for name, one in contestants().items()}
    page = quality_page.Page(all_tables(), results, options.splits)
    options.output.write_text(page.text(stamp, SETTINGS["like_for_like"]), encoding="utf-8")
    if options.output.resolve() == ROOT / "docs/scores.md":
        measured.write(ROOT / "README.md", "scores", f"{page.summary()}\n\n{stamp}")


if __name__ == "__main__":
    main()
