"""The breakages of tools/around.py can be made: their text stands once, their tests are there. `make test` makes but a
sample of them, so a list that the sources have moved away from would show late."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import around  # noqa: E402


@pytest.mark.parametrize("breakage", around.BREAKAGES, ids=lambda one: one.name)
def test_a_breakage_can_be_made(breakage):
    assert (ROOT / breakage.file).read_text("utf-8").count(breakage.old) == 1
    assert breakage.old != breakage.new
    assert not breakage.file.startswith(("handgrad/math/", "handgrad/kernels/"))
    files, _, names = breakage.test.partition(" -k ")
    texts = [(ROOT / file).read_text("utf-8") for file in files.split()]
    assert texts and all(text for text in texts) and (names or " -k" not in breakage.test)
    if breakage.file.endswith(".hpp"):  # a header is seen by those who are compiled anew
        assert breakage.sources and all((ROOT / source).is_file() for source in breakage.sources)


def test_each_has_a_name_of_its_own():
    names = [breakage.name for breakage in around.BREAKAGES]
    assert len(set(names)) == len(names) >= 60
