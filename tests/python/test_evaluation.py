"""Everything that `evaluate` prints beside loss and metrics, against scikit-learn and NumPy on what `predict` writes."""

import csv
import io
import json

import numpy as np
import pytest
from program import events, handgrad, told, write_table
from reference import rows_to_train_on
from scipy.stats import norm
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier, DummyRegressor

ROWS = 36


def predictions(model, table, *options):
    lines = list(csv.DictReader(io.StringIO(handgrad("predict", model, table, *options))))
    return {name: np.array([line[name] for line in lines]) for name in lines[0]}


def approx(expected):
    """NaN is null in JSON."""
    return None if np.isnan(expected) else pytest.approx(expected, rel=1e-9, abs=1e-12)


def trained(folder, columns, *options, epochs=15):
    path = write_table(folder / "t.csv", columns)
    handgrad("train", path, "--target", *options, "--dtype", "f64", "--epochs", epochs, "--learning-rate", 0.02, "-o",
             folder / "m.model")
    return folder / "m.model", path


def evaluated(model, table):
    [event] = events("evaluate", model, table)
    return event


# --- Classes ---------------------------------------------------------------------------------------------------------


def classes_table(classes, rows=ROWS, seed=5, shift=0.0):
    rng = np.random.default_rng(seed)
    a, b, noise = rng.normal(size=(3, rows))
    kinds = np.digitize(a + 0.7 * noise + shift, np.linspace(-1.0, 1.0, classes + 1)[1:-1])
    return {"a": a, "b": b, "w": rng.uniform(0.3, 3.0, rows), "kind": np.array(list("pqrstu"))[kinds]}


@pytest.fixture(scope="module", params=[(2, False), (4, False), (4, True)], ids=["2", "4", "4 weighted"])
def classes(request, tmp_path_factory):
    """A model, another table, and what it answers there."""
    count, weighted = request.param
    folder = tmp_path_factory.mktemp("classes")
    how = ["--weight", "w"] if weighted else ["--drop", "w"]
    model, path = trained(folder, classes_table(count, rows=90), "kind", *how)
    other = classes_table(count, rows=70, seed=6, shift=0.4)
    table = write_table(folder / "other.csv", other)
    predicted = predictions(model, table, "--proba")
    names = list("pqrstu")[:count]
    return {"event": evaluated(model, table), "y": other["kind"], "yhat": predicted["predicted"], "names": names,
            "p": np.stack([predicted[f"p({name})"].astype(float) for name in names], axis=1), "model": model,
            "w": other["w"] if weighted else np.ones(70), "weighted": weighted, "table": table}


def test_each_class_and_their_means_are_sklearns(classes):
    event = classes["event"]
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        classes["y"], classes["yhat"], labels=classes["names"], sample_weight=classes["w"], zero_division=0)
    seen = np.array([np.sum(classes["y"] == name) for name in classes["names"]])
    said = np.array([np.sum(classes["yhat"] == name) for name in classes["names"]])
    precision, recall = np.where(said > 0, precision, np.nan), np.where(seen > 0, recall, np.nan)
    f1 = np.where(said + seen > 0, f1, np.nan)
    assert [(score["name"], score["rows"]) for score in event["classes"]] == list(zip(classes["names"], seen))
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [score[name] for score in event["classes"]] == [approx(value) for value in expected]
        assert event["macro"][name] == approx(np.nanmean(expected))
    balanced = metrics.balanced_accuracy_score(classes["y"], classes["yhat"], sample_weight=classes["w"])
    assert event["macro"]["recall"] == event["metrics"]["balanced_accuracy"] == pytest.approx(balanced)


def test_the_confusion_is_sklearns_and_its_largest_stand_first(classes):
    expected = metrics.confusion_matrix(classes["y"], classes["yhat"], labels=classes["names"])
    assert classes["event"]["confusion"] == {"classes": classes["names"], "counts": expected.tolist()}
    wrong = expected - np.diag(np.diag(expected))
    found = {(pair["class"], pair["predicted"]): pair["rows"] for pair in classes["event"]["confused"]}
    assert found == {(classes["names"][i], classes["names"][j]): wrong[i, j] for i, j in zip(*np.nonzero(wrong))}
    assert list(found.values()) == sorted(found.values(), reverse=True) and sum(found.values()) > 5


def brier(p, hot, weights):
    """With two classes halved, as scikit-learn's brier_score_loss of the second class has it."""
    scale = 0.5 if p.shape[1] == 2 else 1.0
    return scale * np.average(np.sum((p - hot) ** 2, axis=1), weights=weights)


