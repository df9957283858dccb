"""Estimators over tables do what handgrad.fit() does, and what scikit-learn expects."""

import inspect
import pathlib
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from handgrad.model import SETTINGS
from handgrad.table import READING
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import handgrad

pd = pytest.importorskip("pandas")

SMALL = {"epochs": 60, "hidden": (16,), "seed": 0, "learning_rate": 0.01, "impute": "mean"}


def houses(rows=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"area": rng.uniform(30, 200, rows), "city": rng.choice(["Rome", "Oslo", None], rows)})
    return frame, pd.Series(frame.area * 2.5 + 40 * (frame.city == "Rome"), name="price")


def test_arguments_are_the_settings():
    given = set(inspect.signature(handgrad.TableRegressor).parameters) - {"progress", "n_jobs"}
    of_files = {"delimiter", "decimal", "header"}
    assert given == set(SETTINGS) - {"target", "task"} | set(READING) - of_files
    assert handgrad.TableClassifier(epochs=3).get_params()["epochs"] == 3


def test_it_is_what_fit_makes(tmp_path):
    X, y = houses()
    own = handgrad.TableRegressor(**SMALL).fit(X, y)
    made = handgrad.fit(X.assign(price=y), "price", task="regression", **SMALL).model
    assert own.model_.parameters_hash == made.parameters_hash
    assert own.fit_.metrics["train"]["r2"] == pytest.approx(own.score(X, y), abs=1e-6)
    assert (own.predict(X) == made.predict(X)).all()
    assert own.feature_names_in_.tolist() == ["area", "city"]
    assert own.n_features_in_ == 2
    by_name = handgrad.TableRegressor(**SMALL).fit(X.assign(price=y), "price")
    assert by_name.model_.parameters_hash == made.parameters_hash
    assert by_name.feature_names_in_.tolist() == ["area", "city"]
    own.save(tmp_path / "a.model")
    assert handgrad.load(tmp_path / "a.model").parameters_hash == made.parameters_hash
    assert pickle.loads(pickle.dumps(own)).predict(X).tolist() == own.predict(X).tolist()
    assert own.jacobian(X).shape == (120, 1, 4)


@pytest.mark.parametrize("labels", [[3, 1, 2], ["no", "yes"], [True, False], [1.0, 2.0], ["1", "2"]])
def test_labels_come_back_as_they_were(labels):
    X, _ = houses(60)
    y = np.array(labels)[(X.area > 100).astype(int)]
    for given in (y, pd.Series(y), y.tolist()):
        own = handgrad.TableClassifier(**SMALL).fit(X, given)
        predicted = own.predict(X)
        assert {type(label) for label in predicted.tolist()} == {type(label) for label in y.tolist()}
        assert own.classes_.tolist() == sorted(set(y.tolist()))
        assert own.score(X, y) > 0.9
        assert (own.classes_[own.predict_proba(X).argmax(1)] == predicted).all()
    assert own.predict_log_proba(X).shape == (60, 2)


def test_arrays_and_several_targets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    two = handgrad.TableRegressor(epochs=2).fit(X, X[:, :2])
    assert two.predict(X).shape == (80, 2)
    with pytest.raises(ValueError, match="2 features, but TableRegressor is expecting 3"):
        two.predict(X[:, :2])
    labels = handgrad.TableClassifier(epochs=2).fit(X, (X[:, :2] > 0).astype(int))
    assert labels.predict(X).shape == labels.predict_proba(X).shape == (80, 2)
    with pytest.raises(ValueError, match="requires y"):
        handgrad.TableRegressor().fit(X, None)


def test_weights_are_a_column():
    X, y = houses()
    weights = np.arange(120) % 3 + 1.0
    own = handgrad.TableRegressor(**SMALL).fit(X, y, sample_weight=weights)
    made = handgrad.fit(X.assign(w=weights), y, weight="w", **SMALL).model
    assert own.model_.parameters_hash == made.parameters_hash
    assert own.predict(X).shape == (120,)
    plain = handgrad.TableRegressor(**SMALL).fit(X[["area"]].to_numpy(), y, sample_weight=weights)
    assert plain.model_.features == ["x1"]


