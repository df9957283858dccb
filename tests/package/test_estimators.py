"""The estimators are scikit-learn's: the same numbers from the same random_state, its own checks, its own tests."""

import copy
import itertools
import os
import pickle
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import check_estimator

import handgrad

# For programs of their own: the package that is tested here, wherever they run.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(handgrad.__file__).absolute().parent.parent)}
ESTIMATORS = (handgrad.MLPRegressor, handgrad.MLPClassifier)


def regression(outputs=1, rows=120):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(rows, 6))
    y = np.sin(X[:, :outputs]) + X[:, 1:2] * 0.5 + 0.1 * rng.normal(size=(rows, outputs))
    return X, y.ravel() if outputs == 1 else y


def classes(kind):
    if kind == "labels":
        return make_multilabel_classification(n_samples=90, n_features=6, n_classes=4, random_state=3)
    X, y = load_iris(return_X_y=True)
    if kind == "binary":
        X, y = X[:100], np.array(["no", "yes"])[y[:100]]
    return X, y


def weights_of(rows):
    return np.random.default_rng(9).integers(0, 4, size=rows).astype(float)


def both(name, X, y, sample_weight=None, **parameters):
    """Ours and theirs, fitted to the same."""
    parameters = {"hidden_layer_sizes": (9,), "random_state": 3, "max_iter": 12} | parameters
    fitted = []
    for module in (handgrad, sklearn.neural_network):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.append(getattr(module, name)(**parameters).fit(X, y, sample_weight=sample_weight))
    return fitted


def assert_follows(ours, theirs, tolerance):
    for own, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert own.shape == other.shape
        assert own.dtype == other.dtype
        np.testing.assert_allclose(own, other, rtol=0, atol=tolerance)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.out_activation_ == theirs.out_activation_
    assert (ours.n_layers_, ours.n_outputs_, ours.n_features_in_) == (
        theirs.n_layers_, theirs.n_outputs_, theirs.n_features_in_)


# A few dozen steps of numbers of order 1: errors of 1e-16 a step grow, but not by seven decades.
ROUNDING = 1e-9


@pytest.mark.parametrize(("solver", "schedule", "nesterov"), [
    ("adam", "constant", True), ("sgd", "constant", True), ("sgd", "constant", False), ("sgd", "invscaling", True),
    ("sgd", "adaptive", True)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_regressor_follows_scikit_learn(solver, schedule, nesterov, activation, early_stopping):
    X, y = regression()
    ours, theirs = both("MLPRegressor", X, y, solver=solver, learning_rate=schedule, activation=activation,
                        nesterovs_momentum=nesterov, early_stopping=early_stopping, batch_size=17, alpha=0.05,
                        learning_rate_init=0.01, n_iter_no_change=2, tol=1e-3)
    assert_follows(ours, theirs, ROUNDING)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
    assert ours.loss_ == ours.loss_curve_[-1]
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=ROUNDING)
    if early_stopping:
        assert ours.best_loss_ is None
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-8)
        assert ours.best_validation_score_ == max(ours.validation_scores_)
    else:
        assert ours.validation_scores_ is None
        assert ours.best_validation_score_ is None
        np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-10)


@pytest.mark.parametrize("kind", ["binary", "several", "labels"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_classifier_follows_scikit_learn(kind, solver, early_stopping):
    X, y = classes(kind)
    ours, theirs = both("MLPClassifier", X, y, solver=solver, early_stopping=early_stopping, learning_rate_init=0.01,
                        n_iter_no_change=3)
    assert_follows(ours, theirs, ROUNDING)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=ROUNDING)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-7, atol=ROUNDING)
    assert ours.score(X, y) == theirs.score(X, y)
    if early_stopping:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-12)


@pytest.mark.parametrize(("name", "outputs", "loss"), [
    ("MLPRegressor", 1, "squared_error"), ("MLPRegressor", 3, "squared_error"), ("MLPRegressor", 2, "poisson"),
    ("MLPClassifier", 1, "log_loss")])
