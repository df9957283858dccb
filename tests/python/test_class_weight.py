"""Weights of classes are a column of weights in the loss, to the last bit, and no part of the metrics."""

import json

import numpy as np
import pytest
from program import events, handgrad, told, write_table

ROWS = 120


def table(folder, classes=3, numbers=False):
    rng = np.random.default_rng(classes)
    label = np.sort(rng.integers(0, classes, ROWS) * rng.integers(0, 2, ROWS))  # the first is in the majority
    a, b = rng.normal(size=(2, ROWS)) + label
    text = label + 1 if numbers else np.array(["dull", "fair", "sharp"])[label]
    columns = {"a": a, "b": b, "own": rng.uniform(0.3, 2.0, ROWS), "y": text}
    return columns, write_table(folder / "t.csv", columns)


def balanced(labels, weights):
    """scikit-learn's compute_class_weight('balanced', sample_weight=weights), for each row."""
    names, inverse = np.unique(labels, return_inverse=True)
    counts = np.array([sum(weights[inverse == k].tolist()) for k in range(len(names))])
    return (sum(weights.tolist()) / (len(names) * counts))[inverse]


START = ["--target", "y", "--hidden", "5", "--epochs", "4", "--task", "classification", "--dtype", "f64"]


def trained(folder, file, name, *words):
    model = folder / f"{name}.model"
    done = events("train", file, *START, "--validation", 0, *words, "-o", model)[-1]
    return model, done["parameters_hash"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("classes", "numbers"), [(2, False), (3, False), (2, True), (3, True)])
def test_balanced_is_a_column_of_weights(tmp_path, classes, numbers, weighted):
    columns, file = table(tmp_path, classes, numbers)
    own = columns["own"] if weighted else np.ones(ROWS)
    product = own * balanced(columns["y"], own)
    witness = write_table(tmp_path / "w.csv", columns | {"w": product})
    more = ["--weight", "own"] if weighted else ["--drop", "own"]
    model, there = trained(tmp_path, file, "m", *more, "--class-weight", "balanced")
    twin, here = trained(tmp_path, witness, "w", "--weight", "w", "--drop", "own")
    assert there == here
    plain, other = trained(tmp_path, file, "p", *more)
    assert other != there

    [evaluation], [weighed] = events("evaluate", model, file), events("evaluate", twin, witness)
    assert evaluation["loss"] == weighed["loss"]
    [described] = events("inspect", model)
    of_class = [(product / own)[columns["y"] == label][0] for label in np.unique(columns["y"])]
    np.testing.assert_allclose(described["class_weights"], of_class, rtol=1e-15)
    # Metrics count rows by their own weights alone.
    predicted = [line.split(",")[0] for line in handgrad("predict", model, file).splitlines()[1:]]
    right = np.array(predicted) == np.asarray(columns["y"]).astype(str)
    assert evaluation["metrics"]["accuracy"] == pytest.approx((own * right).sum() / own.sum(), rel=1e-12)
    baseline = max((own * (columns["y"] == label)).sum() for label in set(columns["y"].tolist())) / own.sum()
    assert evaluation["baseline"]["accuracy"] == pytest.approx(baseline, rel=1e-12)
    # The derivatives are those of the weighted loss, and certified.
    [certificate] = events("check", model, file, "--rows", ROWS)
    assert certificate["verdict"] == "PASS"


def test_the_loss_while_training_and_of_validation_rows_is_weighted(tmp_path):
    columns, file = table(tmp_path)
    rows = columns | {"w": balanced(columns["y"], np.ones(ROWS))}
    witness = write_table(tmp_path / "w.csv", rows)

    def losses(file, *words):
        return [(e["loss"], e["validation_loss"]) for e in
                events("train", file, *START, "--validation", file, *words, "-o", tmp_path / "m.model")
                if e["event"] == "epoch"]

    assert losses(file, "--drop", "own", "--class-weight", "balanced") == losses(witness, "--weight", "w", "--drop",
                                                                                 "own")


def test_a_refit_balances_all_rows(tmp_path):
    columns, file = table(tmp_path)
    model = tmp_path / "m.model"
    events("train", file, *START, "--drop", "own", "--early-stopping", 2, "--validation", 0.3, "--refit",
           "--class-weight", "balanced", "-o", model)
    [described] = events("inspect", model)
    expected = balanced(columns["y"], np.ones(ROWS))
    assert sorted(described["class_weights"]) == sorted(set(expected.tolist()))


def test_held_out_rows_are_not_counted(tmp_path):
    """Weights of the classes are those of the rows that are learned from, of which a twin has the others' labels."""
    columns, file = table(tmp_path)
    start = ["--drop", "own", "--class-weight", "balanced", "--validation", 0.3]
    model = tmp_path / "m.model"
    events("train", file, *START, *start, "-o", model)
    expected = balanced(columns["y"], np.ones(ROWS))
    weights = np.array(events("inspect", model)[0]["class_weights"])
    learned = 84
    counts = np.round(learned / (3 * weights))
    np.testing.assert_allclose(learned / (3 * counts), weights, rtol=1e-12)
    assert counts.sum() == learned
    assert not np.allclose(np.unique(expected), np.unique(weights))


