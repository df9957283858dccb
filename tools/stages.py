"""The stages of `make test` and of `make test-long`: what each proves, its commands, and the files that decide its result."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build/logs"
PYTHON = ".venv/bin/python"
PROGRAM = "build/release/cli/handgrad"
PACKAGE_PYTHON = ".venv-package/bin/python"
BUILD = ("handgrad", "c", "cmake", "CMakeLists.txt", "CMakePresets.json")
SUITES = tuple(f"tests/{room}" for room in ("CMakeLists.txt", "base", "math", "nn", "data", "store", "train",
                                            "document", "explain", "certify", "compare", "diagnose", "report", "summary",
                                            "measure", "export", "allocation", "fuzz", "c", "fortran", "support",
                                            "fixtures")) + ("fortran",)
PACKAGE = ("python", "docs/python-api.md", "tools/python_api.py", "pyproject.toml", "tests/package", "tools/package", "tools/python-environment")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
JOBS = os.cpu_count()
# Left out under the address sanitizer: the children of forks from inside a region, in which the leak checker hangs, and
# what only takes long there.
LONG = "-*Fork*:*Golden*:WitnessAudit*:*TwentyThousand*:Marking.RoundingIsForgiven*:Marking.WithEvery*:Advice.IsAnotherChoice*:" \
       "BankTable.OtherWeights*:Text.FitsIn100Places*:Comparison.AMultipleOrARow*:Json.TheNumberOfValues*:" \
       "Marking.AWrongSign*:Marking.OnlyTheFirst*:*RegionsOneAfter*:Elementary*:PredictorOf/1.Table1*:Certificates*:PlantedFactor*"


@dataclass(frozen=True)
class Stage:
    """What to run, in order, until a command fails; shell commands, from the root."""

    name: str
    proves: str  # a sentence for the table of CONTRIBUTING.md
    commands: tuple
    inputs: tuple = ()  # files and folders that decide the result; "*": all; none: run always
    needs: tuple = ()  # stages without which this one makes no sense
    report: str = ""  # JUnit files with the results of single tests


def build(preset, target="tests"):
    return (f"cmake --preset {preset} -Wno-dev", f"cmake --build --preset {preset} --target {target}")


def ctest(preset):
    return f"ctest --test-dir build/{preset} --parallel {JOBS} --output-on-failure --output-junit {LOGS}/ctest-{preset}.xml"


def sanitized(preset):
    """All suites of a build with sanitizers, each in one process, which saves starting hundreds."""
    return (*build(preset), f"cd build/{preset}/tests && ls -S *_test | grep -v measure_test | LOCPATH=$PWD/locale "
            f"xargs -P {JOBS} -I SUITE sh -c \"./SUITE --gtest_brief=1 --gtest_filter='{LONG}' "
            f"--gtest_output=xml:{LOGS}/{preset}-SUITE.xml\"")


def pytest(name, folders, python=PYTHON, path=""):
    search = f"PYTHONPATH={path} " if path else ""
    return (f"LOCPATH=build/release/tests/locale HANDGRAD_PROGRAM={PROGRAM} {search}{python} -m pytest -q -rs "
            f"--junit-xml {LOGS}/{name}.xml {folders}",)


STAGES = (
    Stage("environment", "Python and the packages that the tests ask for are there.", ("tools/python-environment",)),
    Stage("format", "Every C++ file is laid out as `.clang-format` says.", ("tools/format --check",)),
    Stage("include-rules", "No room includes another than `docs/architecture.md` allows, no foreign header comes in by two doors.",
          ("tools/include_rules.py",)),
    Stage("equations", "Every equation, table and step of the derivation has code and a test that name it.",
          ("tools/equations.py --check",)),
    Stage("tools", "The project's own scripts do what they say; pages that tell of the tree agree with it.",
          pytest("tools", "tests/tools"), needs=("environment",), report="tools.xml"),
    Stage("build", "Library, program, suites and examples compile without a warning.",
          (*build("release", "all"), *build("release"))),
    Stage("tests", "Each test of the suites, golden hashes among them, on the archive that users get; instruction sets stay in "
          "their files; the examples print what their pages say, in C and Fortran too; what is published of the border to C stays.", (ctest("release"),), needs=("build",),
          report="ctest-release.xml",
          inputs=(*BUILD, *SUITES, "cli", "examples", "docs/numerics.md", "tools/instruction_sets.py")),
    Stage("python", "The program from outside: verbs, errors, exit codes and formats; numbers against NumPy, scikit-learn and "
          "PyTorch.", pytest("python", "tests/python tests/cli"), needs=("environment", "build"), report="python.xml",
          inputs=(*BUILD, "cli", "tests/python", "tests/cli", "tests/fuzz", "tests/support", "tests/fixtures", "examples", "docs", *PAGES,
                  "tools/python-environment", "tools/measured.py")),
    Stage("package", "The Python package, on the library of the stage `build`, beside today's NumPy, pandas and scikit-learn, and PyTorch.",
          ("tools/python-environment package", "tools/package",
           *pytest("package", "tests/package --ignore-glob '*test_torch*'", PACKAGE_PYTHON, "build/package"),
           *pytest("package-torch", "tests/package/test_torch.py tests/package/test_torch_check.py", PYTHON, "build/package")),
          needs=("environment", "build"), report="package*.xml", inputs=(*BUILD, *PACKAGE, "cli")),
    Stage("pages", "Every command and example of every page prints what stands there, or compiles.",
          (f"HANDGRAD_PROGRAM={PROGRAM} {PYTHON} tools/pages.py --check",), needs=("environment", "build", "package"),
          inputs=(*BUILD, "cli", "fortran", "examples", "docs", "tests/c", *PAGES, "tools/pages.py")),
    Stage("sanitizers", "Asserts hold, and no address is wrong and nothing undefined, in the rooms that read strangers' bytes and "
          "take strangers' arguments (base, nn, data, store) on the scalar kernels.", sanitized("asan"),
          report="asan-*.xml", inputs=(*BUILD, *SUITES)),
    Stage("threads", "No race in the pool of threads.",
          ("g++ -std=c++20 -O1 -g1 -fsanitize=thread -I. handgrad/base/thread_pool.cpp handgrad/base/flush_to_zero.cpp "
           "tests/base/thread_pool_test.cpp -lgtest -lgtest_main -o build/thread_pool_test",
           f"build/thread_pool_test --gtest_output=xml:{LOGS}/threads.xml"),
          report="threads.xml", inputs=("handgrad/base", "tests/base")),
    Stage("consumer", "What is installed, and then moved, serves find_package, pkg-config and a shared library, in C++, C and Fortran.",
          ("tests/consumer/run build/release build/consumer find_package pkg_config shared",), needs=("build",),
          inputs=(*BUILD, "cli", "fortran", "tests/consumer", "examples")),
    Stage("mutations", "Each formula broken on purpose fails a test that names its equation.", ("tools/mutate.py",),
          needs=("build",), inputs=(*BUILD, *SUITES, "tools/mutate.py", "tools/equations.py")),
    Stage("breakages", "A sample of the breakages around the formulas is caught, each by the test that is named for it.",
          ("tools/mutate.py --around --sample",), needs=("environment", "build"),
          inputs=(*BUILD, *SUITES, "cli", "tests/python", "tests/cli", "tools/mutate.py", "tools/around.py")),
)

TESTS = build("release")
PROGRAM_AND_TESTS = (*build("release", "all"), *TESTS)


def clang(version):
    return Stage(f"clang-{version}", f"Clang {version} compiles library, program and suites without a warning, which then pass, "
                 "with the same golden hashes.",
                 ("tools/install-packages tools/clang-packages.txt", *build(f"clang-{version}", "all"), *build(f"clang-{version}"),
                  ctest(f"clang-{version}")),
                 report=f"ctest-clang-{version}.xml", inputs=(*BUILD, *SUITES, "cli", "examples", "tools/clang-packages.txt"))


LONG_STAGES = (
    clang(14),
    clang(16),
    Stage("tidy", "clang-tidy finds nothing in library and program; every public header compiles by itself.", ("tools/tidy",),
          inputs=(*BUILD, "cli", ".clang-tidy", "tools/tidy")),
    Stage("sanitizers-all", "The stage `sanitizers` for all rooms and instruction sets.", sanitized("asan-all"),
          report="asan-all-*.xml", inputs=(*BUILD, *SUITES)),
    Stage("threads-all", "No race in kernels, training and inference on several threads.",
          (*build("tsan", "base_test nn_test"),
           "ctest --test-dir build/tsan --output-on-failure --tests-regex 'ThreadPool|Barrier|Engine\\.|Predictor' "
           f"--output-junit {LOGS}/ctest-tsan.xml"), report="ctest-tsan.xml", inputs=(*BUILD, *SUITES)),
    Stage("threads-package", "No race in the Python package, whose threads share networks, models and estimators.",
          (*build("tsan", "handgrad"), "tools/python-environment package",
           f"cmake -S python -B build/tsan-package -G Ninja -Wno-dev -DCMAKE_BUILD_TYPE=Release -Dhandgrad_DIR=$PWD/build/tsan "
           f"-DCMAKE_CXX_FLAGS='-fsanitize=thread -g1' -DCMAKE_MODULE_LINKER_FLAGS=-fsanitize=thread "
           f"-DPython_EXECUTABLE=$PWD/{PACKAGE_PYTHON}",
           "cmake --build build/tsan-package --target _core",
           # The interpreter itself is not instrumented, so that the sanitizer comes before it.
           "LD_PRELOAD=$(g++ -print-file-name=libtsan.so) TSAN_OPTIONS=report_thread_leaks=0 OPENBLAS_NUM_THREADS=1 "
           f"PYTHONPATH=build/tsan-package {PACKAGE_PYTHON} -m pytest -q -rs --capture=no -p no:cacheprovider "
           f"--junit-xml {LOGS}/threads-package.xml tests/package/test_threads.py"),
          report="threads-package.xml", inputs=(*BUILD, *PACKAGE)),
    Stage("emulated", "A processor without AVX and an aarch64 one, emulated, give the same bits.",
          (*build("release", "all"), "tools/install-packages tests/emulated/packages.txt", "tests/emulated/run"),
          inputs=(*BUILD, *SUITES, "cli", "tests/emulated")),
    Stage("mutations-certificate", "Each formula and each part of the engine broken on purpose makes `handgrad check` say FAIL.",
          (*TESTS, "tools/mutate.py --certificate"), inputs=(*BUILD, *SUITES, "tools/mutate.py")),
    Stage("breakages-all", "Every breakage around the formulas is caught by the test that is named for it.",
          ("tools/python-environment", *PROGRAM_AND_TESTS, "tools/mutate.py --around"),
          inputs=(*BUILD, *SUITES, "cli", "tests/python", "tests/cli", "tools/mutate.py", "tools/around.py")),
    Stage("verdicts", "`check` and `compare` say of right and of planted wrong gradients what is so.",
          ("tools/python-environment", *build("release", "all"),
           f"HANDGRAD_PROGRAM={PROGRAM} PYTHONPATH=tests/python {PYTHON} tests/python/test_verdict_bank.py"),
          inputs=(*BUILD, "cli", "tests/python")),
    Stage("faults", "Whichever allocation fails, and whichever call of the operating system, every verb ends with exit 6 and a word, "
          "and leaves the files that were there.",
          ("tools/python-environment", *build("release", "all"),
           *(f"HANDGRAD_FAULTS=all {command}" for command in
             pytest("faults", "tests/cli/test_memory_faults.py tests/cli/test_io_faults.py"))),
          report="faults.xml", inputs=(*BUILD, "cli", "tests/cli", "tests/support")),
    Stage("fuzz", "A minute of libFuzzer on every reader finds nothing.",
          ("tools/install-packages tests/fuzz/packages.txt", *build("fuzz", "handgrad_fuzz"), "tests/fuzz/run"),
          inputs=(*BUILD, "cli", "tests/fuzz", "tests/support")),
    Stage("forged", "20 000 model files with any metadata and checksums that fit are read, or refused in a sentence, by every verb.",
          ("tools/python-environment", *build("release", "all"), "HANDGRAD_FORGED=10000 " + pytest(
              "forged", "tests/cli/test_forged_models.py -k any_metadata")[0]), report="forged.xml",
          inputs=(*BUILD, "cli", "tests/cli/test_forged_models.py", "tests/support")),
    Stage("coverage", "Split-conformal intervals and sets cover new rows as the beta-binomial distribution says, over 200 splits of three "
          "real tables.",
          ("tools/python-environment", *build("release", "all"), "HANDGRAD_SPLITS=200 " + pytest(
              "coverage", "tests/python/test_intervals.py -k coverage_of_split")[0]), report="coverage.xml",
          inputs=(*BUILD, "cli", "tests/python", "examples/data")),
    Stage("kills", "Of 200 trainings killed at random moments each comes to the model of the one that was never killed.",
          (*build("release", "all"), f"/usr/bin/python3 tests/support/kill_loop.py {PROGRAM}"),
          inputs=(*BUILD, "cli", "tests/support/kill_loop.py")),
    Stage("networks", "On 100 000 awkward networks, in float and double, no right gradient FAILs.",
          (*build("release", "certify_test"), "HANDGRAD_NETWORKS=100000 build/release/tests/certify_test "
           f"--gtest_filter='WitnessAudit.ARight*' --gtest_output=xml:{LOGS}/networks.xml"), report="networks.xml",
          inputs=(*BUILD, "tests/certify", "tests/support")),
    Stage("consumer-all", "The stage `consumer`, and add_subdirectory.",
          (*build("release", "all"), "tests/consumer/run build/release build/consumer"),
          inputs=(*BUILD, "cli", "fortran", "tests/consumer", "examples")),
    Stage("export-all", "Exported C of every activation, output, depth 1 to 3 and preprocessing has the program's bits on 10 000 rows.",
          ("tools/python-environment", *build("release", "all"), "HANDGRAD_EXPORT=all " + pytest(
              "export-all", "tests/cli/test_export_c99.py -k every_network")[0]), report="export-all.xml",
          inputs=(*BUILD, "cli", "tests/cli/test_export_c99.py", "tests/support")),
    Stage("microcontroller", "Exported C fits a Cortex-M4, in the bytes that docs/export.md tells, and has the program's bits under QEMU.",
          ("tools/python-environment", *build("release", "all"), *pytest("microcontroller", "tests/microcontroller")),
          report="microcontroller.xml", inputs=(*BUILD, "cli", "tests/microcontroller")),
    Stage("tarball", "The sources alone, without git, build and pass their tests.",
          ("tools/tarball", "tools/tarball --unpack build/tarball",
           "cd build/tarball && tools/test environment format include-rules equations tools build tests python package pages"),
          inputs=("*",)),
    Stage("wheel", "The wheels, installed beside NumPy alone and beside today's packages in every Python that is there, and the "
          "sources as pip takes them, hold what they should and pass the package's tests; mypy and pyright find nothing.",
          ("tools/python-environment package", "tools/wheel", *(f"HANDGRAD_EXAMPLES=200 {command}" for command in pytest("wheel", "tests/wheel", PACKAGE_PYTHON))),
          report="wheel*.xml", inputs=(*BUILD, *PACKAGE, "cli", "tests/wheel", "tools/wheel", "tools/find-python", "README.md",
                                       "docs/python.md", "LICENSE")),
    Stage("onnx", "Every activation with every output, at three depths, in float and double, and every kind of table, are in ONNX Runtime what "
          "they are here, with their derivatives; every cut of a file of ONNX is refused.",
          ("tools/python-environment package", *build("release", "all"),
           "HANDGRAD_EXPORT=all " + pytest("onnx", "tests/package/test_onnx.py tests/package/test_onnx_columns.py tests/package/test_import.py",
                                           PACKAGE_PYTHON, "build/package")[0]),
          report="onnx.xml", inputs=(*BUILD, "cli", "tests/package", "tools/python-environment")),
    Stage("instructions", "No step takes 2 % more instructions than `bench/instructions.json` says.",
          ("tools/install-packages bench/packages.txt", *build("release", "repeat_workload"), "bench/instructions.py"),
          inputs=(*BUILD, "bench")),
)
