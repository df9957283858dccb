"""What a hostile user does to a training with checkpoints: takes its folder away, goes on from elsewhere, names other
files, sends other signals."""

import json
import re
import shutil
import signal
import time

import pytest
from cli_support import arguments_for, regression_table

SETTINGS = "--target y --hidden 4 --init by_activation --validation 0.2"
LONG = 20_000  # epochs; each writes a checkpoint, so that the training is still there when its folder is not
WHILE_RUNNING = ("train", "t.csv", *arguments_for("y", epochs=LONG), "--checkpoint", "ck", "--checkpoint-every", "1", "--json")


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", regression_table())
    return handgrad


def hash_of(handgrad, model):
    event, = handgrad("inspect", model, "--json").events
    return event["parameters_hash"]


def running(table, *words):
    """A training behind its second epoch."""
    process = table.start(*(words or WHILE_RUNNING))
    for line in process.stdout:
        if json.loads(line).get("epoch") == 2:
            return process
    raise AssertionError(process.stderr.read())


def ended(process):
    out, err = process.communicate(timeout=30)
    return process.returncode, json.loads(out.splitlines()[-1]), err.decode()


def test_what_a_checkpoint_was_to_hold_goes_to_the_models_place_and_goes_on_from_there(table):
    process = running(table)
    while (table.folder / "ck").exists():
        shutil.rmtree(table.folder / "ck", ignore_errors=True)
    code, done, err = ended(process)
    assert code == 6 and "The training ends here" in err and "m.model holds the weights" in err
    assert (done["event"], done["model"], done["stopped"]) == ("done", "m.model", "interrupted")
    assert hash_of(table, "m.model") == done["parameters_hash"]
    command = re.search(r"^  (mkdir -p ck-2 && .*)$", err, re.MULTILINE)[1]
    ran = table.shell(command + " -q --checkpoint-every 60s")
    assert ran.code == 0, ran.err
    resumed = hash_of(table, "m.model")
    assert table("train", "t.csv", *arguments_for("y", epochs=LONG)).code == 0
    assert hash_of(table, "m.model") == resumed


def limited(table, epochs, every):
    """Files of at most 48 KiB: the model fits, a checkpoint with the losses of a thousand epochs does not."""
    return table.shell(f"bash -c 'ulimit -f 48 && TMPDIR=/nowhere HOME=/nowhere exec handgrad train t.csv {SETTINGS} -q -o m.model "
                       f"--epochs {epochs} --checkpoint ck --checkpoint-every {every} --json'")


def test_without_room_for_the_training_the_weights_are_saved(table):
    ran = limited(table, LONG, 200)
    assert ran.code == 6 and "File too large" in ran.err
    assert "m.model holds the weights" in ran.err and "train --init-from begins with them" in ran.err
    assert re.search(r"The checkpoint before, ck/checkpoint-\d+.model, is as it was", ran.err)
    assert ran.events[-1]["parameters_hash"] == hash_of(table, "m.model")
    assert not [path for path in table.folder.rglob("*") if ".tmp." in path.name]


def test_a_training_at_its_end_is_not_lost_for_want_of_its_last_checkpoint(table):
    ran = limited(table, 3000, 100_000)
    assert ran.code == 6 and "has come to its end all the same, and m.model holds its model" in ran.err
    assert ran.events[-1]["stopped"] == "epochs" and ran.events[-1]["parameters_hash"] == hash_of(table, "m.model")


def test_a_lock_that_is_removed_is_taken_again(table):
    process = running(table)
    (table.folder / "ck/lock").unlink()
    for _ in range(200):
        time.sleep(0.01)
        if (table.folder / "ck/lock").exists():
            break
    assert table("train", "--resume", "ck").code == 2  # in use
    process.kill()
    process.communicate()


def test_who_loses_the_folder_to_another_training_ends(table):
    process = table.start("train", "t.csv", *arguments_for("y", epochs=10_000_000), "--checkpoint", "ck", "--checkpoint-every", "0.4s",
                          "--json")
    assert b"start" in process.stdout.readline()
    while not list((table.folder / "ck").glob("checkpoint-*1.model")):
        time.sleep(0.01)
    (table.folder / "ck/lock").unlink()
    other = table.start("train", "--resume", "ck", "--json")
    assert b"start" in other.stdout.readline()
    code, _, err = ended(process)
    other.kill()
    other.communicate()
    assert code == 6 and "'lock' was removed from it, and another training has the folder since" in err
    assert hash_of(table, "m.model")


