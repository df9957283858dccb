"""What is in a wheel, and that it runs where it is installed."""

import os
import re
import statistics
import subprocess
import time
import zipfile

import pytest
from conftest import ROOT, WHEELS

TAGS = ("cp311-cp311", "cp312-abi3")
SYSTEM = {"linux-vdso.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "libpthread.so.0", "libdl.so.2"}
NAMES = [line.split() for line in (ROOT / "python/third-party.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
# Words that stand in the text of each licence.
WORDS = {
    "Apache-2.0": "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
    "BSD-2-Clause": "Redistributions in binary form must reproduce",
    "BSD-3-Clause": "Redistributions in binary form must reproduce",
    "MIT": "Permission is hereby granted, free of charge",
    "Zlib": "without any express or implied",
}


def wheel(tags):
    (found,) = WHEELS.glob(f"handgrad-*-{tags}-*.whl")
    return found


def texts(tags):
    """The files of a wheel by name, from the folder of its metadata on."""
    with zipfile.ZipFile(wheel(tags)) as archive:
        return {re.sub(r"^handgrad-[\d.]+\.(dist-info|data)/", r"\1/", name): archive.read(name) for name in archive.namelist()}


# --- the file

@pytest.mark.parametrize("tags", TAGS)
def test_the_page_says_which_linux_it_is_for(tags):
    platform = wheel(tags).stem.split("-")[-1]
    assert re.fullmatch(r"manylinux_2_\d+_\w+", platform)
    assert f"`{platform.rpartition('_x86')[0] or platform}`" in (ROOT / "docs/python.md").read_text("utf-8")


@pytest.mark.parametrize("tags", TAGS)
def test_the_licences_of_all_that_is_linked_in_are_there(tags):
    files = texts(tags)
    assert b"MIT License" in files["dist-info/licenses/LICENSE"]
    for name, licence, *_ in NAMES:
        text = files[f"dist-info/licenses/third-party/{name}.txt"].decode("utf-8")
        assert WORDS[licence] in re.sub(r"\s+", " ", text), name
    assert files["dist-info/licenses/third-party/third-party.txt"] == (ROOT / "python/third-party.txt").read_bytes()


@pytest.mark.parametrize("tags", TAGS)
def test_the_package_its_types_and_the_program_are_there_and_nothing_else(tags):
    names = {name for name in texts(tags) if not name.startswith("dist-info/") and not name.endswith("/")}
    python = {f"handgrad/{file.relative_to(ROOT / 'python/handgrad')}" for file in (ROOT / "python/handgrad").rglob("*")
              if file.is_file() and file.suffix != ".pyc"}
    (core,) = (name for name in names if name.startswith("handgrad/_core.") and name.endswith(".so"))
    assert core == "handgrad/_core.abi3.so" or tags != "cp312-abi3"
    assert names == python | {core, "handgrad/_core.pyi", "data/scripts/handgrad"}


# --- installed

def test_it_is_imported_with_nothing_but_numpy(installed):
    listed = installed.run(installed.python, "-m", "pip", "list", "--format", "freeze").stdout
    assert {line.partition("==")[0] for line in listed.split()} - {"pip", "setuptools"} == {"handgrad", "numpy"}
    said = installed.run(installed.python, "-c", "import handgrad; print(handgrad.simd_levels()[0], handgrad.__file__)").stdout
    assert said.split() == ["scalar", str(installed.packages / "handgrad/__init__.py")]


def test_importing_it_takes_less_than_50_ms_beyond_numpy(installed):
    program = "import numpy, time; start = time.perf_counter(); import handgrad; print(time.perf_counter() - start)"
    seconds = [float(installed.run(installed.python, "-c", program).stdout) for _ in range(7)]
    assert statistics.median(seconds[1:]) < 0.05, seconds


def test_the_program_is_a_machine_s_own_that_needs_the_system_s_libraries_alone(installed):
    assert installed.program.read_bytes()[:4] == b"\x7fELF"
    lines = installed.run(installed.program, LD_TRACE_LOADED_OBJECTS="1").stdout.splitlines()
    libraries = {line.split()[0] for line in lines if not line.split()[0].startswith("/")}
    assert lines and libraries <= SYSTEM


def test_the_extension_needs_the_system_s_libraries_alone(installed):
    (core,) = (installed.packages / "handgrad").glob("_core*.so")
    lines = subprocess.run(["ldd", core], check=True, capture_output=True, text=True).stdout.splitlines()
    libraries = {line.split()[0] for line in lines if not line.split()[0].startswith("/")}
    assert lines and libraries <= SYSTEM


def test_the_program_starts_in_10_ms(installed):
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        installed.run(installed.program, "--version")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.01, seconds


def test_the_program_answers_by_name_and_by_module(installed):
    version = installed.run(installed.python, "-c", "import handgrad; print(handgrad.__version__)").stdout
    for words in (["handgrad"], [installed.python, "-m", "handgrad"]):
        assert installed.run(*words, "--version").stdout == f"handgrad {version}"
        assert installed.run(*words, "trane", check=False).returncode == 2


def test_the_program_trains_checks_and_predicts(installed):
    table = ROOT / "examples/data/diabetes.csv"
    installed.run("handgrad", "train", table, "--target", "progression", "--epochs", "3", "-o", "small.model")
    assert "PASS" in installed.run("handgrad", "check", "small.model", table).stdout
    assert len(installed.run("handgrad", "predict", "small.model", table).stdout.splitlines()) == 443


def test_the_tests_of_the_package_pass_beside_today_s_packages(installed):
    installed.pip("install", "--only-binary", ":all:", "-r", ROOT / "tests/package/requirements.txt",
                  "-r", ROOT / "tests/package/requirements-long.txt")
    report = ROOT / f"build/logs/wheel-package-{installed.version}.xml"
    ran = installed.run(installed.python, "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", ROOT / "tests/package",
                        f"--junit-xml={report}", HANDGRAD_PROGRAM=str(installed.program),
                        HANDGRAD_EXAMPLES=os.environ.get("HANDGRAD_EXAMPLES", "20"))
    print(ran.stdout)