def test_sample_weights_follow_scikit_learn(name, outputs, loss):
    if name == "MLPClassifier":
        X, y = classes("several")
        more = {}
    else:
        X, y = regression(outputs)
        more = {"loss": loss}
    y = np.abs(y) if loss == "poisson" else y
    ours, theirs = both(name, X, y, weights_of(len(X)), alpha=0.5, batch_size=40, **more)
    assert_follows(ours, theirs, ROUNDING)


def test_the_loss_that_is_reported_is_theirs():
    for outputs, loss in itertools.product((1, 2), ("squared_error", "poisson")):
        X, y = regression(outputs)
        ours, theirs = both("MLPRegressor", X, np.abs(y), loss=loss, alpha=0.0)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9, err_msg=f"{outputs} {loss}")


@pytest.mark.parametrize("name", ["MLPRegressor", "MLPClassifier"])
def test_single_precision_stays_and_follows(name):
    X, y = regression() if name == "MLPRegressor" else classes("several")
    ours, theirs = both(name, X.astype(np.float32), y, learning_rate_init=0.01)
    assert_follows(ours, theirs, 1e-4)
    assert ours.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("name", ["MLPRegressor", "MLPClassifier"])
def test_going_on_follows_scikit_learn(name):
    X, y = regression() if name == "MLPRegressor" else classes("several")
    pair = both(name, X, y, warm_start=True, solver="sgd", learning_rate="invscaling")
    for estimator in pair:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(X, y)
        for _ in range(3):
            estimator.partial_fit(X, y)
    assert_follows(*pair, ROUNDING)
    np.testing.assert_allclose(pair[0].loss_curve_, pair[1].loss_curve_, rtol=1e-9)


def test_lbfgs_reaches_the_same_minimum():
    X, y = regression()
    ours, theirs = both("MLPRegressor", X, y, solver="lbfgs", activation="tanh", max_iter=40)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-3)
    assert not hasattr(ours, "partial_fit")


def test_lm_takes_fewer_steps_than_lbfgs_and_is_for_squared_error():
    X, y = regression()
    settings = {"hidden_layer_sizes": (8,), "activation": "tanh", "alpha": 1e-3, "random_state": 0, "dtype": "float64"}
    lm = handgrad.MLPRegressor(solver="lm", max_iter=300, tol=1e-9, **settings).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        lbfgs = handgrad.MLPRegressor(solver="lbfgs", max_iter=300, **settings).fit(X, y)
    assert lm.loss_ <= 1.1 * lbfgs.loss_ and lm.n_iter_ < lbfgs.n_iter_ and not hasattr(lm, "partial_fit")
    weighted = handgrad.MLPRegressor(solver="lm", max_iter=20, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        weighted.fit(X, y, sample_weight=np.arange(len(y)) + 1.0)
    with pytest.raises(ValueError, match="lm makes sums of squares small, and poisson is none"):
        handgrad.MLPRegressor(solver="lm", loss="poisson").fit(X, np.abs(y))
    with pytest.raises(ValueError, match="lm makes sums of squares small, and binary_cross_entropy is none"):
        handgrad.MLPClassifier(solver="lm").fit(X, y > np.median(y))


# --- scikit-learn's own word on it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_check_estimator_finds_nothing(estimator):
    results = check_estimator(estimator(), on_fail=None)
    assert len(results) > 50
    assert [r for r in results if r["status"] not in ("passed", "skipped")] == []
    # They need array_api_compat, and a decision function, which theirs has not either.
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {
        "check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}


# Both call methods of the implementation: _loss_grad_lbfgs, _backprop …
PRIVATE = {"test_fit", "test_gradient"}


def test_their_own_tests_pass_with_our_estimators(tmp_path):
    theirs = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    text, changed = re.subn(r"from sklearn\.neural_network import", "from handgrad import", theirs.read_text())
    assert changed == 1
    (tmp_path / "test_mlp.py").write_text(text)
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef global_random_seed():\n    return 42\n")
    out = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "test_mlp.py"],
                         cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False).stdout
    failed = {re.sub(r"\[.*", "", name) for name in re.findall(r"^(?:FAILED|ERROR) test_mlp\.py::(\w+)", out, re.M)}
    assert failed == PRIVATE, out[-2000:]
    assert int(re.search(r"(\d+) passed", out).group(1)) >= 55


