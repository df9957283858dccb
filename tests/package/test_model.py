"""A model of Python is a model of the program, and says the same."""

import copy
import errno
import os
import pickle
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from handgrad.table import read, reading_of
from package_support import needs_program, run

import handgrad

pd = pytest.importorskip("pandas")


def houses(rows=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"area": rng.uniform(30, 200, rows), "city": rng.choice(["Rome", "Oslo", "Bern"], rows)})
    frame["price"] = frame.area * 2.5 + 40 * (frame.city == "Rome")
    return frame


@pytest.fixture(scope="module")
def fitted():
    return handgrad.fit(houses(), "price", epochs=30, seed=1, hidden=(16, 8), validation=0.2, diagnose=True)


@pytest.fixture(scope="module")
def classifier():
    return handgrad.fit(houses().drop(columns="price"), "city", epochs=20, seed=1).model


@needs_program
def test_the_file_is_the_programs(tmp_path, fitted):
    fitted.model.save(tmp_path / "a.model")
    assert fitted.model.parameters_hash in run("inspect", tmp_path / "a.model")
    houses().to_csv(tmp_path / "t.csv", index=False)
    predicted = run("predict", tmp_path / "a.model", tmp_path / "t.csv").split()
    assert predicted[0] == "price"
    assert [float(x) for x in predicted[1:]] == fitted.model.predict(houses()).tolist()
    jacobian = fitted.model.jacobian(houses())
    lines = run("predict", tmp_path / "a.model", tmp_path / "t.csv", "--jacobian").splitlines()
    assert lines[0].split(",")[1:] == list(jacobian.to_frame().columns)
    assert np.array([line.split(",")[1:] for line in lines[1:]], float).tolist() == jacobian.values[:, 0].tolist()
    lines = run("predict", tmp_path / "a.model", tmp_path / "t.csv", "--hessian").splitlines()
    upper = np.triu_indices(len(fitted.model.inputs))
    assert np.array([line.split(",")[1:] for line in lines[1:]], float).tolist() == \
        fitted.model.hessian(houses())[:, 0][:, upper[0], upper[1]].tolist()
    inspected = run("inspect", tmp_path / "a.model").splitlines()
    ours = str(fitted.model.info).splitlines()
    assert inspected[1:-1] == ours[1:]  # a file has a name and a hash of its own


def test_what_a_fit_says(fitted):
    assert fitted.stopped == "epochs"
    assert fitted.epochs == 30
    assert set(fitted.metrics) == {"train", "validation"}
    assert fitted.history["epoch"][-1] == 30
    assert len(fitted.to_frame()) == len(fitted.history["loss"])
    assert any("city" in notice for notice in fitted.notices)
    assert "validation, always the mean" in fitted.text
    assert "--" not in fitted.text
    assert "<pre" in fitted._repr_html_()
    assert "r2" in repr(fitted)
    for notice in fitted.notices:
        assert "--" not in notice


def test_copies_are_the_same_bits(tmp_path, fitted):
    model = fitted.model
    model.save(tmp_path / "a.model")
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model), handgrad.load(tmp_path / "a.model")):
        assert twin.parameters_hash == model.parameters_hash
        assert twin.info["provenance"] == model.info["provenance"]
    with pytest.raises(handgrad.ModelError, match=r"a\.csv"):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n")
        handgrad.load(tmp_path / "a.csv")
    with pytest.raises(handgrad.FileError):
        handgrad.load(tmp_path / "none")
    with pytest.raises(OSError, match="none"):
        model.save(tmp_path / "none" / "a.model")


def test_network_and_parameters(fitted):
    model = fitted.model
    assert list(model.parameters) == ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "linear3.weight",
                                      "linear3.bias"]
    with pytest.raises(ValueError, match="read-only"):
        model.parameters["linear1.bias"][0] = 1
    seen = model.encode(houses())
    target = model.info["targets"]["price"]
    assert np.allclose(model.network(seen["x"])[:, 0] * target["scale"] + target["shift"], model.predict(houses()), rtol=1e-6)
    net = model.network
    net.parameters["linear1.bias"][...] = 0
    assert net.parameters["linear1.bias"].sum() == 0 != model.parameters["linear1.bias"].sum()
    assert model.features == ["area", "city"]
    assert model.inputs == ["area", "city=Bern", "city=Oslo", "city=Rome"]
    assert model.targets == ["price"]
    assert "regression of price: 4-16-8-1, f32" in repr(model)


