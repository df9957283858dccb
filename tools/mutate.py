#!/usr/bin/python3
"""Breaks one formula at a time and checks that a test fails whose name says which equation.

Usage: tools/mutate.py [--certificate | --around [--sample]] [--jobs N] [NAME...]
    (default: all mutations of formulas, one job a core)

Each mutation replaces one piece of text in one file. The mutated file lies in a folder of its own that the compiler
searches before the project; sources and tests that see it are compiled anew, all else is taken from the library of the
release build. Exits with 1 when a mutation survives, when no failing test names its equation, or when the text to
replace does not stand in the file exactly once. With --certificate the gradient certificate has to say FAIL: of the
plain passes, mutated by those mutations that change a gradient, and of the engine (kernels, packing, scaling), mutated
in its own ways, judged by the default certificate of `handgrad check`, which must name the place.

With --around the program is broken outside of formulas and kernels (tools/around.py: settings that do not arrive, rows
that leak, exit codes, files that are not flushed), linked anew from the objects of the release build, and the test that is
named there must fail. First all those tests must pass with the program as it is; --sample takes every sixteenth and
leaves that to the rest of `make test`.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import around
import equations

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "build/release/handgrad/libhandgrad.a"
COMPILE = ("g++", "-std=c++20", "-O0", "-DNDEBUG", "-ffp-contract=off", "-w")
# The headers of the test libraries, precompiled for the suites by the same options: half of the time of a small test.
TEST_HEADERS = ("-include", ROOT / "build/release/tests/CMakeFiles/base_test.dir/cmake_pch.hxx")
PROGRAM_OBJECTS = ROOT / "build/release/cli/CMakeFiles/handgrad_program.dir"
SUITE_OBJECTS = ROOT / "build/release/tests/CMakeFiles"
PYTHON = ROOT / ".venv/bin/python"
LINK = ("-lgmock", "-lgtest", "-lgtest_main", "-lrapidcheck", "-lmpfr", "-lz", "-lxxhash")

ACTIVATIONS = "handgrad/math/activations.hpp"
LOSSES = "handgrad/math/losses.hpp"
CONVENTIONS = "handgrad/math/conventions.hpp"
LOOPS = "handgrad/nn/plain_loops.hpp"
OUTPUT_LOSS = "handgrad/math/output_loss.hpp"
UPDATES = "handgrad/math/updates.hpp"

# For each mutated file what is compiled anew: sources and tests that see it.
SOURCES = {
    ACTIVATIONS: ("tests/math/activations_test.cpp",),
    LOSSES: ("tests/math/losses_test.cpp",),
    CONVENTIONS: ("tests/math/losses_test.cpp",),
    LOOPS: ("handgrad/nn/passes.cpp", "tests/nn/passes_test.cpp"),
    OUTPUT_LOSS: ("handgrad/nn/passes.cpp", "tests/nn/passes_test.cpp"),
    UPDATES: ("tests/math/updates_test.cpp",),
}


# The passes that are mutated with --certificate, and the test that then must fail; it is compiled as it stands.
PASSES = "handgrad/nn/passes.cpp"
CERTIFIED = "tests/certify/certified_passes_test.cpp"


@dataclass(frozen=True)
class Mutation:
    """One broken formula: what is replaced where, and the items of which a failing test must name at least one."""

    name: str
    file: str
    old: str
    new: str
    items: tuple
    gradient: bool = True  # whether it changes what the passes claim the gradient to be


RELU_KINK = "const auto flat = settings.kink == Kink::right_limit ? less(z, T(0)) : less_equal(z, T(0));"
SIGMA_PRIME = "const T t = exp(-abs(z));\n        const T s = T(1) / (T(1) + t);\n        return (t * s) * s;"
SIGMA_PRIME_ITEMS = ("Eq. (12)", "Eq. (13)", "Eq. (14)", "Eq. (15)")

MUTATIONS = (
    Mutation("bias left out", LOOPS, "T sum = b[i];", "T sum = T(0);", ("Eq. (1)", "Table 1")),
    Mutation("W read transposed", LOOPS, "sum += w[j] * a[j];", "sum += W.data()[j * W.rows() + i] * a[j];",
             ("Eq. (1)", "Table 1")),
    Mutation("squared error halved", LOSSES, "return d * d;", "return T(0.5) * d * d;", ("Eq. (3)",), gradient=False),
    Mutation("squared error averaged over K", CONVENTIONS, "Reduction squared_error = Reduction::sum;",
             "Reduction squared_error = Reduction::mean;", ("Eq. (3)",), gradient=False),
    Mutation("mean over rows left out", LOOPS, "Wide<T>(reduction) * weight / total_weight",
             "Wide<T>(reduction) * weight + Wide<T>(0) * total_weight", ("Step 3", "Eq. (3)")),
    Mutation("step uphill", UPDATES, "w = fma(T(-c.rate), g, w);", "w = fma(T(c.rate), g, w);", ("Eq. (4)",), gradient=False),
    Mutation("learning rate left out", UPDATES, "w = fma(T(-c.rate), g, w);", "w = w - g;", ("Eq. (4)",), gradient=False),
    Mutation("positive part becomes absolute value", ACTIVATIONS, "return max(z, T(0));",
             "return abs(z);", ("Table 1",)),
    Mutation("ReLU' is 1 for z < 0 too", ACTIVATIONS, "return select(flat, T(0), T(1));", "return T(1);",
             ("Eq. (5)", "Eq. (6)")),
    Mutation("ReLU'(0) is 0", ACTIVATIONS, RELU_KINK, "const auto flat = less_equal(z, T(0));", ("Eq. (7)",)),
    Mutation("identity' is 2", ACTIVATIONS, "// Eq. (8), Eq. (9)\n        return T(1);",
             "// Eq. (8), Eq. (9)\n        return T(2);", ("Eq. (8)", "Eq. (9)")),
    Mutation("squared error' without its 2", LOSSES, "return T(2) * d;", "return d;", ("Eq. (10)", "Eq. (11)")),
    Mutation("squared error' with the wrong sign", LOSSES, "return T(2) * d;", "return T(-2) * d;",
             ("Eq. (10)", "Eq. (11)")),
    Mutation("sigma with the wrong sign", ACTIVATIONS, "return select(less(z, T(0)), t, T(1)) * (T(1) / (T(1) + t));",
             "return select(less(z, T(0)), T(1), t) * (T(1) / (T(1) + t));", ("Table 3",)),
    Mutation("sigma' without its square", ACTIVATIONS, SIGMA_PRIME,
             SIGMA_PRIME.replace("(t * s) * s", "t * s"), SIGMA_PRIME_ITEMS),
    Mutation("sigma' written literally, which overflows", ACTIVATIONS, SIGMA_PRIME,
             SIGMA_PRIME.replace("exp(-abs(z))", "exp(-z)"), SIGMA_PRIME_ITEMS),
    Mutation("binary cross-entropy with the wrong sign", LOSSES,
             "return -(y_log(y, log(yhat)) + y_log(T(1) - y, log1p(-yhat)));",
             "return -(y_log(y, log(yhat)) - y_log(T(1) - y, log1p(-yhat)));", ("Table 5",), gradient=False),
    Mutation("binary cross-entropy summed over K", CONVENTIONS, "Reduction binary_cross_entropy = Reduction::mean;",
             "Reduction binary_cross_entropy = Reduction::sum;", ("Table 5", "Eq. (18)", "Eq. (19)"), gradient=False),
    Mutation("binary cross-entropy' with the wrong sign", LOSSES,
             "return -(y_over(y, yhat) - y_over(T(1) - y, T(1) - yhat));",
             "return y_over(y, yhat) - y_over(T(1) - y, T(1) - yhat);", ("Eq. (18)", "Eq. (19)")),
    Mutation("fused gradient without 1/K", OUTPUT_LOSS,
             "dz[j] = factor * decltype(pair)::derivative(z[j], y[j]);",
             "dz[j] = decltype(pair)::derivative(z[j], y[j]);", ("Table 4", "Table 5", "Eq. (19)")),
    Mutation("f' left out of the way back", OUTPUT_LOSS, "dz[i] = v[i] * F::derivative(z[i], settings);", "dz[i] = v[i];",
             ("Table 2", "Table 4")),
    Mutation("f' taken at the activation", OUTPUT_LOSS, "dz[i] = v[i] * F::derivative(z[i], settings);",
             "dz[i] = v[i] * F::derivative(a[i], settings);", ("Table 2", "Table 4")),
    Mutation("gradient by W of one unit for all", LOOPS, "add_multiple<T>(dz(row, i), a.row(row), dW.row(i));",
             "add_multiple<T>(dz(row, 0), a.row(row), dW.row(i));", ("Table 2", "Table 4")),
    Mutation("gradient overwritten", LOOPS, "db[i] += dz(row, i);", "db[i] = dz(row, i);", ("Step 4",)),
)


# What the default certificate of models must find in the engine: a broken line, and a word of the place that is named.
ENGINE_TEST = "tests/certify/certified_engine_test.cpp"
TILES = "handgrad/kernels/tiles.hpp"
LAYERS = "handgrad/kernels/layers.hpp"
OUTPUTS = "handgrad/kernels/outputs.hpp"
TRAINING = "handgrad/kernels/training.hpp"
ROW = "handgrad/kernels/inference_row.hpp"
TILE = "handgrad/kernels/inference_tile.hpp"
DERIVATIVES = "handgrad/kernels/inference_derivatives.hpp"
HESSIAN = "handgrad/kernels/inference_hessian.hpp"
SYMMETRIC = "handgrad/kernels/symmetric.hpp"
PACKED = "handgrad/nn/packed_network.cpp"
LOSS_GRADIENT = "handgrad/nn/loss_gradient.cpp"
PREDICTION = "handgrad/train/prediction.cpp"

ENGINE_MUTATIONS = (
    Mutation("shorter tiles begin a row too early", TILES, "run(tiling.size, tiling.longer * (tiling.size + 1),",
             "run(tiling.size, tiling.longer * tiling.size,", ("linear",)),
    Mutation("last term of a stream dropped", TILES, "} while (--times > 0);", "} while (--times > 1);", ("linear",)),
    Mutation("last input of gathered rows dropped", TILES, "} while (++k < columns);", "} while (++k + 1 < columns);",
             ("linear", "yhat")),
    Mutation("units beyond the first panel read again", TILES, "a += panel_stride;\n            left -= count;",
             "left -= count;", ("linear", "yhat")),
    Mutation("last row of gathered rows dropped", TILES,
             "sum, [&](std::size_t m) { return a[m]; }, b, stride);\n            b += panel_width<S>;\n        } while (++begin < end);",
             "sum, [&](std::size_t m) { return a[m]; }, b, stride);\n            b += panel_width<S>;\n        } while (++begin + 1 < end);",
             ("linear1",)),
    Mutation("last row of a narrow layer dropped", TILES,
             "sum, [&](std::size_t m) { return a[m][begin]; }, b, stride);\n            b += panel_width<S>;\n        } while (++begin < end);",
             "sum, [&](std::size_t m) { return a[m][begin]; }, b, stride);\n            b += panel_width<S>;\n        } while (++begin + 1 < end);",
             ("weight",)),
    Mutation("columns of the last tile packed from the row before", TILES,
             "std::memcpy(to, from[row] + first, (M - 1) * sizeof(S));",
             "std::memcpy(to, from[row > 0 ? row - 1 : row] + first, (M - 1) * sizeof(S));", ("linear1.weight",)),
    Mutation("a tree forgets its last leaf", "handgrad/math/sum_order.hpp", "for (; top > 1; --top) {", "for (; top > 2; --top) {",
             ("2053 rows",)),
    Mutation("last row beyond a leaf dropped", LAYERS, "smaller(begin + leaf_rows, rows), b, b_stride, slot[to]",
             "smaller(begin + leaf_rows, rows - 1), b, b_stride, slot[to]", ("293 rows",)),
    Mutation("the other half of a sum of leaves", LAYERS, "(Simd<S>::load(slot[left] + i) + Simd<S>::load(slot[right] + i)).store(slot[left] + i);",
             "(Simd<S>::load(slot[left] + i) + Simd<S>::load(slot[left] + i)).store(slot[left] + i);", ("293 rows",)),
    Mutation("stale mirror of the last unit", LAYERS, "const std::size_t units = smaller(layer.outputs - p * width, width);",
             "const std::size_t units = smaller(layer.outputs - p * width, width) - 1;", ("second step",)),
    Mutation("bias of an odd panel in the next tile", LAYERS, "hand_over<V, S>(sums + weights * step, step, 1,",
             "hand_over<V, S>(sums + (weights > 0 ? weights - 1 : 0) * step, step, 1,", ("bias",)),
    Mutation("ReLU' of a tile taken at its activation's neighbour", LAYERS,
             "math::Relu::derivative(z, settings).store(d.at(first, m, panel, lane));",
             "math::Relu::derivative(sum[0][0], settings).store(d.at(first, m, panel, lane));", ("linear1",)),
    Mutation("weights of the narrow layer's last group", LAYERS, "const S* weights = r + begin * r_stride + k * panel_width<S>;",
             "const S* weights = r + begin * r_stride;", ("linear",)),
    Mutation("rows that fill a vector count", TRAINING, "for (std::size_t row = rows; row < last; ++row) {",
             "for (std::size_t row = rows + 1; row < last; ++row) {", ("bias",)),
    Mutation("last group of rows left out of a bias", OUTPUTS, "for (std::size_t row = 0; row < rows; row += lanes_of_sums) {",
             "for (std::size_t row = 0; row + lanes_of_sums <= rows; row += lanes_of_sums) {", ("bias",)),
    Mutation("targets not shuffled with their rows", TRAINING,
             "to[i] = from[(order != nullptr ? order[first + i] : first + i) * stride];",
             "to[i] = from[(first + i) * stride];", ("step of",)),
    Mutation("weights not shuffled with their rows", TRAINING,
             "const S weight = plan_.weights[order != nullptr ? order[first + i] : first + i];",
             "const S weight = plan_.weights[first + i];", ("step of",)),
    Mutation("every leaf reads the first one's rows", TRAINING, "rows_leaf(step, first + at, smaller(rows - at, leaf_rows), gradient_arena);",
             "rows_leaf(step, first, smaller(rows - at, leaf_rows), gradient_arena);", ("2053 rows",)),
    Mutation("last lane of turned rows stale", OUTPUTS,
             "for (std::size_t i = 0; i < Simd<S>::lanes; ++i) {\n            to[i * panel_width<S>] = lane[i];",
             "for (std::size_t i = 0; i + 1 < Simd<S>::lanes; ++i) {\n            to[i * panel_width<S>] = lane[i];",
             ("linear", "yhat")),
    Mutation("last input of a single row dropped", ROW, "for (; left > 0; --left, ++x, w += panel_width<S>) {",
             "for (; left > 1; --left, ++x, w += panel_width<S>) {", ("1 row",)),
    Mutation("weighted slopes of the first panel for all", TILE, "weights + panel * panel_width<S>, kink};", "weights, kink};",
             ("yhat",)),
    Mutation("odd block of a Jacobian loses its last row", DERIVATIVES,
             "const std::size_t end = smaller(begin + block_rows, rows);",
             "const std::size_t end = begin + block_rows <= rows ? begin + block_rows : rows - 1;", ("yhat",)),
    Mutation("last column of an odd panel not written", DERIVATIVES,
             "store_some<S>(z, rows[first + m] + at, left_from(columns, at));",
             "store_some<S>(z, rows[first + m] + at, left_from(columns, at + 1));", ("yhat",)),
    Mutation("softmax's Jacobian of the vector's first output", DERIVATIVES,
             "v_lane[i] = static_cast<S>(pairs.outputs[pair] == j);", "v_lane[i] = static_cast<S>(pairs.outputs[q] == j);",
             ("yhat",)),
    Mutation("a Hessian without the last layer's term", HESSIAN, "        if (output_term) {\n",
             "        if (output_term && first) {\n", ("d2(yhat)",)),
    Mutation("one row's Q for all rows of a block", HESSIAN, "if (pairs.rows[q] != row) {", "if (row == ~std::size_t{0}) {",
             ("d2(yhat)",)),
    Mutation("a block beside the diagonal mirrored unturned", SYMMETRIC, "beside.turned().store(to + j * n + i, n);",
             "beside.store(to + j * n + i, n);", ("d2(yhat)",)),
    Mutation("scale of a column once in a Hessian", PREDICTION, "slope, slopes[i], slopes[j]);", "slope, 1.0, slopes[j]);",
             ("table's units",)),
    Mutation("stale copy of the last unit", PACKED,
             "        for (std::size_t o = 0; o < layer.outputs; ++o) {\n            const T* from = arena.data() + layer.w + in_panels(o, 0,",
             "        for (std::size_t o = 0; o + 1 < layer.outputs; ++o) {\n            const T* from = arena.data() + layer.w + in_panels(o, 0,",
             ("linear", "yhat")),
    Mutation("biases packed in reverse", PACKED, "visit(layer.b + o);", "visit(layer.b + layer.outputs - 1 - o);",
             ("linear", "yhat")),
    Mutation("mean over the buffer, not the batch", LOSS_GRADIENT,
             "checks::total_weight<T>(weights, row_weights) : static_cast<double>(x.rows());",
             "checks::total_weight<T>(weights, row_weights) : static_cast<double>(most_rows_);", ("linear",)),
    Mutation("deviation of another column", PREDICTION, "slope, input_slopes[j]);", "slope, input_slopes[n - 1 - j]);",
             ("table's units",)),
    Mutation("scale of the target squared", PREDICTION, "derivative_in_user_units(J(row, k * n + j), slope,",
             "derivative_in_user_units(J(row, k * n + j), slope * slope,", ("table's units",)),
)


def mutated_file(mutation, folder):
    """Writes the file with the mutation below `folder`; raises ValueError when there is not one place for it."""
    text = (ROOT / mutation.file).read_text("utf-8")
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file}: the text to replace stands there {text.count(mutation.old)} times")
    mutated = folder / mutation.file
    mutated.parent.mkdir(parents=True)
    mutated.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    return mutated


def compiled(source, includes, folder, *options):
    """The object file of a source; raises CalledProcessError."""
    made = folder / (str(source).replace("/", "_") + ".o")
    headers = TEST_HEADERS if str(source).endswith("_test.cpp") else ()
    subprocess.run([*COMPILE, *options, *headers, *(f"-I{where}" for where in includes), "-c", source, "-o", made], check=True,
                   capture_output=True, text=True)
    return made


def failed_tests(objects, folder, names=""):
    """Links the objects with the library, runs the program, of its tests those in whose name `names` stands: names of
    failing tests, and what it printed."""
    program, report = folder / "mutated_test", folder / "report.json"
    subprocess.run(["g++", *objects, LIBRARY, *LINK, "-o", program], check=True, capture_output=True, text=True)
    ran = subprocess.run([program, f"--gtest_output=json:{report}", f"--gtest_filter=*{names}*"], check=False,
                         capture_output=True, timeout=120, text=True)
    suites = json.loads(report.read_text())["testsuites"]
    return [f"{suite['name']}.{test['name']}" for suite in suites for test in suite["testsuite"]
            if "failures" in test], ran.stdout


def compile_and_run(mutation, folder):
    """Names of the tests that fail under this mutation; raises CalledProcessError when it does not compile."""
    mutated = mutated_file(mutation, folder)
    objects = [compiled(mutated if source == mutation.file else ROOT / source, (folder, ROOT), folder)
               for source in SOURCES[mutation.file]]
    return failed_tests(objects, folder)[0]


def certificate_verdict(mutation):
    """(whether the certificate of the mutated passes says FAIL, what it names)."""
    with tempfile.TemporaryDirectory(prefix="handgrad-mutation-") as name:
        folder = Path(name)
        try:
            mutated_file(mutation, folder)
            # -fno-weak: else the linker might give its mutated templates to the witness too.
            objects = [compiled(ROOT / PASSES, (folder, ROOT), folder, "-fno-weak"),
                       compiled(ROOT / CERTIFIED, (ROOT,), folder)]
            said = failed_tests(objects, folder)[1]
        except ValueError as error:
            return False, str(error)
        except subprocess.CalledProcessError as error:
            return False, f"does not compile: {error.stderr.strip().splitlines()[-1]}"
    named = [line.removeprefix("FAIL ") for line in said.splitlines() if line.startswith("FAIL ")]
    return bool(named), named[-1] if named else "SURVIVES: the certificate says PASS"


def kernel_source():
    """The source of the best kernels that this machine can run, and its flags."""
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    avx2 = ("-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mf16c", "-mpclmul", "-maes")
    avx512 = tuple(f"-mavx512{part}" for part in ("f", "bw", "cd", "dq", "vl"))
    if all(flag.removeprefix("-m") in flags for flag in avx512):
        return "handgrad/kernels/avx512.cpp", avx2 + avx512
    if "avx2" in flags and "fma" in flags:
        return "handgrad/kernels/avx2.cpp", avx2
    return "handgrad/kernels/scalar.cpp", ()


def engine_object(mutation, folder):
    """What is compiled anew of the engine under this mutation."""
    if not mutation.file.endswith(".hpp"):
        return compiled(folder / mutation.file, (folder, ROOT), folder)
    source, flags = kernel_source()
    return compiled(ROOT / source, (folder, ROOT), folder, "-O1", "-DHWY_COMPILE_ONLY_STATIC", *flags)


def engine_verdict(mutation, test):
    """(whether the default certificate of the mutated engine says FAIL and names the place, what it names)."""
    with tempfile.TemporaryDirectory(prefix="handgrad-mutation-") as name:
        folder = Path(name)
        try:
            mutated_file(mutation, folder)
            said = failed_tests([engine_object(mutation, folder), test], folder)[1]
        except ValueError as error:
            return False, str(error)
        except subprocess.CalledProcessError as error:
            return False, f"does not compile: {error.stderr.strip().splitlines()[-1]}"
        except (subprocess.TimeoutExpired, FileNotFoundError):
            return False, "the certificate did not come to an end"
    lines = [line.removeprefix("FAIL ") for line in said.splitlines() if line.startswith("FAIL ")]
    named = [line for line in lines if any(item in line for item in mutation.items)]
    if named:
        return True, named[0]
    return False, f"the place is not named: {lines[0]}" if lines else "SURVIVES: the certificate says PASS"


def certify_engine(chosen, jobs):
    """Judges the mutations of the engine; the number that is missed."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="handgrad-certificate-") as folder, ThreadPoolExecutor(jobs) as pool:
        test = compiled(ROOT / ENGINE_TEST, (ROOT,), Path(folder))
        verdicts = pool.map(lambda mutation: engine_verdict(mutation, test), chosen)
        for mutation, (caught, text) in zip(chosen, verdicts, strict=True):
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {mutation.name:52}  {text}", flush=True)
    print(f"{len(chosen)} mutations of the engine, {missed} missed")
    return missed


