"""--threads and --simd change no bit: one hash of the weights, one file of predictions."""

from pathlib import Path

LEVELS = ("scalar", "avx2", "avx512")


def write_table(handgrad):
    """600 rows of ten columns and a target, enough for several threads."""
    lines = [",".join([f"x{j}" for j in range(10)] + ["y"])]
    for i in range(600):
        x = [((i * (7 + j) + j * j) % 101) / 50 - 1 for j in range(10)]
        lines.append(",".join(f"{v:.4f}" for v in [*x, sum(x) * x[0]]))
    handgrad.write("t.csv", "\n".join(lines) + "\n")


def test_every_level_and_number_of_threads_trains_the_same_weights_and_predicts_the_same(handgrad):
    write_table(handgrad)
    hashes, predictions = set(), set()
    for level in LEVELS:
        for threads in (1, 2, 3, 7, 16):
            machine = ("--simd", level, "--threads", str(threads))
            ran = handgrad("train", "t.csv", "--target", "y", "--hidden", "320,70", "--epochs", "2", "--batch", "200",
                           "--json", "-o", "m.model", *machine)
            assert ran.code == 0, ran.err
            hashes.add(ran.events[-1]["parameters_hash"])
            ran = handgrad("predict", "m.model", "t.csv", "--allow-extra", "--jacobian", *machine)
            assert ran.code == 0, ran.err
            predictions.add(ran.out)
    assert len(hashes) == 1 and len(predictions) == 1


def test_what_the_processor_lacks_is_named_unless_quiet(handgrad):
    write_table(handgrad)
    call = ("train", "t.csv", "--target", "y", "--epochs", "1", "-o", "m.model", "--simd", "avx512")
    told = handgrad(*call)
    assert told.code == 0
    if " avx512f " in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace"):
        assert "lacks" not in told.err
    else:
        assert "this processor lacks avx512; " in told.err
        assert " works instead, with the same results" in told.err
    assert handgrad(*call, "--quiet").err == ""
