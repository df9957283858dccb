"""What becomes of the arrays that people have: converted once, or refused by name."""

import operator
from typing import Any

import numpy as np

from handgrad.errors import UsageError

# Booleans, whole numbers and floats; no texts, objects, dates or complex numbers.
NUMBER_KINDS = "biuf"


def as_array(given: Any) -> np.ndarray:
    """An array, which keeps its mask where it has one."""
    array: np.ndarray = given if isinstance(given, np.ma.MaskedArray) else np.asarray(given)
    return array


def without_mask(given: Any, name: str) -> Any:
    """What has no masked entry. Raises UsageError for others: what lies below a mask is no number."""
    if not isinstance(given, np.ma.MaskedArray):
        return given
    masked = int(np.sum(np.ma.getmaskarray(given)))
    if masked > 0:
        raise UsageError(f"{name}: {masked} of its values are masked; fill them in, for instance with "
                         f"{name}.filled(0), or leave their rows out (np.ma.compress_rows)")
    return given.data


def weights(given: Any, dtype: str) -> np.ndarray | None:
    """One weight a row, (rows,); the kernels refuse what makes no mean."""
    if given is None:
        return None
    array = np.asarray(without_mask(given, "weights"))
    if array.dtype.kind not in NUMBER_KINDS:
        raise TypeError(f"weights: numbers are expected, not {array.dtype}")
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(f"weights: one number for each row is expected, not an array of shape {array.shape}")
    with np.errstate(over="ignore"):  # what is infinite then is refused by its row
        return np.ascontiguousarray(array, dtype)


def whole(given: Any, name: str, least: int = 0) -> int:
    """A whole number, of NumPy's too; True and 2.0 are none."""
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{name}: a whole number is expected, not {given!r}") from None
    if isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name}: a whole number is expected, not {given!r}")
    if number < least:
        raise UsageError(f"{name} = {number} is out of range; it must be {least} or more")
    return number


def at_most(threads: Any) -> int:
    """How many threads may work; 0 and None: all that pay."""
    return whole(0 if threads is None else threads, "threads")


def texts(given: Any, name: str) -> list[str]:
    """One text or some, as a list."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"{name}: a name or a list of names is expected, not {given!r}")
    return [*given]


def rows(given: Any, dtype: str, name: str) -> np.ndarray:
    """`given` as rows x columns of that dtype in C order; one row where it has one axis only."""
    if hasattr(given, "__dlpack__") and not hasattr(given, "__array__"):
        given = np.from_dlpack(given)
    if hasattr(given, "toarray"):
        raise TypeError(f"{name}: a dense array is expected, not {type(given).__name__}; .toarray() makes it one")
    array = np.asarray(without_mask(given, name))
    if array.dtype.kind not in NUMBER_KINDS:
        raise TypeError(f"{name}: an array of numbers is expected, not of {array.dtype}{_advice(array)}")
    if array.ndim != 2:
        raise ValueError(f"{name}: rows x columns are expected, not an array of {array.ndim} axes"
                         f"{f'; one row is {name}[None, :], one column {name}[:, None]' if array.ndim == 1 else ''}")
    return np.ascontiguousarray(array, dtype)


def direction(given: Any, dtype: str, name: str) -> np.ndarray:
    """One number for each parameter, (P,)."""
    array = np.asarray(without_mask(given, name))
    if array.dtype.kind not in NUMBER_KINDS:
        raise TypeError(f"{name}: an array of numbers is expected, not of {array.dtype}{_advice(array)}")
    if array.ndim != 1:
        raise ValueError(f"{name}: one number for each parameter is expected, not an array of {array.ndim} axes")
    return np.ascontiguousarray(array, dtype)


def _advice(array: np.ndarray) -> str:
    if array.dtype.kind == "O":
        return "; a column may hold texts or missing values: fill them in, then .astype(float)"
    if array.dtype.kind in "US":
        return "; texts become numbers by .astype(float)"
    if array.dtype.kind == "c":
        return "; take .real and .imag as columns of their own"
    return ""
