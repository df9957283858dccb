"""What a report draws, read back from its pictures, against NumPy and scikit-learn on the same predictions."""

import csv
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import assert_drawn, figures
from program import events, handgrad, read_weights, write_table
from reference import DEFAULTS, encode, loss_and_gradient, rows_to_train_on, words
from sklearn import metrics

ROWS = 40


def inputs(seed=5):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, ROWS))
    return {"a": 2.0 * a + 1.0, "b": b}, rng


def logits(model, x, hidden=np.tanh):
    """Of the last layer, and what the hidden one puts out."""
    weights = read_weights(model)
    a1 = hidden(x @ weights["linear1.weight"].T + weights["linear1.bias"])
    return a1, a1 @ weights["linear2.weight"].T + weights["linear2.bias"]


def reported(folder, table, **settings):
    """Trains, reports, and returns what both say, with the encoded table."""
    options = {"dtype": "f64", "epochs": 9, "hidden": [4], "hidden_activation": ["tanh"], "learning_rate": 0.02}
    options |= settings
    trained = events("train", write_table(folder / "t.csv", table), *words(options), "--diagnose", "-o",
                     folder / "m.model")
    # With its columns in another order it is another table than the one that was learned from: all rows are shown.
    write_table(folder / "o.csv", dict(reversed(table.items())))
    handgrad("report", folder / "m.model", folder / "o.csv", "-o", folder / "r.html")
    return SimpleNamespace(options=DEFAULTS | options, epochs=[e for e in trained if e["event"] == "epoch"],
                           done=trained[-1], pictures=figures(folder / "r.html"), page=folder / "r.html",
                           model=folder / "m.model", table=folder / "t.csv")


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regression")
    table, rng = inputs()
    table["y"] = 30.0 + 4.0 * np.sin(table["a"]) + table["b"] + 0.3 * rng.normal(size=ROWS)
    # One step an epoch of all rows, so that the flow of each epoch is of the weights that one step led to.
    run = reported(folder, table, target=["y"], shuffle=False, validation=0.25, test=0.0, batch=ROWS)
    run.training = rows_to_train_on(folder, ROWS, validation=0.25)
    run.held_out = np.setdiff1d(np.arange(ROWS), run.training)
    run.data = encode(table, run.options, run.training)
    run.y = table["y"]
    run.folder = folder
    return run


def in_units(run, scaled):
    return scaled[:, 0] * run.data.target_scale[0] + run.data.target_shift[0]


def test_points_are_predictions_over_labels(regression):
    _, scaled = logits(regression.model, regression.data.x)
    figure = regression.pictures["y: predictions"]
    xs, ys = figure.points()
    assert_drawn(figure, xs, regression.y, figure.x)
    assert_drawn(figure, ys, in_units(regression, scaled), figure.y)


def test_bars_are_the_histogram_of_the_errors(regression):
    _, scaled = logits(regression.model, regression.data.x)
    errors = in_units(regression, scaled) - regression.y
    most = np.abs(errors).max()
    counts, edges = np.histogram(errors, 31, (-most, most))
    figure = regression.pictures["y: errors"]
    assert_bins(figure, counts / ROWS, edges)


def assert_bins(figure, shares, edges):
    drawn = figure.bins()
    filled = np.flatnonzero(shares)
    assert len(drawn) == len(filled)
    for (start, end, height, share), i in zip(drawn, filled, strict=True):
        assert (start, end) == pytest.approx((edges[i], edges[i + 1]), rel=1e-5, abs=1e-5 * np.ptp(edges))
        assert share == pytest.approx(shares[i], rel=1e-5)
        assert height == pytest.approx(shares[i], abs=figure.y.blur)


@pytest.mark.parametrize("layer", [0, 1])
def test_bars_are_the_histograms_of_the_activations(regression, layer):
    values = logits(regression.model, regression.data.x)[layer]
    ends = (-1.0, 1.0) if layer == 0 else (values.min(), values.max())
    counts, edges = np.histogram(values, 40, ends)
    assert_bins(regression.pictures[("linear1, tanh", "linear2, identity")[layer]], counts / values.size, edges)


def test_loss_curves_are_the_losses_of_the_epochs(regression):
    """Those of the training rows have their witness in test_settings.py; the last of the others is computed here."""
    figure = regression.pictures["Loss"]
    (epochs, training), (_, validation) = figure.curves()
    assert figure.legend == ["training rows", "validation rows"]
    assert epochs == pytest.approx(np.arange(1, 10), abs=figure.x.blur)
    assert_drawn(figure, training, [epoch["loss"] for epoch in regression.epochs], figure.y)
    assert_drawn(figure, validation[-9:], [epoch["validation_loss"] for epoch in regression.epochs], figure.y)
    rows = regression.held_out
    last, _ = loss_and_gradient(read_weights(regression.model), regression.data.x[rows], regression.data.y[rows],
                                np.ones(len(rows)), regression.options)
    assert regression.epochs[-1]["validation_loss"] == pytest.approx(last, rel=1e-10)


