"""The types that come with the package, seen by the two checkers in their strictest mode."""

import json
import shutil

from conftest import ROOT

USE = ROOT / "tests/wheel/typed_use.py"


def mypy(installed):
    return ["-m", "mypy", "--no-incremental", "--python-executable", installed.python]


def test_mypy_finds_nothing_in_the_package(installed, checkers):
    # As pyproject.toml says: strict, but for what packages without types leave open.
    checkers.run(checkers.python, *mypy(installed), "--config-file", ROOT / "pyproject.toml", "-p", "handgrad")


def test_mypy_finds_nothing_in_the_stub_and_in_its_use(installed, checkers):
    checkers.run(checkers.python, *mypy(installed), "--strict", "-m", "handgrad._core")
    checkers.run(checkers.python, *mypy(installed), "--strict", USE)


def test_pyright_finds_nothing_in_the_stub_and_in_its_use(installed, checkers, tmp_path):
    shutil.copy(USE, tmp_path)
    shutil.copy(installed.packages / "handgrad/_core.pyi", tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}), "utf-8")
    checkers.run(checkers.folder / "bin/pyright", "--pythonpath", installed.python, "--project", tmp_path)


def test_a_wrong_use_is_found(installed, checkers, tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import handgrad\nlevels: list[int] = handgrad.simd_levels()\n", "utf-8")
    for command in ([checkers.python, *mypy(installed), wrong],
                    [checkers.folder / "bin/pyright", "--pythonpath", installed.python, wrong]):
        ran = checkers.run(*command, check=False)
        assert ran.returncode == 1 and "list[int]" in ran.stdout
