"""The metrics of `evaluate` are scikit-learn's, computed from what `predict` writes."""

import csv
import io

import numpy as np
import pytest
from program import events, handgrad, table_of, train, write_table
from sklearn import metrics

ROWS, INPUTS = 60, 3
TOLERANCE = {"f64": 1e-12, "f32": 1e-6}
"""predict writes numbers that read back as they were. What is left are sums taken in other orders, and that in f32 the
program holds targets and weights of rows rounded to float."""


def predictions(model, table, *options):
    """Columns of the CSV that `predict` writes, by name."""
    rows = list(csv.reader(io.StringIO(handgrad("predict", model, table, *options))))
    return dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))


def numbers(column):
    return np.array(column, dtype=np.float64)


def evaluation(model, table):
    [event] = events("evaluate", model, table)
    assert (event["event"], event["schema"], event["rows"]) == ("evaluation", 1, ROWS)
    return event


def random_inputs():
    rng = np.random.default_rng(13)
    return rng, rng.normal(size=(ROWS, INPUTS))


def weight_option(weighted):
    return ["--weight", "w"] if weighted else []


def mean_squared_root(y, yhat, weights=None):
    """The root for each output, then their mean, as root_mean_squared_error does in later versions."""
    return metrics.mean_squared_error(y, yhat, sample_weight=weights, squared=False)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_regression_metrics_are_sklearns(tmp_path, outputs, weighted, dtype):
    rng, x = random_inputs()
    y = 100.0 + 10.0 * (x[:, :outputs] + 0.3 * rng.normal(size=(ROWS, outputs)))
    targets = {f"y{k}": y[:, k] for k in range(outputs)}
    weights = rng.uniform(0.5, 2.0, ROWS) if weighted else None
    columns = table_of(x, targets) | ({"w": weights} if weighted else {})
    trained = train(tmp_path, columns, ",".join(targets), None, "--epochs", 20, "--dtype", dtype,
                    *weight_option(weighted))

    predicted = predictions(trained.model, tmp_path / "t.csv")
    assert list(predicted) == list(targets)
    yhat = np.stack([numbers(predicted[name]) for name in targets], axis=1)
    found = evaluation(trained.model, tmp_path / "t.csv")["metrics"]
    assert list(found) == ["r2", "rmse", "mae"]
    assert found["r2"] == pytest.approx(metrics.r2_score(y, yhat, sample_weight=weights), rel=TOLERANCE[dtype])
    assert found["rmse"] == pytest.approx(mean_squared_root(y, yhat, weights), rel=TOLERANCE[dtype])
    mae = metrics.mean_absolute_error(y, yhat, sample_weight=weights)
    assert found["mae"] == pytest.approx(mae, rel=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("classes", [["no", "yes"], ["blue", "green", "red"]], ids=["2 classes", "3 classes"])
def test_classification_metrics_are_sklearns(tmp_path, classes, weighted, dtype):
    rng, x = random_inputs()
    noisy = x + 0.8 * rng.normal(size=x.shape)
    y = np.array(classes)[noisy[:, :len(classes)].argmax(axis=1)]
    weights = rng.uniform(0.5, 2.0, ROWS) if weighted else None
    columns = table_of(x, {"answer": y}) | ({"w": weights} if weighted else {})
    trained = train(tmp_path, columns, "answer", None, "--epochs", 20, "--dtype", dtype, *weight_option(weighted))

    predicted = predictions(trained.model, tmp_path / "t.csv", "--proba")
    assert list(predicted) == ["predicted", *(f"p({name})" for name in classes)]
    probabilities = np.stack([numbers(predicted[f"p({name})"]) for name in classes], axis=1)
    found = evaluation(trained.model, tmp_path / "t.csv")["metrics"]
    assert list(found) == ["accuracy", "balanced_accuracy", "log_loss", *(["roc_auc"] if len(classes) == 2 else [])]
    accuracy = metrics.accuracy_score(y, predicted["predicted"], sample_weight=weights)
    assert found["accuracy"] == pytest.approx(accuracy, rel=TOLERANCE[dtype])
    balanced = metrics.balanced_accuracy_score(y, predicted["predicted"], sample_weight=weights)
    assert found["balanced_accuracy"] == pytest.approx(balanced, rel=TOLERANCE[dtype])
    log_loss = metrics.log_loss(y, probabilities, labels=classes, sample_weight=weights)
    assert found["log_loss"] == pytest.approx(log_loss, rel=TOLERANCE[dtype])
    if len(classes) == 2:
        area = metrics.roc_auc_score(y == classes[1], probabilities[:, 1], sample_weight=weights)
        assert found["roc_auc"] == pytest.approx(area, rel=TOLERANCE[dtype])


def test_loss_of_evaluate_is_the_loss_that_is_differentiated_in_scaled_units(tmp_path):
    rng, x = random_inputs()
    y = 100.0 + 10.0 * x[:, 0] + rng.normal(size=ROWS)
    columns = table_of(x, {"y": y})
    # All rows train, so the target's scale is that of the whole column.
    trained = train(tmp_path, columns, "y", None, "--epochs", 5, "--validation", 0, "--dtype", "f64")
    yhat = numbers(predictions(trained.model, tmp_path / "t.csv")["y"])
    loss = np.mean(((yhat - y) / y.std()) ** 2)
    assert evaluation(trained.model, tmp_path / "t.csv")["loss"] == pytest.approx(loss, rel=TOLERANCE["f64"])


def test_prediction_needs_no_labels(tmp_path):
    rng, x = random_inputs()
    columns = table_of(x, {"y": rng.normal(size=ROWS)})
    trained = train(tmp_path, columns, "y", None, "--epochs", 1)
    bare = write_table(tmp_path / "bare.csv", table_of(x, {}))
    assert predictions(trained.model, bare) == predictions(trained.model, tmp_path / "t.csv")
