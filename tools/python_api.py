#!/usr/bin/python3
"""Writes docs/python-api.md, the reference of the Python package, from its docstrings; --check only compares.

Usage: tools/python_api.py [--check]    (run by .venv-package's Python, with the package that tools/package builds)
"""

import difflib
import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/python-api.md"
HEAD = """# handgrad in Python: reference

Written by `tools/python_api.py` from the docstrings. [python.md](python.md) shows how it goes together.
"""
# What belongs together, in the order of the page; what is in none of them is refused.
GROUPS = {
    "Estimators of scikit-learn's kind": ["MLPRegressor", "MLPClassifier", "TableRegressor", "TableClassifier", "fit_many"],
    "Tables and models": ["fit", "Fit", "import_model", "load", "Model", "Jacobian"],
    "Networks and the five steps": ["Mlp", "loss", "Optimizer", "SGD", "Adam", "AdamW", "train", "Training", "Epoch"],
    "To look into them": ["evaluate", "check", "compare", "diagnose", "sensitivity", "explain", "report", "check_torch"],
    "From and to elsewhere": ["from_torch", "to_torch", "from_sklearn", "to_sklearn"],
    "The machine": ["simd_levels"],
    "Errors": ["Error", "UsageError", "DataError", "ModelError", "DivergedError", "FileError"],
}


class Bare(str):
    """An annotation as it is written, without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def bare(annotation):
    return Bare(annotation) if isinstance(annotation, str) else annotation


def signature(thing):
    """What a call looks like, types as they are written."""
    compiled = getattr(thing, "__nb_signature__", None)  # inspect says something else of it in every Python
    if compiled:
        text = compiled[0][0]
        return text[text.index("("):]
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    parameters = [each.replace(annotation=bare(each.annotation)) for each in found.parameters.values() if each.name != "self"]
    returned = inspect.Signature.empty if inspect.isclass(thing) else bare(found.return_annotation)
    return str(found.replace(parameters=parameters, return_annotation=returned))


def documented(name, thing, level):
    """The lines of one class or function."""
    lines = [f"{'#' * level} `{name}{signature(thing)}`", "", inspect.getdoc(thing) or "", ""]
    return "\n".join(lines)


def members(cls):
    """Public methods and properties that the class, or a base of ours, documents."""
    for name in dict.fromkeys(name for base in cls.__mro__ if base.__module__.startswith("handgrad") and base.__module__ != "handgrad._core" for name in base.__dict__):
        thing = inspect.getattr_static(cls, name)
        if name.startswith("_") or name.endswith("_request") or not inspect.getdoc(getattr(cls, name, None)):
            continue
        if isinstance(thing, property):
            yield f"- `{name}`: {flat(thing)}"
        elif callable(getattr(cls, name)):
            yield f"- `{name}{signature(getattr(cls, name))}`: {flat(getattr(cls, name))}"


def flat(thing):
    return re.sub(r"\s+", " ", inspect.getdoc(thing) or "").strip()


def page():
    import handgrad

    there = {name for name in handgrad.__all__ if not name.startswith("_")}
    known = {name for names in GROUPS.values() for name in names}
    if there - known:
        raise SystemExit(f"{Path(__file__).name}: GROUPS has no place for {', '.join(sorted(there - known))}")
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in names:
            if name not in there:
                continue
            thing = getattr(handgrad, name)
            parts.append(documented(name, thing, 3))
            if inspect.isclass(thing) and not issubclass(thing, Exception):
                parts.append("\n".join([*members(thing), ""]))
    return "\n".join(parts).rstrip() + "\n"


def main():
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    shown = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    differences = list(difflib.unified_diff(shown.splitlines(), text.splitlines(), "docs/python-api.md", "the docstrings", "", "", 1))
    for line in differences[:40]:
        print(line)
    if differences:
        print("docs/python-api.md is not what the docstrings say: tools/python_api.py")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
