"""Whatever call of the operating system fails: exit 6 with the name of the file, or success where it did not matter; the
old file is whole, and nothing is left beside it.

strace lets the N-th call fail, for each N from the begin of main on: a part of them here, all with HANDGRAD_FAULTS=all. A
new verb that writes is one line in COMMANDS.
"""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from cli_support import PROGRAM, Program, arguments_for, classification_table, regression_table

WHOLE = os.environ.get("HANDGRAD_FAULTS") == "all"
IO = 6
FAULTS = {"write": "ENOSPC", "fsync": "EIO", "rename": "EXDEV", "openat": "EACCES", "close": "EIO", "mmap": "ENOMEM",
          "read": "EIO", "newfstatat": "EIO"}
# What runs, which files it reads and writes. A file that it writes is there before, and has other contents.
COMMANDS = {
    "train": ("train t.csv --target y --epochs 2 --hidden 3 --threads 1 --quiet -o out.model", ("t.csv",), "out.model"),
    "train-report": ("train c.csv --target class --epochs 2 --hidden 3 --threads 1 --quiet -o n.model --report out.html",
                     ("c.csv", "n.model"), "out.html"),
    "predict": ("predict m.model t.csv --threads 1 -o out.csv", ("m.model", "t.csv"), "out.csv"),
    "predict-to-standard-output": ("predict m.model t.csv --json --threads 1", ("m.model", "t.csv"), None),
    "encode": ("encode m.model t.csv --quiet -o out.npz", ("m.model", "t.csv"), "out.npz"),
    "export": ("export m.model --to onnx --raw --quiet -o out.onnx", ("m.model",), "out.onnx"),
    "import": ("import g.npz --quiet -o out.model", ("g.npz",), "out.model"),
    "report": ("report m.model t.csv --threads 1 --quiet -o out.html", ("m.model", "t.csv"), "out.html"),
    "evaluate": ("evaluate m.model t.csv --threads 1", ("m.model", "t.csv"), None),
    "compare": ("compare m.model t.csv --gradients g.npz --threads 1", ("m.model", "t.csv", "g.npz"), None),
    "checkpoint": ("train t.csv --target y --epochs 2 --hidden 3 --threads 1 --quiet -o out.model --checkpoint kept "
                   "--checkpoint-every 1", ("t.csv", "kept"), "out.model"),
    "config": ("train t.csv --config c.toml --threads 1 --quiet -o out.model", ("t.csv", "c.toml"), "out.model"),
}
OLD = b"what was there before"
# The first thing that main does (cli/main.cpp); what comes earlier is the loader's.
MAIN = re.compile(r"rt_sigaction\(SIGPIPE, \{sa_handler=SIG_IGN")


def traced(folder, options, words, log):
    return subprocess.run(["strace", "-f", "-qq", "-o", log, *options, PROGRAM, *words.split()], cwd=folder, capture_output=True,
                          timeout=120, check=False)


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace cannot be used here")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("faults"))
    program.write("t.csv", regression_table(12))
    program.write("c.csv", classification_table(12))
    program.write("c.toml", '[train]\ntarget = "y"\nepochs = 2\nhidden = [3]\n')
    assert program("train", "t.csv", *arguments_for("y")).code == 0
    np.savez(program.folder / "g.npz", W1=np.zeros((4, 5)), b1=np.zeros(4))
    return program


def calls_of(folder, words, log):
    """How many calls of each kind there are, and how many of them before main."""
    done = traced(folder, ["-e", "trace=rt_sigaction," + ",".join(FAULTS)], words, log)
    total, before, begun = dict.fromkeys(FAULTS, 0), dict.fromkeys(FAULTS, 0), False
    for line in log.read_text().splitlines():
        begun = begun or MAIN.search(line) is not None
        called = re.match(r"\d+ +(\w+)\(", line)
        if called and called[1] in total:
            total[called[1]] += 1
            before[called[1]] += not begun
    assert begun, "main does not begin as it used to"
    return done, total, before


def numbers(first, last):
    """All of them, or six."""
    all_of_them = range(first, last + 1)
    return all_of_them if WHOLE or len(all_of_them) <= 6 else sorted({*all_of_them[:2], *all_of_them[-4:]})


def prepare(folder, output):
    shutil.rmtree(folder / "kept", ignore_errors=True)
    if output is not None:
        (folder / output).write_bytes(OLD)


