"""Many small models at once: one for each sensor, shop or patient, in batches that are worth a worker's while."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

__all__ = ["fit_many"]

# An engine's task costs one or two milliseconds, a small model about as much.
MODELS_PER_TASK = 200


def _fit_some(estimator: Any, groups: list[tuple[Hashable, tuple[Any, ...]]]) -> list[tuple[Hashable, Any]]:
    from sklearn.base import clone  # type: ignore[import-untyped,unused-ignore]

    fitted = []
    for key, data in groups:
        try:
            fitted.append((key, clone(estimator).fit(*data)))
        except Exception as error:
            error.add_note(f"in fit_many, group {key!r}")
            raise
    return fitted


def fit_many(groups: Mapping[Hashable, tuple[Any, ...]] | Iterable[tuple[Hashable, tuple[Any, ...]]], estimator: Any, *,
             n_jobs: int | None = None, models_per_task: int = MODELS_PER_TASK) -> dict[Hashable, Any]:
    """Fits a clone of `estimator` to every group: {key: fitted estimator}.

    groups: {key: (X, y)} or {key: (X, y, sample_weight)}, or such pairs one after the other. Hands out models_per_task
    models at a time through joblib, so that every engine with a joblib backend serves: threads, processes, dask, ray.
    With an int as its random_state the result depends neither on the number of workers nor on how groups are handed
    out. An exception names its group."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped,unused-ignore]

    if models_per_task < 1:
        raise ValueError(f"models_per_task must be at least 1, not {models_per_task}")
    pairs = list(groups.items() if isinstance(groups, Mapping) else groups)
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"fit_many: the group {twice!r} is there more than once")
    tasks = [pairs[first:first + models_per_task] for first in range(0, len(pairs), models_per_task)]
    if len(tasks) == 1 or n_jobs == 1:
        parts = [_fit_some(estimator, task) for task in tasks]
    else:
        parts = Parallel(n_jobs=n_jobs)(delayed(_fit_some)(estimator, task) for task in tasks)
    return {key: fitted for part in parts for key, fitted in part}
