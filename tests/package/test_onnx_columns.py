"""handgrad export --to onnx --raw: rows of the table go into ONNX Runtime, what predict says comes out."""

import csv
import io
import json

import numpy as np
import pytest
from package_support import PROGRAM, needs_program, run
from test_onnx import ALL, checked, session

pytestmark = needs_program
TOWNS = ["Oslo", "Bergen", "Århus"]


def table(rows=60, seed=0):
    """Numbers, a column with gaps, texts, and targets of every kind."""
    rng = np.random.default_rng(seed)
    size, age = rng.normal(100, 30, rows), rng.integers(0, 90, rows).astype(float)
    town = rng.choice(TOWNS, rows)
    price = 3 * size - age + 40 * (town == "Oslo") + rng.normal(0, 5, rows)
    columns = {"size": size, "age": age, "town": town, "price": price, "tax": price / 7 + age,
               "big": np.where(size > 100, "yes", "no"), "kind": np.where(price > 320, "high", np.where(price > 260, "mid", "low")),
               "stars": np.where(price > 320, 5, np.where(price > 260, 3, -1)), "a": (size > 100) * 1, "b": (age > 40) * 1}
    return {name: [f"{v:.17g}" if isinstance(v, float) else str(v) for v in values] for name, values in columns.items()}


def write(columns, path):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def feeds(model, columns):
    """Cells as the graph takes them."""
    made = {}
    for value in model.graph.input:
        cells = columns[value.name]
        texts = value.type.tensor_type.elem_type == 8
        made[value.name] = np.array(cells if texts else [float(cell or "nan") for cell in cells], dtype=object if texts else float)[:, None]
    return made


TARGETS = {"regression": ["price"], "two targets": ["price", "tax"], "two classes": ["big"], "three classes": ["kind"],
           "classes of numbers": ["stars"], "labels": ["a", "b"]}
NOT_LEARNED = ["price", "tax", "big", "kind", "stars", "a", "b"]


def cases():
    words = [[], ["--dtype", "f64"]] + ([["--scale", "minmax"], ["--scale", "none"], ["--impute", "median"], ["--unknown", "ignore"]] if ALL else [])
    return [(targets, more, gaps) for targets in TARGETS for more in words for gaps in (False, True)]


