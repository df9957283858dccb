"""What is held out stays out: of weights, scales, fillings and the baseline, against NumPy and scikit-learn.

Which rows are held out is read from a table of powers of two (reference.rows_to_train_on), so that nothing here trusts
the program's word for it.
"""

import csv
import io

import numpy as np
import pytest
from program import events, handgrad, told, write_table
from reference import rows_to_train_on
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

ROWS = 36
HOLDING_OUT = {"validation": 0.25, "test": 0.2}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Rows of the parts train, validation and test."""
    folder = tmp_path_factory.mktemp("parts")
    train = rows_to_train_on(folder, ROWS, **HOLDING_OUT)
    without_test = rows_to_train_on(folder, ROWS, **HOLDING_OUT | {"validation": 0})
    return {"train": train, "validation": np.setdiff1d(without_test, train),
            "test": np.setdiff1d(np.arange(ROWS), without_test)}


def columns(weighted=False):
    rng = np.random.default_rng(17)
    a = rng.normal(size=ROWS) * np.where(np.arange(ROWS) % 4 == 0, 50.0, 1.0)  # so that every row counts in a scale
    table = {"a": a, "b": rng.exponential(size=ROWS), "y": a + rng.normal(size=ROWS)}
    return table | ({"w": rng.uniform(0.1, 5.0, ROWS)} if weighted else {})


def trained(folder, table, *options, target="y"):
    path = write_table(folder / "t.csv", table)
    split = [word for name, share in HOLDING_OUT.items() for word in (f"--{name}", share)]
    done = events("train", path, "--target", target, "--dtype", "f64", *split, *options, "-o", folder / "m.model")[-1]
    return done, events("inspect", folder / "m.model")[0]


def predictions(folder, table, rows, *options):
    part = write_table(folder / "part.csv", {name: np.asarray(column)[rows] for name, column in table.items()})
    lines = list(csv.DictReader(io.StringIO(handgrad("predict", folder / "m.model", part, *options))))
    return {name: [line[name] for line in lines] for name in lines[0]}


def assert_near(actual, expected):
    assert set(actual) == set(expected)
    for name, value in expected.items():
        assert actual[name] == pytest.approx(value, rel=1e-10), name


@pytest.mark.parametrize(("scale", "scaler"), [("standard", StandardScaler), ("minmax", MinMaxScaler)])
def test_scales_are_those_of_the_training_rows_alone(tmp_path, parts, scale, scaler):
    table = columns()
    _, model = trained(tmp_path, table, "--scale", scale, "--epochs", 0)
    for column in model["columns"]:
        fitted = scaler().fit(table[column["name"]][parts["train"], None])
        shift = fitted.mean_ if scale == "standard" else fitted.data_min_
        width = fitted.scale_ if scale == "standard" else fitted.data_range_
        assert (column["shift"], column["scale"]) == (pytest.approx(shift[0]), pytest.approx(width[0]))
    fitted = StandardScaler().fit(table["y"][parts["train"], None])
    [target] = model["targets"]
    assert (target["shift"], target["scale"]) == (pytest.approx(fitted.mean_[0]), pytest.approx(fitted.scale_[0]))


@pytest.mark.parametrize("how", ["mean", "median"])
def test_fillings_are_those_of_the_training_rows_alone(tmp_path, parts, how):
    table = columns()
    gaps = np.arange(ROWS) % 5 == 3
    holed = table | {"a": ["" if gap else a for gap, a in zip(gaps, table["a"].tolist(), strict=True)]}
    _, model = trained(tmp_path, holed, "--impute", how, "--epochs", 0)
    numbers = np.where(gaps, np.nan, table["a"])[parts["train"], None]
    filled = SimpleImputer(strategy=how).fit(numbers)
    column = model["columns"][0]
    assert column["impute"] == pytest.approx(filled.statistics_[0], rel=1e-12)
    assert column["scale"] == pytest.approx(StandardScaler().fit(filled.transform(numbers)).scale_[0], rel=1e-12)


def regression_scores(y, yhat, weights):
    return {"r2": metrics.r2_score(y, yhat, sample_weight=weights),
            "rmse": np.sqrt(metrics.mean_squared_error(y, yhat, sample_weight=weights)),
            "mae": metrics.mean_absolute_error(y, yhat, sample_weight=weights)}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("how", ["rows of the table", "a table"])
def test_each_part_is_judged_by_its_own_rows_and_weights_beside_the_mean(tmp_path, parts, weighted, how):
    table = columns(weighted)
    options = ["--epochs", 3, *(["--weight", "w"] if weighted else [])]
    rows = parts
    if how == "a table":
        rows = {"train": np.arange(20), "validation": np.arange(20, 28), "test": np.arange(28, ROWS)}
        for part in ("validation", "test"):
            path = write_table(tmp_path / f"{part}.csv", {name: column[rows[part]] for name, column in table.items()})
            options += [f"--{part}", path]
        table = {name: column[:20] for name, column in table.items()}
        path = write_table(tmp_path / "t.csv", table)
        table = columns(weighted)
        done = events("train", path, "--target", "y", "--dtype", "f64", *options, "-o", tmp_path / "m.model")[-1]
    else:
        done, _ = trained(tmp_path, table, *options)
    weights = table.get("w", np.ones(ROWS))
    for part, of in rows.items():
        yhat = np.array(predictions(tmp_path, table, of)["y"], dtype=float)
        assert_near(done["metrics"][part], regression_scores(table["y"][of], yhat, weights[of]))
    train, test = rows["train"], rows["test"]
    mean = DummyRegressor().fit(table["y"][train, None], table["y"][train], sample_weight=weights[train])
    assert done["baseline"]["on"] == "test"
    assert_near(done["baseline"]["metrics"],
                regression_scores(table["y"][test], mean.predict(table["y"][test, None]), weights[test]))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_baseline_of_classes_is_the_weighted_frequency_of_each(tmp_path, classes, weighted):
    """Weighted, another class is the most frequent one than without."""
    rng = np.random.default_rng(23)
    labels = rng.choice(["p", "q", "r"][:classes], ROWS, p=[[0.3, 0.7], [0.25, 0.5, 0.25]][classes - 2])
    table = {"a": rng.normal(size=ROWS), "label": labels.tolist()}
    weights = np.where(labels == "p", 9.0, rng.uniform(0.5, 1.5, ROWS)) if weighted else np.ones(ROWS)
    options = ["--weight", "w"] if weighted else []
    done, _ = trained(tmp_path, table | ({"w": weights} if weighted else {}), "--epochs", 1, *options, target="label")
    of_labels = {"y": labels.tolist()}  # which decide the split
    train = rows_to_train_on(tmp_path, ROWS, of_labels, **HOLDING_OUT)
    test = np.setdiff1d(np.arange(ROWS), rows_to_train_on(tmp_path, ROWS, of_labels, **HOLDING_OUT | {"validation": 0}))
    prior = DummyClassifier(strategy="prior").fit(train[:, None], labels[train], sample_weight=weights[train])
    expected = {"accuracy": metrics.accuracy_score(labels[test], prior.predict(test[:, None]),
                                                   sample_weight=weights[test]),
                "balanced_accuracy": metrics.balanced_accuracy_score(labels[test], prior.predict(test[:, None]),
                                                                     sample_weight=weights[test]),
                "log_loss": metrics.log_loss(labels[test], prior.predict_proba(test[:, None]), labels=prior.classes_,
                                             sample_weight=weights[test])}
    found = {name: value for name, value in done["baseline"]["metrics"].items() if name != "roc_auc"}
    assert_near(found, expected)
    assert prior.predict([[0]])[0] == ("p" if weighted else "q")


# --- Which rows are held out: of each class its share, or whole groups ------------------------------------------------


def kinds(counts):
    """Labels in such numbers, well mixed."""
    labels = np.repeat([chr(ord("p") + k) for k in range(len(counts))], counts)
    return labels[np.random.default_rng(3).permutation(len(labels))]


def largest_remainders(sizes, held):
    """How many of each class are held out of classes of two rows and more, by hand; no class is emptied."""
    sizes = np.asarray(sizes)
    shares = held * np.where(sizes > 1, sizes, 0) / sizes[sizes > 1].sum()
    quotas = np.minimum(shares.astype(int), np.maximum(sizes - 1, 0))
    order = sorted(range(len(sizes)), key=lambda k: (-(shares[k] - quotas[k]), -sizes[k]))
    while quotas.sum() < min(held, np.maximum(sizes - 1, 0).sum()):
        for k in order:
            if quotas.sum() < held and quotas[k] < sizes[k] - 1:
                quotas[k] += 1
    return quotas


@pytest.mark.parametrize("counts", [(20, 12, 4), (30, 5, 1), (18, 18), (33, 2, 1), (13, 12, 11)], ids=str)
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_of_each_class_its_share_is_held_out_by_largest_remainders(tmp_path, counts, share):
    labels = kinds(counts)
    of_labels = {"y": labels.tolist()}
    training = rows_to_train_on(tmp_path, ROWS, of_labels, validation=share, seed=7)
    held = np.setdiff1d(np.arange(ROWS), training)
    assert len(held) == round(share * ROWS)
    names = sorted(set(labels))
    assert [np.sum(labels[held] == name) for name in names] == largest_remainders(counts, len(held)).tolist()
    other = rows_to_train_on(tmp_path, ROWS, of_labels, validation=share, seed=8)
    assert sorted(other) != sorted(training)


def test_a_class_of_one_row_is_learned_from_and_where_it_is_missing_is_said(tmp_path):
    path = write_table(tmp_path / "t.csv", {"a": np.arange(ROWS) * 1.0, "y": kinds((30, 5, 1)).tolist()})
    said = told("train", path, "--target", "y", "--validation", 0.2, "--epochs", 1, "-o", tmp_path / "m.model")
    assert "warning: no validation row is of class 'r'" in said
    assert "warning: 7 validation rows are too few to judge by" in said
    said = told("train", path, "--target", "y", "--validation", 0.5, "--epochs", 1, "-o", tmp_path / "m.model")
    assert "too few" not in said


GROUPS = {"names": np.array(["ann", "bob", "cyd", "dan", "eve", "fay"])[np.arange(ROWS) * 7 % 6],
          "numbers": (np.arange(ROWS) ** 2 % 11).astype(float),
          "one large": np.where(np.arange(ROWS) < 24, 0.0, np.arange(ROWS) * 1.0)}


@pytest.mark.parametrize("classes", [False, True], ids=["numbers", "classes"])
@pytest.mark.parametrize("groups", GROUPS)
def test_groups_are_never_on_both_sides(tmp_path, groups, classes):
    """And as many rows are held out as whole groups allow: none that is left would bring them nearer."""
    labels = GROUPS[groups]
    columns = {"g": labels.tolist(), "y": kinds((18, 18)).tolist() if classes else (np.arange(ROWS) + 0.5).tolist()}
    both = rows_to_train_on(tmp_path, ROWS, columns, group="g", validation=0.25, test=0.2)
    without_test = rows_to_train_on(tmp_path, ROWS, columns, group="g", validation=0, test=0.2)
    parts = [both, np.setdiff1d(without_test, both), np.setdiff1d(np.arange(ROWS), without_test)]
    for one in range(3):
        for other in range(one):
            assert not set(labels[parts[one]]) & set(labels[parts[other]])
    wanted = [round(0.25 * len(without_test)), round(0.2 * ROWS)]
    for part, rows, rest in zip(parts[1:], wanted, (both, without_test), strict=True):
        sizes = [np.sum(labels[rest] == group) for group in set(labels[rest])]
        missing = rows - len(part)
        assert len(part) > 0 and (len(sizes) == 1 or missing <= 0 or all(size > 2 * missing for size in sizes))


def test_a_group_is_no_input_and_a_missing_one_is_an_error(tmp_path):
    columns = {"a": np.arange(ROWS) * 1.0, "g": GROUPS["names"].tolist(), "y": np.arange(ROWS) * 2.0}
    path = write_table(tmp_path / "t.csv", columns)
    said = told("train", path, "--target", "y", "--group", "g", "--epochs", 1, "-o", tmp_path / "m.model")
    assert "1 of 6 groups by 'g'" in said
    [model] = events("inspect", tmp_path / "m.model")
    assert [column["name"] for column in model["columns"]] == ["a"]
    without = write_table(tmp_path / "u.csv", {name: column for name, column in columns.items() if name != "g"})
    assert handgrad("predict", tmp_path / "m.model", without) == handgrad("predict", tmp_path / "m.model", path)
    fails = ["--group", "g", "-o", tmp_path / "n.model"]
    holed = write_table(tmp_path / "h.csv", columns | {"g": ["", *GROUPS["names"].tolist()[1:]]})
    assert "h.csv:2: column 'g': the group is missing" in told("train", holed, "--target", "y", *fails, code=3)
    alone = write_table(tmp_path / "one.csv", columns | {"g": ["x"] * ROWS})
    assert "all rows are of one group" in told("train", alone, "--target", "y", *fails, code=3)
    assert "both a target and the group" in told("train", path, "--target", "g", *fails, code=2)
    fails[1] = "a"
    assert "both the weight and the group" in told("train", path, "--target", "y", "--weight", "a", *fails, code=2)