def test_it_works_within_scikit_learn():
    X, y = houses()
    own = handgrad.TableRegressor(**SMALL)
    assert clone(own.set_params(epochs=7)).get_params() == own.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cross_val_score(handgrad.TableRegressor(**SMALL), X, y, cv=3).min() > 0.5
        search = GridSearchCV(handgrad.TableClassifier(**SMALL), {"hidden": [(4,), (8,)]}, cv=2).fit(X, y > 200)
    assert search.best_params_["hidden"] in [(4,), (8,)]
    scaled = make_column_transformer((StandardScaler(), ["area"]), remainder="passthrough").set_output(transform="pandas")
    assert make_pipeline(scaled, own).fit(X, y).predict(X).shape == (120,)
    numbers = make_pipeline(StandardScaler(), handgrad.TableRegressor(**SMALL)).fit(X[["area"]], y)
    assert numbers.predict(X[["area"]]).shape == (120,)


def test_frames_of_others():
    pl = pytest.importorskip("polars")
    X, y = houses()
    expected = handgrad.TableRegressor(**SMALL).fit(X, y).model_.parameters_hash
    columns = {"area": X.area.to_numpy(), "city": X.city.astype(object).where(X.city.notna(), None).tolist()}
    for given in (pl.DataFrame(columns), columns):
        own = handgrad.TableRegressor(**SMALL).fit(given, y.to_numpy())
        assert own.model_.parameters_hash == expected
        assert own.feature_names_in_.tolist() == ["area", "city"]


# --- scikit-learn's own word on it ---------------------------------------------------------------------------------

ESTIMATORS = (handgrad.TableRegressor, handgrad.TableClassifier)
SKIPPED = {"check_array_api_input"}  # which needs array_api_compat
WEIGHTS = "check_sample_weight_equivalence_on_dense_data"


