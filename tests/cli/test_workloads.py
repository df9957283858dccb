"""bench/workloads.toml against the table that the program measures: the same workloads, every one with its reason."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/peers"))

import table  # noqa: E402  (after the path that leads to it)

KNOWN_PEERS = {"JAX", "PyTorch", "NumPy", "scikit-learn", "ONNX Runtime", "FANN", "RTNeural", "SLEEF"}


def test_the_table_and_the_program_list_the_same_workloads(handgrad):
    listed = {event["id"]: event for event in handgrad("bench", "--list", "--all", "--json").events}
    assert listed.keys() == table.TABLE.keys()
    for name, row in table.TABLE.items():
        event = listed[name]
        assert event["kind"] == row.kind, name
        assert event["on_request"] == row.on_request, name
        assert tuple(event["widths"]) == row.widths, name
        if row.kind != "function":
            fields = ("hidden", "output", "loss", "optimizer", "rows", "batches", "double")
            assert [event[field] for field in fields] == [getattr(row, field) for field in fields], name


def test_every_workload_has_a_reason_and_known_peers_and_a_third_of_the_shapes_are_odd():
    for row in table.TABLE.values():
        assert len(row.reason) > 10, row.id
        assert set(row.peers) <= KNOWN_PEERS, row.id
        assert row.peers or row.aim is None, row.id
        if row.aim and row.aim.peer:
            assert row.aim.peer in row.peers, row.id
    shapes = [row for row in table.COMPARED.values() if row.widths]
    odd = [row for row in shapes if row.is_odd]
    assert 3 * len(odd) >= len(shapes)
    for row in odd:
        even = table.TABLE[row.beside]
        assert not even.is_odd and even.kind == row.kind, row.id
        for field in ("loss", "optimizer", "hidden", "output"):
            assert getattr(even, field) == getattr(row, field), row.id


def test_each_group_is_timed_once_and_holds_all_that_is_compared():
    timed = [name for ids in table.groups().values() for name in ids]
    assert len(set(timed)) == len(timed)
    assert set(timed) == table.COMPARED.keys() | {row.beside for row in table.COMPARED.values() if row.beside}
