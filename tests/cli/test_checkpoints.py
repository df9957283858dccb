"""Checkpoints, what goes on from them, what a replay says, and what is kept of a training whose end was not its own."""

import json
import os
import re
import shutil
import signal
import time

import pytest
from cli_support import PROGRAM, arguments_for, classification_table, regression_table
from kill_loop import KillLoop

TRAIN = ("train", "t.csv", *arguments_for("y", epochs=12))


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", regression_table())
    return handgrad


@pytest.fixture
def checkpoints(table):
    """A finished training with its checkpoints in ck."""
    ran = table(*TRAIN, "--checkpoint", "ck", "--checkpoint-every", "5")
    assert ran.code == 0, ran.err
    return table


def hashes(events, event="epoch"):
    return {one["epoch"]: one["parameters_hash"] for one in events if one["event"] == event}


def test_trainings_killed_at_random_moments_come_to_the_model_of_the_one_that_was_not(tmp_path):
    loop = KillLoop(PROGRAM, tmp_path, seed=time.time_ns()).times(20)
    assert not loop.wrong
    assert loop.kills > 0 and loop.resumed > 0


def test_what_goes_on_logs_what_the_uninterrupted_training_logs_from_there(table):
    whole = table(*TRAIN, "--json").events
    process = table.start(*TRAIN, "--checkpoint", "ck", "--checkpoint-every", "1", "--json")
    for line in process.stdout:  # it is killed behind its third epoch, or as soon as that is heard of
        if json.loads(line).get("epoch") == 3:
            process.kill()
            break
    process.communicate()
    ran = table("train", "--resume", "ck", "--json", "--threads", "1")
    assert ran.code == 0, ran.err
    start, *rest = ran.events
    assert start["epoch"] >= 2 and start["told"]["--epochs"] == ["12"]
    seconds = {"seconds", "rows_per_second"}
    later = [{name: value for name, value in event.items() if name not in seconds} for event in rest]
    wanted = [{name: value for name, value in event.items() if name not in seconds}
              for event in whole if event.get("epoch", 0) > start["epoch"] or event["event"] == "done"]
    assert later == wanted


def test_a_finished_training_gives_its_model_again(checkpoints):
    first = (checkpoints.folder / "m.model").read_bytes()
    (checkpoints.folder / "m.model").unlink()
    assert checkpoints("train", "--resume", "ck").code == 0
    assert (checkpoints.folder / "m.model").read_bytes() == first


@pytest.mark.parametrize(("words", "says"), [
    (("--hidden", "9", "--seed", "2"), "the setting hidden was 4 and is 9; the setting seed was 0 and is 2"),
    (("--dtype", "f64"), "the setting dtype was f32 and is f64"),
    (("--test", "0.3"), "the setting test was 0 and is 0.3"),
    (("--validation", "0"), "validation was 0.2"),
    (("--delimiter", ";"), "")])
def test_other_settings_are_refused_with_all_that_differs(checkpoints, words, says):
    ran = checkpoints("train", "--resume", "ck", *words)
    assert ran.code in (2, 3)
    assert says in ran.err


def test_another_table_is_refused(checkpoints):
    checkpoints.write("t.csv", regression_table(59))
    ran = checkpoints("train", "--resume", "ck")
    assert ran.code == 2 and "the table (t.csv, 59 rows) is another one" in ran.err
    checkpoints.write("elsewhere.csv", regression_table())  # the same one under another name is none
    assert checkpoints("train", "elsewhere.csv", "--resume", "ck").code == 0


def test_a_damaged_checkpoint_is_passed_over_and_said(checkpoints):
    *_, last = sorted((checkpoints.folder / "ck").glob("checkpoint-*"))
    last.write_bytes(last.read_bytes()[:-1])
    ran = checkpoints("train", "--resume", "ck")
    assert ran.code == 0
    assert f"warning: ck/{last.name}" in ran.err and "passed over" in ran.err
    for path in (checkpoints.folder / "ck").glob("*.model"):
        path.write_bytes(b"no model")
    ran = checkpoints("train", "--resume", "ck")
    assert ran.code == 4 and "no checkpoint in it can be gone on from" in ran.err


