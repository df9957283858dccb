"""Conformal intervals: the rule against NumPy, coverage on real tables, and that no row is in a network it judges."""

import csv
import json
import math
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from program import events, handgrad, told, write_table
from safetensors import numpy as tensor_file

from forged import Forged, tensors_in  # noqa: I001  (behind program, which makes the path to it)

DATA = Path(__file__).resolve().parents[2] / "examples/data"


def columns_of(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def write_rows(path, columns, rows):
    return write_table(path, {name: column[rows] for name, column in columns.items()})


def rank_of(count, coverage):
    """ceil((n + 1) P) of the P that the decimals say."""
    return math.ceil((count + 1) * Fraction(str(coverage)))


def predicted(model, table, *words):
    header, *lines = [line.split(",") for line in handgrad("predict", model, table, *words).splitlines()]
    return {name: np.array([line[j] for line in lines]) for j, name in enumerate(header)}


def made(columns, *names):
    return [np.array(columns[name], float) for name in names]


def regression(count=90, seed=3):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, count))
    return {"a": a, "b": 3.0 * b + 40.0, "y": a * a + b + rng.normal(0.0, 0.3, count),
            "z": 1e3 * (b - a) + rng.normal(0.0, 100.0, count)}


QUICK = ["--hidden", 6, "--epochs", 15, "--learning-rate", 0.02, "--dtype", "f64", "--validation", 0]


# --- Split-conformal --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_split_is_the_quantile_of_residuals(tmp_path, coverage):
    """Of rows that the model does not tell: which they were is found by leaving rows out of the calibration's place."""
    table = regression()
    file = write_table(tmp_path / "t.csv", table)
    done = events("train", file, "--target", "y,z", *QUICK, "--calibration", 0.3, "--test", 0.2, "-o",
                  tmp_path / "m.model")[-1]
    assert done["event"] == "done"
    tensors = tensor_file.load_file(tmp_path / "m.model")
    scores = tensors["conformity.scores"]
    count = 22  # of the 72 rows that the test leaves
    assert scores.shape == (count, 2)
    answers = predicted(tmp_path / "m.model", file, "--interval", coverage)
    for k, name in enumerate(("y", "z")):
        yhat, lower, upper = made(answers, name, f"lower({name})", f"upper({name})")
        residuals = np.abs(table[name] - yhat)
        # The scores are residuals of so many different rows.
        places = [int(np.argmin(np.abs(residuals - score))) for score in scores[:, k]]
        assert len(set(places)) == count
        np.testing.assert_allclose(residuals[places], scores[:, k], rtol=1e-12, atol=1e-12)
        q = np.sort(scores[:, k])[rank_of(count, coverage) - 1]
        np.testing.assert_allclose(upper - yhat, q, rtol=1e-12, atol=1e-12 * np.abs(yhat).max())
        np.testing.assert_allclose(yhat - lower, q, rtol=1e-12, atol=1e-12 * np.abs(yhat).max())
    [event, *_] = events("predict", tmp_path / "m.model", file, "--interval", coverage)
    assert event["lower"]["y"] == float(answers["lower(y)"][0])
    assert event["upper"]["z"] == float(answers["upper(z)"][0])


def test_the_rank_is_exact():
    """⌈(n + 1) P⌉ where the product in binary lies beside a whole number: shown by the number of infinite intervals."""
    for coverage in ("0.9", "0.95", "0.99", "0.07", "0.56", "0.8", "0.7"):
        for count in range(1, 400):
            exact = rank_of(count, coverage)
            here = math.ceil((count + 1) * float(coverage) * (1.0 - 2.0 * np.finfo(float).eps))
            assert here == exact, (coverage, count)


@pytest.mark.parametrize(("count", "coverage", "finite"), [(8, 0.9, False), (9, 0.9, True), (18, 0.95, False),
                                                           (19, 0.95, True), (1, 0.5, True)])
