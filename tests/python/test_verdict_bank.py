"""A bank of right and wrong gradients: no PASS on a wrong one, no FAIL on a right one, no wrong name.

As a script it prints the table of three seeds (make verdicts); --write puts it into docs/compare.md.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from mistakes import gradient
from program import PLAIN, table_of, train

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import measured  # noqa: E402  (after the path that leads to it)

NETWORKS = {
    "shallow": {"sizes": [5, 7, 3], "rows": 40, "hidden": "tanh", "output": "identity", "loss": "squared_error"},
    "classes": {"sizes": [6, 9, 4], "rows": 60, "hidden": "tanh", "output": "softmax", "loss": "cross_entropy"},
    "binary": {"sizes": [5, 8, 2], "rows": 50, "hidden": "sigmoid", "output": "sigmoid", "loss": "binary_cross_entropy"},
    "squashed": {"sizes": [5, 8, 3], "rows": 50, "hidden": "relu", "output": "sigmoid", "loss": "squared_error"},
    "square": {"sizes": [6, 6, 6, 6], "rows": 45, "hidden": "relu", "output": "identity", "loss": "squared_error"},
    "wide": {"sizes": [10, 80, 2], "rows": 60, "hidden": "sigmoid", "output": "identity", "loss": "squared_error"},
    "deep": {"sizes": [5, 9, 8, 9, 8, 2], "rows": 40, "hidden": "tanh", "output": "identity", "loss": "squared_error"},
}
MISTAKES = ("transposed", "sign", "factor_2", "factor_half", "outputs_summed", "rows_summed", "missing_hidden_derivative",
            "missing_output_derivative", "derivative_at_activation", "accumulated_3", "hidden_derivative_twice",
            "slope_of_sigmoid", "slope_of_tanh", "slope_of_relu", "z_in_slope", "mask_inverted", "mask_of_gradient",
            "output_derivative_twice", "softmax_diagonal", "softmax_twice", "squared_error_gradient",
            "cross_entropy_gradient", "loss_epsilon", "untransposed_weights", "z_for_activation", "bias_left_out",
            "updated_weights", "part_of_batch", "never_computed")
CAUSE = {"outputs_summed": "factor_outputs", "rows_summed": "factor_rows", "accumulated_3": "accumulated"}
DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


def fits(net, mistake):
    """Whether the mistake can be made in this network."""
    softmax, sigmoid = net["output"] == "softmax", net["output"] == "sigmoid"
    only = {"softmax_diagonal": softmax, "softmax_twice": softmax, "squared_error_gradient": net["loss"] != "squared_error",
            "cross_entropy_gradient": sigmoid and net["loss"] == "squared_error", "output_derivative_twice": sigmoid,
            "loss_epsilon": net["loss"] != "squared_error", "missing_output_derivative": softmax or sigmoid}
    return only.get(mistake, True)


def make(folder, net, seed):
    """Model, table, weights, x and y of a network."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sizes, rows = net["sizes"], net["rows"]
    x = rng.normal(size=(rows, sizes[0]))
    weights = {}
    for layer, (n, m) in enumerate(zip(sizes, sizes[1:]), start=1):
        weights[f"linear{layer}.weight"] = rng.normal(size=(m, n)) * (1.3 / np.sqrt(n))
        weights[f"linear{layer}.bias"] = rng.normal(size=m) * 0.3
    weights = {name: w.astype(np.float32).astype(np.float64) for name, w in weights.items()}
    x = x.astype(np.float32).astype(np.float64)
    if net["output"] == "softmax":
        labels = np.arange(rows) % sizes[-1]
        y, columns, target = np.eye(sizes[-1])[labels], {"class": labels}, "class"
    else:
        y = rng.normal(size=(rows, sizes[-1])).astype(np.float32).astype(np.float64)
        y = (y > 0.0).astype(np.float64) if net["output"] == "sigmoid" else y
        columns = {f"y{k + 1}": y[:, k] for k in range(sizes[-1])}
        target = ",".join(columns)
    options = ["--hidden", ",".join(map(str, sizes[1:-1])), "--hidden-activation", net["hidden"], "--output-activation",
               net["output"], "--loss", net["loss"], "--epochs", 0, "--dtype", "f64", *PLAIN]
    if net["output"] != "softmax":
        options += ["--task", "regression"]
    trained = train(folder, table_of(x, columns), target, weights, *options)
    return trained.model, folder / "t.csv", weights, x, y