@pytest.mark.parametrize("words", [("none.csv", "-o", "m.model"), ("t.csv", "-o", "none/m.model"), ("t.csv", "-o", "ck/m.model")])
def test_a_call_that_comes_to_nothing_makes_no_folder(table, words):
    assert table("train", *words, "--target", "y", "--checkpoint", "ck").code == 6
    assert sorted(path.name for path in table.folder.iterdir()) == ["t.csv"]


def test_only_own_temporary_files_are_swept(table):
    (table.folder / "ck").mkdir()
    theirs = ["notes.tmp.1.2", "m.model.tmp.1.2", "best.model.tmp.1.x"]
    for name in (*theirs, "best.model.tmp.1.2", "checkpoint-00000004.model.tmp.1.2"):
        (table.folder / "ck" / name).write_text("")
    assert table("train", "t.csv", *arguments_for("y"), "--checkpoint", "ck").code == 0
    left = [path.name for path in (table.folder / "ck").iterdir() if ".tmp." in path.name]
    assert sorted(left) == sorted(theirs)


def test_what_goes_on_to_diverge_does_not_claim_other_weights(table):
    words = ("train", "t.csv", "--target", "y", "-o", "m.model", "--hidden", "4", "--epochs", "60", "--optimizer", "sgd", "--validation", "0",
             "--learning-rate", "1e6", "--checkpoint", "ck", "--checkpoint-every", "1")
    assert table(*words).code == 5
    before = (table.folder / "m.model").read_bytes()
    ran = table("train", "--resume", "ck")
    assert ran.code == 5 and "no others are left" in ran.err and "in their place" not in ran.err
    assert (table.folder / "m.model").read_bytes() == before


# --- files of then, from elsewhere


@pytest.fixture
def elsewhere(table):
    """A training in run/ of tables in run/data/, whose checkpoints are in run/ck; and another folder."""
    run = table.folder / "run"
    (run / "data").mkdir(parents=True)
    (table.folder / "other").mkdir()
    shutil.move(table.folder / "t.csv", run / "data/t.csv")
    (run / "data/v.csv").write_text(regression_table(20))
    first = table.shell(f"cd run && handgrad train data/t.csv {SETTINGS} --epochs 2 -q -o first.model")
    assert first.code == 0, first.err
    ran = table.shell("cd run && handgrad train data/t.csv --target y --hidden 4 --epochs 5 --validation data/v.csv --init-from "
                      "first.model -q -o m.model --checkpoint ck --json > run.jsonl")
    assert ran.code == 0, ran.err
    return table


def test_a_training_goes_on_from_another_folder(elsewhere):
    before = hash_of(elsewhere, "run/m.model")
    (elsewhere.folder / "run/m.model").unlink()
    (elsewhere.folder / "other/data").mkdir()
    (elsewhere.folder / "other/data/t.csv").write_text(regression_table(10))  # another one of that name
    ran = elsewhere.shell("cd other && handgrad train --resume ../run/ck -q")
    assert ran.code == 0, ran.err
    assert hash_of(elsewhere, "run/m.model") == before
    ran = elsewhere.shell("handgrad train --resume run/ck -q")  # what was told from there is told from here
    assert ran.code == 0, ran.err


def test_a_training_goes_on_where_all_of_it_was_moved_to(elsewhere):
    before = hash_of(elsewhere, "run/m.model")
    shutil.move(elsewhere.folder / "run", elsewhere.folder / "moved")
    ran = elsewhere.shell("handgrad train --resume moved/ck -q")
    assert ran.code == 0, ran.err
    assert hash_of(elsewhere, "moved/m.model") == before


def test_the_same_file_has_many_names(elsewhere):
    shutil.copy(elsewhere.folder / "run/data/v.csv", elsewhere.folder / "w.csv")
    shutil.copy(elsewhere.folder / "run/first.model", elsewhere.folder / "copy.model")
    ran = elsewhere.shell("cd run && handgrad train ./data/../data/t.csv --resume ck --checkpoint ./ck --validation ../w.csv "
                          "--init-from ../copy.model -q")
    assert ran.code == 0, ran.err
    (elsewhere.folder / "run/first.model").unlink()  # nothing depends on it any more
    assert elsewhere.shell("cd run && handgrad train --resume ck --init-from first.model -q").code == 0
    ran = elsewhere.shell("cd run && handgrad train --resume ck --init-from m.model -o n.model -q")
    assert ran.code == 2 and "these are not the first weights" in ran.err


@pytest.mark.parametrize(("gone", "says"), [
    ("data/t.csv", "run/data/t.csv: cannot open: No such file or directory. That is where the training in run/ck had it; when it is "
                   "elsewhere now: handgrad train FILE --resume run/ck"),
    ("data/v.csv", "handgrad train --validation FILE --resume run/ck")])