# --- What people do with estimators --------------------------------------------------------------------------------


def quiet(estimator, *data, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data, **more)


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy],
                         ids=["pickle", "deepcopy", "copy"])
def test_a_copy_answers_and_goes_on_to_the_same_bits(copied):
    X, y = classes("several")
    first = quiet(handgrad.MLPClassifier((5,), random_state=0, max_iter=5), X, y)
    first.partial_fit(X, y)
    second = copied(first)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    if copied is not copy.copy:  # which shares the network
        first.partial_fit(X, y)
    second.partial_fit(X, y)
    for own, other in zip(first.coefs_, second.coefs_, strict=True):
        np.testing.assert_array_equal(own, other)


def test_clone_is_unfitted_with_the_same_parameters():
    fitted = quiet(handgrad.MLPRegressor("huber", (4,), huber_delta=0.5, max_iter=3), *regression())
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    assert not hasattr(fresh, "coefs_")
    with pytest.raises(sklearn.exceptions.NotFittedError):
        fresh.predict(np.zeros((1, 6)))


def test_changed_weights_are_what_predict_uses():
    X, y = regression()
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0), X, y)
    before = estimator.predict(X)
    estimator.coefs_[1][...] *= 2.0
    doubled = estimator.predict(X) + estimator.intercepts_[1]
    np.testing.assert_allclose(doubled, 2.0 * before, rtol=1e-12)
    estimator.intercepts_ = [np.zeros(4), np.full(1, 7.0)]
    estimator.coefs_ = [np.zeros((6, 4)), np.zeros((4, 1))]
    np.testing.assert_array_equal(estimator.predict(X[:3]), [7.0, 7.0, 7.0])
    with pytest.raises(ValueError, match="shapes"):
        estimator.coefs_ = [np.zeros((4, 6)), np.zeros((4, 1))]


def test_predictions_do_not_depend_on_the_rows_beside():
    X, y = regression()
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(30, 5), max_iter=3), X, y)
    whole = estimator.predict(X)
    assert [estimator.predict(X[i:i + 1])[0] for i in range(len(X))] == whole.tolist()


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_threads_change_no_bit(n_jobs):
    X, y = load_digits(return_X_y=True)
    one = quiet(handgrad.MLPClassifier((64,), max_iter=3, random_state=0), X, y)
    other = quiet(handgrad.MLPClassifier((64,), max_iter=3, random_state=0, n_jobs=n_jobs), X, y)
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_processes_and_threads(backend):
    import joblib

    X, y = classes("several")
    grid = GridSearchCV(make_pipeline(StandardScaler(), handgrad.MLPClassifier((8,), random_state=0, max_iter=30)),
                        {"mlpclassifier__alpha": [1e-4, 1e-1], "mlpclassifier__solver": ["adam", "sgd"]}, cv=3, n_jobs=2)
    with joblib.parallel_backend(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grid.fit(X, y)
    alone = clone(grid).set_params(n_jobs=1)
    quiet(alone, X, y)
    np.testing.assert_array_equal(grid.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_a_validation_set_of_ones_own_stops_and_the_best_weights_are_kept():
    X, y = regression(rows=200)
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(20,), early_stopping=True, validation_data=(X[150:], y[150:]), max_iter=400,
                                            learning_rate_init=0.02, random_state=0), X[:150], y[:150])
    assert estimator.t_ == estimator.n_iter_ * 150  # none of the rows was held out
    assert estimator.score(X[150:], y[150:]) == pytest.approx(estimator.best_validation_score_, abs=1e-12)
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    last = quiet(clone(estimator).set_params(restore_best=False), X[:150], y[:150])
    assert last.score(X[150:], y[150:]) == pytest.approx(last.validation_scores_[-1], abs=1e-12)
    watched = quiet(clone(estimator).set_params(early_stopping=False, max_iter=30), X[:150], y[:150])
    assert len(watched.validation_scores_) == watched.n_iter_ == 30


