"""Several columns of 0 and 1: each a yes or no by itself, with scikit-learn's metrics."""

import csv
import io

import numpy as np
import pytest
from program import events, handgrad, table_of, told, train, write_table
from sklearn import metrics

ROWS = 120
LABELS = [f"l{k}" for k in range(5)]


def table(seed=5, rows=ROWS):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    z = x @ rng.normal(size=(4, 5)) * 2 + rng.normal(size=(rows, 5))
    return table_of(x, {name: (z[:, k] > 0.3 * k).astype(int) for k, name in enumerate(LABELS)})


def predicted(model, data, *options):
    rows = list(csv.reader(io.StringIO(handgrad("predict", model, data, *options))))
    return rows[0], np.array(rows[1:], dtype=np.float64)


@pytest.fixture(name="trained", scope="module")
def trained_on_five_labels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    return train(folder, table(), ",".join(LABELS), None, "--epochs", 30, "--dtype", "f64")


def test_columns_of_0_and_1_are_labels(tmp_path, trained):
    described = events("inspect", trained.model)[0]
    assert described["task"] == "multilabel"
    assert described["loss"]["name"] == "binary_cross_entropy"
    data = table(seed=9)
    write_table(tmp_path / "new.csv", data)
    names, answers = predicted(trained.model, tmp_path / "new.csv", "--allow-extra")
    assert names == LABELS
    names, shares = predicted(trained.model, tmp_path / "new.csv", "--allow-extra", "--proba")
    assert names == LABELS + [f"p({label})" for label in LABELS]
    assert np.array_equal(shares[:, :5], answers) and np.array_equal(answers, shares[:, 5:] > 0.5)


def test_metrics_are_sklearns(tmp_path, trained):
    data = table(seed=9)
    write_table(tmp_path / "new.csv", data)
    _, shares = predicted(trained.model, tmp_path / "new.csv", "--allow-extra", "--proba")
    answers, p = shares[:, :5], shares[:, 5:]
    y = np.array([data[label] for label in LABELS]).T.astype(int)
    [scores] = events("evaluate", trained.model, tmp_path / "new.csv")
    assert scores["metrics"]["accuracy"] == pytest.approx(metrics.accuracy_score(y, answers), rel=1e-12)
    assert scores["metrics"]["label_accuracy"] == pytest.approx(1 - metrics.hamming_loss(y, answers), rel=1e-12)
    each = [metrics.log_loss(y[:, k], p[:, k], labels=[0, 1]) for k in range(5)]
    assert scores["metrics"]["log_loss"] == pytest.approx(np.mean(each), rel=1e-9)
    assert [target["name"] for target in scores["targets"]] == LABELS
    for k, target in enumerate(scores["targets"]):
        assert target["accuracy"] == pytest.approx(metrics.accuracy_score(y[:, k], answers[:, k]), rel=1e-12)
        assert target["balanced_accuracy"] == pytest.approx(
            metrics.balanced_accuracy_score(y[:, k], answers[:, k]), rel=1e-12)
        assert target["log_loss"] == pytest.approx(each[k], rel=1e-9)
        assert target["roc_auc"] == pytest.approx(metrics.roc_auc_score(y[:, k], p[:, k]), rel=1e-12)
    share = [np.mean(table()[label]) for label in LABELS]  # of all rows; the model knows the training rows alone
    assert scores["baseline"]["accuracy"] <= scores["metrics"]["accuracy"] and 0 < min(share) < max(share) < 1


def test_every_verb_takes_such_a_model(tmp_path, trained):
    write_table(tmp_path / "t.csv", table())
    for words in (["check"], ["diagnose"], ["sensitivity"], ["explain", "--row", "3"], ["evaluate"]):
        assert handgrad(words[0], trained.model, tmp_path / "t.csv", *words[1:])
    handgrad("report", trained.model, tmp_path / "t.csv", "-o", tmp_path / "r.html")
    header = handgrad("encode", trained.model, tmp_path / "t.csv").splitlines()[0]
    assert [name for name in header.split(",") if name.startswith("y:")] == [f"y:{label}" for label in LABELS]
    header = handgrad("predict", trained.model, tmp_path / "t.csv", "--allow-extra", "--jacobian").splitlines()[0]
    assert "d(p(l0))/d(x1)" in header
    evaluated = handgrad("evaluate", trained.model, tmp_path / "t.csv")
    assert "label_accuracy" in evaluated and "l4" in evaluated


def test_what_is_asked_for_is_kept(tmp_path):
    data = table()
    numbers = train(tmp_path, data, ",".join(LABELS), None, "--epochs", 1, "--task", "regression")
    assert events("inspect", numbers.model)[0]["task"] == "regression"
    shares = train(tmp_path, data, "l0,l1", None, "--epochs", 1, "--output-activation", "softmax", "--drop", "l2,l3,l4")
    assert events("inspect", shares.model)[0]["task"] == "regression"
    named = train(tmp_path, data, "l0,l1", None, "--epochs", 1, "--task", "classification", "--drop", "l2,l3,l4")
    assert events("inspect", named.model)[0]["task"] == "multilabel"


def test_a_label_that_is_neither_is_an_error(tmp_path, trained):
    data = table()
    data["l2"] = np.where(np.arange(ROWS) == 7, 2, data["l2"])
    write_table(tmp_path / "t.csv", data)
    message = told("evaluate", trained.model, tmp_path / "t.csv", code=3)
    assert "t.csv:9: column 'l2': the label 2 is neither 0 nor 1" in message