def test_too_few_rows_rule_nothing_out(tmp_path, count, coverage, finite):
    table = regression(count + 30)
    file = write_table(tmp_path / "t.csv", table)
    share = count / (count + 30)
    handgrad("train", file, "--target", "y", *QUICK, "--calibration", share, "-o", tmp_path / "m.model")
    assert events("inspect", tmp_path / "m.model")[0]["intervals"] == {"method": "split", "scores": count, "networks": 0}
    answers = predicted(tmp_path / "m.model", file, "--interval", coverage)
    [lower, upper] = made(answers, "lower(y)", "upper(y)")
    assert np.isfinite(lower).all() == np.isfinite(upper).all() == finite
    if not finite:
        assert (lower == -np.inf).all() and (upper == np.inf).all()
        said = told("predict", tmp_path / "m.model", file, "--interval", coverage)
        assert f"{count} rows are too few for {100 * coverage:g} %, which takes {count + 1}: nothing is ruled out" in said
        [event, *_] = events("predict", tmp_path / "m.model", file, "--interval", coverage)
        assert event["lower"] == {"y": None} and event["upper"] == {"y": None}


@pytest.mark.parametrize("classes", [2, 3])
def test_sets_of_classes(tmp_path, classes):
    rng = np.random.default_rng(classes)
    label = rng.integers(0, classes, 120)
    table = {"a": rng.normal(size=120) + label, "y": np.array(["dull", "fair", "sharp"])[label]}
    file = write_table(tmp_path / "t.csv", table)
    handgrad("train", file, "--target", "y", *QUICK, "--calibration", 0.4, "-o", tmp_path / "m.model")
    scores = np.sort(tensor_file.load_file(tmp_path / "m.model")["conformity.scores"][:, 0])
    q = scores[rank_of(48, 0.8) - 1]
    answers = predicted(tmp_path / "m.model", file, "--proba", "--interval", 0.8)
    names = ["dull", "fair", "sharp"][:classes]
    expected = [";".join(name for name in names if 1.0 - float(answers[f"p({name})"][row]) <= q) for row in range(120)]
    assert answers["set"].tolist() == expected
    assert len(set(expected)) > 2
    [event, *_] = events("predict", tmp_path / "m.model", file, "--interval", 0.8)
    assert ";".join(event["set"]) == expected[0]
    [evaluation] = events("evaluate", tmp_path / "m.model", file, "--interval", 0.8)
    [target] = evaluation["intervals"]["targets"]
    assert target["within"] == sum(table["y"][row] in expected[row].split(";") for row in range(120))
    assert target["width"] == pytest.approx(np.mean([len(one.split(";")) if one else 0 for one in expected]))


# --- No refit on calibration rows, and no leak ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    ["--validation", 0], ["--validation", 0.3, "--early-stopping", 2, "--refit"],
    ["--validation", 0, "--impute", "mean", "--scale", "minmax"]])
def test_rows_for_calibration_change_nothing_of_the_model(tmp_path, words):
    """Wild numbers in their place leave the weights, the scaling and the ranges as they were."""
    table = regression()
    table["a"][::7] = np.nan
    cells = {name: np.where(np.isnan(column), "", column.astype(str)) for name, column in table.items()}
    impute = [] if "--impute" in words else ["--impute", "median"]
    start = ["--target", "y,z", "--hidden", 6, "--epochs", 8, "--dtype", "f64", "--calibration", 0.3, "--seed", 5, *words,
             *impute]
    first = events("train", write_table(tmp_path / "t.csv", cells), *start, "-o", tmp_path / "m.model")
    scores = tensor_file.load_file(tmp_path / "m.model")["conformity.scores"]
    yhat, = made(predicted(tmp_path / "m.model", tmp_path / "t.csv"), "y")
    residuals = np.abs(table["y"] - yhat)
    held = sorted(int(np.argmin(np.abs(residuals - score))) for score in scores[:, 0])
    assert len(set(held)) == 27
    wild = {name: column.copy().astype(object) for name, column in cells.items()}
    for row in held:
        wild["a"][row], wild["b"][row], wild["y"][row], wild["z"][row] = "1e6", "-1e7", "1e5", "-1e8"
    again = events("train", write_table(tmp_path / "w.csv", wild), *start, "-o", tmp_path / "w.model")
    assert again[-1]["parameters_hash"] == first[-1]["parameters_hash"]
    described = [events("inspect", tmp_path / name)[0] for name in ("m.model", "w.model")]
    assert described[0]["columns"] == described[1]["columns"]
    assert described[0]["targets"] == described[1]["targets"]
    assert not np.array_equal(tensor_file.load_file(tmp_path / "w.model")["conformity.scores"], scores)
    outside = [event["outside"] for event in events("predict", tmp_path / "w.model", tmp_path / "w.csv", "--warn-outside")]
    assert [row for row in range(90) if outside[row]] == held


