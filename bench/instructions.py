#!/usr/bin/python3
"""Counts the instructions of a step of some workloads and compares them with the table beside this script.

Usage: bench/instructions.py [--write] [--program build/release/bench/repeat_workload]

Callgrind counts the instructions of two runs on one thread, of which one takes twice as many steps: the difference is
that of the steps alone, and exact. Unlike time it does not depend on what else the machine does, so a step that has
become longer is found anywhere. More than 2 % above the table fails; more than 2 % below asks for a new one (--write).
Counts are those of one compiler, which the table names, and of each instruction set that both the machine and valgrind
know (valgrind 3.19: scalar and avx2). An inference is a step of one call.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "bench/instructions.json"
STEPS = {"T1": 32, "S2": 32, "M1": 4, "I1/10-32-1": 32, "I1/64-64-64": 32, "I1/784-256-10": 32}
LEVELS = ("scalar", "avx2", "avx512")
NOT_AVAILABLE = 3
ALLOWED = 0.02


# Counting -------------------------------------------------------------------------------------------------------------

def count(program, workload, level, steps):
    """Instructions of a run, and the compiler of the program; None where the level is not available."""
    with tempfile.TemporaryDirectory() as scratch:
        # The environment lies on the stack, whose place must not differ.
        run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=counts", program, workload, level,
                              str(steps)], cwd=scratch, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        if run.returncode == NOT_AVAILABLE:
            return None
        if run.returncode != 0:
            sys.exit(f"valgrind {program} {workload} {level} {steps} failed:\n{run.stderr}")
        instructions = re.search(r"^(?:summary|totals): (\d+)", (Path(scratch) / "counts").read_text(), re.MULTILINE)
    return int(instructions[1]), run.stdout.strip()


def measure(program):
    """The table of this program: instructions a step by workload and level, and its compiler."""
    table = {"compiler": None, "instructions": {workload: {} for workload in STEPS}}
    for level in LEVELS:
        for workload, steps in STEPS.items():
            if (once := count(program, workload, level, steps)) is None:
                print(f"{level} is not available here: not counted")
                break
            twice = count(program, workload, level, 2 * steps)
            table["compiler"] = once[1]
            table["instructions"][workload][level] = round((twice[0] - once[0]) / steps, 2)
    return table


def read_table():
    return json.loads(TABLE.read_text())


# Comparing ------------------------------------------------------------------------------------------------------------

def compare(old, new):
    """Lines of a report about all counts of both tables, and the lines that say what is wrong."""
    lines = [f"{'workload':16} {'level':8} {'table':>12} {'now':>12} {'change':>9}   instructions a step"]
    wrong = []
    renew = False
    for workload, counts in new["instructions"].items():
        for level, now in counts.items():
            before = old["instructions"].get(workload, {}).get(level)
            change = now / before - 1.0 if before else None
            lines.append(f"{workload:16} {level:8} {before or '-':>12} {now:>12} "
                         f"{'new' if change is None else f'{100.0 * change:+.2f} %':>9}")
            if change is not None and change > ALLOWED:
                wrong.append(f"{workload} on {level}: {before} instructions a step in the table, {now} now, "
                             f"{100.0 * change:.1f} % more")
            renew = renew or change is None or change < -ALLOWED
    if old["compiler"] != new["compiler"]:
        lines.append(f"the table is of compiler {old['compiler']}, this program of {new['compiler']}")
    if renew:
        lines.append("there are counts that the table has not, or more than 2 % below it: renew it "
                     "with bench/instructions.py --write")
    return lines, wrong


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table anew")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bench/repeat_workload")
    options = parser.parse_args(words)
    new = measure(options.program.resolve())
    if options.write:
        TABLE.write_text(json.dumps(new, indent=2) + "\n")
        print(f"wrote {TABLE.relative_to(ROOT)}")
        return 0
    lines, wrong = compare(read_table(), new)
    print("\n".join(lines + wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
