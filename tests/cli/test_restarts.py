"""`train --restarts N`: the best of N seeds, judged by the same rows, and what does not go together with it."""

import signal
import time

import pytest
from cli_support import regression_table

WORDS = ("--target", "y", "--hidden", 3, "--hidden-activation", "tanh", "--learning-rate", 0.02)


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", regression_table())
    handgrad.write("v.csv", "\n".join(regression_table(90).splitlines()[:1] + regression_table(90).splitlines()[61:]) + "\n")
    return handgrad


@pytest.mark.parametrize("more", [("--validation", "v.csv", "--early-stopping", 4, "--epochs", 60),
                                  ("--validation", 0, "--epochs", 12),
                                  ("--validation", "v.csv", "--epochs", 9)])
def test_the_best_of_the_seeds_is_kept_with_the_bits_of_its_training_alone(table, more):
    alone = {}
    for seed in (5, 6, 7, 8):
        *events, done = table("train", "t.csv", *WORDS, *more, "--seed", seed, "-o", "m.model", "--json").events
        losses = {event["epoch"]: event["loss"] if event["validation_loss"] is None else event["validation_loss"]
                  for event in events if event["event"] == "epoch"}
        alone[seed] = (losses[done["best_epoch"]], done["parameters_hash"])
    ran = table("train", "t.csv", *WORDS, *more, "--seed", 5, "--restarts", 4, "-o", "m.model", "--json")
    assert ran.code == 0, ran.err
    done = ran.events[-1]
    best = min(alone, key=lambda seed: alone[seed][0])
    assert [(one["seed"], one["loss"]) for one in done["restarts"]] == [(seed, loss) for seed, (loss, _) in alone.items()]
    assert done["parameters_hash"] == alone[best][1] and done["restarts"][done["restart"] - 1]["seed"] == best
    assert [event["seed"] for event in ran.events if event["event"] == "restart"] == [5, 6, 7, 8]
    note = table("inspect", "m.model", "--json").events[0]
    assert note["provenance"]["restart.seed"] == str(best) and float(note["provenance"]["restart.loss.6"]) == alone[6][0]
    assert (note["settings"]["restarts"], note["settings"]["seed"]) == (4, 5)
    kind = "training" if more[1] == 0 else "validation"
    assert f"restart 2 of 4, seed 6: {kind} loss " in ran.err
    assert f"restart {done['restart']} of 4 (seed {best}) had the lowest {kind} loss" in ran.err


def test_all_restarts_are_judged_by_the_same_rows_and_the_model_knows_them(table):
    ran = table("train", "t.csv", *WORDS, "--validation", 0.3, "--epochs", 5, "--restarts", 3, "-o", "m.model", "--json")
    assert sum(event["event"] == "start" for event in ran.events) == 1
    (evaluation,) = table("evaluate", "m.model", "t.csv", "--json").events
    assert {part["name"]: part["rows"] for part in evaluation["parts"]} == {"train": 42, "validation": 18}
    again = table.shell("handgrad train t.csv --target y --hidden 3 --hidden-activation tanh --learning-rate 0.02 --validation 0.3 "
                        "--epochs 5 --restarts 3 -o n.model --json --threads 1 --init by_activation --optimizer adam --schedule constant")
    assert again.code == 0, again.err
    assert again.events[-1]["parameters_hash"] == ran.events[-1]["parameters_hash"]


def test_a_restart_that_diverges_is_never_kept_unless_all_do(table):
    ran = table("train", "t.csv", *WORDS[:-2], "--optimizer", "sgd", "--learning-rate", 1e12, "--epochs", 3, "--restarts", 2, "-o", "m.model",
                "--json")
    assert ran.code == 5 and [one["loss"] for one in ran.events[-1]["restarts"]] == [None, None]
    assert "restart 2 of 2, seed 1: diverged" in ran.err


def test_interrupted_restarts_leave_the_best_that_had_ended(table):
    process = table.start("train", "t.csv", *WORDS, "--validation", 0, "--epochs", 100, "--restarts", 100000, "-o", "m.model", "--json")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"restart 1 of 100000" in err
    assert b'"stopped":"interrupted"' in out.splitlines()[-1]
    note = table("inspect", "m.model", "--json").events[0]["provenance"]
    count = int(note["restarts"])
    losses = {name: float(text) for name, text in note.items() if name.startswith("restart.loss.")}
    assert len(losses) == count >= 2
    assert min(losses, key=losses.get) == f"restart.loss.{note['restart.seed']}"


@pytest.mark.parametrize(("more", "says"), [
    (("--checkpoint", "ck"), "several trainings are not kept by checkpoints in this version; leave it out, or --checkpoint"),
    (("--continue", "m.model"), "nothing begins anew; leave one of the two out (--restarts, --continue)"),
])
def test_what_restarts_do_not_go_together_with_is_said(table, more, says):
    assert table("train", "t.csv", *WORDS, "--epochs", 2, "-o", "m.model").code == 0
    words = " ".join(map(str, WORDS)) if more[0] == "--checkpoint" else ""
    ran = table.shell(f"handgrad train t.csv {words} --epochs 2 --restarts 2 -o n.model {' '.join(more)}")
    assert ran.code == 2 and says in ran.err, ran.err
    assert table("train", "t.csv", *WORDS, "--restarts", 0, "-o", "n.model").code == 2


def test_a_model_of_restarts_is_gone_on_with_once_and_its_log_is_not_verified(table):
    ran = table("train", "t.csv", *WORDS, "--epochs", 2, "--restarts", 2, "-o", "m.model", "--json")
    table.write("run.jsonl", ran.out)
    verified = table("verify-run", "run.jsonl")
    assert verified.code == 3 and "a log of several trainings cannot be verified" in verified.err
    ran = table.shell("handgrad train t.csv --continue m.model --epochs 2 -o n.model --json")
    assert ran.code == 0 and not any(event["event"] == "restart" for event in ran.events), ran.err
