"""The check of object files: planted code of AVX where it must not be, or where others may come by it, is found."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import instruction_sets  # noqa: E402  (after the path that leads to it)

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the instructions are those of x86-64")

LOCAL = """namespace { template <class T> T twice(T x) { return x + x; } }
extern "C" const auto table = &twice<double>;"""
SHARED = """template <class T> T twice(T x) { return x + x; }
extern "C" const auto table = &twice<double>;"""
MASKS = """unsigned char mask(unsigned char a) { asm("kmovb %0, %%k1" : : "r"(unsigned(a))); return a; }"""
SHIFT = "unsigned shift(unsigned a, unsigned b) { return a << b; }"
VIRTUAL = 'void call() { asm("vmcall"); }'


def compiled(folder, name, text, *flags):
    file = folder / "kernels" / f"{name}.cpp.o"
    file.parent.mkdir(exist_ok=True)
    subprocess.run(["g++", "-std=c++20", "-O2", "-x", "c++", "-c", "-", "-o", file, *flags], input=text, text=True,
                   check=True)
    return str(file)


@pytest.mark.parametrize(("name", "text", "flags"), [
    ("avx2", LOCAL, ["-mavx2"]),
    ("avx512", LOCAL, ["-mavx512f"]),
    ("scalar", SHARED, []),
    ("scalar", SHIFT, []),
    ("scalar", VIRTUAL, []),
])
def test_what_keeps_the_rules_passes(tmp_path, name, text, flags):
    assert instruction_sets.check(compiled(tmp_path, name, text, *flags)) == []


@pytest.mark.parametrize(("name", "text", "flags", "cause"), [
    ("avx2", SHARED, ["-mavx2"], "the linker may share double twice<double>(double) with other files"),
    ("avx512", SHARED, ["-mavx512f"], "the linker may share double twice<double>(double) with other files"),
    ("avx2", "int one() { return 1; }", ["-mavx2"], "the linker may share one() with other files"),
    ("scalar", LOCAL, ["-mavx"], "twice<double>(double) has an instruction of AVX, vaddsd"),
    ("scalar", MASKS, ["-mavx512dq"], "mask(unsigned char) has an instruction of AVX, kmovb"),
    ("scalar", SHIFT, ["-mbmi2"], "shift(unsigned int, unsigned int) has an instruction of AVX, shlx"),
])
def test_a_planted_violation_is_found(tmp_path, name, text, flags, cause):
    found = instruction_sets.check(compiled(tmp_path, name, text, *flags))
    assert len(found) == 1
    assert found[0].endswith(cause)


def test_the_program_fails_on_a_violation_and_without_kernels(tmp_path, capsys):
    kernels = compiled(tmp_path, "avx2", LOCAL, "-mavx2")
    assert instruction_sets.main([kernels, compiled(tmp_path, "scalar", LOCAL, "-mavx2")]) == 1
    assert "2 object files, 1 violations" in capsys.readouterr().out
    assert instruction_sets.main([compiled(tmp_path, "scalar", LOCAL)]) == 1
    assert instruction_sets.main([kernels]) == 0