def test_classes(classifier):
    frame = houses()
    predicted = classifier.predict(frame[["area"]])
    proba = classifier.predict_proba(frame[["area"]])
    assert classifier.classes == ["Bern", "Oslo", "Rome"]
    assert (np.array(classifier.classes)[proba.argmax(1)] == predicted).all()
    assert np.allclose(proba.sum(1), 1)
    numbers = handgrad.fit({"a": list(range(40)), "y": [1, 2] * 20}, "y", epochs=1).model
    assert numbers.classes == [1, 2]
    assert set(numbers.predict({"a": [1, 2]}).tolist()) <= {1, 2}
    labels = handgrad.fit({"a": list(range(40)), "p": [0, 1] * 20, "q": [1, 1, 0, 0] * 10}, ["p", "q"], epochs=1).model
    assert labels.task == "multilabel"
    assert labels.predict({"a": [1, 2]}).shape == labels.predict_proba({"a": [1, 2]}).shape == (2, 2)
    with pytest.raises(handgrad.UsageError, match="predicts numbers"):
        handgrad.fit(houses(), "price", epochs=0).model.predict_proba(houses())


def test_one_row_is_the_tables(fitted, classifier):
    frame = houses()
    predictor = fitted.model.predictor()
    row = frame.iloc[3]
    expected = fitted.model.predict(frame)[3]
    assert predictor({"city": row.city, "area": row.area}) == expected
    assert predictor.predict([row.area, row.city]) == expected
    yhat, jacobian = predictor.jacobian([row.area, row.city])
    assert (yhat[0], jacobian.tolist()) == (expected, fitted.model.jacobian(frame)[3].tolist())
    yhat, hessian = predictor.hessian([row.area, row.city])
    assert (yhat[0], hessian.tolist()) == (expected, fitted.model.hessian(frame)[3].tolist())
    assert (predictor.columns, predictor.inputs) == (fitted.model.features, fitted.model.inputs)
    of_classes = classifier.predictor()
    assert of_classes.classify(np.array([row.area])) == classifier.predict(frame[["area"]])[3]
    assert of_classes.predict_proba([row.area]).tolist() == classifier.predict_proba(frame[["area"]])[3].tolist()
    with pytest.raises(handgrad.DataError, match="city"):
        predictor([row.area, "Paris"])
    with pytest.raises(handgrad.UsageError):
        predictor(np.array([1.0]))
    with pytest.raises(TypeError, match="numbers, texts and None"):
        predictor([[1], "Rome"])


def test_one_row_takes_less_than_2_microseconds():
    x = np.random.default_rng(0).normal(size=(100, 8))
    predictor = handgrad.fit(x, x.sum(1), epochs=1).model.predictor()
    row = x[0].copy()
    best = 1.0
    for _ in range(20):  # the machine has other work
        begin = time.perf_counter()
        for _ in range(1000):
            predictor.predict(row)
        best = min(best, (time.perf_counter() - begin) / 1000)
    assert best < 2e-6