def checked(estimator):
    results = check_estimator(estimator, on_fail=None)
    assert len(results) > 50
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= SKIPPED | {
        "check_classifiers_multilabel_output_format_decision_function"}
    return {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_check_estimator_finds_nothing(estimator):
    # A weight of 2 is not a row twice where columns are scaled by their rows, rows dealt out into batches, or held out to
    # find when to stop.
    assert set(checked(estimator())) <= {WEIGHTS}
    unscaled = {"scale": "none"} | ({"scale_target": False} if estimator is handgrad.TableRegressor else {})
    assert checked(estimator(**unscaled, epochs=200, batch=1000, learning_rate=0.02, dtype="f64")) == {}
    assert set(checked(estimator(impute="mean"))) <= {WEIGHTS}


def test_weights_of_classes_are_those_of_their_rows():
    X, _ = houses()
    y = np.where(X.area > 150, "dear", "cheap")
    ways = [{"class_weight": {"dear": 3.0, "cheap": 0.5}}, {}, {"class_weight": {"dear": 3.0}}]
    of_rows = np.where(y == "dear", 3.0, 0.5)
    answers = [handgrad.TableClassifier(**SMALL, **way).fit(X, y, sample_weight=weights).predict_proba(X)
               for way, weights in zip(ways, (None, of_rows, np.where(y == "dear", 1.0, 0.5)))]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
    named = handgrad.TableClassifier(**SMALL, **ways[0]).fit(X.assign(kind=y), "kind")
    np.testing.assert_array_equal(named.predict_proba(X), answers[0])
    with pytest.raises(TypeError, match="a dict needs y itself"):
        handgrad.TableClassifier(**SMALL, **ways[0]).fit("houses.csv", "kind")


def test_tags_say_what_is_so():
    assert not handgrad.TableRegressor().__sklearn_tags__().input_tags.allow_nan
    assert handgrad.TableRegressor(impute="median").__sklearn_tags__().input_tags.allow_nan


# --- Labels are what they are to Python ----------------------------------------------------------------------------

LABELS = (
    ["01", "1"], ["1", "1.0", "01"], ["b", "a", "NA"], [2**53, 2**53 + 1], [-1, 10**17, 9], ["10", "9"],
    [True, False], [3.0, -1.0], ["a", " a"], ["", "x"], ["\u00e9", "e"], ["True", "False"])
IN_NO_FILE = (["b", "a", "NA"], ["a", " a"], ["", "x"])


@pytest.mark.parametrize("labels", LABELS, ids=repr)
@pytest.mark.parametrize("make", [np.array, list, lambda y: pd.Series(y, index=range(7, 7 + len(y))),
                                  lambda y: pd.Series(y).astype("category"), lambda y: np.array(y, object)],
                         ids=["array", "list", "Series", "Categorical", "objects"])
def test_labels_are_told_apart_as_python_does(labels, make, tmp_path):
    rows = 20 * len(labels)
    at = np.arange(rows) % len(labels)
    X = at[:, None] + np.random.default_rng(0).normal(0, 0.01, (rows, 1))
    y = make([labels[k] for k in at])
    own = handgrad.TableClassifier(epochs=200, hidden=(16,), seed=0, learning_rate=0.01).fit(X, y)
    assert own.classes_.tolist() == sorted(labels)
    assert [type(label) for label in own.classes_.tolist()] == [type(label) for label in sorted(labels)]
    assert own.predict(X).tolist() == list(y)
    assert (own.classes_[own.predict_proba(X).argmax(1)] == own.predict(X)).all()
    assert handgrad.evaluate(own, X, y).metrics["accuracy"] == 1
    assert pickle.loads(pickle.dumps(own)).predict(X).tolist() == list(y)
    if labels in IN_NO_FILE:
        with pytest.raises(handgrad.UsageError, match="the label .* in a file"):
            own.save(tmp_path / "a.model")
        return
    own.save(tmp_path / "a.model")
    again = handgrad.TableClassifier.load(tmp_path / "a.model")
    assert again.classes_.dtype == own.classes_.dtype
    assert again.predict(X).tolist() == list(y)
    assert (again.predict_proba(X) == own.predict_proba(X)).all()
    assert again.get_params() == own.get_params()
    assert handgrad.load(tmp_path / "a.model").predict(X).tolist() == list(y)


def test_what_are_no_labels_is_refused():
    X = np.arange(12.0)[:, None]
    for y, words in (
        (["a", 1] * 6, "labels of one kind"),
        (np.arange(12) + 0.5, "continuous"),
        ([None] * 12, "every label is missing"),
        (["a", "b", None] * 4, "missing"),
        ([b"a", b"b"] * 6, "bytes"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            handgrad.TableClassifier(epochs=1).fit(X, y)
    own = handgrad.TableClassifier(epochs=1, drop_missing_labels=True).fit(X, ["a", "b", None] * 4)
    assert own.classes_.tolist() == ["a", "b"]
    own = handgrad.TableClassifier(epochs=1, drop_missing_labels=True, missing=["?"]).fit(X, ["a", "b", "?"] * 4)
    assert own.classes_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="'c' is none of the classes 'a', 'b'"):
        handgrad.evaluate(own, X, ["a", "c"] * 6)


def test_one_class_is_learned_and_saved(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 2))
    own = handgrad.TableClassifier(epochs=2).fit(X, ["a"] * 20)
    own.save(tmp_path / "a.model")
    for each in (own, handgrad.TableClassifier.load(tmp_path / "a.model")):
        assert each.classes_.tolist() == ["a"]
        assert each.predict(X).tolist() == ["a"] * 20
        assert each.predict_proba(X).tolist() == [[1.0]] * 20


def test_labels_of_a_column_of_the_table(tmp_path):
    X, _ = houses(60)
    X["kind"] = np.array(["01", "1"])[(X.area > 100).astype(int)]
    expected = handgrad.TableClassifier(**SMALL).fit(X[["area", "city"]], X.kind)
    pa, pl, duckdb = (pytest.importorskip(name) for name in ("pyarrow", "polars", "duckdb"))
    for given in (X, {name: X[name].tolist() for name in X}, pa.Table.from_pandas(X), pl.from_pandas(X),
                  duckdb.sql("select * from X")):
        own = handgrad.TableClassifier(**SMALL).fit(given, "kind")
        assert own.classes_.tolist() == ["01", "1"]
        assert own.model_.parameters_hash == expected.model_.parameters_hash
        assert own.predict(given).tolist() == X.kind.tolist()
    X.assign(kind=[{"01": "no", "1": "yes"}[kind] for kind in X.kind]).to_csv(tmp_path / "t.csv", index=False)
    own = handgrad.TableClassifier(**SMALL).fit(str(tmp_path / "t.csv"), "kind")
    assert own.classes_.tolist() == ["no", "yes"]
    assert (own.n_features_in_, own.feature_names_in_.tolist()) == (2, ["area", "city"])
    assert set(own.predict(tmp_path / "t.csv")) == {"no", "yes"}


def test_a_validation_table_has_the_labels_too():
    X, _ = houses(60)
    X["kind"] = np.array(["01", "1"])[(X.area > 100).astype(int)]
    own = handgrad.TableClassifier(validation=X, **SMALL).fit(X, "kind")
    assert own.fit_.metrics["validation"]["accuracy"] > 0.9


# --- y and X of every make -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_y_of_every_make(estimator):
    X, price = houses(60)
    values = (price > price.median()).to_numpy().astype(int) if estimator is handgrad.TableClassifier else price.to_numpy()
    expected = estimator(**SMALL).fit(X, values)
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    for y in (values.tolist(), tuple(values.tolist()), pd.Series(values, index=range(60, 0, -1)), pd.DataFrame({"p": values}),
              {"p": values}, pl.Series("p", values), pl.DataFrame({"p": values}), pa.table({"p": values}), pa.array(values),
              np.ma.array(values)):
        own = estimator(**SMALL).fit(X, y)
        assert own.model_.parameters_hash == expected.model_.parameters_hash, type(y)
        assert own.predict(X).shape == (60,)
    with pytest.warns(UserWarning, match="column-vector"):
        own = estimator(**SMALL).fit(X, values[:, None])
    assert own.model_.parameters_hash == expected.model_.parameters_hash
    for y, kind, words in (
        (pathlib.Path("y.csv"), TypeError, "not PosixPath"),
        ("cost", handgrad.DataError, "no column 'cost'"),
        (values[:5], ValueError, "target has 5 rows, table has 60"),
        (values[:, None, None], TypeError, "3 axes"),
        (3, TypeError, "not int"),
        (scipy.sparse.csr_array(values[:, None]), TypeError, "sparse"),
    ):
        with pytest.raises(kind, match=words):
            estimator(**SMALL).fit(X, y)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_x_of_other_makes_is_refused_as_scikit_learn_does(estimator):
    X, y = np.arange(12.0)[:, None], np.arange(12) % 2
    own = estimator(epochs=1).fit(X, y)
    for call in (lambda x: estimator(epochs=1).fit(x, y), own.predict):
        for given, kind, words in (
            (scipy.sparse.csr_array(X), TypeError, "[Ss]parse"),
            (X.ravel(), ValueError, "Expected 2D array, got 1D array"),
            (pd.Series(X.ravel()), ValueError, "Expected a 2-dimensional container"),
            (np.where(X == 3, np.nan, X), ValueError, "contains NaN.*impute='mean'"),
            (np.where(X == 3, np.inf, X), ValueError, "infinity"),
            (np.ma.masked_equal(X, 3), ValueError, "contains NaN"),
            (X[:, :0], ValueError, "0 feature"),
            (X + 1j, ValueError, "Complex"),
        ):
            with pytest.raises(kind, match=words):
                call(given)


def test_masked_entries_are_missing():
    X = np.random.default_rng(0).normal(size=(40, 2))
    masked = np.ma.array(X, mask=X > 1.5)
    y = X[:, 0]
    own = handgrad.TableRegressor(**SMALL).fit(masked, y)
    expected = handgrad.TableRegressor(**SMALL).fit(masked.filled(np.nan), y)
    assert own.model_.parameters_hash == expected.model_.parameters_hash
    assert (own.predict(masked) == expected.predict(masked.filled(np.nan))).all()
    assert handgrad.fit(masked, y, **SMALL).model.parameters_hash == expected.model_.parameters_hash
    for target in (np.ma.array(y, mask=y > 1), np.ma.array(np.c_[y, y], mask=np.c_[y, y] > 1)):
        with pytest.raises(handgrad.DataError, match="missing"):
            handgrad.fit(X, target, **SMALL)
    with pytest.raises(handgrad.DataError, match="missing"):
        handgrad.fit({"a": [1.0, 2.0, np.ma.masked], "y": [1.0, 2.0, 3.0]}, "y")
    with pytest.raises(ValueError, match="of its values are masked"):
        handgrad.TableRegressor(**SMALL).fit(X, y, sample_weight=np.ma.array(np.ones(40), mask=y > 1))


# --- Names ---------------------------------------------------------------------------------------------------------


def test_weights_leave_the_names_of_every_make():
    pa, pl, duckdb = (pytest.importorskip(name) for name in ("pyarrow", "polars", "duckdb"))
    frame, y = houses(60)
    weights = np.arange(60) % 3 + 1.0
    expected = handgrad.TableRegressor(**SMALL).fit(frame, y, sample_weight=weights)
    table = pa.Table.from_pandas(frame)
    for given in (table, pl.from_pandas(frame), duckdb.sql("select * from frame"), table.to_batches()[0],
                  table.to_reader(), {name: frame[name].tolist() for name in frame}):
        own = handgrad.TableRegressor(**SMALL).fit(given, y, sample_weight=weights)
        assert own.feature_names_in_.tolist() == own.model_.features == ["area", "city"], type(given)
        assert own.model_.parameters_hash == expected.model_.parameters_hash
        assert handgrad.evaluate(own, frame, y).metrics["r2"] > 0.5
    with pytest.raises(handgrad.UsageError, match="give one of both"):
        handgrad.TableRegressor(weight="area").fit(frame, y, sample_weight=weights)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, handgrad.MLPRegressor, handgrad.MLPClassifier], ids=lambda c: c.__name__)