def verdict(mutation):
    """(whether it is caught by name, what to say of it)."""
    with tempfile.TemporaryDirectory(prefix="handgrad-mutation-") as folder:
        try:
            failed = compile_and_run(mutation, Path(folder))
        except ValueError as error:
            return False, str(error)
        except subprocess.CalledProcessError as error:
            return False, f"does not compile: {error.stderr.strip().splitlines()[-1]}"
    naming = [test for test in failed if set(equations.named_by_test(test)) & set(mutation.items)]
    if not failed:
        return False, "SURVIVES: no test fails"
    if not naming:
        return False, f"no failing test names {' or '.join(mutation.items)}, only: {', '.join(failed[:3])}"
    return True, f"{naming[0]}" + (f" and {len(failed) - 1} more" if len(failed) > 1 else "")


# --- Around the formulas ---------------------------------------------------------------------------------------------


def pytest_failures(test, program):
    """What fails of a test of Python with this program, a line each; raises RuntimeError where none could run."""
    files, _, names = test.partition(" -k ")
    choice = ["-k", names] if names else []
    ran = subprocess.run([PYTHON, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *files.split(), *choice],
                         cwd=ROOT, check=False, capture_output=True, text=True, timeout=300,
                         env={**os.environ, "HANDGRAD_PROGRAM": str(program)})
    if ran.returncode not in (0, 1):  # 1: tests have failed
        raise RuntimeError((ran.stdout.strip() or ran.stderr.strip()).splitlines()[-1])
    return [line.split(" ", 1)[1].split(" - ")[0] for line in ran.stdout.splitlines()
            if line.startswith(("FAILED ", "ERROR "))]  # an error: a fixture that asserts