def check(folder, done, before, name, complete, what):
    """One run with a fault against the run without."""
    _, files_read, output = COMMANDS[name]
    words = done.stderr.decode()
    for checkpoint in (folder / "kept").glob("*.model"):
        assert subprocess.run([PROGRAM, "inspect", checkpoint], capture_output=True, check=False).returncode == 0, what
    if done.returncode != complete.returncode:
        assert done.returncode == IO, f"{what}: {words}"
        named = (*files_read, output or "standard output", "memory", "standard output", "threads")
        assert any(one in words for one in named), f"{what}: {words}"
    if output is not None:
        content = (folder / output).read_bytes()
        written = content != OLD
        assert done.returncode == IO or written, f"{what}: nothing was written, exit {done.returncode}"
        assert not written or len(content) > len(OLD), f"{what}: {len(content)} bytes were written"
    for path in folder.iterdir():
        if path.is_file() and path.name not in before and path.name in words:
            assert path.read_bytes() not in (b"", OLD), f"{what}: {path.name} is empty"  # where the result was rescued to
            path.unlink()
    kept = [path.name for path in (folder / "kept").glob("*")]
    assert [one for one in kept if ".tmp." in one] == [], f"{what}: in the folder of checkpoints"
    left = sorted(path.name for path in folder.iterdir() if path.name != "kept")
    assert left == before, f"{what}: {set(left) - set(before)} was left"


@needs_strace
@pytest.mark.parametrize("name", COMMANDS if WHOLE else ("train", "predict"))
def test_any_call_may_fail(files, tmp_path, name):
    words, _, output = COMMANDS[name]
    folder = files.folder
    prepare(folder, output)
    complete, total, before_main = calls_of(folder, words, tmp_path / "calls")
    assert complete.returncode in (0, 1), complete.stderr
    assert output is None or total["fsync"] > 0
    names = sorted(path.name for path in folder.iterdir() if path.name != "kept")
    faults = 0
    for call, error in FAULTS.items():
        for number in numbers(before_main[call] + 1, total[call]):
            prepare(folder, output)
            done = traced(folder, ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"], words, tmp_path / "log")
            check(folder, done, names, name, complete, f"{name}: {call} {number} of {total[call]}")
            faults += done.returncode == IO
    assert faults >= 4


def test_a_file_may_be_too_large_for_the_limit(files):
    """bash counts in blocks of 1024 bytes; the signal that comes with the error must not end the program."""
    folder = files.folder
    for words, output in (("train t.csv --target y --epochs 2 --hidden 40 --threads 1 --quiet -o out.model", "out.model"),
                          ("report m.model t.csv --threads 1 --quiet -o out.html", "out.html")):
        prepare(folder, output)
        before = sorted(path.name for path in folder.iterdir())
        ran = files.shell(f"bash -c 'ulimit -f 1 && exec handgrad {words}'")
        assert ran.code == IO and output in ran.err and "File too large" in ran.err, ran
        assert (folder / output).read_bytes() == OLD
        assert sorted(path.name for path in folder.iterdir()) == before


FULL = """mount -t tmpfs -o size=32k tmpfs full
printf %s 'what was there before' > full/NAME
head -c 24576 /dev/zero > full/rest
handgrad WORDS -o full/NAME
echo $? $(head -c 40 full/NAME) $(ls full)
"""


def test_a_full_file_system_leaves_the_old_file(files):
    """A disk of 32 KiB in a name space of its own, which ends with the command."""
    if files.shell("unshare -rm mount -t tmpfs tmpfs /tmp").code != 0:
        pytest.skip("unshare cannot make a name space with a small disk here")
    (files.folder / "full").mkdir(exist_ok=True)
    files.write("large.csv", regression_table(3000))
    for words, name in (("train t.csv --target y --epochs 2 --hidden 2000 --threads 1 --quiet", "n.model"),
                        ("report m.model t.csv --threads 1 --quiet", "r.html"), ("encode m.model large.csv --quiet", "x.npz"),
                        ("predict m.model large.csv --threads 1", "p.csv")):
        files.write("full.sh", FULL.replace("NAME", name).replace("WORDS", words))
        ran = files.shell("unshare -rm sh full.sh")
        assert ran.out.splitlines()[-1] == f"6 what was there before {' '.join(sorted((name, 'rest')))}", ran
        assert f"full/{name}" in ran.err and "No space left on device" in ran.err, ran
