"""`handgrad tune`: what it chooses and writes, that interruptions change nothing, what it says of failures and bad input."""

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import time

import pytest
from cli_support import classification_table, regression_table

SEARCH = ("--target", "y", "--trials", 12, "--search", "hidden=2,4,8,4x4", "--search", "learning-rate=1e-3..0.1",
          "--search", "optimizer=adam,sgd", "--epochs", 18, "--folds", 3)


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", regression_table())
    return handgrad


def tuned(handgrad, *words, code=0):
    ran = handgrad("tune", "t.csv", *words, "-o", "m.model", "--json")
    assert ran.code == code, ran.err
    *trials, done = ran.events
    assert done["event"] == "done" and all(trial["event"] == "trial" for trial in trials)
    return trials, done


def numbers(trials):
    """What must not depend on how a search was run."""
    for trial in trials:
        for fold in trial["folds"]:
            fold.pop("seconds")
    return trials


def test_the_best_of_the_last_rung_is_trained_on_all_rows_and_says_how_it_was_chosen(table):
    trials, done = tuned(table, *SEARCH)
    assert [trial["trial"] for trial in trials] == list(range(1, 13))
    assert [(rung["trials"], round(1 / rung["share"])) for rung in done["rungs"]] == [(12, 3), (4, 1)]
    last = [trial for trial in trials if trial["rung"] == 2]
    assert len(last) == 4 and {fold["epochs"] for trial in last for fold in trial["folds"]} == {18}
    assert {fold["epochs"] for trial in trials if trial["rung"] == 1 for fold in trial["folds"]} == {6}
    best = min(last, key=lambda trial: trial["mean"])
    assert done["best"] == {name: best[name] for name in ("trial", "settings", "mean", "sd", "parameters")}
    assert (done["score"], done["smallest"]["parameters"] <= done["best"]["parameters"]) == ("rmse", True)
    for trial in trials:
        assert set(trial["settings"]) == {"hidden", "learning_rate", "optimizer"} and len(trial["scores"]) == 3

    # the same model by train, and the same scores by cv
    assert table.shell(f"{done['command']} -o again.model").code == 0
    (again,) = table("inspect", "again.model", "--json").events
    assert again["parameters_hash"] == done["parameters_hash"]
    words = shlex.split(done["command"])[3:]
    (alone, _) = table("cv", "t.csv", *words, "--folds", 3, "--json").events
    assert (alone["scores"], alone["mean"]) == (best["scores"], best["mean"])
    note = table("inspect", "m.model", "--json").events[0]["provenance"]
    assert note["selection.trials"] == "12" and float(note["selection.mean"]) == best["mean"]
    assert note["selection.searched"].startswith("hidden=2,4,8,4x4, learning_rate=1e-3..0.1")
    assert note["command"].startswith("handgrad train t.csv --target y")
    assert table("verify-run", "m.model").code != 0  # a model is no log


def test_threads_change_no_number(table):
    one, done = tuned(table, *SEARCH, "--threads", 1)
    several, done_too = tuned(table, *SEARCH, "--threads", 3)
    assert numbers(one) == numbers(several) and done["parameters_hash"] == done_too["parameters_hash"]


