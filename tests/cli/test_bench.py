"""The verb bench: what it prints for people and for machines. How fast things are is nobody's test."""

import math

import pytest

QUICK = ("--repetitions", 2, "--stretch", 0.0005)
MACHINE = {"schema", "event", "gflops_peak", "gflops_peak_double", "bandwidth_gb_s", "threads", "simd"}
WORKLOAD = {"schema", "event", "id", "threads", "seconds_per_step", "seconds_median", "gflops", "share_of_limit",
            "limit_seconds", "share_of_peak", "whole_vectors", "limit",
            "rows_per_second"}


def measured(handgrad, workloads, *words):
    """The events of the machine and of the workloads."""
    ran = handgrad("bench", "--workload", workloads, "--json", *QUICK, *words)
    assert ran.code == 0 and ran.err == "", ran.err
    machine, *events = ran.events
    assert all(event["schema"] == 1 and event["event"] == "workload" for event in events)
    return machine, events


def test_json_has_the_fields_that_scripts_rely_on(handgrad):
    machine, events = measured(handgrad, "T1,S2,I1,E/exp", "--threads", 1)
    assert machine.keys() == MACHINE and machine["event"] == "machine" and machine["threads"] == 1
    assert machine["simd"] in ("avx512", "avx2", "scalar")
    assert list(machine["bandwidth_gb_s"]) == ["L1", "L2", "L3", "memory"]
    numbers = [machine["gflops_peak"], machine["gflops_peak_double"], *machine["bandwidth_gb_s"].values()]
    assert all(isinstance(number, float) and number > 0 for number in numbers)

    assert [event["id"] for event in events] == ["T1", "S2", "I1/10-32-1", "I1/64-64-64", "I1/784-256-10",
                                                 "I1/13-50-3", "I1/5-17-2", "I1/61-129-9", "E/exp"]
    for event in events:
        percentiles = {"p50", "p99", "p999"} if event["id"].startswith("I1/") else set()
        assert event.keys() == WORKLOAD | percentiles
        assert event["threads"] == 1
        assert all(isinstance(event[name], float) and math.isfinite(event[name])
                   for name in event.keys() - {"schema", "event", "id", "threads", "limit"})
        assert 0 < event["seconds_per_step"] <= event["seconds_median"]
        assert event["share_of_limit"] == pytest.approx(event["limit_seconds"] / event["seconds_per_step"], rel=1e-12)
        parts = event["limit"]
        step = parts["arithmetic"] + parts["update"] + sum(part["numbers"] * part["seconds"]
                                                           for part in parts["functions"])
        assert event["limit_seconds"] == pytest.approx(max(step, parts["reading"]), rel=1e-12)
        assert event["share_of_peak"] == pytest.approx(event["gflops"] / machine["gflops_peak"], rel=1e-12)
        if percentiles:
            assert 0 < event["p50"] <= event["p99"] <= event["p999"]
    t1, s2 = events[:2]
    assert [part["function"] for part in s2["limit"]["functions"]] == ["sigmoid+slope", "binary_cross_entropy/1",
                                                                       "adam/L1"]
    assert s2["limit"]["functions"][0]["numbers"] == 32 * 64
    flops = 4 * 32 * 10 * 32 + 6 * 32 * 32
    assert t1["gflops"] == pytest.approx(flops / t1["seconds_per_step"] * 1e-9, rel=1e-12)
    assert t1["rows_per_second"] == pytest.approx(32 / t1["seconds_per_step"], rel=1e-12)


def test_a_prefix_selects_all_of_its_shapes_and_each_is_measured_once(handgrad):
    _, events = measured(handgrad, "J1/64-64-64,O/16-64-4/1,O/16-64-4,J1/64-64-64/1")
    assert [event["id"] for event in events] == ["J1/64-64-64/1", "J1/64-64-64/1024", "O/16-64-4/1", "O/16-64-4/2",
                                                 "O/16-64-4/3", "O/16-64-4/4"]


def test_threads_and_instruction_set_are_those_asked_for(handgrad):
    machine, events = measured(handgrad, "T1,M1", "--threads", 2, "--simd", "scalar")
    assert (machine["threads"], machine["simd"]) == (2, "scalar")
    assert all(event["threads"] in (1, 2) for event in events)
    assert measured(handgrad, "T1", "--simd", "auto", "--quiet")[0]["gflops_peak"] > 0


def test_people_get_a_table_that_fits_a_terminal(handgrad):
    ran = handgrad("bench", "--workload", "T1,T3,S3,D1,I1/10-32-1,J1/64-64-64/1024,E/binary_cross_entropy", *QUICK)
    assert ran.code == 0 and ran.err == ""
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("This machine, measured now")
    heading = next(i for i, line in enumerate(lines) if line.startswith("workload "))
    assert all(word in lines[heading] for word in ("shape", "batch", "threads", "a step", "GFLOP/s", "rows/s", "limit"))
    rows = [line.split()[0] for line in lines[heading + 1:] if line and not line.startswith((" ", "limit"))]
    assert rows == ["T1", "T3", "S3", "D1", "I1/10-32-1", "J1/64-64-64/1024", "E/binary_cross_entropy"]
    assert "64-128-10 relu softmax adam" in ran.out and "99.9 %" in ran.out
    assert lines[-1].startswith("limit = flops/(peak x threads)")


def test_options_can_stand_in_a_configuration_file(handgrad):
    handgrad.write("run.toml", '[bench]\nworkload = ["T1", "T2"]\nrepetitions = 1\nstretch = 0.0005\n')
    ran = handgrad("bench", "--config", "run.toml", "--json")
    assert [event.get("id") for event in ran.events] == [None, "T1", "T2"], ran.err
    handgrad.write("run.toml", '[bench]\nworkload = "T11"\n')
    ran = handgrad("bench", "--config", "run.toml")
    assert ran.code == 2 and "run.toml:2: workload: unknown 'T11' (did you mean 'T1'?)" in ran.err


@pytest.mark.parametrize(("words", "answer"), [
    (["--workload", "T9"], "--workload: unknown 'T9' (did you mean 'T1'?); choose from: T1, T2"),
    (["--workload", "T1,I1/10-32"], "(did you mean 'I1/10-32-1'?)"),
    (["--workload", "fast"], "unknown 'fast'"),
    (["--repetitions", "0"], "--repetitions: '0' is not a whole number from 1 on"),
    (["--stretch", "0"], "--stretch: 0 is out of range"),
    (["--threads", "none"], "--threads: 'none' is not a whole number"),
    (["--simd", "sse"], "choose from: auto, avx512, avx2, scalar"),
    (["T1"], "unexpected 'T1'"),
])
def test_a_mistake_is_exit_2_before_anything_is_measured(handgrad, words, answer):
    ran = handgrad("bench", *words)
    assert ran.code == 2 and answer in ran.err and ran.out == "", ran