# --- Coverage ---------------------------------------------------------------------------------------------------------


def beta_binomial_band(calibrated, judged, coverage, splits, sigmas=4.0):
    """Mean coverage of so many rows by a calibration of so many, and how far the mean of `splits` of them may be off."""
    rank = rank_of(calibrated, coverage)
    a, b = rank, calibrated + 1 - rank
    mean = a / (a + b)
    variance = judged * a * b * (a + b + judged) / ((a + b) ** 2 * (a + b + 1)) / judged**2
    return mean, sigmas * math.sqrt(variance / splits)


def coverage_over_splits(folder, table, target, coverage, splits, words, share=0.3, test=0.3):
    columns = columns_of(DATA / table)
    count = len(next(iter(columns.values())))
    found, calibrated, judged = [], 0, 0
    for split in range(splits):
        order = np.random.default_rng(split).permutation(count)
        judged = round(test * count)
        new = write_rows(folder / "new.csv", columns, np.sort(order[:judged]))
        old = write_rows(folder / "old.csv", columns, np.sort(order[judged:]))
        handgrad("train", old, "--target", target, "--calibration", share, "--seed", split, "--quiet", "--threads", 1, *words,
                 "-o", folder / "m.model")
        [evaluation] = events("evaluate", folder / "m.model", new, "--interval", coverage, "--quiet")
        [of_target] = evaluation["intervals"]["targets"]
        found.append(of_target["share"])
        calibrated = events("inspect", folder / "m.model")[0]["intervals"]["scores"]
    return np.array(found), calibrated, judged


TABLES = {"diabetes.csv": ("progression", ["--hidden", 8, "--epochs", 20]),
          "breast_cancer.csv": ("diagnosis", ["--hidden", 4, "--epochs", 3]),
          "digits.csv": ("digit", ["--hidden", 16, "--epochs", 3])}


@pytest.mark.parametrize("table", TABLES)
def test_coverage_of_split_conformal(tmp_path, table):
    """Over splits of real tables within the band of the beta-binomial distribution; `make test-long` takes 200 of
    them (HANDGRAD_SPLITS)."""
    splits = int(os.environ.get("HANDGRAD_SPLITS", "12"))
    target, words = TABLES[table]
    found, calibrated, judged = coverage_over_splits(tmp_path, table, target, 0.9, splits, ["--validation", 0, *words])
    mean, band = beta_binomial_band(calibrated, judged, 0.9, splits)
    assert abs(found.mean() - mean) < band, (found.mean(), mean, band)


# --- CV+ and jackknife+ -----------------------------------------------------------------------------------------------


def folds_in(model):
    tensors = tensor_file.load_file(model)
    return tensors["conformity.network_of"].astype(int), tensors


def twin(folder, columns, fold, words, targets):
    """The same trainings by the program itself, each on a table of the other folds' rows: ŷ of all rows, by each."""
    everything = write_table(folder / "all.csv", columns)
    answers = []
    for k in range(fold.max() + 1):
        rest = write_rows(folder / "rest.csv", columns, np.flatnonzero(fold != k))
        handgrad("train", rest, *words, "-o", folder / "fold.model")
        answers.append(np.column_stack(made(predicted(folder / "fold.model", everything), *targets)))
    return np.array(answers)


