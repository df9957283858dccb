#!/usr/bin/python3
"""Checks object files for x86-64: AVX instructions are in the kernels for AVX alone, and stay there.

Usage: tools/instruction_sets.py OBJECT...    (all of the library and the program; tests/CMakeLists.txt calls it)

A function that the linker may merge with others of its name (an inline function, an instance of a template) must not be
in kernels/avx2.cpp.o or kernels/avx512.cpp.o: the one that it keeps for all could then be theirs, and stop an older
processor. So every function defined there must be local. In all other objects there must be no instruction of AVX or
later. Prints `OBJECT: CAUSE` for what breaks a rule, and exits with 1 when anything does.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

KERNELS = re.compile(r"/kernels/avx(2|512)\.cpp\.o$")
# Encoded with VEX or EVEX: what begins with v (but for verr, verw and the instructions of virtual machines), of BMI, of
# mask registers.
AVX = re.compile(r"\t(?:\{\w+\} )?((?!verr|verw|vm(?:call|launch|resume|xo|read|write|ptr|clear|func|run|load|save|mcall))v\w+"
                 r"|andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx"
                 r"|k(?:add|and|andn|mov|not|or|ortest|shift[lr]|test|unpck|xnor|xor)[bwdq]+)\s")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shared_functions(listing):
    """The functions of a table of symbols (readelf --symbols) that are defined there and not local."""
    found = []
    for line in listing.splitlines():
        fields = line.split()  # number, value, size, type, binding, visibility, section, name
        if len(fields) >= 8 and fields[3] in ("FUNC", "IFUNC") and fields[4] != "LOCAL" and fields[6] != "UND":
            found.append(" ".join(fields[7:]))
    return found


def first_avx(disassembly):
    """The first function with an instruction of AVX, and that instruction; None where there is none."""
    function = "?"
    for line in disassembly.splitlines():
        if line.endswith(">:"):
            function = line.split(" ", 1)[1][1:-2]
        elif found := AVX.search(line + "\t"):
            return function, found[1]
    return None


def check(file):
    """The violations of one object file."""
    if KERNELS.search(file):
        shared = shared_functions(output("readelf", "--symbols", "--wide", "--demangle", file))
        return [f"{file}: the linker may share {name} with other files" for name in shared]
    avx = first_avx(output("objdump", "--disassemble", "--demangle", "--no-show-raw-insn", file))
    return [f"{file}: {avx[0]} has an instruction of AVX, {avx[1]}"] if avx else []


def main(files):
    if not any(KERNELS.search(file) for file in files):
        print("no object file of the kernels for AVX among those to check")
        return 1
    with ThreadPoolExecutor() as pool:
        violations = [violation for found in pool.map(check, files) for violation in found]
    print("\n".join([*violations, f"{len(files)} object files, {len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
