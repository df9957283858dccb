"""Labels as they were given, and the texts that stand for them in a table and in a model's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from handgrad import _core
from handgrad.errors import UsageError
from handgrad.model import Model
from handgrad.table import reading_of

EXACT = 2**53  # whole numbers up to here are told apart as numbers of float64


def _is_gap(label: Any) -> bool:
    return label is None or type(label).__name__ in ("NAType", "NaTType") or (isinstance(label, (float, np.floating)) and label != label)


def _said(text: str | None) -> str:
    return "a missing one" if text is None else repr(text)


def _cells(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The labels as an array, and which are there."""
    if isinstance(values, np.ma.MaskedArray):
        return values.data, ~np.ma.getmaskarray(values)
    array = np.asarray(values, object) if isinstance(values, list) else np.asarray(values)
    if array.dtype.kind == "f":
        return array, ~np.isnan(array)
    if array.dtype.kind == "M":
        return array, ~np.isnat(array)
    if array.dtype.kind == "O":
        return array, np.array([not _is_gap(label) for label in array], bool)
    return array, np.ones(len(array), bool)


def _of_one_kind(labels: np.ndarray) -> np.ndarray:
    """Objects of Python as an array of their type; texts stay objects. Raises ValueError for texts among others."""
    if labels.dtype.kind != "O":
        return labels
    kinds = sorted({"str" if isinstance(label, str) else type(label).__name__ for label in labels})
    if "str" not in kinds:
        return np.array(labels.tolist())
    if len(kinds) > 1:
        raise ValueError(f"y: labels of one kind are expected, texts or numbers, not {', '.join(kinds)} together")
    return labels


class Labels:
    """The different labels of a target, in order; two are the same where they are equal to Python. Raises ValueError for
    what are no classes."""

    def __init__(self, values: Any, gaps: Sequence[str] = (), *, check: bool = True) -> None:
        """gaps: texts that mean that a label is missing. check: refuse numbers that are no whole ones."""
        self.gaps = list(gaps)
        array, there = self._cells(values)
        labels = _of_one_kind(array[there])
        if not len(labels):
            raise ValueError("y: every label is missing")
        if check:
            from sklearn.utils.multiclass import check_classification_targets

            check_classification_targets(labels)
        self.classes = np.unique(labels)
        self.kind = {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(self.classes.dtype.kind, "text")
        beyond = self.kind == "int" and any(abs(label) > EXACT for label in self.classes.tolist())
        #: whether their cells are texts, whatever they spell
        self.are_texts = self.kind == "text" or beyond
        if self.kind == "int" and not beyond:
            self.kind = "number"
        self.names, self.unwritable = self._names()

    def _names(self) -> tuple[list[Any], str]:
        """What stands in cells for each class, and why it is not what the class is called, if it is not."""
        called = self.classes.tolist()
        if not self.are_texts:
            return called, ""
        texts = [str(label) for label in called]
        columns = _core.Columns("labels", reading_of({"categorical": ["y"]}))
        columns.add_codes("y", np.arange(len(texts)), texts)
        read_back = columns.finish().texts("y")
        changed = [text for text, other in zip(texts, read_back) if text != other]
        if not changed:
            return texts, ""
        width = len(str(len(texts)))
        return [f"class {k:0{width}}" for k in range(len(texts))], (
            f"the label {changed[0]!r} is {_said(read_back[texts.index(changed[0])])} in a file of a model")

    def _cells(self, values: Any) -> tuple[np.ndarray, np.ndarray]:
        array, there = _cells(values)
        if self.gaps and array.dtype.kind in "OUT":
            there = there & np.array([label not in self.gaps for label in array], bool)
        return array, there

    def cells(self, name: str, values: Any, reading: _core.Reading) -> _core.Table:
        """A table of one column, in which what stands for it is in the place of each label. Raises ValueError for a label
        that is none of these."""
        array, there = self._cells(values)
        given, places = np.unique(_of_one_kind(array[there]), return_inverse=True)
        known = {label: k for k, label in enumerate(self.classes.tolist())}
        other = [label for label in given.tolist() if label not in known]
        if other:
            raise ValueError(f"y: {other[0]!r} is none of the classes {', '.join(map(repr, known))}")
        codes = np.full(len(array), -1, np.int64)
        codes[there] = np.array([known[label] for label in given.tolist()], np.int64)[places]
        columns = _core.Columns("target", reading.without_dates())
        columns.add_codes(name, codes, self.names)
        return columns.finish()

    def places(self, model: Model) -> np.ndarray:
        """Which of the classes each of the model's is."""
        if model._core.numeric_classes:
            numbers = {float(label): k for k, label in enumerate(self.classes.tolist())}
            return np.array([numbers[float(text)] for text in model._core.classes])
        texts = {str(name): k for k, name in enumerate(self.names)}
        return np.array([texts[text] for text in model._core.classes])


def refuse_unwritable(labels: Labels, what: str) -> None:
    """Raises UsageError for labels that a model's file cannot tell apart."""
    if labels.unwritable:
        raise UsageError(f"{what}: {labels.unwritable}; name them otherwise before fit()")
