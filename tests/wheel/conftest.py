"""The wheels of build/wheels, each installed where nothing of this machine's build can be found: a virtual environment of every
Python that the wheels are for, with NumPy alone, in an environment of variables that names no compiler."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build/wheels"
PLACE = ROOT / "build/wheel-test"
VERSIONS = ("3.11", "3.12", "3.13")


def find_python(version):
    """The interpreter of this version; where there is none, the tests with it are skipped and say so."""
    found = subprocess.run([ROOT / "tools/find-python", version], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(found.stderr.strip())
    return found.stdout.strip()


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and how to run what is in it."""

    folder: Path
    version: str

    @property
    def python(self):
        return self.folder / "bin/python"

    @property
    def program(self):
        return self.folder / "bin/handgrad"

    @property
    def packages(self):
        return self.folder / f"lib/python{self.version}/site-packages"

    def run(self, *words, check=True, **variables):
        """Runs words with these environment variables and no others, away from the sources."""
        surroundings = {"PATH": str(self.folder / "bin"), "HOME": str(self.folder), "LANG": "C.UTF-8", **variables}
        ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=self.folder,
                             env=surroundings)
        assert ran.returncode == 0 or not check, f"{words} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        return ran

    def pip(self, *words, **variables):
        """Runs pip, which is told by variables where its packages come from, and may compile."""
        ran = subprocess.run([str(self.python), "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, words)],
                             capture_output=True, text=True, check=False, env={**os.environ, **variables})
        assert ran.returncode == 0, f"pip {words} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"


def make_environment(name, version):
    python = find_python(version)
    subprocess.run([python, "-m", "venv", "--clear", PLACE / name], check=True)
    return Environment(PLACE / name, version)


@pytest.fixture(scope="session", params=VERSIONS)
def installed(request):
    """An environment with the wheel and what it asks for: NumPy."""
    environment = make_environment(request.param, request.param)
    environment.pip("install", "--only-binary", ":all:", "numpy")
    # Without an index, so that nobody else's package of that name can come in.
    environment.pip("install", "--no-index", "--find-links", WHEELS, "handgrad")
    return environment


@pytest.fixture(scope="session")
def sdist():
    """The sources as pip takes them."""
    (found,) = WHEELS.glob("handgrad-*.tar.gz")
    return found


@pytest.fixture(scope="session")
def checkers():
    """An environment with the two programs that check types, and a Python to run them."""
    environment = make_environment("checkers", "3.12")
    environment.pip("install", "--only-binary", ":all:", "mypy==2.4.1", "pyright[nodejs]==1.1.414")
    return environment


def pytest_configure():
    if not list(WHEELS.glob("*.whl")):
        raise pytest.UsageError(f"no wheels in {WHEELS}: tools/wheel builds them")
    sys.dont_write_bytecode = True