def test_settings_are_judged_by_name():
    frame = houses()
    for settings, error, words in (
        ({"epoch": 3}, TypeError, "'epoch' is not a setting.*did you mean 'epochs'"),
        ({"loss": "squared_eror"}, handgrad.UsageError, "loss: 'squared_eror' is not one of .*did you mean 'squared_error'"),
        ({"hidden": "wide"}, handgrad.UsageError, "hidden"),
        ({"learning_rate": -1.0}, handgrad.UsageError, "learning_rate.*out of range"),
        ({"validation": 1.5}, handgrad.UsageError, "validation.*out of range"),
        ({"epochs": -1}, handgrad.UsageError, "epochs"),
        ({"seed": object()}, TypeError, "seed"),
    ):
        with pytest.raises(error, match=words):
            handgrad.fit(frame, "price", **settings)
    with pytest.raises(handgrad.UsageError, match="name the columns to learn"):
        handgrad.fit(read(frame, reading_of({})), frame.price)
    with pytest.raises(handgrad.UsageError, match="target is missing"):
        handgrad.fit(frame)
    with pytest.raises(handgrad.DataError, match="no column 'prise' \\(did you mean 'price'"):
        handgrad.fit(frame, "prise")
    frame.loc[3, "area"] = np.nan
    with pytest.raises(handgrad.DataError, match='impute="mean"'):
        handgrad.fit(frame, "price")
    decays = [handgrad.fit(houses(), "price", epochs=0, optimizer="adamw", weight_decay=decay).model.info["settings"][
        "weight_decay"] for decay in (None, 0.25)]
    assert decays == [0.3, 0.25]
    one = handgrad.fit(houses(), "price", epochs=2, lr=0.1, hidden=8, batch=np.int64(16), dtype=None).model.info["settings"]
    assert (one["learning_rate"], one["hidden"], one["batch"]) == (0.1, [8], 16)


def test_held_out_rows_are_a_share_or_a_table():
    own = handgrad.fit(houses(), "price", epochs=2, validation=houses(30, 1), test=houses(20, 2))
    assert set(own.metrics) == {"train", "validation", "test"}
    assert own.model.info["provenance"]["rows.test"] == "20"
    values = houses()
    apart = handgrad.fit(values[["area", "city"]], values.price, epochs=2, validation=0.25)
    assert apart.model.targets == ["price"]
    assert apart.model.parameters_hash == handgrad.fit(values, "price", epochs=2, validation=0.25).model.parameters_hash


