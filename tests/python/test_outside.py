"""predict names the rows and columns in which a table leaves what the model has learned from."""

import json

import numpy as np
import pytest
from program import events, handgrad, told, write_table

ROWS = 60


def rows(seed=0, count=ROWS):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-2.0, 5.0, count), rng.uniform(100.0, 101.0, count)
    city = np.array(["Oslo", "Rome", "Lima"])[np.arange(count) % 3]
    return {"a": a, "b": b, "flat": np.full(count, 7.5), "city": city, "y": a + b}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    file = write_table(folder / "t.csv", rows())
    model = folder / "m.model"
    handgrad("train", file, "--target", "y", "--validation", 0, "--epochs", 2, "--hidden", 3, "--unknown", "ignore",
             "-o", model)
    return model, file


def planted(folder):
    """Rows within the ranges, and four that are not: 3 (a, above), 5 (a and b), 8 (flat), 9 (city)."""
    known = rows()
    table = {name: column[:12].copy() for name, column in known.items() if name != "y"}
    spread = known["a"].max() - known["a"].min()
    table["a"][3] = known["a"].max() + 0.25 * spread
    table["a"][5] = known["a"].min() - 2.0 * spread
    table["b"][5] = known["b"].max() + 1e-3
    table["flat"][8] = 7.25
    table["city"] = table["city"].astype(object)
    table["city"][9] = "Paris"
    return write_table(folder / "p.csv", table)


EXPECTED = {3: ["a"], 5: ["a", "b"], 8: ["flat"], 9: ["city"]}


def test_planted_outliers_are_named_by_row_and_column(trained, tmp_path):
    model, _ = trained
    file = planted(tmp_path)
    lines = handgrad("predict", model, file, "--warn-outside").splitlines()
    assert lines[0].split(",")[-1] == "outside"
    assert [line.split(",")[-1] for line in lines[1:]] == [";".join(EXPECTED.get(row, [])) for row in range(12)]
    assert [event["outside"] for event in events("predict", model, file, "--warn-outside")] == [
        EXPECTED.get(row, []) for row in range(12)]
    said = told("predict", model, file)
    assert "warning: 4 of 12 rows lie outside what the model has learned from (--warn-outside names" in said
    assert f"{file}:10: column 'flat': 7.25, learned from 7.5 alone" in said
    assert f"{file}:11: column 'city': 'Paris' is of no row that it has learned from" in said
    assert f"{file}:7: column 'a': " in said  # two ranges beyond: the farthest of those that can be measured
    assert "and 2 cells more" in said
    low, high = rows()["a"].min(), rows()["a"].max()
    assert f"learned from {low:.6g} to {high:.6g}" in said
    assert "outside" not in told("predict", model, file, "--quiet")


def test_the_rows_that_were_learned_from_are_within(trained):
    model, file = trained
    assert "outside" not in told("predict", model, file)
    assert {event["outside"] == [] for event in events("predict", model, file, "--warn-outside")} == {True}


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_ranges_are_of_the_rows_learned_from(tmp_path, dtype):
    """Of rows held out the ranges know nothing; a refit takes them up."""
    table = rows()
    file = write_table(tmp_path / "t.csv", table)
    for words, within in ((["--validation", 0.3, "--epochs", 3], False),
                          (["--validation", 0.3, "--epochs", 3, "--early-stopping", 3, "--refit"], True)):
        handgrad("train", file, "--target", "y", "--hidden", 3, "--dtype", dtype, *words, "-o", tmp_path / "m.model")
        outside = [event["outside"] for event in events("predict", tmp_path / "m.model", file, "--warn-outside")]
        assert (sum(map(len, outside)) == 0) == within


def test_a_category_of_held_out_rows_only_is_outside(tmp_path):
    table = rows()
    table["city"] = table["city"].astype(object)
    table["city"][30] = "Bonn"
    file = write_table(tmp_path / "t.csv", table)
    for seed in range(20):
        handgrad("train", file, "--target", "y", "--hidden", 3, "--validation", 0.4, "--epochs", 1, "--seed", seed, "-o",
                 tmp_path / "m.model")
        outside = [event["outside"] for event in events("predict", tmp_path / "m.model", file, "--warn-outside")]
        if outside[30]:
            assert "city" in outside[30]
            return
    raise AssertionError("row 30 was never held out")


def test_a_model_without_ranges_cannot_tell(trained, tmp_path):
    _, file = trained
    import torch
    from safetensors.numpy import save_file

    layer = torch.nn.Linear(2, 1)
    save_file({name: value.detach().numpy() for name, value in layer.state_dict().items()}, tmp_path / "n.safetensors")
    handgrad("import", tmp_path / "n.safetensors", "-o", tmp_path / "n.model")
    described = json.loads(handgrad("inspect", tmp_path / "n.model", "--json"))
    names = [column["name"] for column in described["columns"]]
    table = write_table(tmp_path / "x.csv", {name: [1.0, 2e9] for name in names})
    assert "cannot tell" in told("predict", tmp_path / "n.model", table, "--warn-outside")
    assert {event["outside"] for event in events("predict", tmp_path / "n.model", table, "--warn-outside")} == {None}
    lines = handgrad("predict", tmp_path / "n.model", table, "--warn-outside").splitlines()
    assert [line.split(",")[-1] for line in lines] == ["outside", "?", "?"]
    assert "outside" not in told("predict", tmp_path / "n.model", table)
