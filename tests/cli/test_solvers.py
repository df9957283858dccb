"""Training by solvers that see all rows at once: the minimum that an independent twin reaches, settings without meaning,
events and reasons to end, and checkpoints."""

import json

import numpy as np
import pytest
from cli_support import arguments_for, regression_table

SOLVERS = ("lbfgs", "bfgs")


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", regression_table())
    return handgrad


def train(handgrad, *words, model="m.model", epochs=20):
    """Without the settings of batches that other tests name."""
    command = ["train", "t.csv", "--target", "y", "-o", model, "--init", "by_activation", "--json", *words]
    if "--hidden" not in " ".join(map(str, words)):
        command += ["--hidden", 4]
    if epochs is not None:
        command += ["--epochs", epochs]
    return handgrad.shell(" ".join(["handgrad", *map(str, command)]))


def hash_of(handgrad, model):
    event, = handgrad("inspect", model, "--json").events
    return event["parameters_hash"]


# A twin in NumPy ------------------------------------------------------------------------------------------------------

def friedman(rows=200, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.random((rows, 5))
    return x, 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def test_it_reaches_the_minimum_of_scipy_on_a_gradient_of_numpy(handgrad):
    """A penalised logistic regression has one minimum: two programs that share nothing must meet there."""
    minimize = pytest.importorskip("scipy.optimize").minimize
    draw = np.random.default_rng(3)
    x = draw.normal(size=(120, 3))
    label = (x @ [1.0, -2.0, 0.5] + draw.normal(size=120) > 0).astype(int)
    handgrad.write("t.csv", "a,b,c,y\n" + "".join(f"{','.join(repr(float(v)) for v in row)},{'yn'[k]}\n" for row, k in zip(x, label)))
    scaled = (x - x.mean(0)) / x.std(0)
    positive = 1 - label  # the second class in the order of bytes is y

    def loss(w):
        z = scaled @ w[:3] + w[3]
        p = 1 / (1 + np.exp(-z))
        value = np.mean(np.logaddexp(0, z) - positive * z) + 0.5 * 0.01 * w[:3] @ w[:3]
        return value, np.append(scaled.T @ (p - positive) / 120 + 0.01 * w[:3], np.mean(p - positive))

    wanted = minimize(loss, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-10}).x
    for solver in SOLVERS:
        ran = handgrad.shell(f"handgrad train t.csv --target y --hidden none --optimizer {solver} --weight-decay 0.01 --tol 1e-10 "
                             "--dtype f64 --epochs 200 --json -o m.model")
        assert ran.code == 0, ran.err
        assert ran.events[-1]["stopped"] == "gradient"
        assert handgrad("export", "m.model", "--to", "npz", "-o", "m.npz").code == 0
        with np.load(handgrad.folder / "m.npz") as arrays:
            found = np.append(arrays["linear1.weight"].ravel(), arrays["linear1.bias"])
        assert np.abs(found - wanted).max() < 1e-8, (found, wanted)


@pytest.mark.parametrize("solver", SOLVERS)
def test_friedman_without_noise_is_fitted_as_far_as_by_scikit_learn(handgrad, solver):
    x, y = friedman(500)
    np.savetxt(handgrad.folder / "t.csv", np.c_[x, y], "%.17g", ",", header="a,b,c,d,e,y", comments="")
    ran = handgrad.shell(f"handgrad train t.csv --target y --hidden 16 --hidden-activation tanh --optimizer {solver} --dtype f64 "
                         "--epochs 5000 --json -o m.model")
    assert ran.events[-2]["loss"] * y.var() / 2 < 2e-4  # scikit-learn's loss, ½ of the squares in the table's units


# What is said ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,message", [
    ("--batch 32", "batch: lbfgs sees all rows at once and takes no batches; leave it out, or take another optimizer (--batch, --optimizer)"),
    ("--learning-rate 0.001", "learning_rate: lbfgs finds the length of its steps by itself"),
    ("--momentum 0.9", "momentum: lbfgs finds the length of its steps by itself"),
    ("--schedule constant", "schedule: lbfgs finds the length of its steps by itself"),
    ("--tol -1", "tol"),
    ("--lbfgs-memory 0", "lbfgs-memory"),
    ("--max-fun 0", "max-fun"),
])
def test_settings_of_batches_mean_nothing_even_by_their_usual_values(table, words, message):
    ran = train(table, "--optimizer", "lbfgs", words)
    assert ran.code == 2 and message in ran.err