def test_progress(capsys):
    told = []
    handgrad.fit(houses(), "price", epochs=3, progress=lambda what, said: told.append((what, said)))
    assert [said["epoch"] for what, said in told if what == "epoch"] == [1, 2, 3]
    assert {what for what, _ in told} == {"notice", "start", "epoch"}
    assert capsys.readouterr() == ("", "")
    handgrad.fit(houses(), "price", epochs=3, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 3/3  loss" in shown.err

    def fails(what, said):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        handgrad.fit(houses(), "price", epochs=3, progress=fails)


def test_ctrl_c_keeps_what_was_reached():
    handgrad.fit(houses(50), "price", epochs=1)  # all is imported before the clock starts
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.warns(UserWarning, match="interrupted after"):
        stopped = handgrad.fit(houses(2000), "price", epochs=100_000)
    timer.join()
    assert stopped.stopped == "interrupted"
    assert 0 < stopped.epochs < 100_000
    assert np.isfinite(stopped.model.predict(houses())).all()


def test_others_may_run_meanwhile():
    ticks = [time.perf_counter()]
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    table = read(houses(100_000), reading_of({"target": ["price"]}))
    begin = time.perf_counter()
    handgrad.fit(table, "price", epochs=2, hidden=(128, 128))
    took = time.perf_counter() - begin
    done.set()
    thread.join()
    assert np.diff(ticks).max() < took / 5


def test_divergence_has_the_last_good_weights():
    with pytest.raises(handgrad.DivergedError) as raised:
        handgrad.fit(houses(), "price", epochs=20, optimizer="sgd", learning_rate=1e30)
    assert raised.value.fit.stopped == "diverged"
    assert np.isfinite(raised.value.fit.model.predict(houses())).all()


def test_pictures(fitted):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    assert len(fitted.plot().lines) == 2
    assert len(fitted.model.plot_gradient_flow().lines) == 3
    assert len(fitted.model.plot_predictions(houses()).collections) == 1
    matplotlib.pyplot.close("all")


def test_an_array_has_the_features_in_order():
    frame = houses().assign(age=np.arange(80) % 9)[["age", "area", "price"]]
    model = handgrad.fit(frame, "price", epochs=2).model
    assert model.predict(frame[["age", "area"]].to_numpy()).tolist() == model.predict(frame).tolist()
    with pytest.raises(handgrad.DataError, match="age"):
        model.predict(np.zeros((2, 3)))


def test_warnings_of_a_table_are_warnings(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.model.predict(houses())
    with pytest.raises(handgrad.DataError, match="garden"):
        fitted.model.predict(houses().assign(garden=1))
    assert len(fitted.model.predict(houses().assign(garden=1), allow_extra=True)) == 80


# --- What a target may be ---------------------------------------------------------------------------------------------


def test_a_list_of_texts_are_names_or_labels():
    frame = houses()
    how = {"epochs": 1, "seed": 0}
    expected = handgrad.fit(frame, "city", **how).model.parameters_hash
    assert handgrad.fit(frame, ["city"], **how).model.parameters_hash == expected
    labels = frame.city.tolist()
    pa = pytest.importorskip("pyarrow")
    rest = frame.drop(columns="city")
    for table in (rest, pa.Table.from_pandas(rest), pa.Table.from_pandas(rest).to_reader(), {n: rest[n] for n in rest},
                  read(rest, reading_of({}))):
        for given in (labels, np.array(labels), tuple(labels)):
            if isinstance(table, pa.RecordBatchReader) and given is not labels:
                continue  # which can be read once
            if isinstance(table, handgrad._core.Table):
                with pytest.raises(handgrad.UsageError, match="has been read already"):
                    handgrad.fit(table, np.array(labels), **how)
                continue
            model = handgrad.fit(table, given, **how).model
            assert model.parameters_hash == expected
            assert model.targets == ["y"]
    # Labels that are called as columns are: an array says that they are labels, and so does one that stands twice.
    mixed = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0)})
    assert handgrad.fit(mixed, ["a", "b"] * 20, **how).model.classes == ["a", "b"]
    few = pd.DataFrame(np.arange(4.0).reshape(2, 2), columns=["a", "b"])
    with pytest.raises(handgrad.UsageError, match="if they are labels, give them as an array"):
        handgrad.fit(few, ["a", "b"], **how)
    for given, words in ((["prize"], "'prize' is no column.*did you mean 'price'"), (labels[:-1], "79 for 80 rows"),
                         (["price", "price"], "stands twice")):
        with pytest.raises(handgrad.UsageError, match=words):
            handgrad.fit(rest, given, **how)


def test_a_file_and_labels(tmp_path):
    frame = houses()
    frame.drop(columns="city").to_csv(tmp_path / "t.csv", index=False)
    how = {"epochs": 1, "seed": 0}
    model = handgrad.fit(tmp_path / "t.csv", frame.city.tolist(), **how).model
    assert model.parameters_hash == handgrad.fit(frame.drop(columns="city"), frame.city, **how).model.parameters_hash
    model.save(tmp_path / "a.model")
    assert "Rome" not in str(handgrad.load(tmp_path / "a.model").features)


def test_what_is_no_target_is_named(tmp_path):
    frame = houses()
    sparse = pytest.importorskip("scipy.sparse")
    for given, words in (
        (4, "target: the name of a column, a list of names, or values are expected, not int"),
        (tmp_path, "not PosixPath"),
        (b"price", "not bytes"),
        (np.zeros((80, 2, 2)), "3 axes"),
        (np.float64(3), "0 axes"),
        (sparse.csr_array(np.ones((80, 1))), "toarray"),
    ):
        with pytest.raises(TypeError, match=words):
            handgrad.fit(frame, given)
    with pytest.raises(handgrad.UsageError, match="target is missing"):
        handgrad.fit(frame)
    with pytest.raises(handgrad.UsageError, match="has a column 'price' already"):
        handgrad.fit(frame, frame.price)


