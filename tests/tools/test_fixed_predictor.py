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
