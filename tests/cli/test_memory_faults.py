"""Without memory: whichever allocation fails, a verb ends with exit 6 and a word, and leaves files as they were.

Each allocation that has callers of its own fails in a child of the run that makes it (tests/support/failing_memory.c); in the
whole loop (HANDGRAD_FAULTS=all) callers are told apart further up, so that more of them count as their own.
"""

import os
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cli_support import Program, arguments_for, classification_table, regression_table

SOURCE = Path(__file__).resolve().parents[1] / "support/failing_memory.c"
WHOLE = os.environ.get("HANDGRAD_FAULTS") == "all"
FRAMES = "12" if WHOLE else "4"
IO, USAGE = 6, 2

TRAIN = ("train", "t.csv", "--target", "y", "--epochs", 2, "--hidden", 4, "--threads", 1)
# Words of the program, its exit code with memory, and what it writes.
RUNS = (
    ((*TRAIN, "-o", "n.model", "--json", "--diagnose", "--validation", 0.2), 0, "n.model"),
    (("train", "t.csv", "--config", "c.toml", "-o", "n.model", "--threads", 1), 0, "n.model"),
    (("train", "c.csv", "--target", "class", "--epochs", 2, "--hidden", 3, "-o", "n.model", "--report", "r.html", "--threads", 1), 0,
     "r.html"),
    ((*TRAIN, "-o", "n.model", "--checkpoint", "kept", "--checkpoint-every", 1), 0, "n.model"),
    (("predict", "m.model", "t.csv", "--json", "--threads", 1), 0, None),
    (("predict", "c.model", "c.csv", "--proba", "--jacobian", "-o", "p.csv", "--threads", 1), 0, "p.csv"),
    (("evaluate", "c.model", "c.csv", "--json", "--threads", 1), 0, None),
    (("explain", "m.model", "t.csv", "--row", 3, "--format", "json"), 0, None),
    (("explain", "m.model", "t.csv", "--row", 3, "--format", "latex"), 0, None),
    (("report", "m.model", "t.csv", "-o", "r.html", "--threads", 1), 0, "r.html"),
    (("inspect", "c.model", "--json"), 0, None),
    (("encode", "m.model", "t.csv", "-o", "x.npz"), 0, "x.npz"),
    (("export", "m.model", "--to", "c99", "--raw", "--hessian", "-o", "."), 0, "m.c"),
    (("export", "c.model", "--to", "onnx", "--raw", "-o", "m.onnx"), 0, "m.onnx"),
    (("import", "in.onnx", "-o", "n.model"), 0, "n.model"),
    (("check", "m.model", "t.csv", "--threads", 1), 0, None),
    (("diagnose", "c.model", "c.csv", "--json", "--threads", 1), 0, None),
    (("sensitivity", "m.model", "t.csv", "--json", "--threads", 1), 0, None),
    (("compare", "m.model", "t.csv", "--gradients", "g.npz", "--json", "--threads", 1), 1, None),
    (("compare", "m.model", "t.csv", "--row", 3, "--answers", "sheet.txt"), None, None),
)
SAMPLE = (1, 4, 7)


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory):
    library = tmp_path_factory.mktemp("failing") / "failing_memory.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True, timeout=60)
    return library


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with everything that the runs ask for."""
    program = Program(tmp_path_factory.mktemp("memory"))
    program.write("t.csv", regression_table(30))
    program.write("c.csv", classification_table(30))
    program.write("c.toml", '[train]\ntarget = "y"\nepochs = 2\nhidden = [3]\n')
    for words in (("train", "t.csv", *arguments_for("y")), ("train", "c.csv", *arguments_for("class", model="c.model"))):
        assert program(*words).code == 0
    program.write("sheet.txt", program("explain", "m.model", "t.csv", "--row", 3, "--blank").out.replace("____", "1"))
    np.savez(program.folder / "g.npz", W1=np.zeros((4, 5)), b1=np.zeros(4))
    assert program("export", "m.model", "--to", "onnx", "-o", "in.onnx").code == 0
    for name in ("n.model", "r.html", "p.csv", "x.npz", "m.c", "m.onnx"):
        program.write(name, "what was there before")
    return program


@pytest.mark.parametrize("number", range(len(RUNS)) if WHOLE else SAMPLE, ids=lambda number: "-".join(map(str, RUNS[number][0][:4])))
def test_any_allocation_may_fail(files, preloaded, number):
    words, code, output = RUNS[number]
    log = files.folder / "failing.log"
    log.write_text("")
    environment = {"LD_PRELOAD": str(preloaded), "FAILING_LOG": str(log), "FAILING_FRAMES": FRAMES, "FAILING_RESULTS": "kept"}
    if output is not None:
        environment["FAILING_WATCHED"] = output
    ran = files(*words, environment=environment, timeout=600)
    assert code is None or ran.code == code, ran.err[-2000:]
    lines = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    assert len(lines) > 100
    allowed = {0, ran.code, IO}  # 0: what was lost did not matter
    said = Counter(line for line in ran.err.splitlines() if "not enough memory" not in line).most_common(5)
    assert Counter(end for _, end, _, _ in lines if end not in allowed) == {}, said
    assert [line for line in lines if line[2]] == [], "a file changed though the run failed"
    assert [line for line in lines if line[1] != 0 and line[3]] == [], "a failed run left a file"
    assert sum(end == IO for _, end, _, _ in lines) > len(lines) / 2
    assert "there is not enough memory for this" in ran.err
