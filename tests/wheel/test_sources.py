"""The sources as pip takes them: what is in them, and that they build, also as an editable installation."""

import shutil
import tarfile

import pytest
from conftest import PLACE, ROOT, make_environment

TOPS = {"CHANGELOG.md", "CITATION.cff", "CMakeLists.txt", "LICENSE", "PKG-INFO", "README.md", "cli", "cmake", "handgrad",
        "pyproject.toml", "python"}
# With the name that the release build gives to the compiler, and its options, ccache has most of what is compiled here.
COMPILER = {"CXX": "c++", "CMAKE_BUILD_PARALLEL_LEVEL": "2", "SKBUILD_CMAKE_DEFINE": "CMAKE_COMPILE_WARNING_AS_ERROR=ON"}


@pytest.fixture(scope="module")
def unpacked(sdist):
    shutil.rmtree(PLACE / "sources", ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(PLACE / "sources")
    return PLACE / "sources" / sdist.name.removesuffix(".tar.gz")


def test_they_hold_what_building_takes_and_name_what_is_linked_in(sdist):
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]
    assert {name.split("/")[0] for name in names} == TOPS
    assert "python/third-party.txt" in names
    assert not [name for name in names if name.endswith((".pyc", ".so", ".o"))]


def test_they_are_installed_by_pip(sdist):
    environment = make_environment("sdist", "3.12")
    environment.pip("install", sdist, **COMPILER)
    version = environment.run(environment.python, "-c", "import handgrad; print(handgrad.__version__)").stdout
    assert environment.run("handgrad", "--version").stdout == f"handgrad {version}"


def test_a_folder_is_installed_and_an_editable_one_runs_what_is_edited(unpacked):
    environment = make_environment("editable", "3.11")
    environment.pip("install", "--editable", unpacked, **COMPILER)
    file = unpacked / "python/handgrad/__init__.py"
    file.write_text(file.read_text("utf-8") + "\nedited = 'yes'\n", "utf-8")
    assert environment.run(environment.python, "-c", "import handgrad; print(handgrad.edited)").stdout == "yes\n"
    assert environment.run(environment.python, "-m", "handgrad", "--version").stdout.startswith("handgrad ")
    # The same folder again, as a copy: what was compiled is still there.
    environment.pip("install", "--force-reinstall", "--no-deps", unpacked, **COMPILER)
    assert environment.run(environment.python, "-c", "import handgrad; print(handgrad.__file__)").stdout.startswith(
        str(environment.packages))


def test_no_other_version_stands_anywhere_than_in_the_library_s_header(sdist):
    header = (ROOT / "handgrad/base/version.hpp").read_text("utf-8")
    assert f'version = "{sdist.name.split("-")[1].removesuffix(".tar.gz")}"' in header
    assert '\nversion = "' not in (ROOT / "pyproject.toml").read_text("utf-8")