def test_the_brier_score_is_sklearns(classes):
    hot = (classes["y"][:, None] == classes["names"]).astype(float)
    assert classes["event"]["brier"] == pytest.approx(brier(classes["p"], hot, classes["w"]), rel=1e-9)
    if len(classes["names"]) == 2:
        assert classes["event"]["brier"] == pytest.approx(
            metrics.brier_score_loss(classes["y"] == "q", classes["p"][:, 1], sample_weight=classes["w"]), rel=1e-9)


def calibration(confidence, right, weights):
    """docs/evaluate.md: the error, and the interval of normal gaps with their bias taken off."""
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], confidence)
    parts = []
    for b in np.unique(bins):
        own = bins == b
        w, r, c = weights[own], right[own], confidence[own]
        rows = w.sum() ** 2 / np.sum(w**2)
        q = (np.average(r, weights=w) * rows + 1) / (rows + 2)
        chance = np.sqrt(np.sum(w**2 * c * (1 - c))) / w.sum()
        parts.append((w.sum() / weights.sum(), np.average(r - c, weights=w), np.sqrt(q * (1 - q) / rows), chance))
    share, gap, deviation, chance = np.array(parts).T

    def folded(g, s):
        mean = s * np.sqrt(2 / np.pi) * np.exp(-(g**2) / (2 * s**2)) + g * (1 - 2 * norm.cdf(-g / s))
        return share @ mean, share**2 @ (g**2 + s**2 - mean**2)

    error = share @ np.abs(gap)
    mean, variance = folded(gap, deviation)
    ends = 2 * error - mean + norm.ppf(0.975) * np.sqrt(variance) * np.array([-1, 1])
    by_chance, of_chance = folded(np.zeros_like(gap), chance)
    low, high = np.clip(ends, 0, 1)
    return error, 0.0 if error <= by_chance + norm.ppf(0.975) * np.sqrt(of_chance) else low, high