def suite_failures(test, objects, folder):
    """The tests that fail of one file of a C++ suite, linked with these objects before the library."""
    source, _, names = test.partition(" -k ")
    room, file = Path(source).parts[1:]
    suite = SUITE_OBJECTS / f"{room}_test.dir" / room / f"{file}.o"
    support = list((SUITE_OBJECTS / f"{room}_test.dir/support").glob("*.o"))
    return failed_tests([*objects, suite, *support], folder, names)[0]


def program_with(objects, replaced, folder):
    """The program, with these objects in the place of those of the sources `replaced`."""
    program = folder / "bin/handgrad"  # the name by which a shell of the tests calls it
    program.parent.mkdir()
    rest = [one for one in PROGRAM_OBJECTS.glob("*.cpp.o") if f"cli/{one.name.removesuffix('.o')}" not in replaced]
    subprocess.run(["g++", *objects, *rest, LIBRARY, "-lfmt", "-lz", "-lxxhash", "-lpthread", "-o", program], check=True,
                   capture_output=True, text=True)
    return program


def noticed(breakage):
    """(whether the test that is named for it fails, which or why not)."""
    with tempfile.TemporaryDirectory(prefix="handgrad-breakage-") as name:
        folder = Path(name)
        try:
            mutated = mutated_file(breakage, folder)
            sources = breakage.sources or (breakage.file,)
            objects = [compiled(mutated if source == breakage.file else ROOT / source, (folder, ROOT), folder)
                       for source in sources]
            if breakage.test.partition(" -k ")[0].endswith("_test.cpp"):
                failed = suite_failures(breakage.test, objects, folder)
            else:
                failed = pytest_failures(breakage.test, program_with(objects, sources, folder))
        except subprocess.CalledProcessError as error:
            lines = [line for line in error.stderr.splitlines() if "error" in line] or [str(error)]
            return False, f"does not compile: {lines[0]}"
        except (ValueError, RuntimeError, FileNotFoundError, subprocess.TimeoutExpired) as error:
            return False, str(error)
    return bool(failed), failed[0] if failed else f"SURVIVES: {breakage.test} passes"