@pytest.mark.parametrize("targets, words, gaps", cases(), ids=str)
def test_rows_of_the_table_go_in_and_predictions_come_out(targets, words, gaps, tmp_path):
    columns = table()
    names = TARGETS[targets]
    for other in set(NOT_LEARNED) - set(names):
        del columns[other]
    if gaps:
        columns["age"][3] = columns["age"][8] = columns["town"][5] = columns["town"][8] = ""
        words = words if "--impute" in words else ["--impute", "mean", *words]
    write(columns, tmp_path / "t.csv")
    run("train", tmp_path / "t.csv", "--target", ",".join(names), "--hidden", "6", "--hidden-activation", "tanh", "--epochs", 20,
        "-o", tmp_path / "m.model", "--quiet", *words)
    run("export", tmp_path / "m.model", "--to", "onnx", "--raw", "-o", tmp_path / "m.onnx", "--quiet")
    model = checked(tmp_path / "m.onnx")
    runtime = session(tmp_path / "m.onnx")
    out = dict(zip([one.name for one in runtime.get_outputs()], runtime.run(None, feeds(model, columns)), strict=True))
    said = [json.loads(line) for line in run("predict", tmp_path / "m.model", tmp_path / "t.csv", "--json", "--proba").splitlines()] \
        if "class" in targets else list(csv.DictReader(io.StringIO(run("predict", tmp_path / "m.model", tmp_path / "t.csv", *["--proba"][:targets == "labels"]))))
    tolerance = 1e-12 if "f64" in words else 3e-6
    if "class" in targets:
        said = [one for one in said if "predicted" in one]
        assert [str(label) for label in out["label"]] == [str(one["predicted"]) for one in said]
        assert out["label"].dtype == (np.int64 if targets == "classes of numbers" else object)
        expected = [list(one["probabilities"].values()) for one in said]
        np.testing.assert_allclose(out["probabilities"], expected, rtol=0, atol=tolerance)
    elif targets == "labels":
        expected = np.array([[float(one[f"p({name})"]) for name in names] for one in said])
        np.testing.assert_allclose(out["probabilities"], expected, rtol=0, atol=tolerance)
    else:
        expected = np.array([[float(cell) for cell in one.values()] for one in said])
        np.testing.assert_allclose(out["prediction"], expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
        assert out["prediction"].dtype == np.float64


def trained(columns, folder, *words):
    write(columns, folder / "t.csv")
    run("train", folder / "t.csv", "--target", "price", "--epochs", 2, "-o", folder / "m.model", "--quiet", *words)
    return folder / "m.model"


@pytest.mark.parametrize("ignore", [False, True])
def test_a_text_that_is_not_known_fails_or_counts_as_none(ignore, tmp_path):
    columns = {name: cells for name, cells in table().items() if name in ("size", "town", "price")}
    model = trained(columns, tmp_path, *(["--unknown", "ignore"] if ignore else []))
    run("export", model, "--to", "onnx", "--raw", "-o", tmp_path / "m.onnx", "--quiet")
    inputs = {"size": np.array([[90.0]]), "town": np.array([["Rome"]], dtype=object)}
    if not ignore:
        with pytest.raises(Exception, match="(?i)unknown category"):
            session(tmp_path / "m.onnx").run(None, inputs)
        return
    [prediction] = session(tmp_path / "m.onnx").run(None, inputs)
    (tmp_path / "one.csv").write_text("size,town\n90,Rome\n")
    np.testing.assert_allclose(prediction, [[float(run("predict", model, tmp_path / "one.csv").split()[1])]], rtol=1e-5)


def test_from_python(tmp_path):
    import handgrad
    columns = {name: np.array(cells, dtype=object if name == "town" else float) for name, cells in table().items()
               if name in ("size", "town", "price")}
    model = handgrad.fit(columns, "price", epochs=3).model
    assert model.to_onnx(tmp_path / "m.onnx", raw=True) == [str(tmp_path / "m.onnx")]
    [prediction] = session(tmp_path / "m.onnx").run(None, feeds(checked(tmp_path / "m.onnx"), columns))
    np.testing.assert_allclose(prediction[:, 0], np.ravel(model.predict(columns)), rtol=1e-5, atol=1e-3)
    written = model.to_onnx(tmp_path / "n.onnx", derivatives=True)
    assert [name.rsplit("/", 1)[1] for name in written] == ["n.onnx", "jac_n.onnx", "fwd_n.onnx", "adj_n.onnx", "jac_adj_n.onnx"]
    with pytest.raises(handgrad.UsageError, match="two calls"):
        model.to_onnx(tmp_path / "n.onnx", raw=True, derivatives=True)


def test_columns_called_like_tensors_of_ours(tmp_path):
    columns = table()
    columns = {"x": columns["size"], "prediction": columns["age"], "linear1.weight": columns["tax"], "Gemm": columns["a"], "price": columns["price"]}
    model = trained(columns, tmp_path)
    run("export", model, "--to", "onnx", "--raw", "-o", tmp_path / "m.onnx", "--quiet")
    onnx_model = checked(tmp_path / "m.onnx")
    [prediction] = session(tmp_path / "m.onnx").run(None, feeds(onnx_model, columns))
    np.testing.assert_allclose(prediction[:, 0], np.array(run("predict", model, tmp_path / "t.csv").split()[1:], dtype=float), rtol=1e-4)


def refused(*words):
    import subprocess
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_what_does_not_go_together_is_said(tmp_path):
    columns = {name: cells for name, cells in table().items() if name in ("size", "price")}
    columns["when"] = [f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}" for i in range(60)]
    model = trained(columns, tmp_path, "--date", "when")
    assert "'when' holds dates" in refused("export", model, "--to", "onnx", "--raw", "-o", tmp_path / "m.onnx")
    assert "two calls" in refused("export", model, "--to", "onnx", "--raw", "--derivatives", "-o", tmp_path / "m.onnx")
    assert "--derivatives" in refused("export", model, "--to", "npz", "--derivatives", "-o", tmp_path / "m.npz")
    assert not (tmp_path / "m.onnx").exists()
    run("export", model, "--to", "onnx", "-o", tmp_path / "m.onnx", "--quiet")  # the network alone