def test_the_usual_search_leaves_out_what_is_given(table):
    words = ("--target", "y", "--trials", 6, "--epochs", 2, "--folds", 2)
    _, done = tuned(table, *words)
    assert set(done["search"]) == {"hidden", "hidden_activation", "learning_rate", "weight_decay", "optimizer", "batch"}
    _, done = tuned(table, *words, "--hidden", 5, "--lr", 0.01)
    assert set(done["search"]) == {"hidden_activation", "weight_decay", "optimizer", "batch"} and "--hidden 5" in done["command"]
    _, done = tuned(table, *words, "--search", "usual", "--search", "hidden=3..7")
    assert len(done["search"]) == 6 and done["search"]["hidden"] == "3..7"
    trials, done = tuned(table, *words, "--search", "hidden=3,7")
    assert set(done["search"]) == {"hidden"} and (done["exhaustive"], len(trials)) == (True, 2)
    trials, _ = tuned(table, *words, "--search", "optimizer=adam,adamw")  # whose usual decays are others
    assert "--weight-decay" not in done["command"]


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_interrupted_and_resumed_it_comes_to_the_same(table, share):
    words = ("--target", "y", "--trials", 30, "--search", "hidden=4,8,16", "--search", "learning-rate=1e-4..0.1",
             "--epochs", 10000, "--folds", 3, "--threads", 1)
    whole, done = tuned(table, *words)
    seconds = share * done["seconds"]
    process = table.start("tune", "t.csv", *words, "-o", "part.model", "--checkpoint", "kept", "--json")
    while not (table.folder / "kept" / "trials.json").exists():
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"handgrad tune --resume kept" in err and not (table.folder / "part.model").exists()
    assert json.loads(out.splitlines()[-1])["interrupted"] is True
    ran = table("tune", "--resume", "kept", "--json")
    assert ran.code == 0, ran.err
    *trials, done_too = ran.events
    assert numbers(trials) == numbers(whole)
    assert (done_too["parameters_hash"], done_too["model"]) == (done["parameters_hash"], "part.model")
    ran = table("tune", "--resume", "kept", "--json", "--threads", 2)  # all is known: the model alone is made
    assert ran.events[-1]["parameters_hash"] == done["parameters_hash"]


def test_killed_it_goes_on_from_what_was_written(table):
    words = ("--target", "y", "--trials", 30, "--search", "hidden=4,8,16", "--search", "learning-rate=1e-4..0.1",
             "--epochs", 4000, "--folds", 3)
    process = table.start("tune", "t.csv", *words, "-o", "m.model", "--checkpoint", "kept")
    time.sleep(1)
    process.kill()
    process.communicate(timeout=60)
    kept = json.loads((table.folder / "kept" / "trials.json").read_text())
    assert kept["about.trials"] == "30" and kept["told.DATA"] == ["t.csv"]
    assert table("tune", "--resume", "kept", "--epochs", 3).code == 2


def test_other_settings_and_other_data_are_refused_with_what_differs(table):
    assert table("tune", "t.csv", *SEARCH, "-o", "m.model", "--checkpoint", "kept").code == 0
    assert table("tune", "--resume", "kept").code == 0
    ran = table("tune", "--resume", "kept", "--epochs", 19, "--folds", 4)
    assert ran.code == 2 and "epochs was 18 and is 19; folds was 3 and is 4. Say what was said then" in ran.err
    ran = table("tune", "--resume", "kept", "--search", "hidden=2,4")
    assert ran.code == 2 and "search learning_rate was 1e-3..0.1 and is nothing" in ran.err
    table.write("t.csv", regression_table(59))
    ran = table("tune", "--resume", "kept")
    assert ran.code == 2 and "the table is another one" in ran.err
    ran = table("tune", "t.csv", *SEARCH, "-o", "m.model", "--checkpoint", "kept")
    assert ran.code == 2 and "--checkpoint: kept holds the trials of a search: --resume kept goes on with it" in ran.err
    ran = table("tune", "t.csv", *SEARCH, "-o", "m.model", "--resume", "nowhere")
    assert ran.code == 6 and "there is no such folder of trials" in ran.err
    for text, says in (("{", "trials.json"), ("{}", "this is no file of the trials of a search"),
                       ('{"kind": "trials of handgrad tune, 1", "fits": ["1\\t2"]}', "fits[0]: a field is missing")):
        (table.folder / "kept" / "trials.json").write_text(text)
        ran = table("tune", "--resume", "kept")
        assert ran.code == 4 and says in ran.err, ran.err