def test_columns_called_as_targets_are_do_not_matter(estimator, tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=["y", "class", "sample_weight", "y1"])
    y = (X.y > 0).astype(int)
    own = estimator().fit(X, y, sample_weight=np.ones(60))
    assert handgrad.evaluate(own, X, y).rows == 60
    assert handgrad.check(own, X, y).passed
    if estimator in ESTIMATORS:
        own.save(tmp_path / "a.model")
        assert (estimator.load(tmp_path / "a.model").predict(X) == own.predict(X)).all()


@pytest.mark.parametrize("columns", [[3, 5], pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])], ids=["ints", "levels"])
def test_names_that_are_no_texts_are_none(columns):
    X = np.random.default_rng(0).normal(size=(40, 2))
    frame = pd.DataFrame(X, columns=columns)
    own = handgrad.TableRegressor(**SMALL).fit(frame, X[:, 0])
    assert not hasattr(own, "feature_names_in_")
    assert own.n_features_in_ == 2
    expected = own.predict(frame)
    assert (own.predict(X) == expected).all()
    assert (own.predict(pd.DataFrame(X)) == expected).all()
    with pytest.warns(UserWarning, match="X has feature names, but"):
        assert (own.predict(pd.DataFrame(X, columns=["p", "q"])) == expected).all()
    with pytest.raises(ValueError, match="X has 1 features, but TableRegressor is expecting 2"):
        own.predict(pd.DataFrame(X[:, :1]))
    named = handgrad.TableRegressor(**SMALL).fit(pd.DataFrame(X, columns=["p", "q"]), X[:, 0])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert (named.predict(frame) == expected).all()
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert (named.predict(X) == expected).all()