def file_of(folder, text):
    path = folder / "weights.csv"
    path.write_text(text)
    return path


def test_a_file_names_the_weights(tmp_path):
    columns, file = table(tmp_path)
    weights = {"dull": 0.5, "fair": 2.0, "sharp": 7.25}
    witness = write_table(tmp_path / "w.csv", columns | {"w": np.array([weights[y] for y in columns["y"]])})
    named = file_of(tmp_path, "weight,class\n7.25,sharp\n0.5,dull\n2,fair\n")
    assert trained(tmp_path, file, "m", "--drop", "own", "--class-weight", named)[1] == \
        trained(tmp_path, witness, "w", "--weight", "w", "--drop", "own")[1]
    whole = file_of(tmp_path, "class,weight\n1,3\n2.0,4\n3,5\n")
    _, numbers = table(tmp_path, numbers=True)
    model, _ = trained(tmp_path, numbers, "n", "--drop", "own", "--class-weight", whole)
    assert events("inspect", model)[0]["class_weights"] == [3.0, 4.0, 5.0]


@pytest.mark.parametrize(("text", "says"), [
    ("class,weight\ndull,1\nfair,2\n", "no weight for the class 'sharp'; give each class one"),
    ("class,weight\ndull,1\n", "no weight for the classes 'fair', 'sharp'"),
    ("class,weight\ndull,1\nfair,2\nsharq,2\n", "weights.csv:4: column 'class': 'sharq' is not a class that the model "
                                                "knows (did you mean 'sharp'?)"),
    ("class,weight\ndull,1\nfair,2\nsharp,2\nfair,1\n", "weights.csv:5: class 'fair' has a weight already"),
    ("class,weight\ndull,1\nfair,-2\nsharp,2\n", "weights.csv:3: column 'weight': a finite number above 0 belongs here, "
                                                 "and -2 is not one"),
    ("class,weight\ndull,1\nfair,0\nsharp,2\n", "and 0 is not one; to leave a class out, leave its rows out"),
    ("class,weight\ndull,1\nfair,\nsharp,2\n", "weights.csv:3: column 'weight': a finite number above 0 belongs here, and this is "
                                               "no number"),
    ("class,weight\ndull,1\nfair,much\nsharp,2\n", "weights.csv:3: column 'weight'"),
    ("name,weight\ndull,1\n", "with the columns 'class' and 'weight', and this one has 'name', 'weight'"),
])
def test_a_file_that_does_not_serve(tmp_path, text, says):
    _, file = table(tmp_path)
    said = told("train", file, *START, "--drop", "own", "--class-weight", file_of(tmp_path, text), "-o",
                tmp_path / "m.model", code=3)
    assert says in said
    assert "--class-weight" in said


def test_tasks_without_a_class_for_a_row(tmp_path):
    columns, file = table(tmp_path)
    assert "has no classes to weigh" in told("train", file, "--target", "a", "--class-weight", "balanced", "-o",
                                             tmp_path / "m.model", code=2)
    labels = write_table(tmp_path / "l.csv", {"a": columns["a"], "u": (columns["a"] > 0).astype(int),
                                              "v": (columns["b"] > 1).astype(int)})
    said = told("train", labels, "--target", "u,v", "--class-weight", "balanced", "-o", tmp_path / "m.model", code=2)
    assert "several labels are learned side by side" in said
    assert "--weight" in said
    missing = told("train", file, *START, "--class-weight", tmp_path / "none.csv", "-o", tmp_path / "m.model", code=6)
    assert "none.csv" in missing


def test_resumed_and_replayed(tmp_path):
    _, file = table(tmp_path)
    weights = file_of(tmp_path, "class,weight\ndull,0.5\nfair,2\nsharp,7\n")
    start = ["train", file, *START, "--validation", 0, "--drop", "own", "--class-weight", weights]
    log = tmp_path / "run.jsonl"
    log.write_text(handgrad(*start, "-o", tmp_path / "m.model", "--checkpoint", tmp_path / "kept", "--json"))
    end = json.loads(log.read_text().splitlines()[-1])
    assert events("verify-run", log)[0]["verdict"] == "PASS"
    assert events("train", "--resume", tmp_path / "kept")[-1]["parameters_hash"] == end["parameters_hash"]
    file_of(tmp_path, "class,weight\ndull,0.5\nfair,2\nsharp,8\n")
    told("verify-run", log, code=3)
    assert "not the weights of classes of the training that is gone on with" in told(
        "train", "--resume", tmp_path / "kept", code=2)
    assert "class_weight was" in told("train", "--resume", tmp_path / "kept", "--class-weight", "balanced", code=2)


def test_older_programs_read_models_without_weights(tmp_path):
    _, file = table(tmp_path)
    plain, _ = trained(tmp_path, file, "p")
    weighed, _ = trained(tmp_path, file, "m", "--class-weight", "balanced")
    assert b'"format_version":"2"' in plain.read_bytes()
    assert b"class_weights" not in plain.read_bytes()
    assert b'"format_version":"4"' in weighed.read_bytes()
