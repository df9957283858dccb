"""The header of the fixed shape under the flags that its users may choose: what would change results is refused."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
#include <array>
#include "handgrad/nn/fixed_predictor.hpp"
using Net = handgrad::FixedPredictor<3, handgrad::FixedLayer<5, handgrad::math::Tanh>, handgrad::FixedLayer<2>>;
std::array<float, 2> at(const Net& net, const std::array<float, 3>& x) {
    std::array<float, 2> yhat{};
    std::array<float, 6> J{};
    net.predict(x, yhat);
    net.jacobian(x, yhat, J);
    return yhat;
}
"""
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror"]


def compiled(compiler, flags):
    return subprocess.run([compiler, "-std=c++20", "-x", "c++", "-", "-c", "-o", "/dev/null", f"-I{ROOT}", *flags],
                          input=PROGRAM, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("flag", ["-ffast-math", "-ffinite-math-only"])
def test_flags_that_change_results_are_refused(flag):
    answer = compiled("g++", ["-E", flag])
    assert answer.returncode != 0
    assert "handgrad: -ffast-math and its parts change results" in answer.stderr


MAIN = PROGRAM + """
#include <cstdio>
#include <exception>
int main() {
    std::array<float, Net::parameter_count> parameters{};
    try {
        at(Net(std::span<const float, Net::parameter_count>(parameters)), {1.0f, 2.0f, 3.0f});
    } catch (const std::exception& error) {
        std::puts(error.what());
    }
}
"""
LIBRARY = ROOT / "build" / "release" / "handgrad" / "libhandgrad.a"
PARTS = ["-funsafe-math-optimizations", "-fassociative-math -fno-signed-zeros -fno-trapping-math", "-freciprocal-math",
         "-fno-signed-zeros", "-ffast-math", "-ffinite-math-only"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("compiler", ["g++", "clang++-16", "clang++-14"])
def test_no_part_of_fast_math_goes_unseen(tmp_path, compiler, part):
    """Refused when compiling, or when the predictor is made; or the part does nothing that the check could see."""
    if shutil.which(compiler) is None or not LIBRARY.exists():
        pytest.skip(f"{compiler} or the release build is not there")
    program = tmp_path / "program"
    made = subprocess.run([compiler, "-std=c++20", "-O2", "-x", "c++", "-", "-o", program, f"-I{ROOT}", *part.split(),
                           "-x", "none", LIBRARY, "-lxxhash", "-lz", "-lpthread"],
                          input=MAIN, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        assert "handgrad: -ffast-math and its parts change results" in made.stderr
        return
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    harmless = compiler != "g++" and part in ("-fno-signed-zeros", "-ffinite-math-only")
    assert harmless or "is compiled with a part of -ffast-math" in said


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("flags", [[], ["-mavx2", "-mfma"], ["-mavx512f", "-mavx512dq", "-mfma"]])
def test_no_flag_of_a_processor_brings_a_warning(compiler, flags):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    if platform.machine() != "x86_64" and flags:
        pytest.skip("flags of an x86-64 processor")
    effort = {"g++": "-O1", "clang++": "-fsyntax-only"}[compiler]  # g++ finds some by looking at values
    answer = compiled(compiler, [effort, *flags, *WARNINGS])
    assert answer.returncode == 0, answer.stderr
