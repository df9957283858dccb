"""What becomes of the arrays that people have: converted once, or refused by name."""

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
                         f"{'; one row is x[None, :], one column x[:, None]' if array.ndim == 1 else ''}")
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
