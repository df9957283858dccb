"""The verbs as functions: what the program prints, the same numbers by name, and networks on arrays."""

import json
import os
import signal
import threading

import numpy as np
import pytest
from package_support import needs_program, run

import handgrad

pd = pytest.importorskip("pandas")


def houses(rows=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"area": rng.uniform(30, 200, rows), "city": rng.choice(["Rome", "Oslo", "Bern"], rows)})
    frame["price"] = frame.area * 2.5 + 40 * (frame.city == "Rome")
    frame["dear"] = np.where(frame.price > 300, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A regression, a classifier and their table, as Python has them and in files for the program."""
    folder = tmp_path_factory.mktemp("verbs")
    frame = houses()
    how = {"epochs": 30, "seed": 1, "hidden": (8,), "diagnose": True}
    models = {"price": handgrad.fit(frame.drop(columns="dear"), "price", **how).model,
              "dear": handgrad.fit(frame.drop(columns="price"), "dear", **how).model}
    for name, model in models.items():
        model.save(folder / f"{name}.model")
        frame.drop(columns="dear" if name == "price" else "price").to_csv(folder / f"{name}.csv", index=False)
    return folder, models, frame


def tables(files):
    folder, models, frame = files
    for name, model in models.items():
        yield model, frame.drop(columns="dear" if name == "price" else "price"), folder / f"{name}.model", folder / f"{name}.csv"


def named_otherwise(text):
    """Settings as the program calls them are settings as Python calls them; the table has no lines but rows."""
    return [line for line in text.splitlines() if "handgrad.fit" not in line and "options of train" not in line]


@needs_program
def test_texts_are_the_programs(files):
    for model, table, model_file, table_file in tables(files):
        assert handgrad.evaluate(model, table).text == run("evaluate", model_file, table_file)
        assert handgrad.check(model, table, rows=20).text == run("check", model_file, table_file, "--rows", 20)
        assert handgrad.sensitivity(model, table).text == run("sensitivity", model_file, table_file)
        diagnosis = handgrad.diagnose(model, table).text
        assert named_otherwise(diagnosis) == named_otherwise(run("diagnose", model_file, table_file))
        assert " --" not in diagnosis
        explained = handgrad.explain(model, table, row=2)
        from_file = handgrad.explain(model, table_file, row=2)
        assert from_file.text == run("explain", model_file, table_file, "--row", 3)
        assert from_file.latex == run("explain", model_file, table_file, "--row", 3, "--format", "latex")
        assert explained.numbers["loss"] == from_file.numbers["loss"]


@needs_program
def test_numbers_are_the_programs(files):
    for model, table, model_file, table_file in tables(files):
        told = json.loads(run("evaluate", model_file, table_file, "--json"))
        ours = handgrad.evaluate(model, table)
        assert (ours.rows, ours.loss, ours.metrics, ours.baseline, ours.standing) == tuple(
            told[name] for name in ("rows", "loss", "metrics", "baseline", "standing"))
        if told["confusion"]:
            assert ours.confusion.tolist() == told["confusion"]["counts"]
        told = json.loads(run("sensitivity", model_file, table_file, "--json"))
        assert handgrad.sensitivity(model, table).columns == told["columns"]
        told = json.loads(run("check", model_file, table_file, "--json"))
        ours = handgrad.check(model, table)
        assert (ours.verdict, ours.passed) == (told["verdict"], True) == ("PASS", True)
        judged = [*told["parameters"], told["input"], *([told["hessian"]] if told["hessian"] else [])]
        assert [t["worst_ulp"] for t in ours.tensors] == [t["worst_ulp"] for t in judged]
        told = json.loads(run("diagnose", model_file, table_file, "--json", "--rows-top", 3))
        ours = handgrad.diagnose(model, table, rows_top=3)
        assert [layer["gradient_rms"] for layer in ours.layers] == [layer["gradient_rms"] for layer in told["layers"]]
        assert [row["norm"] for row in ours.rows_top] == [row["norm"] for row in told["rows_top"]]
        assert (ours.factor, ours.advice, ours.verdict) == (told["factor"], told["try"], told["text"])
        told = json.loads(run("explain", model_file, table_file, "--row", 3, "--format", "json"))
        numbers = handgrad.explain(model, table, row=2).numbers
        assert {row["symbol"]: row["value"] for row in told["forward"]} == {
            symbol: value.tolist() for symbol, value in numbers["forward"].items()}
        assert {row["symbol"]: row["value"] for row in told["jacobians"]} == {
            symbol: value.tolist() for symbol, value in numbers["jacobians"].items()}
        assert {row["parameter"]: row["value"] for row in told["update"]} == {
            parameter: value.tolist() for parameter, value in numbers["updated"].items()}


def test_models_come_in_any_make(files):
    folder, models, frame = files
    table = frame.drop(columns="dear")
    expected = handgrad.evaluate(models["price"], table).metrics
    assert handgrad.evaluate(folder / "price.model", folder / "price.csv").metrics == expected
    estimator = handgrad.TableRegressor(epochs=2).fit(table, "price")
    assert handgrad.evaluate(estimator, table).rows == handgrad.evaluate(estimator.fit_, table).rows == 80
    with pytest.raises(TypeError, match=r"a handgrad\.Model"):
        handgrad.evaluate(3, table)
    with pytest.raises(handgrad.DataError, match="dear"):
        handgrad.evaluate(models["price"], frame)
    assert handgrad.evaluate(models["price"], frame, allow_extra=True).rows == 80
    with pytest.raises(TypeError, match="'decimals' is no word.*did you mean 'decimal'"):
        handgrad.evaluate(models["price"], table, decimals=",")


def test_results_are_frames_and_pages(files):
    _, models, frame = files
    table = frame.drop(columns="dear")
    model = models["price"]
    assert list(handgrad.evaluate(model, table).to_frame().columns) == ["r2", "rmse", "mae"]
    assert len(handgrad.check(model, table).to_frame()) == 5
    assert handgrad.diagnose(model, table).to_frame().name.tolist() == ["linear1", "linear2"]
    assert len(handgrad.sensitivity(model, table).to_frame()) == 4
    assert len(handgrad.compare(model, table, zeros(model)).to_frame()) == 4
    for result in (handgrad.evaluate(model, table), handgrad.check(model, table), handgrad.explain(model)):
        assert "<" in result._repr_html_()
        assert str(result) == result.text.strip("\n")
        with pytest.raises(AttributeError):
            result.text = ""


def zeros(model):
    return {name: np.zeros_like(array) for name, array in model.parameters.items()}


# --- Networks on arrays -----------------------------------------------------------------------------------------------


def problem(output="identity", dtype="float64", outputs=2):
    rng = np.random.default_rng(7)
    net = handgrad.Mlp([3, 5, outputs], "tanh", output, dtype=dtype, seed=3)
    x = rng.normal(size=(11, 3))
    y = rng.random((11, outputs))
    return net, x, y / y.sum(1, keepdims=True) if output == "softmax" else y


def gradients(net, x, y, loss):
    net.zero_gradients()
    tape = net.forward(np.asarray(x, net.dtype))
    net.backward(tape, handgrad.loss(loss, tape.output, np.asarray(y, net.dtype))[1])
    return {name: array.copy() for name, array in net.gradients.items()}


@pytest.mark.parametrize(("output", "loss"), [("identity", None), ("sigmoid", None), ("softmax", None), ("exp", "poisson")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_is_checked_on_arrays(output, loss, dtype):
    net, x, y = problem(output, dtype)
    certificate = handgrad.check(net, x, y, loss=loss)
    assert certificate.verdict == "PASS"
    assert certificate.rows == 11
    assert [tensor["name"] for tensor in certificate.tensors] == [*net.parameters, "d(yhat)/d(x)"]
    assert "PASS: 11 rows checked" in certificate.text
    assert "Looked at" not in certificate.text


def test_gradients_of_a_network_are_compared():
    net, x, y = problem()
    mine = gradients(net, x, y, "squared_error")
    assert handgrad.compare(net, x, y, mine).verdict == "PASS"
    half = {name: array / 2 for name, array in mine.items()}
    wrong = handgrad.compare(net, x, y, half)
    assert wrong.verdict == "FAIL"
    assert set(wrong.causes.values()) == {"factor_half"}
    assert "factor_half" in wrong.text
    assert "--" not in wrong.text
    some = handgrad.compare(net, x, y, gradients={"W1": -mine["linear1.weight"]}, loss="squared_error")
    assert some.causes == {"linear1.weight": "sign"}
    assert some.missing == ["linear1.bias", "linear2.weight", "linear2.bias"]
    assert handgrad.compare(net, x, y, {name: array.astype(np.float32) for name, array in mine.items()}).digits == 24
    single, x, y = problem(dtype="float32", outputs=1)
    assert handgrad.compare(single, x, y[:, 0], gradients(single, x, y, "squared_error")).verdict == "PASS"
    decayed = {name: array + 0.1 * (net.parameters[name] if "weight" in name else 0) for name, array in mine.items()}
    net, x, y = problem()
    assert handgrad.compare(net, x, y, decayed, penalty=0.1).verdict == "PASS"
    weights = np.arange(11.0)
    assert handgrad.compare(net, x, y, mine, weights=weights).verdict == "FAIL"


@needs_program
def test_gradients_of_a_model_are_compared(tmp_path, files):
    for model, table, model_file, table_file in tables(files):
        seen = model.encode(table)
        net = model.network
        mine = gradients(net, seen["x"], seen["y"], model.info["loss"]["name"])
        np.savez(tmp_path / "g.npz", **mine)
        ours = handgrad.compare(model, table, str(tmp_path / "g.npz"))
        assert ours.verdict == "PASS"
        assert ours.text == run("compare", model_file, table_file, "--gradients", tmp_path / "g.npz")
        assert handgrad.compare(model, table, mine).verdict == "PASS"


def test_calls_that_make_no_sense_are_refused(files):
    _, models, frame = files
    net, x, y = problem()
    for call, words in (
        (lambda: handgrad.check(net, x), "y is missing"),
        (lambda: handgrad.check(net, x[:, :2], y), "x has 2 columns"),
        (lambda: handgrad.check(net, x[:5], y), "x has 5 rows, y 11"),
        (lambda: handgrad.check(net, x, y, loss="squared"), "'squared' is no loss"),
        (lambda: handgrad.check(net, x, y, loss="binary_cross_entropy"), "binary_cross_entropy"),
        (lambda: handgrad.compare(net, x, y), "compare\\(net, x, y, gradients\\)"),
        (lambda: handgrad.compare(net, x, y, {"a": np.zeros(3)}), "linear1.weight"),
        (lambda: handgrad.explain(), "name a model"),
        (lambda: handgrad.explain(net, frame, row=0), "with a model"),
        (lambda: handgrad.explain(models["price"], frame), "row=0"),
        (lambda: handgrad.explain(models["price"], row=1), "row=0"),
        (lambda: handgrad.explain(models["price"], frame[["area", "city", "price"]], row=80), "no row 80; .* rows 0 to 79"),
        (lambda: handgrad.explain(models["price"], frame[["area", "city", "price"]], row=-1), "no row -1"),
        (lambda: handgrad.explain(net, digits=1), "digits: 1 is out of range"),
        (lambda: handgrad.explain(net, learning_rate=-1.0), "out of range"),
    ):
        with pytest.raises(handgrad.Error, match=words):
            call()
    with pytest.raises(TypeError, match="a dict of arrays"):
        handgrad.compare(net, x, y, [1, 2])
    with pytest.raises(TypeError, match="'rate' is no setting"):
        handgrad.explain(net, rate=1)


@needs_program
def test_a_network_without_a_model_is_explained():
    ours = handgrad.explain(sizes=[3, 4, 2], hidden="sigmoid", output="sigmoid", components=True)
    assert ours.text == run("explain", "--sizes", "3,4,2", "--hidden-activation", "sigmoid", "--output-activation", "sigmoid",
                            "--components")
    assert ours.numbers is None
    ours = handgrad.explain(sizes=[3, 4, 2], optimizer="adam", learning_rate=0.01, blank=True)
    assert ours.text == run("explain", "--sizes", "3,4,2", "--optimizer", "adam", "--learning-rate", "0.01", "--blank")
    assert "<math" in handgrad.explain(handgrad.Mlp([2, 2]))._repr_html_()


@needs_program
def test_a_report_is_the_programs(tmp_path, files):
    for model, _, model_file, table_file in tables(files):
        ours = handgrad.report(model, table_file, tmp_path / "ours.html")
        run("report", model_file, table_file, "-o", tmp_path / "theirs.html")
        assert (tmp_path / "ours.html").read_text() == ours.html == (tmp_path / "theirs.html").read_text()
        assert ours.verdict == "PASS"
        assert handgrad.report(model, table_file).path is None
        assert "<iframe" in ours._repr_html_()


def test_pictures(files):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    _, models, frame = files
    table = frame.drop(columns="dear")
    assert len(handgrad.sensitivity(models["price"], table).plot().patches) == 4
    assert len(handgrad.diagnose(models["price"], table).plot().patches) == 2
    scatter = models["price"].plot_predictions(table).collections[0].get_offsets()
    assert np.allclose(np.asarray(scatter)[:, 0], table.price)
    matplotlib.pyplot.close("all")


def test_rows_count_from_0(files):
    _, models, frame = files
    table = frame[["area", "city", "price"]]
    first, last = (handgrad.explain(models["price"], table, row=row).numbers for row in (0, 79))
    for numbers, row in ((first, 0), (last, 79)):
        assert f"row {row + 1} (table: row {row}, counted from 0)" in handgrad.explain(models["price"], table, row=row).text
        assert numbers["y"][0] == pytest.approx(models["price"].encode(table)["y"][row, 0])


def test_a_model_takes_targets_beside_the_table_too(files):
    _, models, frame = files
    expected = handgrad.evaluate(models["dear"], frame[["area", "city", "dear"]])
    assert handgrad.evaluate(models["dear"], frame[["area", "city"]], frame.dear).text == expected.text
    assert handgrad.evaluate(models["dear"], frame[["area", "city"]], frame.dear.tolist()).text == expected.text


def test_ctrl_c_ends_a_sensitivity():
    rng = np.random.default_rng(0)
    table = {f"x{i}": rng.normal(size=4000) for i in range(40)} | {"y": rng.normal(size=4000)}
    model = handgrad.fit(table, "y", epochs=1, hidden=16).model
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        handgrad.sensitivity(model, table, repeats=10_000)
    timer.join()


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda model, table: handgrad.sensitivity(model, table, repeats=0), handgrad.UsageError, "repeats = 0 is out of range"),
    (lambda model, table: handgrad.sensitivity(model, table, seed=1.5), TypeError, "seed: a whole number is expected, not 1.5"),
    (lambda model, table: handgrad.check(model, table, rows=0), handgrad.UsageError, "rows = 0 is out of range; it must be 1 or more"),
    (lambda model, table: handgrad.evaluate(model, table, threads=-1), handgrad.UsageError, "threads = -1 is out of range"),
])
def test_numbers_that_count_are_looked_at(files, call, error, words):
    _, models, frame = files
    with pytest.raises(error, match=words):
        call(models["price"], frame)


def test_masked_arrays_of_networks_are_refused():
    net, x, y = problem()
    for call in (lambda m: handgrad.check(net, m(x), y), lambda m: handgrad.check(net, x, m(y)),
                 lambda m: handgrad.check(net, x, y, weights=m(np.ones(len(y))))):
        with pytest.raises(ValueError, match="of its values are masked"):
            call(lambda array: np.ma.array(array, mask=np.arange(array.size).reshape(array.shape) == 1))
    assert handgrad.check(net, np.ma.array(x), np.ma.array(y)).verdict == handgrad.check(net, x, y).verdict
