"""A bar that fills with the epochs, in terminals and notebooks; tqdm draws it."""

from __future__ import annotations

import math
from typing import Any, Self

__all__ = ["Bar"]


class Bar:
    """An epoch a step, the last losses and scores behind it. Raises ImportError where there is no tqdm."""

    def __init__(self, epochs: int, what: str = "epochs") -> None:
        try:
            from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise ImportError("a progress bar needs tqdm, which is not installed: pip install 'handgrad[progress]'") from error
        self._bar: Any = tqdm(total=epochs, desc=what, unit="epoch")

    def step(self, **numbers: float) -> None:
        """One epoch more, which came to these numbers; those that are NaN are not shown."""
        self._bar.set_postfix({name: f"{number:.4g}" for name, number in numbers.items() if not math.isnan(number)},
                              refresh=False)
        self._bar.update(1)

    def close(self) -> None:
        """Ends the line."""
        self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