def test_class_weight_is_the_sample_weight_of_a_class():
    X, y = classes("binary")
    by_class = quiet(handgrad.MLPClassifier((4,), class_weight={"no": 3.0, "yes": 1.0}, random_state=0, max_iter=5), X, y)
    by_row = quiet(handgrad.MLPClassifier((4,), random_state=0, max_iter=5), X, y,
                   sample_weight=np.where(y == "no", 3.0, 1.0))
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    quiet(handgrad.MLPClassifier((4,), class_weight="balanced", max_iter=2), X, y)


def test_losses_and_outputs_of_our_own():
    X, y = regression(rows=300)
    for level in (0.1, 0.9):
        estimator = quiet(handgrad.MLPRegressor("quantile", (20,), quantile=level, max_iter=30, random_state=0,
                                                learning_rate_init=0.01), X, y)
        assert np.mean(y <= estimator.predict(X)) == pytest.approx(level, abs=0.05)
    positive = quiet(handgrad.MLPRegressor("absolute_error", (5,), output_activation="softplus", max_iter=20), X, y)
    assert positive.out_activation_ == "softplus"
    assert positive.predict(X).min() > 0
    for convention in ("handgrad", "pytorch"):
        quiet(handgrad.MLPRegressor(hidden_layer_sizes=(5,), convention=convention, activation=("silu",), max_iter=3),
              X, y)


def test_the_jacobian_is_the_derivative():
    X, y = regression(2)
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(7,), activation="tanh", max_iter=20), X, y)
    J = estimator.jacobian(X)
    assert J.shape == (len(X), 2, 6)
    hidden = np.tanh(X @ estimator.coefs_[0] + estimator.intercepts_[0])
    by_hand = np.einsum("ih,rh,hk->rki", estimator.coefs_[0], 1 - hidden**2, estimator.coefs_[1])
    np.testing.assert_allclose(J, by_hand, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["regression", "outputs", "binary", "several", "labels"])
def test_saved_and_loaded_it_is_the_same_and_the_program_reads_it(kind, tmp_path):
    if kind in ("regression", "outputs"):
        X, y = regression(1 if kind == "regression" else 2)
        estimator = handgrad.MLPRegressor(hidden_layer_sizes=(6, 3), activation="tanh", max_iter=4, random_state=0)
    else:
        X, y = classes(kind)
        estimator = handgrad.MLPClassifier((6,), max_iter=4, random_state=0, alpha=0.5)
    quiet(estimator, X, y)
    estimator.save(tmp_path / "it.model")
    back = type(estimator).load(tmp_path / "it.model")
    assert back.get_params() == estimator.get_params()
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))
    assert back.predict(X).dtype == estimator.predict(X).dtype
    assert back.loss_curve_ == estimator.loss_curve_
    if kind not in ("regression", "outputs"):
        np.testing.assert_array_equal(back.predict_proba(X), estimator.predict_proba(X))
        np.testing.assert_array_equal(back.classes_, estimator.classes_)
    back.partial_fit(X, y)
    table = {f"x{i + 1}": X[:, i] for i in range(X.shape[1])}
    answers = handgrad.load(tmp_path / "it.model").predict(table)
    if kind != "labels":
        assert [str(one) for one in np.ravel(answers)] == [str(one) for one in np.ravel(estimator.predict(X))]
    with pytest.raises(handgrad.ModelError, match="is not ML"):
        ({handgrad.MLPRegressor, handgrad.MLPClassifier} - {type(estimator)}).pop().load(tmp_path / "it.model")


def test_names_of_columns_go_with_it(tmp_path):
    import pandas as pd

    X, y = regression()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2), frame, y)
    estimator.save(tmp_path / "it.model")
    assert handgrad.load(tmp_path / "it.model").features == list("abcdef")
    back = handgrad.MLPRegressor.load(tmp_path / "it.model")
    np.testing.assert_array_equal(back.predict(frame), estimator.predict(frame))
    with pytest.warns(UserWarning, match="valid feature names"):
        back.predict(X)


