"""The types that come with the package, seen by the two checkers in their strictest mode."""

import json
import shutil

from conftest import ROOT

USE = ROOT / "tests/wheel/typed_use.py"


def test_mypy_finds_nothing_in_the_package_and_in_its_use(installed, checkers):
    common = ["-m", "mypy", "--strict", "--no-incremental", "--python-executable", installed.python]
    checkers.run(checkers.python, *common, "-p", "handgrad")
    checkers.run(checkers.python, *common, USE)


def test_pyright_finds_nothing_in_the_stub_and_in_its_use(installed, checkers, tmp_path):
    shutil.copy(USE, tmp_path)
    shutil.copy(installed.packages / "handgrad/_core.pyi", tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}), "utf-8")
    checkers.run(checkers.folder / "bin/pyright", "--pythonpath", installed.python, "--project", tmp_path)


def test_every_type_that_users_see_is_known(installed, checkers):
    # In this mode pyright asks the first Python on PATH for the package, whatever --pythonpath says.
    path = f"{installed.folder}/bin:{checkers.folder}/bin"
    checkers.run(checkers.folder / "bin/pyright", "--ignoreexternal", "--verifytypes", "handgrad", PATH=path)


def test_a_wrong_use_is_found(installed, checkers, tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import handgrad\nlevels: list[int] = handgrad.simd_levels()\n", "utf-8")
    for command in ([checkers.python, "-m", "mypy", "--no-incremental", "--python-executable", installed.python, wrong],
                    [checkers.folder / "bin/pyright", "--pythonpath", installed.python, wrong]):
        ran = checkers.run(*command, check=False)
        assert ran.returncode == 1 and "list[int]" in ran.stdout
