"""Ctrl-C once and twice, and readers that go away."""

import json
import signal
import time

import pytest
from cli_support import arguments_for, regression_table


def training(handgrad, epochs=100_000_000):
    """A training that would take for ever, once its first epoch is over."""
    handgrad.write("t.csv", regression_table())
    process = handgrad.start("train", "t.csv", *arguments_for("y", epochs=epochs), "--json")
    for line in process.stdout:
        if json.loads(line)["event"] == "epoch":
            return process
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_saves_the_model(handgrad, number, code):
    process = training(handgrad)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    done = json.loads(out.splitlines()[-1])
    assert (done["event"], done["stopped"]) == ("done", "interrupted")
    assert b"stopping after this batch" in err and b"m.model" in err
    model, = handgrad("inspect", "m.model", "--json").events
    assert model["parameters_hash"] == done["parameters_hash"]
    assert model["provenance"]["epochs.run"] == str(done["epochs"])


def test_the_second_signal_ends_the_program_at_once_and_leaves_files_whole(handgrad):
    handgrad.write("m.model", "old")
    handgrad.write("t.csv", "x,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(20_000)))  # an epoch of some length
    process = handgrad.start("train", "t.csv", "--target", "y", "-o", "m.model", "--hidden", "512,512")
    for line in process.stderr:
        if line.startswith(b"linear"):
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    if (handgrad.folder / "m.model").read_bytes() != b"old":  # the first one has saved it already
        assert handgrad("inspect", "m.model").code == 0


def test_a_model_stays_when_the_next_is_stopped_before_it_has_learned(handgrad):
    handgrad.write("t.csv", regression_table())
    assert handgrad("train", "t.csv", *arguments_for("y", epochs=2)).code == 0
    before = (handgrad.folder / "m.model").read_bytes()
    handgrad.write("t.csv", "x,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(60_000)))  # an epoch of seconds
    process = handgrad.start("train", "t.csv", "--target", "y", "-o", "m.model", "--hidden", "512,512", "--json")
    assert json.loads(process.stdout.readline())["event"] == "start"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and json.loads(out.splitlines()[-1])["model"] == "m.model.interrupted"
    assert b"m.model.interrupted holds the weights of epoch 0; m.model was left as it was" in err
    assert (handgrad.folder / "m.model").read_bytes() == before


def test_a_reader_that_goes_away_is_no_reason_to_complain(regression):
    handgrad = regression
    handgrad.write("long.csv", "a,b,city\n" + "1,2,Rome\n" * 100_000)
    process = handgrad.start("predict", "m.model", "long.csv")
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 141


def test_a_training_whose_reader_goes_away_saves_its_model(handgrad):
    process = training(handgrad)
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    assert handgrad("inspect", "m.model").code == 0