def test_the_calibration_error_is_that_of_sklearns_curve_and_its_interval_numpys(classes):
    confidence, right = classes["p"].max(axis=1), (classes["y"] == classes["yhat"]).astype(float)
    found = classes["event"]["calibration"]
    assert [found[name] for name in ("error", "lowest", "highest")] == [
        pytest.approx(value, rel=1e-9, abs=1e-12) for value in calibration(confidence, right, classes["w"])]
    if not classes["weighted"]:
        share_right, mean_confidence = calibration_curve(right, confidence, n_bins=10)
        counts = np.histogram(np.nextafter(confidence, 0), 10, (0, 1))[0]
        expected = np.sum(counts[counts > 0] * np.abs(share_right - mean_confidence)) / len(right)
        assert found["error"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rows", [60, 300])
@pytest.mark.parametrize("off", [0.0, 0.1])
def test_the_interval_of_the_calibration_error_holds_the_true_one(rows, off):
    """In at least 85 of 100 tables, drawn from confidences that are right or too large by 0.1."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        confidence = 0.5 + 0.5 * rng.beta(3.0, 1.2, rows)
        right = (rng.random(rows) < confidence - off).astype(float)
        _, low, high = calibration(confidence, right, np.ones(rows))
        held += low <= off <= high
    assert held >= 255


def test_an_overconfident_model_is_told_from_chance(tmp_path):
    """Labels are right in 60 % of the rows, which a network of large weights answers with certainty."""
    rng = np.random.default_rng(2)
    table = {"a": rng.normal(size=300), "b": rng.normal(size=300)}
    table["kind"] = np.where((table["a"] > 0) ^ (rng.random(300) < 0.4), "p", "q")
    model, _ = trained(tmp_path, table, "kind", "--hidden", "64,64", "--validation", 0, epochs=300)
    fresh = {"a": rng.normal(size=400), "b": rng.normal(size=400)}
    fresh["kind"] = np.where((fresh["a"] > 0) ^ (rng.random(400) < 0.4), "p", "q")
    found = evaluated(model, write_table(tmp_path / "fresh.csv", fresh))["calibration"]
    assert 0.1 < found["lowest"] < found["error"] < found["highest"]


# --- Targets ---------------------------------------------------------------------------------------------------------


def targets_table(rows=ROWS, seed=7):
    rng = np.random.default_rng(seed)
    a, b, noise = rng.normal(size=(3, rows))
    return {"a": 3.0 * a, "b": b, "city": np.array(["Rome", "Oslo"])[(a > 0).astype(int)],
            "w": rng.uniform(0.3, 3.0, rows), "y": 40.0 + a + 0.2 * noise, "kg": 1000.0 * b + 100.0 * noise}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_each_target_is_scored_in_its_own_units(tmp_path, weighted):
    how = ["--weight", "w"] if weighted else ["--drop", "w"]
    model, path = trained(tmp_path, targets_table(), "y,kg", *how)
    other = targets_table(seed=8)
    table = write_table(tmp_path / "other.csv", other)
    answers = predictions(model, table)
    found = evaluated(model, table)["targets"]
    weights = other["w"] if weighted else None
    for score, name in zip(found, ("y", "kg"), strict=True):
        y, yhat = other[name], answers[name].astype(float)
        expected = {"r2": metrics.r2_score(y, yhat, sample_weight=weights),
                    "rmse": np.sqrt(metrics.mean_squared_error(y, yhat, sample_weight=weights)),
                    "mae": metrics.mean_absolute_error(y, yhat, sample_weight=weights),
                    "median_absolute_error": metrics.median_absolute_error(y, yhat, sample_weight=weights)}
        assert score == {"name": name} | {key: pytest.approx(value, rel=1e-9) for key, value in expected.items()}


def test_rows_outside_the_training_range_are_counted(tmp_path):
    """By the inputs of the rows that were learned from: those held out are not known to the range."""
    columns = {"a": np.arange(ROWS) * 1.0, "city": ["Rome" if i % 3 else "Oslo" for i in range(ROWS)],
               "y": np.arange(ROWS) * 2.0 + 0.5}
    model, _ = trained(tmp_path, columns, "y")
    training = rows_to_train_on(tmp_path, ROWS, validation=0.2)
    table = {"a": [-5.0, 3.0, 99.0, 10.0, 12.5], "city": ["Rome", "Oslo", "Rome", "Oslo", "Rome"], "y": [0.5] * 5}
    found = evaluated(model, write_table(tmp_path / "o.csv", table))["outside"]
    low, high = columns["a"][training].min(), columns["a"][training].max()
    expected = sum(not low <= a <= high for a in table["a"])
    assert found == {"rows": expected, "share": expected / 5, "inputs": [{"name": "a", "rows": expected}]}
    assert expected == 2


# --- Beside a constant answer, and what was learned from --------------------------------------------------------------


@pytest.mark.parametrize("task", ["targets", "classes"])
def test_the_baseline_is_of_the_rows_learned_from_and_the_skill_is_numpys(tmp_path, task):
    columns = targets_table() if task == "targets" else classes_table(3)
    columns = {name: column for name, column in columns.items() if name not in ("w", "kg", "city")}
    target = "y" if task == "targets" else "kind"
    model, _ = trained(tmp_path, columns, target)
    training = rows_to_train_on(tmp_path, ROWS, {"y": columns[target].tolist()}, validation=0.2)
    other = targets_table(seed=11) if task == "targets" else classes_table(3, seed=11)
    other = {name: other[name] for name in columns}
    table = write_table(tmp_path / "other.csv", other)
    event, y = evaluated(model, table), other[target]
    if task == "targets":
        constant = DummyRegressor().fit(training[:, None], columns["y"][training]).predict(y[:, None])
        answer = predictions(model, table)["y"].astype(float)
        assert event["baseline"]["rmse"] == pytest.approx(np.sqrt(metrics.mean_squared_error(y, constant)))
        assert event["baseline"]["mae"] == pytest.approx(metrics.mean_absolute_error(y, constant))
        own, theirs = (answer - y) ** 2, (constant - y) ** 2
    else:
        names = ["p", "q", "r"]
        dummy = DummyClassifier(strategy="prior").fit(training[:, None], columns["kind"][training])
        assert event["baseline"]["accuracy"] == pytest.approx(np.mean(y == dummy.predict(y[:, None])))
        shares = dummy.predict_proba(y[:, None])
        assert event["baseline"]["log_loss"] == pytest.approx(metrics.log_loss(y, shares, labels=names))
        written = predictions(model, table, "--proba")
        p = np.stack([written[f"p({name})"].astype(float) for name in names], axis=1)
        own, theirs = (np.sum((q - (y[:, None] == names)) ** 2, axis=1) for q in (p, shares))
    left = own.sum() / theirs.sum()
    deviation = np.sqrt(np.sum((own - left * theirs) ** 2)) / theirs.sum()
    assert event["skill"] == {"rows": ROWS, "saved": pytest.approx(1 - left, rel=1e-9),
                              "standard_error": pytest.approx(deviation, rel=1e-9)}
    assert event["standing"] == ("better" if 1 - left > 2 * deviation else "unclear" if left < 1 else "no_better")


def test_rows_that_were_learned_from_are_recognised_by_the_table_alone(tmp_path):
    columns = {name: column for name, column in targets_table().items() if name in ("a", "b", "y")}
    model, path = trained(tmp_path, columns, "y", "--test", 0.25)
    without_test = rows_to_train_on(tmp_path, ROWS, test=0.25, validation=0)
    training = rows_to_train_on(tmp_path, ROWS, test=0.25, validation=0.2)
    rows = {"train": training, "validation": np.setdiff1d(without_test, training),
            "test": np.setdiff1d(np.arange(ROWS), without_test)}
    event = evaluated(model, write_table(tmp_path / "a copy under another name.csv", columns))
    assert event["seen_rows"] == len(training)
    yhat = predictions(model, path)["y"].astype(float)
    assert [part["name"] for part in event["parts"]] == list(rows)
    for part in event["parts"]:
        of = rows[part["name"]]
        assert part["rows"] == len(of)
        assert part["metrics"]["r2"] == pytest.approx(metrics.r2_score(columns["y"][of], yhat[of]), rel=1e-9)
    assert event["skill"]["rows"] == ROWS - len(training)  # the others decide
    said = handgrad("evaluate", model, path)
    assert f"it has learned from {len(training)} of these {ROWS} rows" in " ".join(said.split())

    one_less = {name: column[:-1] for name, column in columns.items()}
    assert evaluated(model, write_table(tmp_path / "less.csv", one_less))["seen_rows"] is None
    changed = columns | {"b": np.where(np.arange(ROWS) == 3, 0.0, columns["b"])}
    assert evaluated(model, write_table(tmp_path / "changed.csv", changed))["seen_rows"] is None
    text = handgrad("inspect", model, "--json") + (model.read_bytes()[:200000].decode("latin-1"))
    assert "training_rows" in text and len(json.dumps(event)) > 100


def test_a_table_of_its_own_that_judged_is_recognised_and_one_learned_from_is_not_praised(tmp_path):
    columns = {name: column for name, column in targets_table().items() if name in ("a", "b", "y")}
    held = {name: column for name, column in targets_table(seed=9).items() if name in ("a", "b", "y")}
    validation = write_table(tmp_path / "v.csv", held)
    model, path = trained(tmp_path, columns, "y", "--validation", validation)
    assert evaluated(model, validation)["seen_rows"] == 0
    event = evaluated(model, path)
    assert (event["seen_rows"], event["standing"]) == (ROWS, "seen")
    assert "has learned from all of these" in " ".join(handgrad("evaluate", model, path).split())


def test_what_is_not_defined_is_a_dash_with_its_reason(tmp_path):
    columns = {name: column for name, column in targets_table().items() if name in ("a", "b", "y")}
    model, _ = trained(tmp_path, columns, "y")
    constant = write_table(tmp_path / "c.csv", {name: column[:12] for name, column in columns.items()} | {"y": [40.0] * 12})
    said = handgrad("evaluate", model, constant)
    assert "-  r2: the target 'y' is the same in all rows" in said and "nan" not in said
    assert evaluated(model, constant)["metrics"]["r2"] is None
    one = write_table(tmp_path / "one.csv", {name: column[:1] for name, column in columns.items()})
    assert "-  r2: there is one row only" in handgrad("evaluate", model, one)
    assert evaluated(model, one)["standing"] == "too_few"

    table = {name: column for name, column in classes_table(2).items() if name != "w"}
    model, _ = trained(tmp_path, table, "kind")
    alone = write_table(tmp_path / "alone.csv", {name: column[table["kind"] == "p"] for name, column in table.items()})
    said = handgrad("evaluate", model, alone)
    assert "-  roc_auc: all rows are of class 'p'" in said and "nan" not in said
    event = evaluated(model, alone)
    assert event["metrics"]["roc_auc"] is None and event["classes"][1]["recall"] is None


def test_train_warns_of_what_is_no_better_than_a_constant_and_of_overfitting(tmp_path):
    rng = np.random.default_rng(4)
    noise = {"a": rng.normal(size=80), "b": rng.normal(size=80), "y": rng.normal(size=80)}
    path = write_table(tmp_path / "noise.csv", noise)
    words = ["train", path, "--target", "y", "-o", tmp_path / "m.model", "--hidden", 64, "--learning-rate", 0.02]
    said = told(*words, "--validation", 0.3)
    assert "warning: No better than always answering the mean" in said and "warning: It overfits" in said
    done = events(*words, "--validation", 0.3)[-1]
    assert done["standing"] == "no_better" and len(done["warnings"]) == 2
    good = noise | {"y": noise["a"] - noise["b"]}
    words[1] = write_table(tmp_path / "good.csv", good)
    said = told(*words, "--validation", 0.3, "--epochs", 60)
    assert "warning" not in said and "Better than always answering the mean" in said
    assert "How good it is on other rows cannot be told" in told(*words, "--validation", 0, "--epochs", 60)
