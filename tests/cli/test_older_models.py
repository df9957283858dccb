"""Models that older versions wrote are read, and answered about as then (tests/fixtures/make wrote both)."""

import json
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


# Answers whose words and fields have changed since: of them the numbers are compared that both have.
REWORDED = ("evaluate.json", "explain.json", "check.json", "diagnose.json")


def numbers(value, place=()):
    """All numbers of an answer, with their places."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, (*place, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from numbers(item, (*place, i))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield place, value


def assert_same_numbers(ours, then, noise):
    now, before = dict(numbers(json.loads(ours))), dict(numbers(json.loads(then)))
    # Which entry of dyhat/dx is the worst depends on how its error is measured, which has changed.
    moved = {"witness", "bound"} | ({"where", "claimed"} if noise else set())
    both = [place for place in before if place in now and place[0] != "input" and not moved.intersection(place)]
    assert len(both) >= 3
    for place in both:
        # The witness's own roundings, in double, are part of an error in ulp: all of it, `noise`, for a model in double.
        tolerance = 0.25 if place[-1] == "worst_ulp" else 1e-12
        assert now[place] == pytest.approx(before[place], rel=1e-9, abs=tolerance), place


@pytest.mark.parametrize("answer", VERBS)
@pytest.mark.parametrize(("version", "name", "table"), CASES)
def test_an_older_model_is_answered_about_as_then(handgrad, version, name, table, answer):
    verb, *options = VERBS[answer]
    model = f"{name}.model"
    shutil.copy(FIXTURES / version / model, handgrad.folder / model)
    shutil.copy(FIXTURES / f"{table}.csv", handgrad.folder.parent / f"{table}.csv")
    data = [] if verb == "inspect" else [f"../{table}.csv"]
    ran = handgrad(verb, model, *data, *options)
    then = (FIXTURES / version / f"{name}.{answer}").read_text(encoding="utf-8")
    if answer in REWORDED:
        assert_same_numbers(ran.out, then, noise="double" in name)
    else:
        assert ran.out == then, ran.err
