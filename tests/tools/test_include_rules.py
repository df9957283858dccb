"""The include rules: the project keeps them, and a planted violation of each is found with file, line and cause."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import include_rules  # noqa: E402  (after the path that leads to it)

PROJECT = {
    "handgrad/CMakeLists.txt": "set(handgrad_private_headers nn/plain_loops.hpp)\n",
    "handgrad/handgrad.hpp": '#include "handgrad/nn/mlp.hpp"\n',
    "handgrad/base/matrix.hpp": "#include <vector>\n#include <sys/stat.h>\n",
    "handgrad/nn/plain_loops.hpp": '#include "handgrad/nn/mlp.hpp"\n',
    "handgrad/nn/mlp.hpp": '#include "handgrad/base/matrix.hpp"\n',
    "handgrad/nn/mlp.cpp": '#include "handgrad/nn/plain_loops.hpp"\n',
    "handgrad/store/model.cpp": "#include <nlohmann/json.hpp>\n",
    "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "handgrad/handgrad.hpp"\n',
    "tests/nn/mlp_test.cpp": '#include <mpfr.h>\n#include "handgrad/nn/plain_loops.hpp"\n',
}


def project(folder, changes):
    for path, text in {**PROJECT, **changes}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_the_project_keeps_the_rules():
    assert include_rules.check(ROOT) == []


def test_a_small_project_without_fault_passes(tmp_path):
    assert include_rules.check(project(tmp_path, {})) == []


@pytest.mark.parametrize(("path", "line", "cause"), [
    ("handgrad/base/matrix.cpp", '#include "handgrad/nn/mlp.hpp"', "room 'base' may not include room 'nn'"),
    ("handgrad/math/losses.cpp", '#  include "handgrad/nn/mlp.hpp"', "only: base"),
    ("handgrad/extra/x.cpp", '#include "handgrad/base/matrix.hpp"', "room 'extra' is not in the table"),
    ("handgrad/nn/mlp.cpp", '#include "handgrad/handgrad.hpp"', "not the whole interface"),
    ("handgrad/nn/mlp.hpp", '#include "handgrad/nn/plain_loops.hpp"', "which is not installed"),
    ("cli/predict.cpp", '#include "handgrad/nn/plain_loops.hpp"', "is private to the library"),
    ("examples/five_steps.cpp", '#include "handgrad/nn/plain_loops.hpp"', "is private to the library"),
    ("handgrad/nn/mlp.cpp", "#include <handgrad/nn/mlp.hpp>", "with quotes"),
    ("handgrad/nn/mlp.cpp", '#include "mlp.hpp"', "is not a file of the project"),
    ("handgrad/nn/mlp.cpp", "#include <nlohmann/json.hpp>", "has its door in handgrad/store/"),
    ("handgrad/base/matrix.hpp", "#include <nlohmann/json.hpp>", "has its door in handgrad/store/"),
    ("handgrad/data/idx.cpp", "#include <Random123/philox.h>", "has its door in handgrad/base/random.cpp"),
    ("handgrad/train/fit.cpp", "#include <CLI/CLI.hpp>", "has its door in cli/"),
    ("handgrad/train/fit.cpp", "#include <boost/any.hpp>", "has no door"),
    ("handgrad/train/loose.hpp", "#include <vector>", "not reached from handgrad/handgrad.hpp, and not private"),
    ("handgrad/CMakeLists.txt", "set(handgrad_private_headers nn/plain_loops.hpp nn/gone.hpp)", "nn/gone.hpp does not"),
])
def test_a_planted_violation_is_found(tmp_path, path, line, cause):
    found = include_rules.check(project(tmp_path, {path: line + "\n" + PROJECT.get(path, "")}))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:1: ")
    assert cause in found[0]


def test_the_program_fails_on_a_violation(tmp_path, capsys):
    project(tmp_path, {"handgrad/base/matrix.cpp": '#include "handgrad/nn/mlp.hpp"\n'})
    assert include_rules.main([str(tmp_path)]) == 1
    assert "1 violations" in capsys.readouterr().out