@pytest.mark.parametrize("method", ["cv+", "jackknife+"])
@pytest.mark.parametrize("words", [[], ["--early-stopping", 2, "--validation", 0.25, "--refit"]])
def test_intervals_by_retraining_are_those_of_numpy(tmp_path, method, words):
    columns = regression(30)
    file = write_table(tmp_path / "t.csv", columns)
    settings = ["--target", "y,z", "--hidden", 5, "--epochs", 9, "--dtype", "f64", *(words or ["--validation", 0])]
    handgrad("train", file, *settings, "--interval-method", method, "-o", tmp_path / "m.model")
    fold, tensors = folds_in(tmp_path / "m.model")
    assert fold.max() + 1 == (10 if method == "cv+" else 30)
    assert set(np.bincount(fold).tolist()) == {3 if method == "cv+" else 1}
    answers = twin(tmp_path, columns, fold, settings, ("y", "z"))
    truth = np.column_stack([columns["y"], columns["z"]])
    scores = np.abs(truth - answers[fold, np.arange(30)])
    np.testing.assert_allclose(tensors["conformity.scores"], scores, rtol=1e-11, atol=1e-11)
    for coverage in (0.6, 0.9):
        got = predicted(tmp_path / "m.model", file, "--interval", coverage)
        rank = rank_of(30, coverage)
        for k, name in enumerate(("y", "z")):
            lower, upper = made(got, f"lower({name})", f"upper({name})")
            low = np.sort(answers[fold, :, k] - scores[:, k, None], axis=0)[30 - rank]
            high = np.sort(answers[fold, :, k] + scores[:, k, None], axis=0)[rank - 1]
            np.testing.assert_allclose(lower, low, rtol=1e-11, atol=1e-9)
            np.testing.assert_allclose(upper, high, rtol=1e-11, atol=1e-9)


def test_sets_by_retraining_are_those_of_numpy(tmp_path):
    rng = np.random.default_rng(1)
    label = np.arange(60) % 3
    columns = {"a": rng.normal(size=60) + label, "y": np.array(["dull", "fair", "sharp"])[label]}
    file = write_table(tmp_path / "t.csv", columns)
    settings = ["--target", "y", "--hidden", 4, "--epochs", 30, "--dtype", "f64", "--validation", 0]
    handgrad("train", file, *settings, "--interval-method", "cv+", "-o", tmp_path / "m.model")
    fold, tensors = folds_in(tmp_path / "m.model")
    shares = []
    for k in range(10):
        rest = write_rows(tmp_path / "rest.csv", columns, np.flatnonzero(fold != k))
        handgrad("train", rest, *settings, "-o", tmp_path / "fold.model")
        answers = predicted(tmp_path / "fold.model", file, "--proba")
        shares.append(np.column_stack(made(answers, "p(dull)", "p(fair)", "p(sharp)")))
    shares = np.array(shares)
    scores = 1.0 - shares[fold, np.arange(60), label]
    np.testing.assert_allclose(tensors["conformity.scores"][:, 0], scores, rtol=1e-9, atol=1e-12)
    below = (scores[:, None, None] < 1.0 - shares[fold] - 1e-12).sum(axis=0)
    names = np.array(["dull", "fair", "sharp"])
    expected = [";".join(names[row < rank_of(60, 0.8)]) for row in below]
    assert predicted(tmp_path / "m.model", file, "--interval", 0.8)["set"].tolist() == expected


def test_the_same_bits_for_any_number_of_threads(tmp_path):
    file = write_table(tmp_path / "t.csv", regression(40))
    files = []
    for threads in (1, 2, 5):
        handgrad("train", file, "--target", "y", *QUICK, "--interval-method", "jackknife+", "--threads", threads, "-o",
                 tmp_path / "m.model")
        files.append(tensor_file.load_file(tmp_path / "m.model"))
    for other in files[1:]:
        assert all(np.array_equal(other[name], tensor) for name, tensor in files[0].items())


