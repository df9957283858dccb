"""Small neural networks with every derivative in the open: exact, hand-derived and checked."""

from typing import TYPE_CHECKING, Any

from handgrad._core import simd_levels
from handgrad._core import version as __version__
from handgrad.errors import DataError, DivergedError, Error, FileError, ModelError, UsageError
from handgrad.interchange import from_sklearn, from_torch, to_sklearn, to_torch
from handgrad.many import fit_many
from handgrad.network import SGD, Adam, AdamW, Mlp, Optimizer, loss
from handgrad.training import Epoch, Training, train

if TYPE_CHECKING:
    from handgrad.estimators import MLPClassifier, MLPRegressor

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "DataError",
    "DivergedError",
    "Epoch",
    "Error",
    "FileError",
    "MLPClassifier",
    "MLPRegressor",
    "Mlp",
    "ModelError",
    "Optimizer",
    "Training",
    "UsageError",
    "__version__",
    "fit_many",
    "from_sklearn",
    "from_torch",
    "loss",
    "simd_levels",
    "to_sklearn",
    "to_torch",
    "train",
]

_FROM = {"MLPClassifier": "handgrad.estimators", "MLPRegressor": "handgrad.estimators"}


def __getattr__(name: str) -> Any:
    """What needs scikit-learn is imported when it is asked for."""
    if name not in _FROM:
        raise AttributeError(f"module 'handgrad' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_FROM[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
