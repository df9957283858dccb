"""handgrad export --to c99: what is written compiles everywhere without a warning and computes the program's bits."""

import csv
import os
import random
import re
import shutil
import subprocess

import numpy as np
import pytest
from cli_support import Program, arguments_for, classification_table, regression_table

ALL = os.environ.get("HANDGRAD_EXPORT") == "all"
ACTIVATIONS = ["identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "exp", "softmax"]
HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
DEPTHS = ["6", "7,5", "6,9,4"]
PREPARED = [[], ["--scale", "none"], ["--scale", "minmax", "--scale-target"], ["--dtype", "f64"]]
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion"]
NATIVE = ["-O3", "-march=native"]
COMPILERS = {
    "gcc": ["gcc", "-std=c99", "-O2"], "gcc native": ["gcc", "-std=c99", *NATIVE], "gcc contracting": ["gcc", *NATIVE, "-ffp-contract=fast"],
    "gcc small": ["gcc", "-std=c99", "-Os"], "clang": ["clang", "-std=c99", "-O2"], "clang native": ["clang", "-std=c99", *NATIVE],
    "g++ native": ["g++", "-x", "c++", *NATIVE], "clang++": ["clang++", "-x", "c++", "-std=c++17", "-O2"],
    "sanitizers": ["gcc", "-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}

DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#define COUNT(list) (sizeof(list) / sizeof(list)[0])
typedef struct {
    const char *name;
    size_t columns, inputs, outputs, answers, derivatives;
    int (*predict)(const double *, double *);
    int (*differentiate)(const double *, double *, double *);
    int (*selftest)(void);
} net;
static const net nets[] = {
%s
};
/* Of each network NAME.out: for each row of rows.bin what predict returns and fills, what derivatives fill. */
int main(void)
{
    size_t n;
    for (n = 0; n < COUNT(nets); ++n) {
        const net *one = nets + n;
        double row[64], yhat[64], *J = (double *)malloc(one->derivatives * sizeof(double) + 1);
        char name[80];
        FILE *rows = fopen("rows.bin", "rb"), *out;
        sprintf(name, "%%s.out", one->name);
        out = fopen(name, "wb");
        while (fread(row, sizeof(double), one->columns, rows) == one->columns) {
            const double said = one->predict(row, yhat);
            fwrite(&said, sizeof said, 1, out);
            fwrite(yhat, sizeof(double), one->answers, out);
            one->differentiate(row, yhat, J);
            fwrite(J, sizeof(double), one->derivatives, out);
        }
        fclose(out);
        fclose(rows);
        free(J);
        if (one->selftest() != 0) {
            printf("%%s: selftest %%d\\n", one->name, one->selftest());
            return 1;
        }
    }
    return 0;
}
"""


def table(rows, target, seed=1):
    """Two numbers and a town; targets between 0 and 1, which every output can learn, or classes."""
    numbers = random.Random(seed)
    lines = ["a,town,b," + ",".join(target)]
    for i in range(rows):
        cells = [f"{numbers.gauss(3, 2):.4f}", ("Rome", "Oslo", "Bonn")[i % 3], f"{numbers.gauss(100, 20):.3f}"]
        lines.append(",".join(cells + [f"{numbers.uniform(0.1, 0.9):.3f}" for _ in target]))
    return "\n".join(lines) + "\n"


def raw_rows(program, data):
    """The rows of a table as the C takes them: texts as their place among the sorted ones."""
    lines = [line.split(",") for line in (program.folder / data).read_text().splitlines()]
    columns = [name for name in lines[0] if name in ("a", "town", "b", "x", "noise", "city")]
    codes = {}
    for name in columns:
        cells = [line[lines[0].index(name)] for line in lines[1:]]
        codes[name] = {text: i for i, text in enumerate(sorted(set(cells)))} if name in ("town", "city") else None
    return np.array([[codes[name][line[lines[0].index(name)]] if codes[name] else float(line[lines[0].index(name)])
                      for name in columns] for line in lines[1:]])


def said_by_the_program(program, model, data):
    """values or probabilities, and the Jacobian, of each row: as numbers that read back to the same bits."""
    ran = program("predict", f"{model}.model", data, "--jacobian", "--simd", "scalar", "--allow-nonfinite", "--quiet", "-o", "said.csv",
                  *(["--proba"] if classes(program, model) else []))
    assert ran.code == 0, ran.err
    with open(program.folder / "said.csv", newline="") as file:
        header = next(csv.reader(file))
        shares = any(name.startswith("p(") for name in header)  # of several labels yes and no stand there too
        columns = [i for i, name in enumerate(header) if name.startswith(("p(", "d(") if shares else "") and name != "predicted"]
        numbers = np.loadtxt(file, delimiter=",", usecols=columns, ndmin=2, encoding="utf-8")
    derivatives = sum(header[i].startswith("d(") for i in columns)
    return numbers[:, :len(columns) - derivatives], numbers[:, len(columns) - derivatives:]


def classes(program, model):
    return f"{model}_classify" in (program.folder / f"{model}.h").read_text()


def train(program, data, target, model, **options):
    """A quick training, all of whose rows are learned from."""
    ran = program("train", data, *arguments_for(target, f"{model}.model", **{"validation": 0, **options}))
    assert ran.code == 0, ran.err


def export(program, model, *words):
    ran = program("export", f"{model}.model", "--to", "c99", "-o", ".", *words, "--json")
    assert ran.code == 0, ran.err
    return {path["file"][-1]: path["bytes"] for path in ran.events[0]["files"]}


def entry(program, model):
    header = (program.folder / f"{model}.h").read_text()
    upper = model.upper()
    numbers = dict(re.findall(rf"{upper}_(INPUTS|OUTPUTS) = (\d+)", header))
    classified = f"{model}_classify" in header
    answers = re.search(r"probabilities of all (\d+)|$", " ".join(header.split())) if classified else None
    columns = re.search(r"A row has (\d+) numbers", header)[1]
    K, n = int(numbers["OUTPUTS"]), int(numbers["INPUTS"])
    return (f'    {{"{model}", {columns}, {n}, {K}, {answers[1] if answers else K}, {K * n}, '
            f'{model}_{"classify" if classified else "predict"}, {model}_derivatives, {model}_selftest}},')


def run_c(program, models, rows, how=("gcc", "-std=c99", "-O1")):
    """Compiles the networks with one driver and runs it: NAME.out of each."""
    program.write("rows.bin", rows.astype("<f8").tobytes())
    text = "".join(f'#include "{model}.h"\n' for model in models) + DRIVER % "\n".join(entry(program, model) for model in models)
    program.write("driver.c", text)
    sources = " ".join(f"{model}.c" for model in models)
    language = " ".join(how)
    built = program.shell(f"{language} {' '.join(WARNINGS)} driver.c {sources} -x none -lm -o nets", timeout=900)
    assert built.code == 0, built.err
    ran = program.shell("ulimit -s 1000000 2>/dev/null; ./nets", timeout=300)
    assert ran.code == 0, ran.out + ran.err


def written_by_c(program, model, rows):
    return np.fromfile(program.folder / f"{model}.out", "<f8").reshape(rows, -1)


def same_bits(a, b):
    """A NaN is a NaN; the sign of 0 counts."""
    assert a.shape == b.shape
    return ((a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)).all()


def compare(program, model, data, count):
    values, J = said_by_the_program(program, model, data)
    numbers = written_by_c(program, model, count)
    assert same_bits(numbers[:, 1:1 + values.shape[1]], values), model
    assert same_bits(numbers[:, 1 + values.shape[1]:], J), model


def zoo():
    """(name, hidden activation, output, depth, preprocessing): all pairs of one with the next, or all of all."""
    if ALL:
        return [(f"n{h}_{o}_{d}_{p}", hidden, output, depth, prepared) for h, hidden in enumerate(HIDDEN)
                for o, output in enumerate(ACTIVATIONS) for d, depth in enumerate(DEPTHS) for p, prepared in enumerate(PREPARED)]
    pairs = [(h, (5 * h + s) % len(ACTIVATIONS)) for h in range(len(HIDDEN)) for s in (1, 7)]
    return [(f"n{h}_{o}", HIDDEN[h], ACTIVATIONS[o], DEPTHS[(h + o) % 3], PREPARED[i % 4]) for i, (h, o) in enumerate(pairs)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Program(tmp_path_factory.mktemp("c99"))


def chunks(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]


ROWS = 10000 if ALL else 40


@pytest.mark.parametrize("nets", chunks(zoo(), 48), ids=lambda nets: f"{nets[0][0]} and {len(nets) - 1} more")
def test_every_network_has_the_bits_of_the_program(shop, nets):
    shop.write("t.csv", table(60, ["y", "w"]))
    shop.write("rows.csv", table(ROWS, ["y", "w"], seed=2))
    rows = raw_rows(shop, "rows.csv")
    for name, hidden, output, depth, prepared in nets:
        ran = shop("train", "t.csv", "--target", "y,w", "--hidden", depth, "--hidden-activation", hidden, "--output-activation", output,
                   "--task", "regression", "--loss", "squared_error", "--epochs", 0, "-o", f"{name}.model",
                   *(prepared if "--scale-target" not in prepared or output == "identity" else prepared[:-1]))
        if ran.code == 5:  # exp of exp: what it says of its rows are no numbers; the weights are there
            (shop.folder / f"{name}.model.diverged").rename(shop.folder / f"{name}.model")
        else:
            assert ran.code == 0, ran.err
        export(shop, name, "--raw")
    names = [net[0] for net in nets]
    run_c(shop, names, rows)
    for name in names:
        compare(shop, name, "rows.csv", ROWS)


def test_classes_labels_and_their_probabilities(shop):
    """One σ output, σ outputs, softmax, outputs that are no probabilities; several labels; in float and double."""
    shop.write("two.csv", classification_table())
    shop.write("three.csv", classification_table(classes=("cold", "mild", "warm")))
    names = []
    for data, output in (("two", "sigmoid"), ("three", "softmax"), ("three", "sigmoid")):
        for dtype in ("f32", "f64"):
            names.append(f"{data}_{output}_{dtype}")
            train(shop, f"{data}.csv", "class", names[-1], output_activation=output, dtype=dtype, task="classification")
            export(shop, names[-1], "--raw")
    rows = raw_rows(shop, "three.csv")
    run_c(shop, names, rows)
    for name in names:
        compare(shop, name, "three.csv", len(rows))
        labels = [event["predicted"] for event in shop("predict", f"{name}.model", "three.csv", "--json").events]
        listed = ["cold", "warm"] if name.startswith("two") else ["cold", "mild", "warm"]
        assert [listed[int(i)] for i in written_by_c(shop, name, len(rows))[:, 0]] == labels


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_several_labels_are_shares(shop, dtype):
    shop.write("labels.csv", "x,noise,l0,l1\n" + "".join(f"{i % 7},{i % 5}.5,{i % 2},{i % 3 % 2}\n" for i in range(40)))
    train(shop, "labels.csv", "l0,l1", f"labels_{dtype}", dtype=dtype)
    export(shop, f"labels_{dtype}", "--raw")
    rows = raw_rows(shop, "labels.csv")
    run_c(shop, [f"labels_{dtype}"], rows)
    ran = shop("predict", f"labels_{dtype}.model", "labels.csv", "--proba", "--jacobian", "--quiet", "-o", "said.csv")
    said = np.genfromtxt(shop.folder / "said.csv", delimiter=",", names=True)
    numbers = written_by_c(shop, f"labels_{dtype}", len(rows))
    assert ran.code == 0 and same_bits(numbers[:, 1:], np.array([list(row)[2:] for row in said]))


def test_the_parts_of_dates_are_columns(shop):
    shop.write("dates.csv", "when,b,y\n" + "".join(
        f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:30,{i % 5},{i}\n" for i in range(40)))
    train(shop, "dates.csv", "y", "dates", date="when", scale="none", dtype="f64")
    export(shop, "dates", "--raw")
    assert shop("encode", "dates.model", "dates.csv", "-o", "x.npz").code == 0
    rows = np.load(shop.folder / "x.npz")["x"]  # not scaled: the numbers that dates become
    assert "DATES_COLUMN_WHEN_YEAR_PART = 2" in (shop.folder / "dates.h").read_text() and rows.shape == (40, 4)
    run_c(shop, ["dates"], rows)
    compare(shop, "dates", "dates.csv", 40)


def test_wide_layers_and_many_leaves(shop):
    """More than 64 units before a narrow last layer, 17 outputs, one layer alone, 1 to 9 inputs and units."""
    shop.write("t.csv", regression_table())
    names = []
    for i, hidden in enumerate(("130", "200,65", "64", "1", "9,3", "none")):
        names.append(f"wide{i}")
        train(shop, "t.csv", "y", names[-1], hidden=hidden, hidden_activation="silu")
        export(shop, names[-1], "--raw")
    rows = raw_rows(shop, "t.csv")
    run_c(shop, names, rows)
    for name in names:
        compare(shop, name, "t.csv", len(rows))
    shop.write("many.csv", "x,noise," + ",".join(f"y{k}" for k in range(17)) + "\n" + "".join(
        f"{i % 7},{i * i % 11}," + ",".join(str((i * (k + 1)) % 13) for k in range(17)) + "\n" for i in range(40)))
    assert shop("train", "many.csv", "--target", ",".join(f"y{k}" for k in range(17)), "--hidden", "5", "--epochs", 1, "--task",
                "regression", "-o", "many.model").code == 0
    export(shop, "many", "--raw")
    rows = raw_rows(shop, "many.csv")
    run_c(shop, ["many"], rows)
    compare(shop, "many", "many.csv", len(rows))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A network with many of the functions in it."""
    program = Program(tmp_path_factory.mktemp("one"))
    program.write("t.csv", classification_table(classes=("cold", "mild", "warm")))
    train(program, "t.csv", "class", "one", hidden="9,8", hidden_activation="gelu")
    export(program, "one", "--raw", "--hessian", "--training")
    return program


@pytest.fixture(scope="module")
def two(one):
    """… and one in double whose units are a product and a sum."""
    one.write("r.csv", regression_table())
    train(one, "r.csv", "y", "two", hidden="9", hidden_activation="softplus", dtype="f64")
    export(one, "two", "--raw", "--hessian", "--training")
    return one


@pytest.mark.parametrize("how", COMPILERS)
def test_every_compiler_takes_it_without_a_warning_and_gives_the_same_bits(two, how):
    words = COMPILERS[how]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not there")
    for model, data in (("one", "t.csv"), ("two", "r.csv")):
        rows = raw_rows(two, data)
        run_c(two, [model], rows, words)
        compare(two, model, data, len(rows))


@pytest.mark.parametrize("without", ["JACOBIAN", "SELFTEST"])
def test_parts_can_be_left_out(one, without):
    built = one.shell(f"gcc -std=c99 {' '.join(WARNINGS)} -DONE_WITHOUT_{without} -c one.c -o less.o && nm less.o")
    assert built.code == 0, built.err
    assert ("one_jacobian" in built.out) == (without != "JACOBIAN") and ("one_selftest" in built.out) == (without != "SELFTEST")


def test_of_the_c_library_it_needs_fma_alone_and_writes_to_no_static_memory(one):
    names = one.shell("gcc -std=c99 -O1 -c one.c -o one.o && nm one.o").out
    needed = {line.split()[-1] for line in names.splitlines() if " U " in line}
    assert needed <= {"fma", "fmaf", "memcpy", "memset", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}
    assert not re.search(r" [bBdD] (?!one_(classes|columns))", names), names


@pytest.mark.parametrize(("compiler", "flag", "noticed"), [
    ("gcc", "-ffast-math", "refused"), ("gcc", "-ffinite-math-only", "refused"), ("gcc", "-funsafe-math-optimizations", "refused"),
    ("gcc", "-fassociative-math -fno-signed-zeros -fno-trapping-math", "refused"), ("gcc", "-fno-signed-zeros", "refused"),
    ("gcc", "-freciprocal-math", "refused"), ("gcc", "-ffp-contract=fast", 0),
    ("clang", "-ffast-math", "refused"), ("clang", "-ffinite-math-only", "refused"), ("clang", "-funsafe-math-optimizations", 2),
    ("clang", "-fassociative-math -fno-signed-zeros -fno-trapping-math", 2), ("clang", "-fno-signed-zeros", 2),
    ("clang", "-freciprocal-math", 2), ("clang", "-ffp-contract=fast", 2)])
def test_what_reorders_or_contracts_is_refused_or_noticed(one, compiler, flag, noticed):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not there")
    one.write("ask.c", '#include "one.h"\nint main(void) { return one_selftest(); }\n')
    built = one.shell(f"{compiler} -O3 -march=native {flag} ask.c one.c -lm -o ask")
    if noticed == "refused":
        assert built.code != 0 and "one: -ffast-math and its parts change results" in built.err
    else:
        assert built.code == 0 and one.shell("./ask").code == noticed


def test_a_processor_without_fma_is_told_and_comes_within_the_bound(one):
    """A C library whose fma rounds twice, as newlib's does where there is no instruction."""
    one.write("ask.c", '#include <stdio.h>\n#include "one.h"\nint main(void) { printf("%d", one_selftest()); return 0; }\n')
    one.write("twice.c", "float fmaf(float a, float b, float c) { volatile float p = a * b; return p + c; }\n"
                         "double fma(double a, double b, double c) { volatile double p = a * b; return p + c; }\n")
    ran = one.shell("gcc -std=c99 -O1 -mno-fma -fno-builtin ask.c one.c twice.c -o ask && ./ask")
    assert ran.out == "1", ran.err
    # A weight that is off by half of it is wrong, with an fma and without.
    text = (one.folder / "one.c").read_text()
    first = re.search(r"one_w2\[\d+\] = \{[^,]*,([^,]*)f,", text)
    one.write("changed.c", text.replace(first[1], (1.5 * float.fromhex(first[1])).hex()))
    assert one.shell("gcc -std=c99 -O1 ask.c changed.c -lm -o ask && ./ask").out == "3"
    assert one.shell("gcc -std=c99 -O1 -mno-fma -fno-builtin ask.c changed.c twice.c -o ask && ./ask").out == "3"


def test_numbers_are_written_to_the_last_digit_where_a_scaler_is_folded_in(shop):
    """Six decimals of a column with a large shift are off by much of its spread: another exporter's fault."""
    shop.write("far.csv", "x,y\n" + "".join(f"{1e6 + i / 64},{i * i}\n" for i in range(40)))
    train(shop, "far.csv", "y", "far")
    export(shop, "far", "--raw")
    text = (shop.folder / "far.c").read_text()
    assert re.search(r"far_facts\[1\] = \{\{0x1\.[0-9a-f]{6,}p19,0x1\.[0-9a-f]{8,}p-", text), text[:3000]
    rows = np.array([[1e6 + i / 64] for i in range(40)])
    run_c(shop, ["far"], rows)
    compare(shop, "far", "far.csv", 40)


def test_unknown_codes_are_ignored_where_the_model_ignores_them(shop):
    shop.write("open.csv", "a,town,y\n" + "".join(f"{i % 7},{'xyz'[i % 3]},{i}\n" for i in range(30)))
    train(shop, "open.csv", "y", "open", unknown="ignore")
    export(shop, "open", "--raw", "--name", "opened")
    shutil.copy(shop.folder / "open.model", shop.folder / "opened.model")
    shop.write("rows.csv", "a,town\n1,nowhere\n2,x\n3,\n")
    run_c(shop, ["opened"], np.array([[1, 7.5], [2, 0], [3, float("nan")]]))
    compare(shop, "opened", "rows.csv", 3)


def test_missing_unknown_and_infinite_cells(shop):
    shop.write("gaps.csv", "a,town,b,y\n" + "".join(
        f"{i if i % 5 else ''},{('Rome', 'Oslo', '')[i % 3]},{i * i % 17},{i + 0.5}\n" for i in range(40)))
    train(shop, "gaps.csv", "y", "gaps", impute="mean")
    export(shop, "gaps", "--raw")
    nan, inf = float("nan"), float("inf")
    rows = np.array([[float(i) if i % 5 else nan, (1, 0, nan)[i % 3], i * i % 17] for i in range(40)])
    run_c(shop, ["gaps"], rows)
    compare(shop, "gaps", "gaps.csv", 40)
    run_c(shop, ["gaps"], np.array([[1, 3, 1], [inf, 0, 1], [1, -1, 1], [1, 0.5, 1], [1, 0, -inf], [nan, nan, 0]]))
    assert written_by_c(shop, "gaps", 6)[:, 0].tolist() == [2, 1, 2, 2, 3, 0]
    header = (shop.folder / "gaps.h").read_text()
    assert "GAPS_TOWN_OSLO = 0, GAPS_TOWN_ROME = 1" in header and "GAPS_COLUMN_TOWN = 1" in header


def test_inputs_outside_of_what_was_trained_on_are_counted(shop):
    shop.write("t.csv", "x,noise,y\n" + "".join(f"{i},{i % 5},{i}\n" for i in range(20)))
    train(shop, "t.csv", "y", "range", scale="none")
    export(shop, "range", "--raw", "--name", "ranged")
    shop.write("ask.c", """#include <math.h>
#include <stdio.h>
#include "ranged.h"
int main(void)
{
    const float rows[][2] = {{0, 0}, {19, 4}, {-1, 4}, {19.5f, 5}, {NAN, 0}};
    size_t i;
    for (i = 0; i < 5; ++i) {
        unsigned char which[2];
        const size_t count = ranged_outside(rows[i], which);
        printf("%u%u%u%u ", (unsigned)count, which[0], which[1], (unsigned)ranged_outside(rows[i], NULL));
    }
    return 0;
}
""")
    ran = shop.shell(f"gcc -std=c99 {' '.join(WARNINGS)} ask.c ranged.c -lm -o ask && ./ask")
    assert ran.out.split() == ["0000", "0000", "1101", "2112", "1101"], ran.err


def test_float_only_has_no_double_and_comes_close(shop):
    shop.write("t.csv", classification_table())
    for name, dtype in (("small", "f32"), ("wide", "f64")):
        train(shop, "t.csv", "class", name, dtype=dtype)
        export(shop, name, "--raw", "--float-only")
        text = (shop.folder / f"{name}.c").read_text() + (shop.folder / f"{name}.h").read_text()
        assert "double" not in text.split("*/", 1)[1]
        shop.write("ask.c", f"""#include <stdio.h>
#include "{name}.h"
int main(void)
{{
    const float row[2] = {{0.25f, -0.5f}};
    float p[2];
    const int chosen = {name}_classify(row, p);
    printf("%d %d %.9g %.9g", {name}_selftest(), chosen, (double)p[0], (double)p[1]);
    return 0;
}}
""")
        ran = shop.shell(f"gcc -std=c99 -Wdouble-promotion {' '.join(WARNINGS)} -c {name}.c && gcc ask.c {name}.o -lm -o ask && ./ask")
        shop.write("row.csv", "x,noise\n0.25,-0.5\n")
        [event] = shop("predict", f"{name}.model", "row.csv", "--proba", "--json").events
        selftest, chosen, *p = map(float, ran.out.split())
        assert selftest == 0 and ["cold", "warm"][int(chosen)] == event["predicted"]
        assert p == pytest.approx(list(event["probabilities"].values()), rel=1e-5)


def test_the_source_is_hardly_more_than_its_weights_and_compiles_at_once(shop):
    shop.write("wide.csv", ",".join(f"x{i}" for i in range(64)) + ",y\n" + "".join(
        ",".join(str((i * (k + 3)) % 19) for k in range(64)) + f",{i % 6}\n" for i in range(40)))
    train(shop, "wide.csv", "y", "big", hidden="200,100", hidden_activation="gelu")
    size = export(shop, "big", "--raw")
    text = (shop.folder / "big.c").read_text()
    weights = sum(len(table) for table in re.findall(r"big_[wb]\d\[\d+\] = \{([^}]*)\}", text))
    assert size["c"] <= 1.2 * weights + 16 * 1024
    before = os.times()
    subprocess.run(["gcc", "-std=c99", "-O2", "-c", "big.c"], cwd=shop.folder, check=True)
    after = os.times()
    assert after.children_user - before.children_user < 1


@pytest.mark.parametrize(("words", "complaint"), [
    (("-o", "f"), "--to is missing"), (("--to", "c99"), "--output is missing"), (("--to", "c98", "-o", "f"), "did you mean 'c99'"),
    (("--to", "npz", "--raw", "-o", "f"), "--raw: --to npz has no such thing, only c99"),
    (("--to", "c99", "-o", "f", "--name", "1st"), "'1st' is no name in C"),
])
def test_what_makes_no_sense_is_refused(one, words, complaint):
    ran = one("export", "one.model", *words)
    assert ran.code == 2 and complaint in ran.err


def test_the_model_is_not_overwritten(one):
    """A model may be called what a file of C is to be called."""
    shutil.copy(one.folder / "one.model", one.folder / "own.c")
    ran = one("export", "own.c", "--to", "c99", "-o", ".")
    assert ran.code == 2 and "own.c is the file that is read" in ran.err and not (one.folder / "own.h").exists()
    assert (one.folder / "own.c").read_bytes() == (one.folder / "one.model").read_bytes()


def test_names_of_any_text(shop):
    """Columns, categories and models of any name make C; two that would be one get different ones."""
    shop.write("odd.csv", 'inputs,"to wn",to_wn,größe,y\n' + "".join(
        f"{i % 3},{('a/b', 'a b', 'float', '*/ ??/')[i % 4]},{i % 7},{i * i % 5},{i}\n" for i in range(40)))
    train(shop, "odd.csv", "y", "float")
    export(shop, "float", "--raw")
    built = shop.shell(f"gcc -std=c99 {' '.join(WARNINGS)} -Wtrigraphs -c float_.c && gcc -std=c99 {' '.join(WARNINGS)} -x c -c float_.h -o h.o")
    assert built.code == 0, built.err


SECOND = """#include <math.h>
#include <stdio.h>
#include "second.h"
enum { n = SECOND_INPUTS, K = SECOND_OUTPUTS };
/* H in the user's units is that of the network times scales, and the derivative of J by a centred difference. */
int main(void)
{
    double row[SECOND_COLUMNS] = {0.3, 1, 20}, yhat[K], again[K], J[K * n], other[K * n], H[K * n * n], bends[K * n * n], x[n], y[K];
    const double scale[n] = {%s}, target[K] = {%s};
    size_t k, i, j;
    double worst = 0, largest = 0;
    if (second_selftest() != 0 || second_second_derivatives(row, yhat, H) != 0 || second_encode(row, x) != 0) {
        return 1;
    }
    second_hessian(x, y, bends);
    for (k = 0; k < K; ++k) {
        for (i = 0; i < n; ++i) {
            for (j = 0; j < n; ++j) {
                const size_t at = (k * n + i) * n + j;
                if (H[at] != bends[at] * target[k] * ((1 / scale[i]) * (1 / scale[j])) || H[at] != H[(k * n + j) * n + i]) {
                    return 2;
                }
                largest = fmax(largest, fabs(H[at]));
            }
        }
    }
    for (j = 0; j < n; j += n - 1) { /* the first column and the last are numbers */
        const int column = j == 0 ? 0 : SECOND_COLUMNS - 1;
        const double at = row[column], step = 1e-5 * scale[j];
        row[column] = at + step;
        second_derivatives(row, yhat, J);
        row[column] = at - step;
        second_derivatives(row, again, other);
        row[column] = at;
        for (k = 0; k < K; ++k) {
            for (i = 0; i < n; ++i) {
                const double difference = (J[k * n + i] - other[k * n + i]) / (2 * step);
                worst = fmax(worst, fabs(difference - H[(k * n + i) * n + j]) * scale[i] * scale[j] / target[k]);
            }
        }
    }
    printf("%%d", worst < 1e-8 && largest > 0);
    return 0;
}
"""


@pytest.mark.parametrize(("hidden", "activation", "output"), [("5", "tanh", "identity"), ("6,5", "silu", "sigmoid"), ("5,4,3", "gelu", "softmax"),
                                                              ("4", "identity", "exp"), ("5", "relu", "softmax"),
                                                              ("none", "relu", "softmax"), ("none", "relu", "tanh")])
def test_second_derivatives(shop, hidden, activation, output):
    """selftest() compares them with the program's, bit by bit; and they are what the first ones change by."""
    shop.write("t.csv", table(60, ["y", "z"]))
    words = {"hidden": hidden, "hidden_activation": activation, "output_activation": output, "dtype": "f64", "loss": "squared_error"}
    train(shop, "t.csv", "y,z", "second", task="regression", epochs=2, **words)
    export(shop, "second", "--raw", "--hessian")
    [event] = shop("inspect", "second.model", "--json").events
    scales = [1.0] * 5
    for column, place in (("a", 0), ("b", 4)):
        scales[place] = float(np.float64(next(one["scale"] for one in event["columns"] if one["name"] == column)))
    targets = [one["scale"] for one in event["targets"]]
    shop.write("ask.c", SECOND % (", ".join(map(repr, scales)), ", ".join(map(repr, targets))))
    ran = shop.shell(f"gcc -std=c99 -O1 {' '.join(WARNINGS)} -fsanitize=address,undefined ask.c second.c -lm -o ask && ./ask")
    assert (ran.code, ran.out) == (0, "1"), ran.err


# --- Training that goes on ------------------------------------------------------------------------------------------------

STEPS = """#include <stdio.h>
#include "going.h"
/* The rows of rows.bin (x, two targets), one step by each; the parameters to after.bin. */
int main(void)
{
    static REAL p[GOING_PARAMETERS];
    double row[3];
    FILE *rows = fopen("rows.bin", "rb"), *after = fopen("after.bin", "wb");
    going_initial(p);
    while (fread(row, sizeof *row, 3, rows) == 3) {
        const REAL x[1] = {(REAL)row[0]}, y[2] = {(REAL)row[1], (REAL)row[2]};
        REAL yhat[2], again[2], loss;
        going_forward_with(p, x, yhat);
        loss = going_step(p, x, y, (REAL)0.01);
        going_forward_with(p, x, again);
        if (!(loss - loss == 0) || (yhat[0] == again[0] && yhat[1] == again[1])) {
            return 1;
        }
    }
    fwrite(p, sizeof *p, GOING_PARAMETERS, after);
    fclose(after);
    fclose(rows);
    return going_selftest();
}
"""
TRAININGS = [("none", "relu", "sigmoid", "binary_cross_entropy", "f32", {}), ("none", "relu", "softmax", "cross_entropy", "f32", {}),
             ("5", "tanh", "identity", "squared_error", "f32", {}), ("6,5", "silu", "sigmoid", "binary_cross_entropy", "f32", {}),
             ("5,4", "relu", "identity", "huber", "f64", {}), ("7", "gelu", "exp", "poisson", "f32", {}),
             ("5", "elu", "softmax", "cross_entropy", "f64", {}), ("20", "leaky_relu", "identity", "absolute_error", "f32", {}),
             ("70", "softplus", "tanh", "squared_error", "f32", {"weight_decay": 0.01}),
             ("4,3", "identity", "sigmoid", "squared_error", "f64", {"weight_decay": 0.01, "convention": "pytorch"}),
             ("4", "gelu_tanh", "identity", "quantile", "f32", {"weight_decay": 0.01, "convention": "sklearn"})]


@pytest.mark.parametrize(("hidden", "activation", "output", "loss", "dtype", "more"), TRAININGS)
def test_steps_have_the_bits_of_a_training_by_single_rows(shop, hidden, activation, output, loss, dtype, more):
    from safetensors.numpy import load_file
    numbers = np.round(np.random.default_rng(1).uniform(0.1, 0.9, (60, 3)), 3)
    shop.write("steps.csv", "a,y,w\n" + "".join(f"{a},{y},{w}\n" for a, y, w in numbers))
    words = {"hidden": hidden, "hidden_activation": activation, "output_activation": output, "loss": loss, "dtype": dtype, "scale": "none",
             "task": "regression", "optimizer": "sgd", "learning_rate": 0.01, "batch": 1, "no_shuffle": True, "no_scale_target": True, **more}
    train(shop, "steps.csv", "y,w", "going", epochs=0, **words)
    train(shop, "steps.csv", "y,w", "gone", epochs=1, init_from="going.model", **words)
    export(shop, "going", "--training")
    shop.write("rows.bin", numbers.tobytes())
    shop.write("steps.c", STEPS.replace("REAL", {"f32": "float", "f64": "double"}[dtype]))
    ran = shop.shell(f"gcc -std=c99 -O3 -march=native {' '.join(WARNINGS)} steps.c going.c -lm -o steps && ./steps")
    assert ran.code == 0, ran.err
    tensors = load_file(shop.folder / "gone.model")
    expected = np.concatenate([tensors[f"linear{layer + 1}.{kind}"].ravel() for layer in range(len([width for width in hidden.split(",") if width != "none"]) + 1)
                               for kind in ("weight", "bias")])
    assert (np.fromfile(shop.folder / "after.bin", expected.dtype) == expected).all()


# --- The weights alone ----------------------------------------------------------------------------------------------

def test_npz_and_torch_hold_the_very_weights(one):
    assert one("export", "one.model", "--to", "npz", "-o", "w.npz").code == 0
    ran = one("export", "one.model", "--to", "torch", "-o", "w.safetensors")
    assert ran.code == 0 and 'net.load_state_dict(load_file("w.safetensors"))' in ran.err
    from safetensors import safe_open
    from safetensors.numpy import load_file
    arrays, named, of_model = np.load(one.folder / "w.npz"), load_file(one.folder / "w.safetensors"), load_file(one.folder / "one.model")
    for layer in (1, 2, 3):
        for kind in ("weight", "bias"):
            expected = of_model[f"linear{layer}.{kind}"]
            assert (arrays[f"linear{layer}.{kind}"] == expected).all() and (named[f"{2 * layer - 2}.{kind}"] == expected).all()
    assert arrays["activations"].tolist() == ["gelu", "gelu", "softmax"] and arrays["outputs"].tolist() == ["cold", "mild", "warm"]
    with safe_open(one.folder / "w.safetensors", "np") as file:
        assert file.metadata()["load"] in ran.err
    data = one("encode", "one.model", "t.csv", "-o", "x.npz")
    assert data.code == 0
    a = np.load(one.folder / "x.npz")["x"].astype("f8")
    raw = raw_rows(one, "t.csv")
    assert np.allclose((raw - arrays["input_shift"]) / arrays["input_scale"], a, rtol=1e-6)


def test_the_lines_that_load_it_into_torch_do(one):
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors.torch")
    ran = one("export", "one.model", "--to", "torch", "-o", "w.safetensors")
    lines = ran.err.split("bytes\n")[1]
    scope = {}
    here = os.getcwd()
    try:
        os.chdir(one.folder)
        exec(lines, scope)  # noqa: S102  (what the program printed)
    finally:
        os.chdir(here)
    assert one("encode", "one.model", "t.csv", "-o", "x.npz").code == 0
    x = torch.tensor(np.load(one.folder / "x.npz")["x"])
    p = [list(event["probabilities"].values()) for event in one("predict", "one.model", "t.csv", "--proba", "--json").events]
    assert np.allclose(scope["net"](x).detach().numpy(), p, rtol=1e-4, atol=1e-6)