def test_groups_stay_together_and_test_rows_stay_out(tmp_path):
    columns = regression(60) | {"who": np.arange(60) // 4}
    file = write_table(tmp_path / "t.csv", columns)
    handgrad("train", file, "--target", "y", "--drop", "z", *QUICK, "--group", "who", "--test", 0.2, "--interval-method",
             "cv+", "-o", tmp_path / "m.model")
    fold, tensors = folds_in(tmp_path / "m.model")
    assert len(fold) == 48
    # Test rows are whole groups, so that rows that are left come in fours.
    assert all(len(set(fold[first:first + 4].tolist())) == 1 for first in range(0, 48, 4))
    assert "rows of a group are not left out one by one" in told(
        "train", file, "--target", "y", *QUICK, "--group", "who", "--interval-method", "jackknife+", "-o",
        tmp_path / "n.model", code=2)


def test_coverage_of_retrained_intervals(tmp_path):
    """On rows of diabetes that no network has seen: the promise is 1 − 2α, what is measured is about 1 − α."""
    columns = columns_of(DATA / "diabetes.csv")
    order = np.random.default_rng(0).permutation(442)
    new, old = (write_rows(tmp_path / name, columns, np.sort(rows)) for name, rows in
                (("new.csv", order[:150]), ("old.csv", order[150:])))
    handgrad("train", old, "--target", "progression", "--hidden", 8, "--epochs", 20, "--validation", 0,
             "--interval-method", "cv+", "-o", tmp_path / "m.model")
    [evaluation] = events("evaluate", tmp_path / "m.model", new, "--interval", 0.9)
    assert 0.84 < evaluation["intervals"]["targets"][0]["share"] < 0.96
    said = told("evaluate", tmp_path / "m.model", new, "--interval", 0.9)
    assert "cv+, of 292 rows and 10 networks" in said and "guaranteed are 80 %" in said


# --- Errors, files and the other verbs --------------------------------------------------------------------------------


def test_without_calibration_there_are_no_intervals(tmp_path):
    file = write_table(tmp_path / "t.csv", regression())
    handgrad("train", file, "--target", "y", *QUICK, "-o", tmp_path / "m.model")
    said = told("predict", tmp_path / "m.model", file, "--interval", 0.9, code=2)
    assert "train it again" in said and "--interval-method cv+" in said and "--calibration 0.2" in said
    for remedy in (["--interval-method", "cv+"], ["--calibration", "0.2"]):
        handgrad("train", file, "--target", "y", *QUICK, *remedy, "-o", tmp_path / "m.model")
        handgrad("predict", tmp_path / "m.model", file, "--interval", 0.9)


@pytest.mark.parametrize(("words", "says"), [
    (["--calibration", "0.2", "--interval-method", "cv+"], "leave one of the two out"),
    (["--calibration", "1"], "--calibration"),
    (["--calibration", "-0.1"], "--calibration"),
    (["--interval-method", "loo"], "loo"),
])
def test_settings_that_contradict_each_other(tmp_path, words, says):
    file = write_table(tmp_path / "t.csv", regression())
    assert says in told("train", file, "--target", "y", *QUICK, *words, "-o", tmp_path / "m.model", code=2)


def test_more_held_out_than_there_is(tmp_path):
    file = write_table(tmp_path / "t.csv", regression(2))
    said = told("train", file, "--target", "y", *QUICK, "--calibration", 0.9, "-o", tmp_path / "m.model", code=3)
    assert "calibration: holding out 0.9 of 2 rows leaves none to train on" in said and "(--calibration)" in said


@pytest.mark.parametrize("coverage", ["0", "1", "90", "-1", "nan", "x"])
def test_coverages_that_are_none(tmp_path, coverage):
    file = write_table(tmp_path / "t.csv", regression())
    handgrad("train", file, "--target", "y", *QUICK, "--calibration", 0.3, "-o", tmp_path / "m.model")
    assert "--interval" in told("predict", tmp_path / "m.model", file, "--interval", coverage, code=2)


def test_labels_and_outputs_without_probabilities_are_refused(tmp_path):
    table = regression()
    labels = write_table(tmp_path / "l.csv", {"a": table["a"], "u": (table["a"] > 0).astype(int),
                                              "v": (table["b"] > 40).astype(int)})
    assert "several labels" in told("train", labels, "--target", "u,v", "--calibration", 0.3, "-o", tmp_path / "m.model",
                                    code=2)
    assert "no" in told("train", labels, "--target", "u", "--task", "classification", "--output-activation", "identity",
                        "--calibration", 0.3, "-o", tmp_path / "m.model", code=2)


@pytest.mark.parametrize("method", [["--calibration", 0.3], ["--interval-method", "cv+"]])
def test_every_verb_takes_such_a_model(tmp_path, method):
    file = write_table(tmp_path / "t.csv", regression())
    model = tmp_path / "m.model"
    log = tmp_path / "run.jsonl"
    log.write_text(handgrad("train", file, "--target", "y", *QUICK, *method, "--checkpoint", tmp_path / "kept", "-o", model,
                            "--json"))
    for verb in (["evaluate", model, file], ["check", model, file, "--rows", 5], ["explain", model, file, "--row", 1],
                 ["inspect", model], ["report", model, file, "-o", tmp_path / "r.html"], ["diagnose", model, file],
                 ["sensitivity", model, file], ["export", model, "--to", "c99", "-o", tmp_path / "c"],
                 ["export", model, "--to", "onnx", "-o", tmp_path / "m.onnx"], ["encode", model, file, "-o", tmp_path / "e.npz"],
                 ["export", model, "--to", "npz", "-o", tmp_path / "w.npz"], ["verify-run", log]):
        handgrad(*verb)
    end = json.loads(log.read_text().splitlines()[-1])
    whole = tensor_file.load_file(model)
    assert events("train", "--resume", tmp_path / "kept")[-1]["parameters_hash"] == end["parameters_hash"]
    resumed = tensor_file.load_file(model)
    assert all(np.array_equal(resumed[name], tensor) for name, tensor in whole.items())
    handgrad("train", file, "--continue", model, "--epochs", 2, "-o", tmp_path / "more.model")
    kept = events("inspect", tmp_path / "more.model")[0]["intervals"]
    assert (kept is None) == ("cv+" in method)


DAMAGE = {
    "no scores": (lambda tensors: tensors.pop("conformity.scores"), "tensor 'conformity.scores' is missing"),
    "a negative score": (lambda tensors: tensors["conformity.scores"].__setitem__((0, 0), -1.0), "-1, is no score"),
    "a score that is none": (lambda tensors: tensors["conformity.scores"].__setitem__((3, 0), np.nan), "is no score"),
    "other rows": (lambda tensors: tensors.update({"conformity.network_of": tensors["conformity.network_of"][1:].copy()}),
                   "'conformity.network_of' is not of the shape"),
    "a network that is none": (lambda tensors: tensors["conformity.network_of"].__setitem__(5, 10.0),
                               "names none of 10 networks"),
    "half a network": (lambda tensors: tensors["conformity.network_of"].__setitem__(5, 1.5), "names none of 10 networks"),
    "a network less": (lambda tensors: tensors.update({"conformity.linear1.bias": tensors["conformity.linear1.bias"][1:].copy()}),
                       "'conformity.linear1.bias' is not of the shape"),
    "a weight that is none": (lambda tensors: tensors["conformity.linear1.bias"].__setitem__((2, 1), np.inf), "cannot be"),
    "a scale of 0": (lambda tensors: tensors["conformity.features"].__setitem__((2, 1, 2), 0.0), "cannot be"),
    "a tensor too many": (lambda tensors: tensors.update({"conformity.more": np.zeros(3)}), "has no place"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_forged_files_are_refused(tmp_path, name):
    change, says = DAMAGE[name]
    model = tmp_path / "m.model"
    file = write_table(tmp_path / "t.csv", regression(30))
    handgrad("train", file, "--target", "y", *QUICK, "--interval-method", "cv+", "-o", model)
    forged = Forged(model.read_bytes())
    tensors = tensor_file.load_file(model)
    order = list(tensors_in(forged))
    change(tensors)
    forged.set_tensors({key: tensors[key] for key in [*order, *tensors] if key in tensors})
    model.write_bytes(forged.bytes())
    assert says in told("predict", model, file, code=4)


def test_a_damaged_byte_and_another_method_are_refused(tmp_path):
    model = tmp_path / "m.model"
    file = write_table(tmp_path / "t.csv", regression(30))
    handgrad("train", file, "--target", "y", *QUICK, "--interval-method", "cv+", "-o", model)
    data = bytearray(model.read_bytes())
    data[-3] ^= 1
    (tmp_path / "d.model").write_bytes(data)
    assert "the checksum of its intervals" in told("predict", tmp_path / "d.model", file, code=4)
    forged = Forged(model.read_bytes())
    forged.values["conformity"]["method"] = "magic"
    (tmp_path / "f.model").write_bytes(forged.bytes())
    assert "does not name one of the methods" in told("predict", tmp_path / "f.model", file, code=4)
    assert b'"format_version":"4"' in model.read_bytes()
