#!/usr/bin/python3
"""Writes the tables of this folder from the data that come with scikit-learn, bit for bit.

Usage: examples/data/make_tables.py [FOLDER]    (default: the folder of this script)
"""

import sys
from pathlib import Path

from sklearn import datasets

DIABETES_COLUMNS = ["age", "sex", "bmi", "blood_pressure", "total_cholesterol", "ldl", "hdl", "cholesterol_ratio",
                    "log_triglycerides", "glucose"]


def cell(value):
    """The shortest text that reads back as the same number; whole numbers without a fraction."""
    return repr(value.item()).removesuffix(".0")


def write_table(path, columns, features, target_name, target):
    lines = [",".join([*columns, target_name])]
    lines += [",".join([*map(cell, row), label]) for row, label in zip(features, target, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    print(f"{path.name}: {len(lines) - 1} rows, {len(columns) + 1} columns")


def main(folder):
    diabetes = datasets.load_diabetes(scaled=False)
    write_table(folder / "diabetes.csv", DIABETES_COLUMNS, diabetes.data, "progression", map(cell, diabetes.target))

    tumours = datasets.load_breast_cancer()
    write_table(folder / "breast_cancer.csv", [name.replace(" ", "_") for name in tumours.feature_names], tumours.data,
                "diagnosis", tumours.target_names[tumours.target])

    digits = datasets.load_digits()
    write_table(folder / "digits.csv", digits.feature_names, digits.data, "digit", map(cell, digits.target))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
