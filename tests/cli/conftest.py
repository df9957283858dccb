"""Fixtures: the program in a folder of its own, with or without a trained model there."""

import pytest
from cli_support import Program, arguments_for, classification_table, regression_table


@pytest.fixture
def handgrad(tmp_path):
    return Program(tmp_path)


@pytest.fixture
def regression(handgrad):
    """A trained regression: t.csv and m.model."""
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=60), "--learning-rate", "0.01")
    assert ran.code == 0, ran.err
    return handgrad


@pytest.fixture
def classification(handgrad):
    """A trained classification in two classes: t.csv and m.model."""
    handgrad.write("t.csv", classification_table())
    ran = handgrad("train", "t.csv", *arguments_for("class", epochs=60), "--learning-rate", "0.02")
    assert ran.code == 0, ran.err
    return handgrad