# --- When it goes wrong --------------------------------------------------------------------------------------------


def test_an_array_put_in_the_place_of_one_is_written_into_it():
    X, y = regression()
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3), X, y)
    estimator.coefs_[1] = np.zeros((4, 1))
    estimator.intercepts_[1] = [7.0]
    np.testing.assert_array_equal(estimator.predict(X[:2]), [7.0, 7.0])


def test_an_activation_means_the_same_by_either_name():
    X, y = regression()
    fitted = [quiet(handgrad.MLPRegressor(hidden_layer_sizes=(4,), activation=name, max_iter=3, random_state=0), X, y)
              for name in ("logistic", "sigmoid", ("logistic",))]
    for other in fitted[1:]:
        np.testing.assert_array_equal(other.coefs_[0], fitted[0].coefs_[0])


def test_a_divergent_batch_leaves_what_was_learned_before():
    X, y = regression()
    estimator = quiet(handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=30), X, y)
    expected = estimator.predict(X)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        estimator.partial_fit(X * 1e300, y * 1e300)
    np.testing.assert_array_equal(estimator.predict(X), expected)


@pytest.mark.parametrize(("estimator", "data", "message"), [
    (handgrad.MLPRegressor(validation_data=(np.zeros((3, 6)), np.zeros(3))), regression(2), "outputs of the network"),
    (handgrad.MLPRegressor(output_activation="softmax"), regression(), "a single output always 1"),
    (handgrad.MLPClassifier(output_activation="softmax"), classes("binary"), "None or 'sigmoid'"),
    (handgrad.MLPClassifier(output_activation="relu"), classes("several"), "None or 'softmax'"),
    (handgrad.MLPRegressor(validation_data=(np.zeros((1, 6)), np.zeros(1))), regression(), "R2 of a single row"),
    (handgrad.MLPRegressor(validation_data=(np.zeros((2, 6)), np.zeros(2), [-1, 1])), regression(), "egative"),
    (handgrad.MLPRegressor(validation_data=(np.zeros((2, 6)), np.zeros(2), [0, 0])), regression(), "ample"),
    (handgrad.MLPRegressor(), (np.ma.masked_greater(regression()[0], 1.0), regression()[1]), "are masked"),
    (handgrad.MLPClassifier(class_weight={"no": -1.0, "yes": 2.0}), classes("binary"), "class_weight: the weights must be"),
])
def test_what_would_be_a_silent_mistake_is_refused(estimator, data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.fit(*data)


def test_divergence_keeps_the_last_good_epoch_and_says_so():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch"):
        estimator = handgrad.MLPRegressor(solver="sgd", activation="identity", learning_rate_init=0.03, batch_size=400,
                                          random_state=0).fit(X * 20, y)
    assert np.isnan(estimator.loss_)
    assert all(np.isfinite(weight).all() for weight in estimator.coefs_)


@pytest.mark.parametrize(("parameters", "message"), [
    ({"learning_rate_init": 0}, "'learning_rate_init' parameter must be a number above 0"),
    ({"max_iter": 0}, "'max_iter' parameter must be a whole number from 1 on"),
    ({"batch_size": "all"}, "'batch_size' parameter"),
    ({"solver": "newton"}, "'solver' parameter must be one of sgd, adam, lbfgs, lm"),
    ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"),
    ({"hidden_layer_sizes": (3.5,)}, "'hidden_layer_sizes'"),
    ({"activation": "reul"}, "'reul' is no activation; there are identity, relu"),
    ({"activation": None}, "'activation' parameter must be one name"),
    ({"activation": 3}, "'activation' parameter must be one name"),
    ({"activation": ("relu", "tanh")}, "one name, or one for each of the 1 hidden layers"),
    ({"loss": "mse"}, "'loss' parameter must be one of squared_error"),
    ({"convention": "keras"}, "'convention'"),
    ({"dtype": "float16"}, "'dtype'"),
    ({"n_jobs": 0}, "'n_jobs'"),
    ({"validation_data": (np.zeros((3, 6)),)}, "'validation_data'"),
    ({"shuffle": "yes"}, "'shuffle'"),
    ({"momentum": float("nan")}, "'momentum'"),
    ({"tol": float("inf")}, "a number from 0 on, not infinite"),
])
def test_what_makes_no_sense_is_refused(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        handgrad.MLPRegressor(**{"hidden_layer_sizes": (3,)} | parameters).fit(*regression())


def test_a_parameter_is_refused_as_theirs_is():
    for estimator in (handgrad.MLPRegressor(alpha=-1), sklearn.neural_network.MLPRegressor(alpha=-1)):
        with pytest.raises(InvalidParameterError, match="alpha"):
            estimator.fit(*regression())


@pytest.mark.parametrize("weight", [1e-42, 1e39, 1e-60])
def test_weights_that_the_precision_does_not_hold_are_refused(weight):
    X, y = regression()
    estimator = handgrad.MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="which float32 does not hold"):
        estimator.fit(X.astype(np.float32), y, sample_weight=np.full(len(y), weight))


def test_warm_start_goes_on_as_the_parameters_say_now():
    """scikit-learn looks its activation up at each call; so do we, and at more."""
    X, y = regression()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = (module.MLPRegressor(hidden_layer_sizes=(9,), random_state=3, max_iter=5, warm_start=True).fit(X, y)
                        for module in (handgrad, sklearn.neural_network))
        for estimator in (ours, theirs):
            estimator.set_params(activation="tanh").fit(X, y)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
        ours.set_params(loss="poisson").fit(X, np.abs(y))
        assert ours.out_activation_ == "exp" and (ours.predict(X) > 0).all()
        ours.set_params(dtype="float32", loss="squared_error").fit(X, y)
        assert ours.coefs_[0].dtype == np.float32 and ours.out_activation_ == "identity"
        ours.set_params(convention="handgrad", solver="sgd").partial_fit(X, y)
    with pytest.raises(ValueError, match="warm_start=False begins anew"):
        ours.set_params(hidden_layer_sizes=(8,)).fit(X, y)


def test_predictions_have_the_type_of_theirs():
    X, y = regression()
    for first, then in itertools.product((np.float32, np.float64), repeat=2):
        ours, theirs = both("MLPRegressor", X.astype(first), y.astype(first), max_iter=2)
        assert ours.predict(X.astype(then)).dtype == theirs.predict(X.astype(then)).dtype, (first, then)


def test_labels_given_sparse_come_back_sparse():
    X, y = classes("labels")
    ours, theirs = both("MLPClassifier", X, scipy.sparse.csr_matrix(y), max_iter=30)
    answers = ours.predict(X), theirs.predict(X)
    assert all(scipy.sparse.issparse(answer) for answer in answers)
    assert (answers[0] != answers[1]).nnz == 0


@pytest.mark.parametrize("labels", [
    np.array([False, True]), np.array([2**53, 2**53 + 1]), np.array([0.0, 1.0, -3.0]), np.array(["01", "1", " a"]),
    np.array(["no", "yes"], dtype=object), np.array([7, 3], dtype=np.int8),
])
def test_classes_keep_their_type_in_a_file(labels, tmp_path):
    X = regression()[0]
    y = labels[np.arange(len(X)) % len(labels)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = handgrad.MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    estimator.save(tmp_path / "m")
    back = handgrad.MLPClassifier.load(tmp_path / "m")
    assert back.classes_.dtype == estimator.classes_.dtype and back.classes_.tolist() == estimator.classes_.tolist()
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))