def test_a_file_of_then_that_is_gone_says_where_its_name_comes_from(elsewhere, gone, says):
    shutil.move(elsewhere.folder / "run" / gone, elsewhere.folder / "here.csv")
    ran = elsewhere.shell("handgrad train --resume run/ck -q")
    assert ran.code == 6 and says in ran.err
    words = "here.csv" if "t.csv" in gone else "--validation here.csv"
    assert elsewhere.shell(f"handgrad train {words} --resume run/ck -q").code == 0


def test_a_replay_finds_what_stands_beside_its_log(elsewhere):
    ran = elsewhere.shell("cd other && handgrad verify-run ../run/run.jsonl")
    assert ran.code == 0 and "PASS" in ran.out, ran.err
    shutil.move(elsewhere.folder / "run/run.jsonl", elsewhere.folder / "other/run.jsonl")
    ran = elsewhere.shell("cd other && handgrad verify-run run.jsonl")
    assert ran.code == 6 and "So the log names its table" in ran.err and "handgrad verify-run run.jsonl FILE" in ran.err
    ran = elsewhere.shell("cd other && handgrad verify-run run.jsonl ../run/data/t.csv")
    assert ran.code == 6 and "run verify-run in the folder in which the training ran" in ran.err


@pytest.mark.parametrize("option", ["--validation", "--test"])
def test_a_replay_notices_another_table_that_judges(table, option):
    table.write("v.csv", regression_table(20))
    log = table("train", "t.csv", *arguments_for("y"), option, "v.csv", "--json").out
    table.write("run.jsonl", log)
    assert table("verify-run", "run.jsonl").code == 0
    table.write("v.csv", regression_table(19))
    ran = table("verify-run", "run.jsonl")
    assert ran.code == 3 and f"the table of {option} is not the one that the log is of" in ran.err


# --- a model to go on with


@pytest.fixture
def continued(table):
    """On with base.model, and checkpoints of that."""
    assert table("train", "t.csv", *arguments_for("y", model="base.model")).code == 0
    ran = table("train", "t.csv", "--continue", "base.model", "--epochs", "2", "-o", "m.model", "--checkpoint", "ck", "--json")
    assert ran.code == 0, ran.err
    table.write("run.jsonl", ran.out)
    return table


def test_resume_and_continue_together(continued):
    shutil.copy(continued.folder / "base.model", continued.folder / "copy.model")
    assert continued("train", "--resume", "ck", "--continue", "copy.model").code == 0
    ran = continued("train", "--resume", "ck", "--continue", "m.model", "-o", "n.model")
    assert ran.code == 2 and "m.model is not the model with which the training of --resume began" in ran.err
    assert continued("train", "t.csv", *arguments_for("y"), "--checkpoint", "plain").code == 0
    ran = continued("train", "--resume", "plain", "--continue", "base.model")
    assert ran.code == 2 and "leave one of the two out" in ran.err


def test_a_base_that_was_replaced_or_is_gone_is_named(continued):
    assert continued("verify-run", "run.jsonl").code == 0
    assert continued("train", "t.csv", *arguments_for("y", model="base.model"), "--seed", "5").code == 0
    ran = continued("train", "--resume", "ck")
    assert ran.code == 2 and "base.model is not the model" in ran.err and "was written anew since" in ran.err
    ran = continued("verify-run", "run.jsonl")
    assert ran.code == 4 and "base.model: this is not the model with which the training of the log began" in ran.err
    (continued.folder / "base.model").unlink()
    ran = continued("train", "--resume", "ck")
    assert ran.code == 6 and "handgrad train --continue FILE --resume ck" in ran.err


# --- refusals that say why


@pytest.mark.parametrize(("words", "code", "says"), [
    (("--resume", "ck", "--delimiter", ","), 2, "the setting delimiter was left open and is ','"),
    (("--resume", "ck", "--missing", "-"), 2, "the setting missing was"),
    (("--resume", "ck", "--diagnose"), 2, "has not measured its layers so far, and cannot begin to in the middle: leave that out"),
    (("--resume", "ck/best.model"), 2, "--resume ck goes on with the last of its checkpoints"),
    (("--resume", "m.model"), 2, "m.model is a file, and a folder of checkpoints is expected"),
    (("--resume", "empty"), 2, "there is no checkpoint in empty to go on from, so that all of the training has to be said"),
    (("--resume", "ck", "--epochs", "9"), 2, "go on with the model at its end (--continue)"),
    (("t.csv", "--checkpoint", "new", "--checkpoint-every", "10m"), 2,
     "'10m' is neither a number of epochs, as 10, nor of seconds, as 600s or 0.5s")])
