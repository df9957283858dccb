"""The bundled tables are what their script makes, bit for bit."""

import filecmp
import runpy
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.mark.parametrize("name", ["diabetes.csv", "breast_cancer.csv", "digits.csv"])
def test_table_is_made_anew_bit_for_bit(tmp_path, name):
    runpy.run_path(str(TABLES / "make_tables.py"))["main"](tmp_path)
    assert filecmp.cmp(tmp_path / name, TABLES / name, shallow=False)