def test_columns_that_are_new_are_refused_and_what_was_learned_is_not():
    X, y = houses()
    own = handgrad.TableRegressor(**SMALL).fit(X, y)
    for call in (own.predict, own.jacobian, lambda frame: own.score(frame, y)):
        with pytest.raises(ValueError, match="unseen at fit time: 'garden'; X\\[feature_names_in_\\] leaves them out"):
            call(X.assign(garden=1))
    assert len(own.predict(X.assign(garden=1)[own.feature_names_in_])) == len(X)
    np.testing.assert_array_equal(own.predict(X.assign(price=y)), own.predict(X))


def test_what_is_no_table_yet_says_how_it_becomes_one():
    polars = pytest.importorskip("polars")
    X, y = houses()
    lazy = polars.from_pandas(X).lazy()
    for call in (lambda: handgrad.TableRegressor(**SMALL).fit(lazy, y), lambda: handgrad.fit(lazy, "area")):
        with pytest.raises(TypeError, match="LazyFrame.*collect\\(\\) makes it"):
            call()


def test_names_that_stand_twice_or_are_mixed_are_refused():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40.0)
    with pytest.raises(handgrad.DataError, match="two columns of that name"):
        handgrad.TableRegressor().fit(pd.DataFrame(X, columns=["a", "a"]), y)
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        handgrad.TableRegressor().fit(pd.DataFrame(X, columns=["a", 1]), y)


