#!/usr/bin/python3
"""Checks the include lines of the project: which room may use which, and that a foreign header has one door.

Usage: tools/include_rules.py [ROOT]    (default: the repository of this script)

Prints `FILE:LINE: CAUSE` for every line that breaks a rule and exits with 1 when there is one.
"""

import fnmatch
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# What a room of handgrad/ may include beside itself (docs/architecture.md shows the picture).
ROOMS = {
    "base": "",
    "math": "base",
    "kernels": "base math",
    "nn": "base math kernels",
    "data": "base math",
    "store": "base math nn data",
    "train": "base math nn data kernels store",
    "select": "base math nn data kernels store train",
    "document": "base",
    "explain": "base math nn data kernels store train document",
    "certify": "base math nn data kernels store train",
    "compare": "base math nn data kernels store train document explain certify",
    "diagnose": "base math nn data kernels store train",
    "report": "base math nn data kernels store train document explain certify compare diagnose",
    "summary": "base math nn data kernels store train select document explain certify compare diagnose report",
    "export": "base math nn data store",
    "import": "base math nn data store",
    "measure": "base math data kernels nn train",
}
# These use the library as a stranger would: the public headers and their own.
USERS = ("cli", "c", "python", "examples", "bench")

# The one door of each foreign header: the files that may include it. Tests may include any, as witnesses.
DOORS = {
    "nlohmann/*": ["handgrad/store/*.cpp", "cli/*"],
    "zlib.h": ["handgrad/data/inflater.hpp", "handgrad/data/*.cpp"],
    "xxhash.h": ["handgrad/store/*.cpp"],
    "protozero/*": ["handgrad/export/onnx_graph.cpp", "handgrad/import/onnx_reader.cpp"],
    "Random123/*": ["handgrad/base/random.cpp"],
    "hwy/*": ["handgrad/kernels/*"],
    "*intrin.h": ["handgrad/base/flush_to_zero.cpp", "handgrad/math/lanes.hpp"],
    "cpuid.h": ["handgrad/kernels/table_x86.cpp"],
    "arm_neon.h": ["handgrad/math/lanes.hpp"],
    "CLI/*": ["cli/*"],
    "fmt/*": ["handgrad/summary/*.cpp", "cli/*"],
    "toml++/*": ["cli/config_file.cpp"],
    "RTNeural/*": ["bench/peers/*"],
    "ATen/*": ["bench/peers/*"],
    "torch/*": ["bench/peers/*"],
    "mpi.h": ["handgrad/train/communicator_mpi.cpp"],
    "nanobind/*": ["python/src/*"],
}
# Public headers that are no part of handgrad.hpp: they depend on the processor that the including file is compiled for.
APART = ["handgrad/nn/fixed_predictor.hpp"]
# The standard library (no slash, no dot) and POSIX are nobody's guests.
POSIX = {"dirent.h", "fcntl.h", "pthread.h", "sched.h", "signal.h", "termios.h", "unistd.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


@dataclass(frozen=True)
class Include:
    """One include line; `path` is relative to the root."""

    path: str
    line: int
    quoted: bool
    target: str


def sources(root):
    """C and C++ files below the folders of the project, as paths relative to the root."""
    folders = ["handgrad", "tests", *USERS]
    files = {file for folder in folders for file in (root / folder).rglob("*.?pp")}
    return sorted(file.relative_to(root).as_posix() for file in files)


def includes(root, path):
    """The include lines of one file."""
    for number, text in enumerate((root / path).read_text(encoding="utf-8").splitlines(), start=1):
        if match := INCLUDE.match(text):
            yield Include(path, number, match[1] == '"', match[2])


def private_headers(root):
    """Headers that the library keeps to itself, as handgrad/CMakeLists.txt lists them."""
    listed = re.search(r"set\(handgrad_private_headers([^)]*)\)", (root / "handgrad/CMakeLists.txt").read_text("utf-8"))
    return {f"handgrad/{header}" for header in listed[1].split()} if listed else set()


def room_of(path):
    """`nn` for handgrad/nn/mlp.hpp; None outside the rooms."""
    parts = path.split("/")
    return parts[1] if parts[0] == "handgrad" and len(parts) == 3 else None


def is_user(path):
    return any(path.startswith(f"{user}/") for user in USERS)


def check_own(include, private):
    """The rules for a header of the project."""
    room, target = room_of(include.path), room_of(include.target)
    if room is not None and target is not None and target != room:
        if room not in ROOMS:
            return f"room '{room}' is not in the table of tools/include_rules.py"
        if target not in ROOMS[room].split():
            return f"room '{room}' may not include room '{target}', only: {ROOMS[room] or 'nothing'}"
    if room is not None and include.target == "handgrad/handgrad.hpp":
        return "a room includes what it uses, not the whole interface"
    if include.target in private:
        if is_user(include.path):
            return f"{include.target} is private to the library"
        if include.path.endswith(".hpp") and include.path not in private and room is not None:
            return f"a public header may not include {include.target}, which is not installed"
    return None


def check_foreign(include):
    """The rules for a header of somebody else."""
    if include.path.startswith("tests/") and not is_user(include.path):
        return None
    if "." not in include.target and "/" not in include.target:
        return None
    if include.target in POSIX or include.target.startswith("sys/"):
        return None
    for pattern, doors in DOORS.items():
        if fnmatch.fnmatch(include.target, pattern):
            if any(fnmatch.fnmatch(include.path, door) for door in doors):
                return None
            return f"<{include.target}> has its door in {', '.join(doors)}"
    return f"<{include.target}> has no door: name one in tools/include_rules.py"


def check_interface(root, private):
    """Every header of the library is part of handgrad.hpp, stands alone or is kept private; none is listed in vain."""
    reached, waiting = set(), ["handgrad/handgrad.hpp", *APART]
    while waiting:
        header = waiting.pop()
        if header not in reached and (root / header).is_file():
            reached.add(header)
            waiting += [include.target for include in includes(root, header)]
    for header in (path for path in sources(root) if path.startswith("handgrad/") and path.endswith(".hpp")):
        if header not in reached | private:
            yield f"{header}:1: not reached from handgrad/handgrad.hpp, and not private in handgrad/CMakeLists.txt"
    for header in sorted(private):
        if not (root / header).is_file():
            yield f"handgrad/CMakeLists.txt:1: the private header {header} does not exist"


def check(root):
    """All violations below `root`, as lines of text."""
    private = private_headers(root)
    found = list(check_interface(root, private))
    for path in sources(root):
        for include in includes(root, path):
            own = (root / include.target).is_file()
            if own and not include.quoted:
                cause = "a header of the project is included with quotes"
            elif own:
                cause = check_own(include, private)
            elif include.quoted:
                cause = f'"{include.target}" is not a file of the project, seen from its root'
            else:
                cause = check_foreign(include)
            if cause:
                found.append(f"{include.path}:{include.line}: {cause}")
    return found


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = check(root)
    for line in found:
        print(line)
    print(f"include rules: {len(sources(root))} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
