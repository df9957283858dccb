"""From scikit-learn and back; many models at once; other engines than our own."""

import multiprocessing
import warnings

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

import handgrad


def fitted(module, kind, **parameters):
    X, y = load_iris(return_X_y=True)
    if kind == "MLPRegressor":
        X, y = X[:, :3], X[:, 3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(module, kind)(hidden_layer_sizes=(6, 4), activation="tanh", max_iter=7, random_state=1,
                                     **parameters).fit(X, y), X, y


@pytest.mark.parametrize("kind", ["MLPRegressor", "MLPClassifier"])
def test_to_scikit_learn_and_from_it(kind):
    theirs, X, y = fitted(sklearn.neural_network, kind)
    ours = handgrad.from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    back = handgrad.to_sklearn(ours)
    assert back.get_params() == theirs.get_params()
    np.testing.assert_array_equal(back.predict(X), theirs.predict(X))
    assert back.loss_curve_ == theirs.loss_curve_
    own, _, _ = fitted(handgrad, kind)
    np.testing.assert_allclose(handgrad.to_sklearn(own).predict(X), own.predict(X), rtol=1e-12)
    if kind == "MLPClassifier":
        np.testing.assert_allclose(back.predict_proba(X), ours.predict_proba(X), rtol=1e-10, atol=1e-12)
    ours.partial_fit(X, y)
    net = ours.to_mlp()
    np.testing.assert_array_equal(net(X)[:, 0], ours._outputs(X)[:, 0])


def test_what_scikit_learn_has_not_is_refused():
    X, y = load_iris(return_X_y=True)
    for parameters, message in (({"activation": "silu"}, "no activation 'silu'"), ({"loss": "huber"}, "no loss 'huber'"),
                                ({"output_activation": "softplus"}, "would be identity, not softplus")):
        estimator = handgrad.MLPRegressor(hidden_layer_sizes=(3,), max_iter=1, **parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X, y)
        with pytest.raises(ValueError, match=message):
            handgrad.to_sklearn(estimator)
    with pytest.raises(ValueError, match="a fitted MLPRegressor or MLPClassifier is expected"):
        handgrad.from_sklearn(sklearn.neural_network.MLPRegressor())


def groups(count):
    rng = np.random.default_rng(0)
    return {f"shop {i}": (rng.normal(size=(30, 3)), rng.normal(size=30)) for i in range(count)}


@pytest.mark.parametrize(("n_jobs", "models_per_task"), [(1, 4), (2, 3), (2, 100)])
def test_many_models_are_those_of_one_after_the_other(n_jobs, models_per_task):
    data = groups(10)
    estimator = handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = handgrad.fit_many(data, estimator, n_jobs=n_jobs, models_per_task=models_per_task)
        alone = {key: sklearn.base.clone(estimator).fit(*pair) for key, pair in data.items()}
    assert list(models) == list(data)
    for key, (X, _) in data.items():
        np.testing.assert_array_equal(models[key].predict(X), alone[key].predict(X))


def test_a_group_that_cannot_be_fitted_is_named():
    data = groups(3) | {"shop 7": (np.full((5, 3), np.nan), np.zeros(5))}
    with pytest.raises(ValueError, match="NaN") as raised:
        handgrad.fit_many(data, handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=1))
    assert raised.value.__notes__ == ["in fit_many, group 'shop 7'"]
    with pytest.raises(ValueError, match="'a' is there more than once"):
        handgrad.fit_many([("a", ()), ("a", ())], handgrad.MLPRegressor())


def in_child(estimator, X, answers):
    answers.put(estimator.predict(X))


def test_a_forked_child_answers():
    """The threads of the parent are not in the child, which makes its own."""
    context = multiprocessing.get_context("fork")
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = handgrad.MLPClassifier((300,), max_iter=3, random_state=0, n_jobs=-1, batch_size=150).fit(X, y)
        many = np.repeat(X, 100, axis=0)
        expected = estimator.predict(many)
        answers = context.Queue()
        child = context.Process(target=in_child, args=(estimator, many, answers))
        child.start()
    np.testing.assert_array_equal(answers.get(timeout=30), expected)
    child.join(timeout=30)
    assert child.exitcode == 0