@pytest.mark.parametrize(("words", "code", "says"), [
    ((*TRAIN, "--checkpoint", "ck"), 2, "--resume ck goes on with it"),
    (("train", "--resume", "nowhere"), 6, "nowhere: there is no such folder"),
    ((*TRAIN, "--checkpoint-every", "3"), 2, "say with --checkpoint in which folder"),
    ((*TRAIN, "--checkpoint", "new", "--checkpoint-every", "3m"), 2, "'3m'"),
    ((*TRAIN, "--checkpoint", "new", "--checkpoint-every", "0"), 2, "from 1 on"),
    ((*TRAIN, "--checkpoint", "new", "--checkpoint-every", "-1s"), 2, "must be above 0"),
    ((*TRAIN, "--checkpoint", "t.csv"), 6, "t.csv"),
    ((*TRAIN, "--checkpoint", ""), 2, "the name of the folder is empty"),
    (("train", "--resume", ""), 2, "the name of the folder is empty"),
    (("train", "--resume", "ck", "--checkpoint", "other"), 2, "leave one of the two out")])
def test_what_cannot_be_is_refused(checkpoints, words, code, says):
    ran = checkpoints(*words)
    assert ran.code == code and says in ran.err
    assert not (checkpoints.folder / "new").exists() or not list((checkpoints.folder / "new").glob("*.model"))


def test_an_empty_folder_begins_at_the_beginning(table):
    (table.folder / "ck").mkdir()
    assert table(*TRAIN, "--resume", "ck").code == 0
    assert list((table.folder / "ck").glob("checkpoint-*"))


