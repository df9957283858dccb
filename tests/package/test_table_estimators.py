"""Estimators over tables do what handgrad.fit() does, and what scikit-learn expects."""

import inspect
import pickle
import warnings

import numpy as np
import pytest
from handgrad.model import SETTINGS
from handgrad.table import READING
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