def test_names_that_are_no_texts():
    X = np.random.default_rng(0).normal(size=(40, 3))
    how = {"epochs": 1, "seed": 0}
    by_number = handgrad.fit(pd.DataFrame(X), 2, **how).model
    assert (by_number.features, by_number.targets) == (["0", "1"], ["2"])
    assert handgrad.fit({0: X[:, 0], 1: X[:, 1], 2: X[:, 2]}, np.int64(2), **how).model.features == ["0", "1"]
    assert handgrad.fit(pd.DataFrame(X), [1, 2], **how).model.targets == ["1", "2"]
    levels = pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("t", "y")]))
    own = handgrad.fit(levels, ("t", "y"), **how).model
    assert (own.features, own.targets) == (["a.b", "a.c"], ["t.y"])
    assert own.parameters_hash == by_number.parameters_hash
    values = handgrad.fit(levels[["a"]], levels[["t"]], **how).model
    assert values.parameters_hash == by_number.parameters_hash
    assert values.targets == ["t.y"]
    called_y = pd.DataFrame(X[:, :2], columns=["y", "y_"])
    assert handgrad.fit(called_y, X[:, 2], **how).model.targets == ["y__"]


def test_targets_of_every_frame():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    frame = houses()[["area", "price"]]
    how = {"epochs": 1, "seed": 0}
    expected = handgrad.fit(frame, "price", **how).model
    for given in (frame[["price"]], pa.Table.from_pandas(frame[["price"]]), pl.from_pandas(frame[["price"]]),
                  {"price": frame.price.tolist()}, frame.price, pl.Series("price", frame.price.to_numpy())):
        model = handgrad.fit(frame[["area"]], given, **how).model
        assert (model.parameters_hash, model.targets) == (expected.parameters_hash, ["price"]), type(given)


# --- Files ------------------------------------------------------------------------------------------------------------


def test_errors_of_files_say_what_the_system_said(tmp_path, fitted):
    nowhere = tmp_path / "none" / "a.model"
    for call, number, path in (
        (lambda: handgrad.load(nowhere), errno.ENOENT, nowhere),
        (lambda: fitted.model.save(nowhere), errno.ENOENT, nowhere),
        (lambda: handgrad.load(tmp_path), errno.EISDIR, tmp_path),
        (lambda: handgrad.fit(tmp_path / "t.csv", "y"), errno.ENOENT, tmp_path / "t.csv"),
        (lambda: fitted.model.save(tmp_path), errno.EISDIR, tmp_path),
    ):
        with pytest.raises(OSError, match="cannot") as raised:
            call()
        error = raised.value
        assert isinstance(error, handgrad.FileError)
        assert (error.errno, error.filename) == (number, str(path))
        assert str(error).startswith(str(path))
        assert os.strerror(number) in str(error)
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.errno, again.filename) == (str(error), error.errno, error.filename)
    assert str(handgrad.FileError("in words")) == "in words"


def test_paths_need_not_be_utf8(tmp_path, fitted):
    path = os.fsencode(tmp_path) + b"/\xff.model"
    with pytest.raises(handgrad.FileError) as raised:
        handgrad.load(path)
    assert os.fsencode(raised.value.filename) == path
    for given in (path, os.fsdecode(path)):
        fitted.model.save(given)
        assert handgrad.load(given).parameters_hash == fitted.model.parameters_hash


def test_a_bar_shows_both_trainings(capsys):
    pytest.importorskip("tqdm")
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(size=60), "y": rng.normal(size=60)}
    handgrad.fit(table, "y", epochs=5, early_stopping=5, refit=True, progress="bar")
    told = capsys.readouterr().err
    assert "epochs: 100%" in told and "epochs on all rows: 100%" in told
    with pytest.raises(handgrad.UsageError, match="'bar' or a function"):
        handgrad.fit(table, "y", progress="lines")