@pytest.mark.parametrize("optimizer,words,message", [
    ("adam", "--tol 1e-6", "tol: it belongs to solvers that see all rows at once, as lbfgs does, and not to adam"),
    ("sgd", "--max-fun 15000", "max_fun: it belongs to solvers that see all rows at once"),
    ("bfgs", "--lbfgs-memory 10", "lbfgs_memory: it belongs to lbfgs, and not to bfgs"),
])
def test_settings_of_solvers_mean_nothing_to_others(table, optimizer, words, message):
    ran = train(table, "--optimizer", optimizer, words)
    assert ran.code == 2 and message in ran.err


def test_no_single_step_of_them_is_explained_or_diagnosed(table):
    assert train(table, "--optimizer", "lbfgs").code == 0
    for verb in ("explain m.model t.csv --row 1", "diagnose m.model t.csv", "check m.model t.csv", "report m.model t.csv -o r.html",
                 "evaluate m.model t.csv", "inspect m.model", "sensitivity m.model t.csv"):
        ran = table(*verb.split())
        assert ran.code == 0, (verb, ran.err)
    ran = table("explain", "--sizes", "3,2,1", "--optimizer", "lbfgs")
    assert ran.code == 2 and "sgd, adam, adamw" in ran.err


# Events and reasons ---------------------------------------------------------------------------------------------------

def test_epochs_tell_of_gradient_and_evaluations(table):
    ran = train(table, "--optimizer", "lbfgs", "--dtype", "f64")
    epochs = [event for event in ran.events if event["event"] == "epoch"]
    assert len(epochs) == 20 and ran.events[-1]["stopped"] == "epochs"
    losses = [epoch["loss"] for epoch in epochs]
    assert losses == sorted(losses, reverse=True)
    evaluations = [epoch["evaluations"] for epoch in epochs]
    assert evaluations[0] >= 2 and evaluations == sorted(evaluations)
    for field in ("gradient_norm", "evaluations", "approximate_wolfe", "descent_only"):
        assert ran.events[-1][field] == epochs[-1][field]
    event, = table("evaluate", "m.model", "t.csv", "--json").events
    assert event["loss"] == pytest.approx(losses[-1], rel=1e-12)
    assert "batch" not in table.shell("handgrad inspect m.model --json").events[0]["provenance"]
    adam = table("train", "t.csv", *arguments_for("y", epochs=1), "--json").events
    assert "evaluations" not in adam[1] and "evaluations" not in adam[-1]


@pytest.mark.parametrize("words,stopped,told", [
    ("--tol 0.05", "gradient", "at a minimum: the gradient is as small as was asked for"),
    ("--max-fun 7", "evaluations", "the loss was computed as often as it may be"),
    ("--tol 0 --hidden none", "no_progress", "no step lowers the loss any more"),
])
def test_the_reason_for_the_end_is_told_and_kept(table, words, stopped, told):
    ran = train(table, "--optimizer", "lbfgs", words, epochs=2000)
    assert ran.code == 0 and ran.events[-1]["stopped"] == stopped and told in ran.err
    assert table("inspect", "m.model", "--json").events[0]["provenance"]["stopped"] == stopped
    assert table("diagnose", "m.model", "t.csv").code == 0


def test_nobody_says_how_long(table):
    ran = train(table, "--optimizer", "bfgs", epochs=None)
    assert ran.code == 0 and "refit" in [event["event"] for event in ran.events] and ran.events[-1]["refit"]
    assert "epochs: at most 1000" in ran.err
    ran = train(table, "--optimizer", "bfgs", "--early-stopping", 0, epochs=None)
    assert ran.events[-1]["epochs"] <= 1000 and "one iteration of bfgs over all rows at once" in ran.err


