"""Settings for all tests of this folder: HANDGRAD_PROGRAM names the program that they run."""

import os

import pytest


def pytest_configure():
    # One thread for the peers: their sums then keep one order, and the machine stays free.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    program = os.path.abspath(os.environ.get("HANDGRAD_PROGRAM", "not given"))
    if not os.access(program, os.X_OK):
        raise pytest.UsageError("HANDGRAD_PROGRAM must name the program to test, as in "
                                "HANDGRAD_PROGRAM=build/release/cli/handgrad")
    os.environ["HANDGRAD_PROGRAM"] = program