def test_several_labels():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, :2] > 0).astype(int)
    expected = handgrad.TableClassifier(**SMALL).fit(X, y)
    assert expected.predict(X).shape == (60, 2)
    for given in (y.tolist(), y == 1, pd.DataFrame(y, columns=["p", "q"]), {"p": y[:, 0], "q": y[:, 1]}):
        own = handgrad.TableClassifier(**SMALL).fit(X, given)
        assert own.model_.parameters_hash == expected.model_.parameters_hash
        assert handgrad.evaluate(own, X, given).rows == 60


def test_regressors_are_saved_and_loaded(tmp_path):
    X, y = houses()
    own = handgrad.TableRegressor(**SMALL, categorical=["city"]).fit(X, y, sample_weight=np.ones(120))
    own.save(tmp_path / "a.model")
    again = handgrad.TableRegressor.load(tmp_path / "a.model")
    assert again.get_params() == own.get_params()
    assert (again.predict(X) == own.predict(X)).all()
    assert again.feature_names_in_.tolist() == ["area", "city"]
    assert handgrad.evaluate(again, X, y).metrics == handgrad.evaluate(own, X, y).metrics
    with pytest.raises(handgrad.ModelError, match="this is not TableClassifier, but TableRegressor"):
        handgrad.TableClassifier.load(tmp_path / "a.model")


def test_dates_are_those_of_the_table(tmp_path):
    X, y = houses()
    X["built"] = pd.date_range("2020-01-31", periods=120)
    own = handgrad.TableRegressor(date=["built"], **SMALL).fit(X, y, sample_weight=np.ones(120))
    assert own.feature_names_in_.tolist() == ["area", "city", "built"]
    assert own.model_.features[-1] == "built:year_part"
    assert handgrad.evaluate(own, X, y).rows == 120
    labels = handgrad.TableClassifier(date=["built"], **SMALL).fit(X, y > 200)
    assert handgrad.evaluate(labels, X, y > 200).rows == 120
    assert handgrad.evaluate(labels.model_, X, y > 200).rows == 120
    made = handgrad.fit(X, y, date=["built"], **SMALL).model
    assert handgrad.evaluate(made, X, y).rows == 120


def test_true_and_false_are_1_and_0_to_a_regression():
    X, y = houses()
    own = handgrad.TableRegressor(**SMALL).fit(X, y > 200)
    assert (own.predict(X) == handgrad.TableRegressor(**SMALL).fit(X, (y > 200).astype(float)).predict(X)).all()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_a_file_is_learned_as_handgrad_fit_does(estimator, tmp_path):
    X, _ = houses(60)
    X["rooms"] = np.arange(60) % 3
    X["kind"] = np.array(["1.0", "2.0"])[(X.area > 100).astype(int)]
    X.to_csv(tmp_path / "t.csv", index=False)
    task = "classification" if estimator is handgrad.TableClassifier else "regression"
    how = {**SMALL, "categorical": ["rooms"]}
    expected = handgrad.fit(tmp_path / "t.csv", "kind", task=task, **how).model
    own = estimator(**how).fit(tmp_path / "t.csv", "kind")
    assert own.model_.parameters_hash == expected.parameters_hash
    assert own.model_.inputs == expected.inputs
    assert own.model_._core.classes == expected._core.classes
    beside = estimator(**how).fit(tmp_path / "t.csv", (X.area > 100).astype(int).tolist())
    assert beside.model_.targets == ["y"]
    assert beside.predict(tmp_path / "t.csv").shape == (60,)