def pass_as_they_are(tests):
    """Whether the files of all these tests pass with the program as it is; what does not is printed."""
    files = sorted({file for test in tests for file in test.partition(" -k ")[0].split()})
    of_python = [file for file in files if file.endswith(".py")]
    failed = pytest_failures(" ".join(of_python), ROOT / "build/release/cli/handgrad") if of_python else []
    for file in files:
        if file.endswith("_test.cpp"):
            with tempfile.TemporaryDirectory(prefix="handgrad-breakage-") as folder:
                failed += suite_failures(file, [], Path(folder))
    for name in failed:
        print(f"fails without any breakage: {name}", flush=True)
    return not failed


def judge_around(names, sample, jobs):
    """Judges the breakages around the formulas; the number that is missed."""
    os.environ.setdefault("LOCPATH", str(ROOT / "build/release/tests/locale"))
    chosen = [one for one in around.BREAKAGES if not names or one.name in names][::16 if sample else 1]
    if not chosen or not (sample or pass_as_they_are({one.test for one in chosen})):
        return 1
    width = max(len(one.name) for one in chosen)
    missed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for one, (caught, text) in zip(chosen, pool.map(noticed, chosen), strict=True):
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {one.name:{width}}  {text}", flush=True)
    print(f"{len(chosen)} breakages around the formulas, {missed} missed")
    return missed


def main(arguments):
    jobs = os.cpu_count()
    if "--jobs" in arguments:
        at = arguments.index("--jobs")
        jobs = int(arguments[at + 1])
        del arguments[at:at + 2]
    if "--around" in arguments:
        names = [argument for argument in arguments if argument not in ("--around", "--sample")]
        return 1 if judge_around(names, "--sample" in arguments, jobs) else 0
    judge = verdict
    if "--certificate" in arguments:
        arguments.remove("--certificate")
        judge = certificate_verdict
    chosen = [mutation for mutation in MUTATIONS if (not arguments or mutation.name in arguments)
              and (judge is verdict or mutation.gradient)]
    width = max(len(mutation.name) for mutation in MUTATIONS)
    missed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for mutation, (caught, text) in zip(chosen, pool.map(judge, chosen), strict=True):
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {mutation.name:{width}}  {text}", flush=True)
    print(f"{len(chosen)} mutations, {missed} missed")
    of_engine = [mutation for mutation in ENGINE_MUTATIONS if not arguments or mutation.name in arguments]
    if judge is certificate_verdict and of_engine:
        missed += certify_engine(of_engine, jobs)
        return 1 if missed else 0
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