def test_metric_curves_end_with_the_metrics_of_the_rows_held_out(regression):
    _, scaled = logits(regression.model, regression.data.x[regression.held_out])
    y, yhat = regression.y[regression.held_out], in_units(regression, scaled)
    rmse = np.sqrt(np.mean((yhat - y) ** 2))
    last = {"r2": metrics.r2_score(y, yhat), "rmse": rmse, "mae": np.mean(np.abs(yhat - y))}
    for name, value in last.items():
        figure = regression.pictures[f"{name} on the validation rows"]
        [(_, curve)] = figure.curves()
        assert_drawn(figure, curve[-9:], [epoch["metrics"][name] for epoch in regression.epochs], figure.y)
        assert regression.done["metrics"]["validation"][name] == pytest.approx(value, rel=1e-10)
        assert regression.epochs[-1]["metrics"][name] == pytest.approx(value, rel=1e-10)


def test_curves_of_the_flow_are_of_the_weights_on_the_way(regression, tmp_path):
    """Gradient on the training rows and way from the first weights, of trainings that end after 0, 1, 2 … epochs."""
    table, options = regression.table, regression.options | {"hidden": [4]}
    chosen = {name: options[name] for name in ("dtype", "hidden", "hidden_activation", "learning_rate", "target",
                                               "shuffle", "validation", "batch")}
    way = []
    for epochs in range(4):
        handgrad("train", table, *words(chosen | {"epochs": epochs}), "-o", tmp_path / f"{epochs}.model")
        way.append(read_weights(tmp_path / f"{epochs}.model"))
    rows = regression.training
    gradient = regression.pictures["Gradient of each layer while it learned"]
    moved = regression.pictures["How far the weights have come"]
    for layer in (0, 1):
        name = f"linear{layer + 1}.weight"
        sizes, distances = [], []
        for epoch, weights in enumerate(way):
            _, of_all = loss_and_gradient(weights, regression.data.x[rows], regression.data.y[rows],
                                          np.ones(len(rows)), options)
            sizes.append(np.sqrt(np.mean(of_all[name] ** 2)))
            distances.append(np.linalg.norm(weights[name] - way[0][name]) / np.linalg.norm(way[0][name]))
            if epoch > 0:
                flow = regression.epochs[epoch - 1]["layers"][layer]
                assert flow["gradient_rms"] == pytest.approx(sizes[-1], rel=1e-9)
                assert flow["moved"] == pytest.approx(distances[-1], rel=1e-9)
        assert_drawn(gradient, gradient.curves()[layer][1][:4], sizes, gradient.y)
        assert_drawn(moved, moved.curves()[layer][1][:4], distances, moved.y)


def test_bars_of_the_columns_are_their_effects_and_those_of_the_gradient_its_parts(regression):
    """Both with witnesses of their own in test_printed_numbers.py."""
    [sensitivity] = events("sensitivity", regression.model, regression.table)
    figure = regression.pictures["What moves y"]
    strongest = sorted(sensitivity["columns"], key=lambda column: -column["effect"])
    for (title, length), column in zip(figure.bars(), strongest, strict=True):
        assert title == f"{column['name']}, effect: {column['effect']:.6g}"
        assert length == pytest.approx(column["effect"], abs=2.0 * figure.x.blur)
    [diagnosis] = events("diagnose", regression.model, regression.table)
    split = regression.pictures["Where the size of each gradient comes from"]
    names = {"error": "error", "output slope": "output", "W above": "weights", "slopes": "slopes", "input": "input",
             "alignment of the rows": "alignment"}
    shown = dict(title.rsplit(": ", 1) for title, _ in split.bars())
    for layer in diagnosis["layers"]:
        for name, part in names.items():
            value = shown[f"{layer['name']}, {name}"].replace("−", "-")
            assert float(value) == pytest.approx(layer["log10"][part], rel=1e-5, abs=1e-6)
    for title, length in split.bars():
        assert length == pytest.approx(abs(float(title.rsplit(": ", 1)[1].replace("−", "-"))), abs=7.0 * split.x.blur)
    changes = regression.pictures["The same weights with one thing changed"]
    drawn = dict(title.rsplit(": ", 1) for title, _ in titled(changes))
    for row in diagnosis["what_if"]:
        assert float(drawn[f"{row['layer']}, {row['change']}"]) == pytest.approx(row["gradient_rms"], rel=1e-5)


def titled(figure):
    return [(rect.findtext("title") or "", rect) for rect in figure.svg.iter("rect")]