def test_refusals_say_what_is_wrong(table, words, code, says):
    (table.folder / "empty").mkdir()
    ran = table("train", "t.csv", *arguments_for("y"), "--checkpoint", "ck", "--checkpoint-every", "1")
    assert ran.code == 0, ran.err
    ran = table("train", *words)
    assert ran.code == code and says in ran.err, ran.err


def test_damaged_checkpoints_are_passed_over_one_by_one(table):
    assert table("train", "t.csv", *arguments_for("y", epochs=5), "--checkpoint", "ck", "--checkpoint-every", "1").code == 0
    for path in (table.folder / "ck").glob("checkpoint-*"):
        damaged = path.read_bytes()[:-1]
        path.unlink()  # best.model may be another name of the same file
        path.write_bytes(damaged)
    ran = table("train", "--resume", "ck")
    assert ran.code == 0 and ran.err.count("this checkpoint is passed over") == 2 and "going on from ck/best.model" in ran.err
    for path in (table.folder / "ck").glob("*.model"):
        path.write_bytes(b"")
    ran = table("train", "--resume", "ck")
    assert ran.code == 4 and "Bring one of them back, or begin the training anew in another folder" in ran.err


# --- streams, signals and what has no end


@pytest.mark.parametrize("stream", [">&-", "> /dev/full"])
def test_events_that_go_nowhere_are_a_failure_and_the_model_is_saved(table, stream):
    ran = table.shell(f"handgrad train t.csv {SETTINGS} --epochs 3 -q -o m.model --json {stream}")
    assert ran.code == 6 and "standard output: " in ran.err
    assert hash_of(table, "m.model")
    ran = table.shell(f"handgrad train t.csv {SETTINGS} --epochs 3 -q -o n.model --checkpoint ck --json {stream}")
    assert ran.code == 6 and "standard output: " in ran.err
    assert list((table.folder / "ck").glob("checkpoint-*")) and (table.folder / "ck/lock").read_bytes() == b""


@pytest.mark.parametrize(("number", "again"), [(signal.SIGXCPU, True), (signal.SIGUSR1, True), (signal.SIGUSR2, False)])
def test_warnings_of_batch_systems_end_a_training_however_often_they_come(table, number, again):
    process = running(table, "train", "t.csv", *arguments_for("y", epochs=100_000_000), "--json")
    process.send_signal(number)
    if again:
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)  # which follows a warning, and is no impatience
    code, done, err = ended(process)
    assert code in (128 + number, 128 + signal.SIGTERM if again else 0)
    assert done["stopped"] == "interrupted" and done["parameters_hash"] == hash_of(table, "m.model"), err


def test_sigquit_ends_the_program_at_once(table):
    table.write("m.model", "old")
    process = running(table, "train", "t.csv", *arguments_for("y", epochs=100_000_000), "--json")
    process.send_signal(signal.SIGQUIT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGQUIT
    assert (table.folder / "m.model").read_text() == "old"


def test_a_configuration_without_end_is_refused(table):
    for source in ("yes '# comment'", "head -c 1048577 /dev/zero | tr '\\0' '#'"):
        ran = table.shell(f"{source} | handgrad train t.csv --config /dev/stdin")
        assert ran.code == 2 and "more than 1048576 bytes" in ran.err
    ran = table.shell("head -c 1048576 /dev/zero | tr '\\0' '#' > c.toml; handgrad train t.csv --config c.toml")
    assert ran.code == 2 and "--target is missing" in ran.err or "--output is missing" in ran.err
    ran = table.shell("echo >> c.toml; handgrad train t.csv --config c.toml")
    assert ran.code == 6 and "c.toml: it has more than 1048576 bytes" in ran.err


def test_a_table_without_end_or_beyond_the_memory_is_refused_before_it_is_full(table):
    ran = table.shell("(echo x,y; yes 1,2) | (ulimit -v 800000; handgrad train - --target y -o n.model)")
    assert ran.code == 6 and "/dev/stdin: to read it needs at least 0." in ran.err and "GB of memory" in ran.err
    ran = table.shell("truncate -s 2000G huge.csv; handgrad train huge.csv --target y -o n.model")
    assert ran.code == 6 and "huge.csv: to read it needs at least 6442.4 GB of memory" in ran.err


def test_room_is_set_aside_for_about_what_is_written(table):
    """On a disk of 48 KiB a model of 5 finds its room."""
    if table.shell("unshare -rm mount -t tmpfs tmpfs /tmp").code != 0:
        pytest.skip("unshare cannot make a name space with a small disk here")
    (table.folder / "small").mkdir()
    table.write("small.sh", f"mount -t tmpfs -o size=48k tmpfs small\nhandgrad train t.csv {SETTINGS} --epochs 3 -q -o small/m.model\n")
    ran = table.shell("unshare -rm sh small.sh")
    assert ran.code == 0, ran.err
