"""What the tests of the package share: the program beside it."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build/release/cli/handgrad")).absolute()

needs_program = pytest.mark.skipif(not os.access(PROGRAM, os.X_OK), reason="the program is not built")


def run(*words, code=0):
    """What the program prints; it is to end with that code."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout
