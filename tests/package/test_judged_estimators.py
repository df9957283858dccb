"""The verbs judge fitted estimators, over arrays and over tables, with the targets beside X as scikit-learn has them."""

import numpy as np
import pytest

import handgrad

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

import scipy.sparse
import sklearn.exceptions


def houses(rows=80):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"area": rng.uniform(30, 200, rows), "city": rng.choice(["Rome", "Oslo", "Bern"], rows)})
    frame["price"] = frame.area * 2.5 + 40 * (frame.city == "Rome")
    frame["dear"] = np.where(frame.price > 300, "yes", "no")
    return frame


def estimators():
    frame = houses()
    X, numbers = frame[["area", "city"]], frame[["area"]].to_numpy() / 100
    how = {"epochs": 3, "seed": 0, "hidden": (4,)}
    return (
        (handgrad.TableRegressor(**how), X, frame.price),
        (handgrad.TableClassifier(**how), X, frame.dear),
        (handgrad.TableRegressor(**how), numbers, frame.price.to_numpy()),
        (handgrad.TableClassifier(**how), numbers, (frame.price > 300).to_numpy()),
        (handgrad.MLPRegressor(max_iter=3, loss="huber", huber_delta=0.3), numbers, frame.price.to_numpy() / 100),
        (handgrad.MLPRegressor(max_iter=3), frame[["area"]] / 100, frame[["price", "area"]].to_numpy()),
        (handgrad.MLPClassifier(max_iter=3), numbers, frame.dear.to_numpy()),
        (handgrad.MLPClassifier(max_iter=3), frame[["area"]] / 100, np.array(["01", "1", "x"])[np.arange(80) % 3]),
        (handgrad.MLPClassifier(max_iter=3), scipy.sparse.csr_array(numbers), frame.price.to_numpy() > 300),
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("which", range(9))
def test_estimators_are_judged_with_their_targets(which, tmp_path):
    estimator, X, y = estimators()[which]
    with pytest.raises(sklearn.exceptions.NotFittedError):
        handgrad.evaluate(estimator, X, y)
    own = estimator.fit(X, y)
    evaluation = handgrad.evaluate(own, X, y)
    score = "accuracy" if hasattr(own, "classes_") else "r2"
    if np.ndim(y) == 1:
        assert evaluation.metrics[score] == pytest.approx(own.score(X, y), abs=1e-6)
    assert handgrad.check(own, X, y, rows=20).passed
    assert handgrad.diagnose(own, X, y).rows == 80
    assert handgrad.sensitivity(own, X, y).rows == 80
    assert handgrad.explain(own, X, y, row=3).numbers["loss"] >= 0
    assert handgrad.report(own, X, y=y).rows == 80
    mine = {name: np.zeros_like(array) for name, array in handgrad.explain(own, X, y, row=3).numbers["gradients"].items()}
    assert handgrad.compare(own, X, y, mine).verdict == "FAIL"
    with pytest.raises(ValueError, match="y|rows"):
        handgrad.evaluate(own, X, np.asarray(y)[:7])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_loss_of_an_estimator_is_its_own():
    estimator, X, y = estimators()[4]
    own = estimator.set_params(alpha=0.0, max_iter=200).fit(X, y)
    residual = np.abs(own.predict(X) - y)
    expected = np.where(residual <= 0.3, residual**2 / 2, 0.3 * (residual - 0.15)).mean()
    assert handgrad.evaluate(own, X, y).loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("labels", "words"), [
    (["a", " a"], "the label ' a' is 'a' in a file"), (["NA", "x"], "the label 'NA' is a missing one in a file"),
    (["a"], "'a' is the only class")], ids=repr)
def test_labels_that_no_file_tells_apart_are_refused(labels, words):
    _, X, _ = estimators()[4]
    y = np.array([labels[k % len(labels)] for k in range(len(X))])
    own = handgrad.MLPClassifier(max_iter=2).fit(X, y)
    with pytest.raises(handgrad.Error, match=words):
        handgrad.evaluate(own, X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_whole_numbers_beyond_those_of_float64_are_judged():
    _, X, _ = estimators()[4]
    y = 2**53 + np.arange(len(X)) % 2
    own = handgrad.MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    assert handgrad.evaluate(own, X, y).metrics["accuracy"] == pytest.approx(own.score(X, y))
