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
    from handgrad.model import Fit, Jacobian, Model, fit, import_model, load
    from handgrad.table_estimators import TableClassifier, TableRegressor
    from handgrad.verbs import check, check_torch, compare, diagnose, evaluate, explain, report, sensitivity

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "DataError",
    "DivergedError",
    "Epoch",
    "Error",
    "FileError",
    "Fit",
    "Jacobian",
    "MLPClassifier",
    "MLPRegressor",
    "Mlp",
    "Model",
    "ModelError",
    "Optimizer",
    "TableClassifier",
    "TableRegressor",
    "Training",
    "UsageError",
    "__version__",
    "check",
    "check_torch",
    "compare",
    "diagnose",
    "evaluate",
    "explain",
    "fit",
    "fit_many",
    "from_sklearn",
    "from_torch",
    "import_model",
    "load",
    "loss",
    "report",
    "sensitivity",
    "simd_levels",
    "to_sklearn",
    "to_torch",
    "train",
]

_FROM = {
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "handgrad.estimators"),
    **dict.fromkeys(("Fit", "Jacobian", "Model", "fit", "import_model", "load"), "handgrad.model"),
    **dict.fromkeys(("TableClassifier", "TableRegressor"), "handgrad.table_estimators"),
    **dict.fromkeys(("check", "check_torch", "compare", "diagnose", "evaluate", "explain", "report", "sensitivity"),
                    "handgrad.verbs"),
}


def __getattr__(name: str) -> Any:
    """What takes time to import, or needs scikit-learn, is imported when it is asked for."""
    if name not in _FROM:
        raise AttributeError(f"module 'handgrad' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_FROM[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
