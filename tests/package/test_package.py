"""The package as a whole: what it says of itself, and what importing it brings in."""

import re
import subprocess
import sys
from pathlib import Path

import handgrad

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