# The same bits --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", ["--optimizer lbfgs", "--optimizer bfgs --dtype f64", "--optimizer lbfgs --early-stopping 30 --refit"])
def test_a_run_is_replayed_and_gone_on_with_to_the_same_bits(table, words):
    command = ("train", "t.csv", "--target", "y", "--hidden", "4", *words.split(), "--epochs", "40", "--json")
    straight = table(*command, "-o", "m.model")
    assert straight.code == 0, straight.err
    table.write("run.jsonl", "".join(json.dumps(event) + "\n" for event in straight.events))
    replay = table("verify-run", "run.jsonl", "--simd", "scalar", "--threads", 1)
    assert replay.code == 0 and "PASS" in replay.out, replay.out + replay.err
    whole = hash_of(table, "m.model")
    process = table.start(*command, "-o", "n.model", "--checkpoint", "ck", "--checkpoint-every", "1")
    for line in process.stdout:
        if json.loads(line).get("epoch") == 5:
            process.kill()
            break
    process.communicate()
    for checkpoint in sorted((table.folder / "ck").glob("checkpoint-*.model")):
        assert table("inspect", checkpoint).code == 0
    resumed = table("train", "--resume", "ck", "--json")
    assert resumed.code == 0, resumed.err
    assert hash_of(table, "n.model") == whole
    done = resumed.events[-1]
    assert done["stopped"] == straight.events[-1]["stopped"] and done.get("evaluations") == straight.events[-1].get("evaluations")


def test_a_model_that_kept_its_training_is_gone_on_with(table):
    assert train(table, "--optimizer lbfgs", epochs=30, model="whole.model").code == 0
    assert train(table, "--optimizer lbfgs", "--keep-training", epochs=12).code == 0
    ran = table.shell("handgrad train t.csv --continue m.model --epochs 18 -o n.model")
    assert ran.code == 0, ran.err
    assert hash_of(table, "n.model") == hash_of(table, "whole.model")
    ran = table.shell("handgrad train t.csv --continue m.model --optimizer adam --epochs 2 -o n.model")
    assert ran.code == 0 and "the optimizer is another one, and begins with no memory" in ran.err, ran.err
    ran = table.shell("handgrad train t.csv --continue n.model --optimizer bfgs --epochs 2 -o o.model")
    assert ran.code == 0, ran.err


def test_an_end_is_an_end_when_it_is_resumed(table):
    words = "--optimizer lbfgs --tol 0.05 --checkpoint ck"
    assert train(table, words, epochs=500).events[-1]["stopped"] == "gradient"
    whole = hash_of(table, "m.model")
    ran = table("train", "--resume", "ck", "--json")
    assert ran.events[-1]["stopped"] == "gradient" and hash_of(table, "m.model") == whole


def test_an_end_is_none_for_a_training_that_begins_again(table):
    assert train(table, "--optimizer lbfgs --tol 0.05 --keep-training", epochs=500).events[-1]["stopped"] == "gradient"
    ran = table.shell("handgrad train t.csv --continue m.model --tol 1e-3 --epochs 100 --json -o n.model")
    assert ran.code == 0 and ran.events[-1]["stopped"] == "gradient" and ran.events[-1]["gradient_norm"] <= 1e-3, ran.err


# Bad input ------------------------------------------------------------------------------------------------------------

def test_constant_targets_single_rows_and_huge_scales(handgrad):
    handgrad.write("t.csv", "a,y\n" + "".join(f"{i},7\n" for i in range(30)))
    assert train(handgrad, "--optimizer lbfgs --task regression").code == 0
    handgrad.write("t.csv", "a,y\n1,7\n")
    assert train(handgrad, "--optimizer bfgs --task regression --scale none --no-scale-target").code == 0
    handgrad.write("t.csv", "a,y\n" + "".join(f"{i}e25,{(i * 7) % 30}e-30\n" for i in range(30)))
    assert train(handgrad, "--optimizer bfgs --task regression").code == 0
    handgrad.write("t.csv", "a,y\n" + "".join(f"{i}e160,{(i * 7) % 30}e160\n" for i in range(30)))
    ran = train(handgrad, "--optimizer lbfgs --task regression --scale none --no-scale-target --dtype f64")
    assert ran.code == 5 and "the loss over all rows or its gradient is not finite at the weights of epoch 0" in ran.err
    ran = train(handgrad, "--optimizer bfgs --hidden 600,4")
    assert ran.code == 2 and "bfgs keeps a matrix of all pairs of parameters" in ran.err and "--optimizer lbfgs" in ran.err


