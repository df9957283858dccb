"""The page of bench/compare.py, from numbers made up here: limits, losses first, nothing partial published."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import compare  # noqa: E402  (after the path that leads to it; it adds bench/peers)
import limits  # noqa: E402
import page  # noqa: E402
import table  # noqa: E402


def event(name, seconds, threads=1, functions=(), update=0.0, reading=0.0, flops=1000.0, whole_vectors=1.0):
    """Of a machine whose peak is 10 GFLOP/s."""
    return {"id": name, "threads": threads, "seconds_per_step": seconds, "gflops": flops / seconds * 1e-9,
            "whole_vectors": whole_vectors,
            "limit": {"arithmetic": flops / 1e10 / threads, "update": update, "reading": reading,
                      "functions": [dict(zip(("function", "numbers", "seconds"), part)) for part in functions]}}


def peer(name, *seconds, threads=1, **more):
    return {"peer": name, "setting": "at its best", "threads": threads, "seconds": list(seconds), **more}


def results(workloads):
    measured = {str(threads): {"gflops_peak": 10.0, "gflops_peak_double": 5.0, "bandwidth_gb_s": {"L1": 100.0},
                               "simd": "avx2"} for threads in (1, 2)}
    machine = {"model": "none", "cores": 2, "caches": {}, "load_average_at_start": 0, "measured": measured,
               "simd": "avx2"}
    return {"schema": 2, "date": "2026-01-01", "commit": "0", "changed": False, "rounds": 1, "stretch_seconds": 0.2,
            "versions": {}, "machine": machine, "workloads": workloads}


def entry(events, peers=(), doors=()):
    return {"ours": {str(threads): {"events": list(found)} for threads, found in events.items()},
            "peers": list(peers), "doors": list(doors)}


def test_functions_count_at_the_best_rate_that_anybody_reached():
    s2 = event("S2", 4e-6, functions=[("sigmoid+slope", 2048, 1e-9), ("binary_cross_entropy/1", 32, 5e-9),
                                      ("adam/L1", 2049, 0.3e-9)])
    sigmoid = entry({1: [event("E/sigmoid", 0.9e-9, flops=10)]}, [peer("SLEEF", 0.2e-9)])
    found = limits.Limits(results({"S2": entry({1: [s2]}), "E/sigmoid": sigmoid}))
    slope = 4 / 1e10  # two multiply-adds at the peak
    assert found.rate("sigmoid+slope", False) == pytest.approx(0.2e-9 + slope)
    wanted = 1000 / 1e10 + 2048 * (0.2e-9 + slope) + 32 * 5e-9 + 2049 * 0.3e-9
    assert found.seconds(table.TABLE["S2"], [s2]) == pytest.approx(wanted)
    # A function by itself: the faster of the two, so that no share is above one.
    assert found.seconds(table.TABLE["E/sigmoid"], sigmoid["ours"]["1"]["events"]) == 0.2e-9


def test_limits_by_hand():
    found = limits.Limits(results({}))
    t1, t3, i1 = (table.TABLE[name] for name in ("T1", "T3", "I1/10-32-1"))
    assert found.seconds(t1, [event("T1", 1e-6, update=2e-8)]) == pytest.approx(1e-7 + 2e-8)
    assert found.seconds(t1, [event("T1", 1e-6, threads=2)]) == pytest.approx(0.5e-7)
    assert found.seconds(t1, [event("T1", 1e-6, whole_vectors=1.28)], True) == pytest.approx(1.28e-7)
    assert found.seconds(t3, [event("T3", 1e-6)]) == pytest.approx(2e-7)  # in double
    assert found.seconds(i1, [event("I1/10-32-1", 1e-6, reading=3e-7)]) == pytest.approx(3e-7)
    assert found.share_of_peak(t1, event("T1", 1e-6)) == pytest.approx(0.1)
    assert found.share_of_peak(t1, event("T1", 1e-6, threads=2)) == pytest.approx(0.05)


def test_the_page_states_losses_before_wins_and_doors_by_themselves():
    workloads = {"I1/10-32-1": entry({1: [event("I1/10-32-1", 30e-9)]}, [peer("RTNeural", 12e-9, 13e-9)],
                                     [peer("handgrad", 10e-9)]),
                 "T1": entry({1: [event("T1", 1e-6)]}, [peer("JAX", 5e-6)])}
    text = page.page(results(workloads), None)
    assert text.index("## Where a peer is faster") < text.index("## What is not reached") < text.index("## All work")
    losses = text[text.index("## Where a peer is faster"):text.index("## What is not reached")]
    assert "I1/10-32-1" in losses and "**0.40×**" in losses and "T1" not in losses
    assert "I1/10-32-1, fixed shape" not in losses
    assert "A peer is faster in 1 of 2 workloads: I1/10-32-1; than our fixed shape in 0 of 1." in text
    assert "the same, **fixed shape** | 10.0 ns (10.0 ns)" in text and "1.20×" in text
    assert "Not the whole comparison." in text


def test_a_share_above_the_limit_is_said_to_be_a_fault():
    text = page.page(results({"T1": entry({1: [event("T1", 0.9e-7)]})}), None)
    assert "Above 100 %, which is a fault of the limit as it was measured:** T1 (111 %)" in text


def all_measured():
    """A run in which everything of the table has a number."""
    workloads = {}
    for ids in table.groups().values():
        for name in ids:
            events = {threads: [event(name, 1e-6)] for threads in (1, 2)}
            workloads[name] = entry(events, [peer(who, 2e-6) for who in table.TABLE[name].peers])
    return results(workloads)


def test_the_published_page_is_written_for_the_whole_table_only(capsys):
    whole = all_measured()
    assert limits.missing(whole) == []
    assert compare.allowed_output(compare.PUBLISHED, whole) == compare.PUBLISHED
    del whole["workloads"]["T4"]
    whole["workloads"]["I1/5-17-2"]["peers"][0]["not_measured"] = "its source is not at hand"
    assert limits.missing(whole) == ["T4: not measured", "I1/5-17-2: RTNeural"]
    assert compare.allowed_output(compare.PUBLISHED, whole) == ROOT / "build" / "performance.md"
    assert "I1/5-17-2: RTNeural" in capsys.readouterr().out
