"""The demonstration of `make demo` runs, beats the trivial baselines, and is friendly to a slip of the keyboard."""

import re
import subprocess
from pathlib import Path

DEMO = Path(__file__).parents[2] / "tools" / "demo"


def demo(*arguments):
    return subprocess.run([DEMO, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_demo_runs_and_every_network_beats_the_trivial_predictor():
    finished = demo()
    assert finished.returncode == 0, finished.stderr
    # Of each network two lines `test  0.96 …` and `test, always the …  0.63 …`; the first number is R² or accuracy.
    scores = [float(score) for score in re.findall(r"^test +(\S+)", finished.stderr, re.MULTILINE)]
    baselines = [float(score) for score in re.findall(r"^test, always the .*?  +(\S+)", finished.stderr, re.MULTILINE)]
    assert len(scores) == len(baselines) == 4
    assert all(score > baseline + 0.2 for score, baseline in zip(scores, baselines, strict=True))
    assert finished.stdout.count("the truth, of rows held out") == 4


def test_demo_explains_itself():
    assert "Usage: tools/demo" in demo("--help").stdout
    slip = demo("regresion")
    assert slip.returncode == 2
    assert "'regresion'" in slip.stderr
    assert "Usage: tools/demo" in slip.stderr
