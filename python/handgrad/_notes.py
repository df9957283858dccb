"""Parameters of estimators as JSON, for the note in a model's file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["is_json", "noted", "read_back"]


def is_json(value: Any) -> bool:
    """Whether a value is numbers, texts, None or lists of them."""
    if isinstance(value, (list, tuple)):
        return all(is_json(one) for one in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _value(given: Any) -> Any:
    """As JSON; TypeError for what is none of what noted() says."""
    if isinstance(given, np.dtype) or (isinstance(given, type) and issubclass(given, np.generic)):
        return np.dtype(given).name
    if isinstance(given, np.ndarray):
        return _value(given.tolist())
    if isinstance(given, np.generic):
        return _value(given.item())
    if isinstance(given, tuple):
        return {"tuple": [_value(one) for one in given]}
    if isinstance(given, list):
        return [_value(one) for one in given]
    if isinstance(given, Mapping):
        return {"dict": [[_value(key), _value(value)] for key, value in given.items()]}
    if is_json(given):
        return given
    raise TypeError(f"{type(given).__name__} is nothing that JSON has")


def noted(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are numbers, texts, None, types of numbers, lists, tuples, arrays or dicts of them; others are left
    out (a random generator, a validation set of frames)."""
    result = {}
    for name, value in parameters.items():
        try:
            result[name] = _value(value)
        except TypeError:
            continue
    return result


def read_back(value: Any) -> Any:
    """What _value() wrote: NumPy's numbers and arrays as Python's own and lists."""
    if isinstance(value, list):
        return [read_back(one) for one in value]
    if isinstance(value, dict) and "tuple" in value:
        return tuple(read_back(one) for one in value["tuple"])
    if isinstance(value, dict):
        return {read_back(key): read_back(one) for key, one in value["dict"]}
    return value
