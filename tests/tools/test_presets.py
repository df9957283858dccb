"""Every preset of CMake can be configured: those of stages that seldom run too."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRESETS = {preset["name"]: preset for preset in json.loads((ROOT / "CMakePresets.json").read_text("utf-8"))["configurePresets"]}
SHOWN = [name for name, preset in PRESETS.items() if not preset.get("hidden")]


def compilers(name):
    """What the preset calls, by itself or by the file of its toolchain."""
    preset = PRESETS[name]
    told = preset.get("cacheVariables", {}).get("CMAKE_CXX_COMPILER")
    own = {"aarch64": "aarch64-linux-gnu-g++"}.get(name)
    return [compiler for compiler in (told, own) if compiler]


@pytest.mark.parametrize("name", SHOWN)
def test_a_preset_can_be_configured(tmp_path, name):
    for compiler in compilers(name):
        if shutil.which(compiler) is None:
            pytest.skip(f"{compiler} is not installed")
    if name == "aarch64" and not Path("/usr/include/aarch64-linux-gnu/zlib.h").exists():
        pytest.skip("the libraries of the other processor are not installed: the stage `emulated` does that")
    ran = subprocess.run(["cmake", "--preset", name, "-B", tmp_path, "-Wno-dev"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
