"""Engines of others hand our estimators out through joblib's backends: two workers give what one process does."""

import contextlib
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

import handgrad


@contextlib.contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
            distributed.Client(cluster):
        yield "dask"


@contextlib.contextmanager
def ray():
    engine = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield "ray"
    engine.shutdown()


@pytest.mark.parametrize("engine", [dask, ray], ids=["dask", "ray"])
def test_two_workers_give_what_one_process_does(engine):
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(handgrad.MLPClassifier((6,), random_state=0, max_iter=10), {"alpha": [1e-4, 1.0]}, cv=3)
    rng = np.random.default_rng(0)
    groups = {i: (rng.normal(size=(20, 3)), rng.normal(size=20)) for i in range(12)}
    small = handgrad.MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = search.fit(X, y).cv_results_["mean_test_score"]
        models = handgrad.fit_many(groups, small)
        with engine() as backend, joblib.parallel_backend(backend):
            handed_out = search.set_params(n_jobs=2).fit(X, y).cv_results_["mean_test_score"]
            others = handgrad.fit_many(groups, small, n_jobs=2, models_per_task=5)
    np.testing.assert_array_equal(handed_out, alone)
    for key, (rows, _) in groups.items():
        np.testing.assert_array_equal(models[key].predict(rows), others[key].predict(rows))