@pytest.mark.parametrize(("setting", "value", "words"), [
    ("currency", "$", "currency = '$': True or False is expected"), ("percent", ["q"], "percent = "),
    ("thousands", True, "thousands = True: a text of one character"), ("header", 3, "header = 3"),
    ("hidden", [3.5], "hidden: 3.5 is neither a name nor a whole number"), ("date", True, "date = True: a name or a list"),
    ("categorical", {}, "categorical = "), ("drop", b"a", "drop = "),
])
def test_a_setting_of_another_type_is_refused_by_name(setting, value, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        handgrad.fit({"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}, "y", epochs=1, **{setting: value})


def test_columns_that_numbers_name_are_named_by_numbers():
    frame = pd.DataFrame({3: np.arange(20.0), 4: np.arange(20.0) ** 2, 5: np.ones(20)})
    fitted = handgrad.fit(frame, 4, drop=5, epochs=2, missing=-999, dtype="float64")
    assert fitted.model.features == ["3"]
    assert handgrad.fit(frame, 4, drop=[5], epochs=2, dtype=np.float32).model.features == ["3"]


def test_a_network_of_another_program_is_a_model(tmp_path):
    rng = np.random.default_rng(0)
    W, b, V, c = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(2, 4)), rng.normal(size=2)
    np.savez(tmp_path / "net.npz", W1=W, b1=b, W2=V, b2=c)
    model = handgrad.import_model(tmp_path / "net.npz", hidden_activation="tanh", inputs=["p", "q", "r"], targets=["s", "t"])
    assert (model.features, model.targets) == (["p", "q", "r"], ["s", "t"])
    assert model.notices == ["nothing stands behind the last layer (identity): weights alone do not say it"]
    x = rng.normal(size=(5, 3))
    expected = np.tanh(x @ W.T + b) @ V.T + c
    np.testing.assert_allclose(model.predict(dict(zip("pqr", x.T))), expected, rtol=1e-13)
    told = handgrad.import_model(tmp_path / "net.npz", hidden_activation=["tanh"], output_activation="identity")
    assert (told.features, told.notices) == (["x1", "x2", "x3"], [])


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ({}, handgrad.UsageError, 'weights alone do not say which activation .* (hidden_activation="relu")'),
    ({"hidden_activation": 3}, TypeError, "hidden_activation: a name or a list of names is expected, not 3"),
    ({"hidden_activation": "tahn"}, handgrad.UsageError, "'tahn' is no activation"),
    ({"hidden_activation": "tanh", "inputs": ["a"]}, handgrad.UsageError, "inputs"),
])
def test_imports_that_make_no_sense(arguments, error, words, tmp_path):
    np.savez(tmp_path / "net.npz", W1=np.ones((4, 3)), b1=np.ones(4), W2=np.ones((2, 4)), b2=np.ones(2))
    with pytest.raises(error, match=re.escape(words).replace(r"\.\*", ".*")):
        handgrad.import_model(tmp_path / "net.npz", **arguments)
    with pytest.raises(handgrad.FileError, match="No such file"):
        handgrad.import_model(tmp_path / "none.npz", hidden_activation="tanh")


@needs_program
@pytest.mark.parametrize("settings", [{"calibration": 0.25}, {"interval_method": "cv+"}])
def test_intervals_are_the_programs(tmp_path, settings):
    """Of a table, of one target and of classes; and a model without is refused in Python's words."""
    fitted = handgrad.fit(houses(), "price", epochs=10, hidden=4, validation=0, **settings).model
    fitted.save(tmp_path / "a.model")
    houses().to_csv(tmp_path / "t.csv", index=False)
    lines = run("predict", tmp_path / "a.model", tmp_path / "t.csv", "--interval", 0.8).splitlines()
    assert lines[0] == "price,lower(price),upper(price)"
    ends = np.array([line.split(",")[1:] for line in lines[1:]], float)
    assert ends.tolist() == fitted.predict_interval(houses(), 0.8).tolist()
    again = handgrad.load(tmp_path / "a.model")
    assert again.predict_interval(houses(), 0.8).tolist() == ends.tolist()
    of_classes = handgrad.fit(houses(), "city", epochs=10, hidden=4, validation=0, class_weight="balanced", **settings).model
    sets = of_classes.predict_interval(houses(), 0.9)
    assert len(sets) == 80 and {name for one in sets for name in one} <= {"Rome", "Oslo", "Bern"}
    with pytest.raises(handgrad.UsageError, match=r'interval_method="cv\+".*calibration=0.2'):
        handgrad.fit(houses(), "price", epochs=1, hidden=2, validation=0).model.predict_interval(houses())
