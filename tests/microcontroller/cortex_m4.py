#!/usr/bin/python3
"""Exported C on a Cortex-M4: its bytes of code and tables when compiled, its stack and bits when run under QEMU.

Usage: tests/microcontroller/cortex_m4.py [--write]    prints the table of docs/export.md, or writes it there; the program
is that of HANDGRAD_PROGRAM or build/release/cli/handgrad.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import measured  # noqa: E402  (after the path that leads to it)

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", HERE.parents[1] / "build/release/cli/handgrad")).resolve()
CPU = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
COMPILE = ["arm-none-eabi-gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Os", *CPU]
TOOLS = ("arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

MAIN = """
#include "net.h"
void say(const char *);
void say_number(unsigned long);
unsigned long stack_of(void (*call)(void));
static float x[NET_INPUTS], yhat[NET_OUTPUTS], J[NET_INPUTS * NET_OUTPUTS];
static int found;
static void forward(void) { net_forward(x, yhat); }
static void jacobian(void) { net_jacobian(x, yhat, J); }
static void test(void) { found = net_selftest(); }
int main(void)
{
    say_number(stack_of(forward));
    say_number(stack_of(jacobian));
    test();
    say_number((unsigned long)found);
    return 0;
}
"""


@dataclass(frozen=True)
class Sizes:
    """Bytes of an object file."""

    code: int
    tables: int

    @property
    def all(self):
        return self.code + self.tables


@dataclass(frozen=True)
class Ran:
    """What the program said: bytes of stack, and what selftest() returned."""

    forward_stack: int
    jacobian_stack: int
    selftest: int


def run(*words, folder, **keywords):
    """What it prints, on both streams: QEMU writes what a program says to standard error."""
    done = subprocess.run(list(map(str, words)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **keywords)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stdout}")
    return done.stdout


def train(folder, inputs, outputs, hidden, activation, *options):
    """A network on random numbers, as net.model."""
    numbers = random.Random(1)
    names = [f"x{i}" for i in range(inputs)] + [f"y{k}" for k in range(outputs)]
    rows = [",".join(f"{numbers.gauss(0, 1):.4f}" for _ in names) for _ in range(60)]
    (folder / "t.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    run(PROGRAM, "train", "t.csv", "--target", ",".join(names[inputs:]), "--task", "regression", "--hidden", hidden, "--hidden-activation",
        activation, "--epochs", 2, "--quiet", "-o", "net.model", *options, folder=folder)


def export(folder, *options):
    run(PROGRAM, "export", "net.model", "--to", "c99", "-o", ".", "--quiet", *options, folder=folder)


def sizes(folder, *macros):
    run(*COMPILE, *macros, "-c", "net.c", "-o", "net.o", folder=folder)
    text = run("arm-none-eabi-size", "-A", "net.o", folder=folder)
    of = {name: int(size) for name, size in re.findall(r"^\.(\w+)\S*\s+(\d+)", text, re.MULTILINE)}
    assert of.get("data", 0) == 0 and of.get("bss", 0) == 0, text
    return Sizes(of["text"], of["rodata"])


def execute(folder, number="float"):
    """Builds the network with a main of its own and runs it on the emulated board."""
    (folder / "main.c").write_text(MAIN.replace("static float", f"static {number}"))
    run("arm-none-eabi-gcc", "-std=gnu99", "-Os", *CPU, "-ffunction-sections", "-Wl,--gc-sections", "-nostartfiles", "-T", HERE / "flash.ld",
        HERE / "start.c", "main.c", "net.c", "-lm", "-o", "net.elf", folder=folder)
    said = run("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config",
               "enable=on,target=native", "-kernel", "net.elf", folder=folder, timeout=60, stdin=subprocess.DEVNULL)
    return Ran(*map(int, said.split()))


def measured_table():
    """The table of docs/export.md, in Markdown."""
    rows = []
    for inputs, outputs, hidden, activation in ((10, 1, "32", "relu"), (10, 1, "32", "tanh"), (16, 4, "64", "relu"), (16, 4, "64", "gelu")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train(folder, inputs, outputs, hidden, activation)
            export(folder, "--float-only")
            small = sizes(folder, "-DNET_WITHOUT_JACOBIAN", "-DNET_WITHOUT_SELFTEST")
            more, whole = sizes(folder, "-DNET_WITHOUT_SELFTEST"), sizes(folder)
            ran = execute(folder)
            assert ran.selftest == 0
            rows.append([f"{inputs}-{hidden}-{outputs} {activation}", *(f"{one.code} + {one.tables}" for one in (small, more, whole)),
                         ran.forward_stack, ran.jacobian_stack])
    return measured.table(["network", "code + tables: ŷ", "… and ∂ŷ/∂x", "… and selftest()", "stack: ŷ", "∂ŷ/∂x"], rows)


def main(arguments):
    if MISSING:
        print(f"{', '.join(MISSING)}: not there; tools/install-packages tests/microcontroller/packages.txt", file=sys.stderr)
        return 1
    table = measured_table()
    if "--write" in arguments:
        compiler = run("arm-none-eabi-gcc", "-dumpfullversion", folder=HERE).strip()
        stamp = measured.stamp("tests/microcontroller/cortex_m4.py --write", HERE, with_what=f"arm-none-eabi-gcc {compiler} -Os")
        measured.write(HERE.parents[1] / "docs/export.md", "cortex-m4", f"{table}\n\n{stamp}")
    else:
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