def test_a_folder_in_use_is_refused(table):
    process = table.start("train", "t.csv", *arguments_for("y", epochs=10_000_000), "--checkpoint", "ck", "--json")
    assert b"start" in process.stdout.readline()
    ran = table("train", "--resume", "ck")
    process.kill()
    process.communicate()
    assert ran.code == 2 and "another training that is running" in ran.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_batch_keeps_the_checkpoint_and_says_how_to_go_on(table, number, code):
    table.write("m.model", "old")
    table.write("big.csv", "x,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(40_000)))  # an epoch takes seconds
    process = table.start("train", "big.csv", "--target", "y", "-o", "m.model", "--hidden", "512,512", "--checkpoint", "ck here",
                          "--epochs", "3", "--batch", "8")
    for line in process.stderr:
        if line.startswith(b"all "):
            break
    time.sleep(0.2)
    start = time.monotonic()
    process.send_signal(number)
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == code
    assert time.monotonic() - start < 2.0
    assert "stopping after this batch" in err and "stopped in epoch 1" in err
    assert (table.folder / "m.model").read_text() == "old"
    command = re.search(r"^ +handgrad (train --resume 'ck here')$", err, re.MULTILINE)
    assert command
    inspected, = table("inspect", "ck here/checkpoint-00000002.model", "--json").events
    assert inspected["provenance"]["epochs.run"] == "0"


def test_a_replay_says_what_is_so(table):
    log = table("train", "t.csv", "--target", "y", "-o", "m.model", "--hidden", "4", "--seed", "3", "--validation", "0.3",
                "--early-stopping", "4", "--refit", "--json").out
    table.write("run.jsonl", log)
    replayed, = table("verify-run", "run.jsonl", "--json", "--threads", "1").events
    events = [json.loads(line) for line in log.splitlines()]
    assert replayed["verdict"] == "PASS" and replayed["first_difference"] is None
    assert (replayed["epochs"], replayed["refit_epochs"]) == (len(hashes(events)), len(hashes(events, "refit_epoch")))
    assert replayed["refit_epochs"] > 0
    for event, training in (("epoch", "first"), ("refit_epoch", "refit")):
        forged = [dict(one, parameters_hash="0" * 32) if one["event"] == event and one["epoch"] in (2, 3) else one for one in events]
        table.write("forged.jsonl", "".join(json.dumps(one) + "\n" for one in forged))
        ran = table("verify-run", "forged.jsonl", "--json")
        difference = ran.events[0]["first_difference"]
        assert ran.code == 1 and ran.events[0]["verdict"] == "FAIL"
        assert (difference["training"], difference["epoch"], difference["logged"]) == (training, 2, "0" * 32)
        assert difference["replayed"] == hashes(events, event)[2]
    last = max(hashes(events))
    more = [*events[:-1], dict(next(e for e in events if e["event"] == "epoch"), epoch=last + 1)]
    table.write("longer.jsonl", "".join(json.dumps(one) + "\n" for one in more))
    ran = table("verify-run", "longer.jsonl")
    assert ran.code == 1 and "ended after" in ran.out
    table.write("model.jsonl", "".join(json.dumps(one) + "\n" for one in [*events[:-1], dict(events[-1], parameters_hash="0" * 32)]))
    ran = table("verify-run", "model.jsonl")
    assert ran.code == 1 and "FAIL: the model at the end" in ran.out
    epochs = [i for i, one in enumerate(events) if one["event"] == "epoch"]
    for cut, says in ((epochs[:2], "epoch 3 follows epoch 0"), (epochs[1:2], "epoch 3 follows epoch 1")):
        table.write("gap.jsonl", "".join(json.dumps(one) + "\n" for i, one in enumerate(events) if i not in cut))
        ran = table("verify-run", "gap.jsonl")
        assert ran.code == 3 and says in ran.err
    for name, value in (("rows", -1), ("validation_rows", None), ("test_rows", 10**18), ("features", "\x1b[2J"), ("layers", []),
                        ("parameters", 1.5), ("continued_hash", "00"), ("schema", 2)):
        table.write("forged.jsonl", "".join(json.dumps(one) + "\n" for one in [dict(events[0], **{name: value}), *events[1:]]))
        ran = table("verify-run", "forged.jsonl")
        assert ran.code == 3 and name in ran.err and "\x1b" not in ran.err
    table.write("forged.jsonl", "".join(json.dumps(one) + "\n" for one in [events[0], events[2], events[1], *events[3:]]))
    assert "epoch 2 follows epoch 0" in table("verify-run", "forged.jsonl").err
    second = [dict(events[0], epoch=2), *(one for one in events if one["event"] == "epoch" and one["epoch"] > 2)]
    first = [one for one in events if one["event"] == "start" or (one["event"] == "epoch" and one["epoch"] == 1)]
    table.write("forged.jsonl", "".join(json.dumps(one) + "\n" for one in [*first, *second]))
    assert "epoch 3 follows epoch 1" in table("verify-run", "forged.jsonl").err
    settings = dict(events[0]["settings"], seed=4)
    table.write("settings.jsonl", "".join(json.dumps(one) + "\n" for one in [dict(events[0], settings=settings), *events[1:]]))
    ran = table("verify-run", "settings.jsonl")
    assert ran.code == 3 and "one of them was changed" in ran.err


def test_a_replay_takes_the_logs_of_a_training_and_of_what_went_on_from_it(table):
    process = table.start(*TRAIN, "--checkpoint", "ck", "--checkpoint-every", "1", "--json")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if json.loads(line).get("epoch") == 4:
            process.kill()
            break
    lines += process.communicate()[0].splitlines(keepends=True)
    rest = table("train", "--resume", "ck", "--json").out
    table.write("run.jsonl", b"".join(lines[:5]) + rest.encode())
    ran = table("verify-run", "run.jsonl")
    assert ran.code == 0 and "PASS: 12 epochs" in ran.out


@pytest.mark.parametrize(("text", "says"), [
    ("", "no event `start`"), ("no json\n", ":1: this is no event"), ('{"event":"start"}\n', ":1: the event has no `told`"),
    ('{"event":"start","told":{"DATA":"t.csv"}}\n', "is not what a command line said"), ("[" * 100_000, "no event"),
    ('{"event":"start","epoch":0,"settings":{},"told":{"DATA":["t.csv"],"--report":["x"],"--output":["y"]},"data_hash":"1","parameters_hash":null}\n'
     '{"event":"epoch","epoch":1,"parameters_hash":"1"}\n', "--target is missing"),
    ('{"event":"start","epoch":0,"settings":{},"told":{"DATA":["t.csv"],"--target":["y"],"--report":["x"],"--output":["y"]},"data_hash":"1",'
     '"parameters_hash":null}\n{"event":"epoch","epoch":1,"parameters_hash":"1"}\n', "not the rows that the log is of")])
def test_what_is_no_log_is_refused_and_nothing_is_written(table, text, says):
    table.write("log", text)
    ran = table("verify-run", "log")
    assert ran.code in (2, 3) and says in ran.err
    assert sorted(path.name for path in table.folder.iterdir()) == ["log", "t.csv"]


LINKS = {"itself": lambda path, name: None, "dots": lambda path, name: None,
         "symlink": lambda path, name: path.symlink_to(name), "hard link": lambda path, name: os.link(path.parent / name, path)}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize(("option", "name"), [("-o", "t.csv"), ("--report", "t.csv"), ("-o", "first.model"), ("--report", "c.toml"),
                                              ("-o", "v.csv"), ("-o", "c.toml")])
def test_no_output_of_a_training_is_one_of_its_inputs(table, kind, option, name):
    table.write("v.csv", regression_table(30))
    table.write("c.toml", "batch = 16\n")
    table(*TRAIN)
    shutil.move(table.folder / "m.model", table.folder / "first.model")
    before = {path.name: path.read_bytes() for path in table.folder.iterdir()}
    other = {"itself": name, "dots": f"./../{table.folder.name}/{name}"}.get(kind, "other")
    LINKS[kind](table.folder / "other", name)
    outputs = {"-o": "m.model", "--report": "r.html", option: other}
    ran = table("train", "t.csv", "--target", "y", "--hidden", "4", "--epochs", "2", "--validation", "v.csv", "--config", "c.toml",
                "--init-from", "first.model", *(word for pair in outputs.items() for word in pair))
    assert ran.code == 2 and "is the file that is read" in ran.err
    assert {name: (table.folder / name).read_bytes() for name in before} == before
    assert not (table.folder / "m.model").exists()


def test_no_two_outputs_are_one_file(table):
    for report in ("m.model", "./m.model", f"../{table.folder.name}/m.model"):
        ran = table(*TRAIN, "--report", report)
        assert ran.code == 2 and "is written already" in ran.err
    table.write("m.model", "old")
    os.link(table.folder / "m.model", table.folder / "other")
    assert table(*TRAIN, "--report", "other").code == 2
    assert (table.folder / "m.model").read_text() == "old"


def test_weights_of_no_use_stay_beside_the_old_model(table):
    """One step of each epoch: the weights of the first are finite, and what they say is not."""
    table.write("m.model", "old")
    words = ("train", "t.csv", "--target", "y", "-o", "m.model", "--optimizer", "sgd", "--learning-rate", "1e15", "--batch", "60",
             "--hidden", "4,4,4", "--hidden-activation", "identity", "--validation", "0")
    for epochs, kept in (("1", 1), ("9", 0)):  # all is over before it is noticed, or not
        ran = table(*words, "--epochs", epochs, "--json")
        assert ran.code == 5
        assert (table.folder / "m.model").read_text() == "old"
        assert f"m.model.diverged holds the weights of epoch {kept}" in ran.err and "m.model was left as it was" in ran.err
        assert "no numbers" in ran.err
        assert ran.events[-1]["model"] == "m.model.diverged"
        inspected, = table("inspect", "m.model.diverged", "--json").events
        assert inspected["parameters_hash"] == ran.events[-1]["parameters_hash"]
    assert table(*words, "--epochs", "1", "--allow-nonfinite").code == 0  # asked for
    assert table("inspect", "m.model").code == 0


def test_a_model_that_cannot_be_written_goes_elsewhere(table):
    if os.geteuid() == 0:
        line = "ulimit -f 1; trap '' XFSZ; "  # root may write everywhere: a limit on the size of files instead
    else:
        line = "chmod 500 shut; "
    (table.folder / "shut").mkdir()
    ran = table.shell(line + "TMPDIR=/nowhere HOME=/nowhere handgrad train t.csv --target y --epochs 2 --hidden 400 -o shut/m.model -q")
    assert ran.code == 6 and "shut/m.model" in ran.err


def test_one_class_and_no_classes_more(handgrad):
    handgrad.write("t.csv", classification_table())
    assert handgrad("train", "t.csv", *arguments_for("class"), "--checkpoint", "ck").code == 0
    assert handgrad("train", "--resume", "ck").code == 0


def parameters(handgrad, model):
    event, = handgrad("inspect", model, "--json").events
    return event["parameters_hash"]


@pytest.mark.parametrize("more", [("--validation", "0"), ("--dtype", "f64", "--optimizer", "sgd", "--momentum", "0.9", "--learning-rate", "0.01"),
                                  ("--scale", "minmax", "--impute", "mean", "--validation", "0.25")])
def test_so_many_epochs_and_so_many_more_are_the_training_of_all_of_them(table, more):
    settings = ("train", "t.csv", "--target", "y", "--hidden", "5", *more)
    assert table(*settings, "--epochs", "9", "-o", "whole.model").code == 0
    assert table(*settings, "--epochs", "4", "-o", "first.model", "--keep-training").code == 0
    ran = table("train", "t.csv", "--continue", "first.model", "--epochs", "5", "-o", "second.model", "--checkpoint", "ck")
    assert ran.code == 0, ran.err
    assert "going on after 4 epochs" in ran.err
    assert parameters(table, "second.model") == parameters(table, "whole.model")
    log = table("train", "t.csv", "--continue", "first.model", "--epochs", "5", "-o", "third.model", "--json").out
    table.write("run.jsonl", log)
    ran = table("verify-run", "run.jsonl")
    assert ran.code == 0 and "PASS: 5 epochs" in ran.out
    (table.folder / "second.model").unlink()
    assert table("train", "--resume", "ck").code == 0  # what was said then says with which model it goes on
    assert parameters(table, "second.model") == parameters(table, "whole.model")


def test_what_goes_on_with_a_model_keeps_its_columns_and_says_what_it_lacks(table):
    assert table(*TRAIN, "--validation", "0").code == 0
    table.write("more.csv", regression_table(200))
    ran = table("train", "more.csv", "--continue", "m.model", "--epochs", "2", "-o", "n.model")
    assert ran.code == 0 and "has not kept its training: the optimizer begins with no memory" in ran.err
    columns = [table("inspect", name, "--json").events[0]["columns"] for name in ("m.model", "n.model")]
    assert columns[0] == columns[1]
    for words, says in ((("--hidden", "9"), "has its widths"), (("--weight", "a"), "(--weight)"), (("--impute", "mean"), "(--impute)"),
                        (("--target", "a", "--drop", "y"), "(--target, --drop)"), (("--scale", "none"), "(--scale)"), (("--dtype", "f64"), "has its widths"),
                        (("--init-from", "m.model"), "does not begin anew"), (("-o", "m.model"), "is the file that is read")):
        ran = table("train", "more.csv", "--continue", "m.model", *words, *(() if "-o" in words else ("-o", "o.model")))
        assert ran.code == 2 and says in ran.err
    table.write("new.csv", regression_table().replace("Oslo", "Bonn"))
    ran = table("train", "new.csv", "--continue", "m.model", "-o", "o.model")
    assert ran.code == 3 and "Bonn" in ran.err
    assert table("train", "t.csv", "--continue", "t.csv", "-o", "o.model").code == 4


def test_rows_that_a_model_has_learned_from_are_said_when_they_judge_it(table):
    ran = table.shell("handgrad train t.csv --target y --hidden 4 -o m.model --keep-training -q")
    assert ran.code == 0, ran.err
    ran = table("train", "t.csv", "--continue", "m.model", "--epochs", "2", "-o", "n.model")
    assert ran.code == 0 and "0 for validation" in ran.err
    ran = table("train", "t.csv", "--continue", "m.model", "--epochs", "2", "-o", "n.model", "--validation", "0.2")
    assert ran.code == 0 and "what they say is too good" in ran.err


@pytest.mark.parametrize("output", [("-o", "ck/best.model"), ("--report", "./ck/lock"), ("-o", "ck/new.model")])
def test_the_folder_of_checkpoints_takes_no_output(checkpoints, output):
    before = {path.name: path.read_bytes() for path in (checkpoints.folder / "ck").iterdir()}
    ran = checkpoints("train", "--resume", "ck", *output)
    assert ran.code == 2 and "is in the folder of the checkpoints" in ran.err
    assert {path.name: path.read_bytes() for path in (checkpoints.folder / "ck").iterdir()} == before


def test_a_signal_that_is_ignored_stays_ignored(table):
    ran = table.shell("(trap '' INT; handgrad train t.csv --target y --hidden 4 --epochs 20000 -q -o m.model & p=$!; sleep 0.2; "
                      "kill -INT $p; wait $p; echo code $?)")
    assert "code 0" in ran.out
