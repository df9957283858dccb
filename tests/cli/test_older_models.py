"""Models that older versions wrote are read, and answered about as then (tests/fixtures/make wrote both)."""

import shutil
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
CASES = [(version, *line.split()) for version in VERSIONS
         for line in (FIXTURES / version / "models.txt").read_text(encoding="utf-8").splitlines()]
VERBS = {
    "predict.csv": ("predict", "--jacobian", "--quiet"),
    "evaluate.json": ("evaluate", "--json"),
    "sensitivity.json": ("sensitivity", "--json"),
    "explain.json": ("explain", "--row", "3", "--format", "json"),
    "check.json": ("check", "--json"),
    "diagnose.json": ("diagnose", "--json"),
    "inspect.txt": ("inspect",),
}


@pytest.mark.parametrize("answer", VERBS)
@pytest.mark.parametrize(("version", "name", "table"), CASES)
def test_an_older_model_is_answered_about_as_then(handgrad, version, name, table, answer):
    verb, *options = VERBS[answer]
    model = f"{name}.model"
    shutil.copy(FIXTURES / version / model, handgrad.folder / model)
    shutil.copy(FIXTURES / f"{table}.csv", handgrad.folder.parent / f"{table}.csv")
    data = [] if verb == "inspect" else [f"../{table}.csv"]
    ran = handgrad(verb, model, *data, *options)
    assert ran.out == (FIXTURES / version / f"{name}.{answer}").read_text(encoding="utf-8"), ran.err