# Levenberg–Marquardt --------------------------------------------------------------------------------------------------

def smooth(folder, rows=120):
    """A table that a small tanh network can fit to the last digits."""
    x = np.linspace(-3.0, 3.0, rows)
    np.savetxt(folder / "s.csv", np.c_[x, np.sin(x) * np.exp(-x / 3), x > 1], "%.17g", ",", header="x,y,late", comments="")


LM = ("train", "s.csv", "--target", "y", "--drop", "late", "--hidden-activation", "tanh", "--optimizer", "lm", "--dtype", "f64", "--task",
      "regression", "--validation", "0", "--json", "-o", "m.model", "--hidden")
SIX = (*LM, "6")


def test_lm_fits_what_can_be_fitted_and_says_how_it_went(handgrad):
    smooth(handgrad.folder)
    ran = handgrad(*SIX, "--epochs", "3000", "--max-fun", "900")
    assert ran.code == 0, ran.err
    epochs = [event for event in ran.events if event["event"] == "epoch"]
    losses = [epoch["loss"] for epoch in epochs]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1e-9
    done = ran.events[-1]
    assert done["evaluations"] <= 900 and done["accelerated"] > 0 and done["damping"] > 0
    assert "approximate_wolfe" not in done
    event, = handgrad("evaluate", "m.model", "s.csv", "--json").events
    assert event["loss"] == pytest.approx(losses[-1], rel=1e-6)
    for verb in ("explain m.model s.csv --row 1", "diagnose m.model s.csv", "check m.model s.csv", "inspect m.model"):
        assert handgrad(*verb.split()).code == 0, verb


def test_lm_gives_the_same_bits_on_any_threads_and_instruction_set(handgrad):
    smooth(handgrad.folder, 700)
    hashes = {handgrad(*SIX, "--epochs", "30", *more).events[-1]["parameters_hash"]
              for more in (("--threads", "1"), ("--threads", "3"), ("--simd", "scalar"), ("--simd", "avx2"))}
    assert len(hashes) == 1


def test_lm_goes_on_to_the_same_bits(handgrad):
    smooth(handgrad.folder)
    whole = handgrad(*SIX, "--epochs", "40").events[-1]
    assert handgrad(*SIX, "--epochs", "40", "--checkpoint", "c", "--checkpoint-every", "7").code == 0
    for file in sorted((handgrad.folder / "c").iterdir()):
        if "best" not in file.name and not file.name.startswith("."):
            ran = handgrad.shell(f"handgrad train --resume c/{file.name} --json -o again.model")
            if ran.code == 0:
                assert ran.events[-1]["parameters_hash"] == whole["parameters_hash"], file.name


@pytest.mark.parametrize("words,message", [
    ("6 --loss huber", "optimizer: lm makes sums of squares small, and huber is none; take squared_error for the loss, or lbfgs, which takes "
                     "any (--loss squared_error, --optimizer lbfgs)"),
    ("500000", "lm keeps two matrices of all pairs of parameters, which for these 1500001 take 36000"),
    ("6 --batch 32", "batch: lm sees all rows at once and takes no batches"),
    ("6 --lbfgs-memory 10", "lbfgs_memory: it belongs to lbfgs, and not to lm"),
])
def test_lm_refuses_what_it_cannot_do(handgrad, words, message):
    smooth(handgrad.folder)
    ran = handgrad(*LM, *words.split(), "--epochs", "5")
    assert ran.code == 2 and message in ran.err, ran.err


@pytest.mark.parametrize("rows", ["1,1", "1,1\n2,1", "1,5\n1,5\n1,5", "1,0\n2,0\n3,0\n4,0"])
def test_lm_is_sound_where_there_is_little_to_learn(handgrad, rows):
    (handgrad.folder / "t.csv").write_text("x,y\n" + rows + "\n")
    ran = handgrad("train", "t.csv", "--target", "y", "--task", "regression", "--optimizer", "lm", "--hidden", "4", "--hidden-activation",
                   "tanh", "--validation", "0", "--scale", "none", "--no-scale-target", "--epochs", "50", "--json", "-o", "m.model")
    assert ran.code == 0, ran.err
    assert ran.events[-1]["stopped"] in ("gradient", "no_progress", "epochs")
