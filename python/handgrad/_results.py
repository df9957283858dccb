"""What results have in common: a text as the program prints it, the same for notebooks, frames on request."""

from __future__ import annotations

import html
from typing import Any

import numpy as np


def html_of(text: str) -> str:
    """Plain text as a notebook shows it."""
    return f'<pre style="line-height: 1.3; white-space: pre">{html.escape(text.strip(chr(10)))}</pre>'


class Result:
    """Shows itself as the program would print it."""

    text: str

    def __str__(self) -> str:
        return self.text.strip("\n")

    def _repr_html_(self) -> str:
        return html_of(self.text)


class Info(dict):  # type: ignore[type-arg]
    """What a model says of itself, by name; as a text what the program's verb inspect prints."""

    def __init__(self, entries: dict[str, Any], text: str) -> None:
        super().__init__(entries)
        self.text = text

    def __str__(self) -> str:
        return self.text.strip("\n")

    def _repr_html_(self) -> str:
        return html_of(self.text)


def frame(columns: Any) -> Any:
    """A DataFrame of pandas, which is imported only here."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame() needs pandas: pip install 'handgrad[table]'") from error
    return pandas.DataFrame(columns)


def axes(given: Any) -> Any:
    """Those of matplotlib, which is imported only here; new ones where none are given."""
    if given is not None:
        return given
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install 'handgrad[plot]'") from error
    return plt.subplots(layout="constrained")[1]


def finite(values: Any) -> np.ndarray:
    """What can be drawn."""
    shown: np.ndarray = np.isfinite(np.asarray(values, float))
    return shown