def judged(problem, net, mistake, dtype, folder):
    """(tensor, whether it is right, what compare says of it) for a gradient that is stored in that precision."""
    model, table, weights, x, y = problem
    computed = np.float64 if dtype == np.float64 else np.float32
    as_computed = lambda tensors: {name: tensor.astype(computed) for name, tensor in tensors.items()}
    wrong = gradient(net, as_computed(weights), x.astype(computed), y.astype(computed), frozenset({mistake} - {None}))
    right = gradient(net, weights, x, y)
    np.savez(folder / "g.npz", **{name: tensor.astype(dtype) for name, tensor in wrong.items()})
    command = [os.environ["HANDGRAD_PROGRAM"], "compare", model, table, "--gradients", folder / "g.npz", "--json"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    event = json.loads(ran.stdout)
    assert ran.returncode == (0 if event["verdict"] == "PASS" else 1)
    for tensor in event["tensors"]:
        ours, theirs = right[tensor["name"]], wrong[tensor["name"]]
        same = ours.shape == theirs.shape and np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(ours)
        yield tensor["name"], same, tensor


def bank(folder, seeds=(1,)):
    """Counts of what was said, by precision; and everything that was said wrongly."""
    counts, faults = collections.defaultdict(collections.Counter), []
    for seed in seeds:
        for name, net in NETWORKS.items():
            problem = make(folder / f"{name}{seed}", net, seed)
            for mistake in (None, *filter(lambda m, n=net: fits(n, m), MISTAKES)):
                for text, dtype in DTYPES.items():
                    count = counts[text]
                    for tensor, same, said in judged(problem, net, mistake, dtype, folder):
                        count["right" if same else "wrong"] += 1
                        count[("right " if same else "wrong ") + said["verdict"]] += 1
                        if said["verdict"] == ("FAIL" if same else "PASS"):
                            faults.append((seed, name, mistake, text, tensor, said["verdict"], said["cause"]))
                        if same or said["verdict"] != "FAIL":
                            continue
                        told = set(said["cause"].split("+"))
                        cause = CAUSE.get(mistake, mistake)
                        if told == {"unexplained"}:
                            count["localised"] += 1
                        elif cause in told or cause in "+".join(said["coincide"]):
                            count["named"] += 1
                        else:
                            count["another name"] += 1
                            faults.append((seed, name, mistake, text, tensor, "named", said["cause"]))
    return counts, faults


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return bank(tmp_path_factory.mktemp("bank"))


def test_no_verdict_is_wrong(result):
    assert result[1] == []


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_nearly_all_is_decided_and_named(result, precision):
    count = result[0][precision]
    assert count["right"] >= 150 and count["wrong"] >= 150
    undetermined = count["right UNDETERMINED"] + count["wrong UNDETERMINED"]
    assert undetermined <= 0.02 * (count["right"] + count["wrong"])
    assert count["localised"] <= 0.05 * count["wrong FAIL"]


def summary(counts, faults):
    """The table of docs/compare.md, and what it tells of the rate of wrong verdicts."""
    rows = [[text, ", ".join(str(count[f"right {verdict}"]) for verdict in ("PASS", "FAIL", "UNDETERMINED")),
             ", ".join(str(count[f"wrong {verdict}"]) for verdict in ("FAIL", "PASS", "UNDETERMINED")),
             f"{count['named']}, {count['localised']}"] for text, count in counts.items()]
    total = sum(count["right"] + count["wrong"] for count in counts.values())
    said = "None" if not faults else str(len(faults))
    # No fault in n independent trials: the rate is below 3/n at 95 %.
    rate = "" if faults else f"; with none the rate is below {300.0 / total:.2g} % at 95 % for tensors like these"
    header = ("stored as", "right: PASS, FAIL, UNDETERMINED", "wrong: FAIL, PASS, UNDETERMINED", "named, localised")
    return f"{measured.table(header, rows)}\n\n{said} of {total} tensors was judged or named wrongly{rate}."


def main():
    write = "--write" in sys.argv
    stamp = measured.stamp("tests/python/test_verdict_bank.py --write", "tests/python") if write else ""
    with tempfile.TemporaryDirectory() as folder:
        counts, faults = bank(Path(folder), seeds=range(1, 4))
    text = summary(counts, faults)
    print(text)
    if write:
        measured.write(ROOT / "docs/compare.md", "verdicts", f"{text}\n\n{stamp}")
    for fault in faults:
        print(*fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