def test_a_trial_that_diverges_is_told_and_never_chosen(table):
    words = ("--target", "y", "--optimizer", "sgd", "--epochs", 5, "--folds", 2)
    trials, done = tuned(table, *words, "--search", "learning-rate=1e12,0.01")
    assert trials[0]["failure"] and trials[0]["mean"] is None and trials[0]["folds"][0]["stopped"] == "diverged"
    assert done["best"]["trial"] == 2
    ran = table("tune", "t.csv", *words, "--search", "learning-rate=1e12,0.01", "-o", "m.model")
    assert "1 trial came to nothing and cannot be chosen:\ntrial 1 (learning_rate=1e+12): " in ran.out
    (table.folder / "m.model").unlink()
    ran = table("tune", "t.csv", *words, "--search", "learning-rate=1e12,1e13", "-o", "m.model")
    assert ran.code == 5 and "no trial has come to an end with a score" in ran.err and "no trial has a score" in ran.out
    assert not (table.folder / "m.model").exists()


def test_the_table_of_the_best_trials_fits_and_says_what_their_scores_are_worth(handgrad):
    handgrad.write("t.csv", classification_table())
    ran = handgrad("tune", "t.csv", "--target", "class", "--trials", 8, "--epochs", 6, "-o", "m.model")
    assert ran.code == 0 and max(map(len, ran.out.splitlines())) <= 100
    assert "trial  log_loss" in ran.out and "is therefore better than what it will do" in " ".join(ran.out.split())
    assert "the same by\n  handgrad train t.csv --target class --epochs 6 " in ran.err
    assert handgrad("tune", "t.csv", "--target", "class", "--trials", 3, "--epochs", 2, "-o", "m.model", "--quiet").err == ""


def test_on_a_terminal_a_bar_of_the_fits_is_drawn_and_taken_away(table):
    ours, theirs = pty.openpty()
    process = table.start("tune", "t.csv", *SEARCH, "-o", "m.model", stderr=theirs)
    process.communicate(timeout=60)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # which ends a pty
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert process.returncode == 0
    bars, _, rest = seen.decode().rpartition(" fits")
    assert "48/48" in bars and "\\r" not in seen.decode()
    assert re.search(r"\r +\r3 folds; 12 trials in ", rest), rest


@pytest.mark.parametrize(("words", "code", "says"), [
    ((), 2, "--output is missing"),
    (("-o", "m.model", "--trials", 0), 2, "--trials"),
    (("-o", "m.model", "--search", "hiden=3"), 2, "--search: 'hiden' cannot be searched (did you mean 'hidden'?)"),
    (("-o", "m.model", "--search", "learning-rate=0.1..0.01"), 2, "is empty: the smaller end comes first"),
    (("-o", "m.model", "--search", "hidden=3", "--hidden", 4), 2, "hidden is searched and given too, by --hidden"),
    (("-o", "m.model", "--search", "hidden=3", "--search", "hidden=4"), 2, "hidden is there twice"),
    (("-o", "m.model", "--search", "optimizer=adam,adm"), 2, "adm"),
    (("-o", "m.model", "--halving", 0), 2, "--halving"),
    (("-o", "m.model", "--score", "accuracy"), 2, "this task has no 'accuracy'"),
    (("-o", "m.model", "--folds", 100), 3, "60 rows with a label cannot be dealt to 100 folds"),
    (("-o", "t.csv",), 2, "is the file that is read"),
    (("-o", "m.model", "--checkpoint", "a", "--resume", "b"), 6, "no such folder"),
    (("-o", "m.model", "--momentum", 0.5, "--optimizer", "adam"), 2, "momentum"),
])
def test_what_cannot_be_searched_is_said(table, words, code, says):
    ran = table("tune", "t.csv", "--target", "y", "--epochs", 1, *words)
    assert (ran.code, ran.out) == (code, "") and says in ran.err, ran.err
    assert table.folder.joinpath("t.csv").read_text() == regression_table()
