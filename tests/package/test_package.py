"""The package as a whole: what it says of itself, and what importing it brings in."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import handgrad
import pytest

FOLDER = Path(handgrad.__file__).parent
# Which importing handgrad must not: what a user has installed of them is imported when it is used.
LAZY = ("sklearn", "scipy", "pandas", "matplotlib", "torch", "jax", "polars", "pyarrow")


def test_the_version_is_that_of_the_library():
    assert re.fullmatch(r"\d+\.\d+\.\d+", handgrad.__version__)
    assert handgrad.__version__ == handgrad._core.version


def test_the_plainest_instruction_set_can_always_run():
    levels = handgrad.simd_levels()
    assert levels == [name for name in ("scalar", "avx2", "avx512") if name in levels] and levels[0] == "scalar"


def test_all_that_is_offered_is_there():
    assert [name for name in handgrad.__all__ if not hasattr(handgrad, name)] == []


def test_types_come_with_the_package():
    assert (FOLDER / "py.typed").exists()
    stub = (FOLDER / "_core.pyi").read_text("utf-8")
    assert "def simd_levels() -> list[str]:" in stub


def test_importing_it_imports_no_more_than_numpy():
    program = f"import sys, handgrad; print([name for name in {LAZY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"


def run_module(*words, path):
    """`python -m handgrad WORDS` with that PATH."""
    return subprocess.run([sys.executable, "-m", "handgrad", *words], env={**os.environ, "PATH": path}, capture_output=True,
                          text=True, check=False)


def test_the_module_is_the_program():
    path = str(Path(os.environ["HANDGRAD_PROGRAM"]).resolve().parent)
    assert run_module("--version", path=path).stdout == f"handgrad {handgrad.__version__}\n"
    wrong = run_module("trane", path=path)
    assert wrong.returncode == 2 and "unknown verb 'trane'" in wrong.stderr


def is_installed():
    try:
        return bool(metadata.files("handgrad"))
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(is_installed(), reason="the program is installed beside the package")
def test_without_the_program_the_module_says_what_to_do(tmp_path):
    alone = run_module("--version", path=str(tmp_path))
    assert alone.returncode == 1
    assert alone.stderr == "handgrad: the program is neither beside this package nor on PATH: install the wheel, which has both\n"


def test_the_reference_is_what_the_docstrings_say():
    tool = Path(__file__).resolve().parents[2] / "tools/python_api.py"
    ran = subprocess.run([sys.executable, tool, "--check"], check=False, capture_output=True, text=True,
                         env=os.environ | {"PYTHONPATH": str(FOLDER.parent)})
    assert ran.returncode == 0, ran.stdout
