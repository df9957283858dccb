"""Small neural networks with every derivative in the open: exact, hand-derived and checked."""

from typing import TYPE_CHECKING, Any

from handgrad._core import DataError, DivergedError, Error, FileError, ModelError, UsageError, simd_levels
from handgrad._core import version as __version__
from handgrad.network import SGD, Adam, AdamW, Mlp, Optimizer, loss

if TYPE_CHECKING:
    from handgrad.estimators import MLPClassifier, MLPRegressor
    from handgrad.model import Fit, Jacobian, Model, fit, load
    from handgrad.table_estimators import TableClassifier, TableRegressor
    from handgrad.verbs import check, check_torch, compare, diagnose, evaluate, explain, report, sensitivity

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "DataError",
    "DivergedError",
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
    "UsageError",
    "__version__",
    "check",
    "check_torch",
    "compare",
    "diagnose",
    "evaluate",
    "explain",
    "fit",
    "load",
    "loss",
    "report",
    "sensitivity",
    "simd_levels",
]

_FROM = {
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "handgrad.estimators"),
    **dict.fromkeys(("Fit", "Jacobian", "Model", "fit", "load"), "handgrad.model"),
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