def test_parameters_of_any_make_come_back(tmp_path):
    X, y = classes("binary")
    given = {"hidden_layer_sizes": np.array([4, 3]), "random_state": np.int64(1), "max_iter": np.int32(2), "alpha": np.float32(0.5),
             "shuffle": np.bool_(True), "class_weight": {"no": 5, "yes": 1.5}, "dtype": np.float32, "activation": ["tanh", "relu"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = handgrad.MLPClassifier(**given).fit(X, y)
        estimator.save(tmp_path / "m")
        back = handgrad.MLPClassifier.load(tmp_path / "m")
        assert back.get_params() == estimator.get_params() | {
            "hidden_layer_sizes": [4, 3], "dtype": "float32", "random_state": 1, "max_iter": 2, "alpha": 0.5, "shuffle": True}
        np.testing.assert_array_equal(clone(back).fit(X, y).predict_proba(X), estimator.predict_proba(X))


def test_first_weights_follow_without_a_hidden_layer():
    ours, theirs = both("MLPRegressor", *regression(), hidden_layer_sizes=(), activation="logistic", max_iter=3)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-12)


@pytest.mark.parametrize("rounds", [1, 2])
def test_who_ends_by_the_limit_is_warned(rounds):
    for module in (handgrad, sklearn.neural_network):
        with pytest.warns(ConvergenceWarning, match=f"Maximum iterations \\({rounds}\\)"):
            module.MLPRegressor(hidden_layer_sizes=(3,), max_iter=rounds, random_state=0).fit(*regression())


def test_weights_that_answer_no_numbers_are_not_kept():
    X, y = regression()
    for module in (handgrad, sklearn.neural_network):
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            module.MLPRegressor(hidden_layer_sizes=(5,), solver="sgd", max_iter=20, random_state=0).fit(X * 1e8, y)


def test_the_loss_in_a_file_has_its_parameter(tmp_path):
    X, y = regression()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        handgrad.MLPRegressor("quantile", (4,), quantile=0.9, max_iter=2, random_state=0).fit(X, y).save(tmp_path / "m")
    assert handgrad.load(tmp_path / "m")._core.info()["loss"]["quantile"] == 0.9


def test_one_class_is_fitted_as_theirs_and_not_saved(tmp_path):
    X = regression()[0]
    ours, theirs = both("MLPClassifier", X, np.ones(len(X)), max_iter=2)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    with pytest.raises(handgrad.UsageError, match="is the only class"):
        ours.save(tmp_path / "m")


def test_a_bar_takes_the_place_of_the_lines(capsys):
    pytest.importorskip("tqdm")
    X, y = regression()
    plain = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "validation_data": (X, y)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        handgrad.MLPRegressor(**plain, verbose=True).fit(X, y)
        told = capsys.readouterr()
        assert "Iteration 3, loss = " in told.out and told.err == ""
        handgrad.MLPRegressor(**plain, verbose="bar").fit(X, y)
        told = capsys.readouterr()
        assert told.out == "" and "3/3" in told.err and "validation_score=" in told.err
    with pytest.raises(ValueError, match="True, False or 'bar'"):
        handgrad.MLPRegressor(**plain, verbose="line").fit(X, y)


def test_threads_may_fit_the_same_estimator():
    """Whoever ends last is kept; nobody falls over another's notes."""
    X, y = regression()
    estimator = handgrad.MLPRegressor(hidden_layer_sizes=(9,), early_stopping=True, max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: estimator.fit(X, y), range(12)))
    assert np.isfinite(estimator.predict(X)).all()


def test_ctrl_c_keeps_what_was_learned():
    script = """
import os, signal, threading, time, warnings
import numpy as np, handgrad
X = np.random.default_rng(0).normal(size=(20000, 50)); y = X[:, 0]
handgrad.MLPRegressor  # imported before the clock starts
threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    start = time.perf_counter()
    estimator = handgrad.MLPRegressor(hidden_layer_sizes=(300, 300), max_iter=10000, n_iter_no_change=10**6, batch_size=20000,
                                      random_state=0).fit(X, y)
    took = time.perf_counter() - start
assert took < 5.0, took
assert any("interrupted by user" in str(w.message) for w in told)
assert np.isfinite(estimator.predict(X[:5])).all()
"""
    subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, check=True, timeout=60)