# --- Classes ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[2, 3])
def classes(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    table, rng = inputs(seed=8)
    noisy = np.stack([table["a"], 2.0 * table["b"], np.full(ROWS, 0.5)])[:request.param] + rng.normal(
        size=(request.param, ROWS))
    table["kind"] = np.array(["p", "q", "r"])[noisy.argmax(axis=0)]
    run = reported(folder, table, target=["kind"], task="classification", validation=0.0, epochs=3)
    data = encode(table | {"kind": np.zeros(ROWS)}, run.options, np.arange(ROWS))
    _, z = logits(run.model, data.x)
    z = np.hstack([np.zeros((ROWS, 1)), z]) if request.param == 2 else z
    run.probabilities = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    run.names = ["p", "q", "r"][:request.param]
    run.area = run.done["metrics"]["train"].get("roc_auc")
    run.actual = table["kind"]
    run.predicted = np.array(run.names)[run.probabilities.argmax(axis=1)]
    return run


def test_the_table_of_classes_is_sklearns_confusion_matrix(classes):
    source = re.search(r"<table class=\"confusion\">.*?</table>", classes.page.read_text(encoding="utf-8"), re.DOTALL)
    counts = [[int(cell) for cell in re.findall(r"<td class=\"n\"[^>]*>(\d+)</td>", row)]
              for row in re.findall(r"<tr>(.*?)</tr>", source.group(), re.DOTALL)[1:]]
    expected = metrics.confusion_matrix(classes.actual, classes.predicted, labels=classes.names)
    assert counts == expected.tolist()


def test_roc_curves_are_sklearns(classes):
    """Every corner drawn is one of scikit-learn's and the other way round, and so are the areas."""
    figure = next(figure for caption, figure in classes.pictures.items() if caption.startswith("ROC"))
    positives = classes.names[1:] if len(classes.names) == 2 else classes.names
    curves = figure.curves()
    assert len(curves) == len(positives)
    labels = figure.legend or [f"{figure.caption}, area {classes.area}"]  # of two classes it stands with the metrics
    for name, label, (xs, ys) in zip(positives, labels, curves, strict=True):
        score = classes.probabilities[:, classes.names.index(name)]
        fpr, tpr, _ = metrics.roc_curve(classes.actual == name, score, drop_intermediate=False)
        assert_drawn(figure, xs[:len(fpr)], fpr, figure.x)
        assert_drawn(figure, ys[:len(tpr)], tpr, figure.y)
        assert len(xs) <= len(fpr) + 1  # the last corner, (1, 1), may stand twice
        area = float(re.search(r"area (\S+)", label).group(1))
        assert f"{name}, area" in label
        assert area == pytest.approx(metrics.roc_auc_score(classes.actual == name, score), abs=5e-5)


def test_rows_that_pull_hardest_are_those_of_diagnose(classes):
    [diagnosis] = events("diagnose", classes.model, classes.table, "--rows-top", 20)
    page = classes.page.read_text(encoding="utf-8")
    lines = [int(line) for line in re.findall(r"line\u00A0(\d+)", page)]
    assert lines[:20] == [row["line"] for row in diagnosis["rows_top"]]
    for row in diagnosis["rows_top"]:
        label, prediction, norm, cosine = re.search(
            rf"line\u00A0{row['line']}</td>" + 2 * "<td>(.*?)</td>" + 2 * "<td class=\"n\">(.*?)</td>", page).groups()
        at = row["line"] - 2
        assert label == classes.actual[at] and prediction.split()[0] == classes.predicted[at]
        probability = float(re.search(r"\((.*)\)", prediction).group(1))
        assert probability == pytest.approx(classes.probabilities[at].max(), abs=1e-3)
        assert float(norm.replace("−", "-")) == pytest.approx(row["norm"], rel=6e-3)
        assert float(cosine.replace("−", "-")) == pytest.approx(row["cosine"], rel=6e-2)


def test_the_roc_curve_of_weighted_rows_is_sklearns(tmp_path):
    table, rng = inputs(seed=8)
    table["kind"] = np.array(["p", "q"])[(table["a"] + rng.normal(size=ROWS) > 0).astype(int)]
    table["w"] = rng.uniform(0.0, 3.0, ROWS)
    run = reported(tmp_path, table, target=["kind"], task="classification", validation=0.0, epochs=3, weight="w")
    columns = list(csv.reader(io.StringIO(handgrad("predict", run.model, run.table, "--proba", "--allow-extra"))))
    score = np.array([float(row[columns[0].index("p(q)")]) for row in columns[1:]])
    fpr, tpr, _ = metrics.roc_curve(table["kind"] == "q", score, sample_weight=table["w"], drop_intermediate=False)
    figure = next(figure for caption, figure in run.pictures.items() if caption.startswith("ROC"))
    [(xs, ys)] = figure.curves()
    assert_drawn(figure, xs[:len(fpr)], fpr, figure.x)
    assert_drawn(figure, ys[:len(tpr)], tpr, figure.y)
