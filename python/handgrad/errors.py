"""What handgrad raises: the library's one error, by its kinds as types that Python's users catch."""

from typing import Any


class Error(Exception):
    """A mistake that handgrad can name: its text gives place, cause and remedy."""


class UsageError(Error, ValueError):
    """A setting or a call that makes no sense."""


class DataError(Error, ValueError):
    """A table that cannot be read as asked."""


class ModelError(Error, ValueError):
    """A file that is not a sound model."""


class DivergedError(Error, ArithmeticError):
    """Training met a value that is not finite. Of handgrad.fit() the attribute `fit` is what was reached."""

    fit: Any = None


class FileError(Error, OSError):
    """The operating system refused to read or write: `filename` where, `errno` why, where it said (as of any OSError)."""

    def __str__(self) -> str:
        return super().__str__() if self.strerror is None else str(self.strerror)  # which names the file already


for _kind in (Error, UsageError, DataError, ModelError, DivergedError, FileError):
    _kind.__module__ = "handgrad"  # where users find them
