"""The lists that wheels are built from: what is linked in is named, and what has no remedy says so."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import include_rules  # noqa: E402  (after the path that leads to it)

LINES = [line.split() for line in (ROOT / "python/third-party.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
# Whose headers these are; those of the compiler and of the benchmarks' peers are in no wheel.
OWNERS = {"nlohmann/*": "nlohmann-json", "zlib.h": "zlib", "xxhash.h": "xxHash", "protozero/*": "protozero", "Random123/*": "Random123", "hwy/*": "Highway",
          "CLI/*": "CLI11", "fmt/*": "fmt", "toml++/*": "tomlplusplus", "nanobind/*": "nanobind"}
ELSEWHERE = {"*intrin.h", "cpuid.h", "arm_neon.h", "RTNeural/*", "ATen/*", "torch/*", "mpi.h"}


def test_all_whose_headers_come_in_are_named_with_their_licence():
    assert set(include_rules.DOORS) == OWNERS.keys() | ELSEWHERE
    assert {name for name, *_ in LINES} == {*OWNERS.values(), "robin-map"}  # which nanobind includes
    page = (ROOT / "docs/python.md").read_text("utf-8")
    assert [name for name, *_ in LINES if name not in page] == []


def test_their_debian_packages_are_those_that_the_build_installs():
    packages = (ROOT / "tools/packages.txt").read_text("utf-8").split()
    assert [package for *_, package in LINES if package != "-" and package not in packages] == []


def test_the_extension_and_the_program_are_told_apart():
    inside = {name: where for name, _, where, _ in LINES}
    assert {where for where in inside.values()} == {"m", "p", "mp"}
    of_program = {OWNERS[header] for header, doors in include_rules.DOORS.items()
                  if header in OWNERS and all(door.startswith("cli/") for door in doors)}
    assert {name for name, where in inside.items() if where == "p"} == of_program


def test_a_python_that_is_not_there_is_named_with_a_remedy():
    ran = subprocess.run([ROOT / "tools/find-python", "3.2"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and ran.stdout == ""
    assert re.match(r"no Python 3\.2 with headers .*: install python3\.2-dev", ran.stderr)


def test_a_python_is_found_that_has_the_version_and_headers(tmp_path):
    pretender = tmp_path / "python3.2"  # as pyenv's shims, which are there and run nothing
    pretender.write_text("#!/bin/sh\nexit 127\n", "utf-8")
    pretender.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run([ROOT / "tools/find-python", "3.2"], capture_output=True, text=True, check=False,
                         env={**os.environ, "PATH": path})
    assert ran.returncode == 1
    found = subprocess.run([ROOT / "tools/find-python", "3.11"], capture_output=True, text=True, check=True).stdout.strip()
    said = subprocess.run([found, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=True)
    assert said.stdout == "(3, 11)\n"


def test_the_package_says_what_it_stands_on(tmp_path):
    (tmp_path / "tools").mkdir()
    script = tmp_path / "tools/package"
    script.write_text((ROOT / "tools/package").read_text("utf-8"), "utf-8")
    ran = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and ran.stderr == "the library is not built, on which the package stands: tools/build\n"
