"""handgrad export --to casadi: what CasADi's external asks for, called here as CasADi calls it."""

import ctypes

import numpy as np
import pytest

WARNINGS = "-pedantic -Wall -Wextra -Werror -Wconversion -Wshadow"
N, K = 2, 2
ROWS = [[0.3, -1.2], [1.5, 0.25]]


class External:
    """A shared library by its names."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))

    def fact(self, name, result, *arguments):
        function = getattr(self.library, name)
        function.restype = result
        return function(*arguments)

    def facts(self, function):
        """Names and patterns of arguments and results."""
        told = {}
        for way in ("in", "out"):
            count = self.fact(f"{function}_n_{way}", ctypes.c_longlong)
            names = [self.fact(f"{function}_name_{way}", ctypes.c_char_p, ctypes.c_longlong(i)).decode() for i in range(count)]
            patterns = [self.pattern(f"{function}_sparsity_{way}", i) for i in range(count)]
            told[way] = dict(zip(names, patterns))
            for beyond in (-1, count):
                assert self.fact(f"{function}_name_{way}", ctypes.c_char_p, ctypes.c_longlong(beyond)) is None
        return told

    def pattern(self, name, i):
        """(rows, columns, entries); entries are where CasADi's dense and empty patterns have them."""
        pointer = self.fact(name, ctypes.POINTER(ctypes.c_longlong), ctypes.c_longlong(i))
        rows, columns = pointer[0], pointer[1]
        starts = [pointer[2 + j] for j in range(columns + 1)]
        entries = [pointer[3 + columns + e] for e in range(starts[-1])]
        assert (starts, entries) in (([0] * (columns + 1), []), ([j * rows for j in range(columns + 1)], list(range(rows)) * columns))
        return rows, columns, starts[-1]

    def __call__(self, function, *given):
        """Results as matrices, from arguments of which None is zeros."""
        told = self.facts(function)
        sizes = [ctypes.c_longlong() for _ in range(4)]
        assert self.fact(f"{function}_work", ctypes.c_int, *map(ctypes.byref, sizes)) == 0
        w = np.full(sizes[3].value, np.nan)
        arguments = [None if each is None else np.ascontiguousarray(each, float).ravel(order="F") for each in given]
        results = [np.full(entries, np.nan) for _, _, entries in told["out"].values()]
        pointers = [(ctypes.c_void_p * len(arrays))(*(None if a is None or a.size == 0 else a.ctypes.data for a in arrays))
                    for arrays in (arguments, results)]
        status = getattr(self.library, function)(*pointers, None, ctypes.c_void_p(w.ctypes.data), 0)
        shaped = [a.reshape((rows, columns), order="F") if entries > 0 else None
                  for a, (rows, columns, entries) in zip(results, told["out"].values())]
        return status, shaped


@pytest.fixture(name="pair")
def trained_pair(handgrad):
    """A network of two inputs and two outputs in double, and what predict says of ROWS: y, J and H in the table's units."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, N))
    lines = [f"{a!r},{b!r},{a * b!r},{np.sin(a) - b!r}" for a, b in x.tolist()]
    handgrad.write("t.csv", "\n".join(["a,b,p,q", *lines]))
    handgrad("train", "t.csv", "--target", "p,q", "--hidden", "7", "--hidden-activation", "tanh", "--dtype", "f64", "--epochs", "3", "-o", "pair.model")
    handgrad.write("rows.csv", "\n".join(["a,b", *(f"{a!r},{b!r}" for a, b in ROWS)]))
    events = handgrad("predict", "pair.model", "rows.csv", "--jacobian", "--hessian", "--json").events
    rows = [event for event in events if event["event"] == "prediction"]
    y = np.array([list(row["values"].values()) for row in rows])
    jacobian = np.array([list(row["jacobian"].values()) for row in rows]).reshape(-1, K, N)
    named = [row["hessian"] for row in rows]
    hessian = np.array([[[[of.get(f"d2({t})/d({c})d({d})", of.get(f"d2({t})/d({d})d({c})")) for d in "ab"] for c in "ab"] for t in "pq"] for of in named])
    return handgrad, y, jacobian, hessian


def built(handgrad, name, compiler="gcc -std=c99 -O3 -march=native"):
    made = handgrad.shell(f"{compiler} {WARNINGS} -fPIC -shared {name}.c -lm -o {name}.so")
    assert made.code == 0, made.err
    return External(handgrad.folder / f"{name}.so")


def test_every_function_is_the_model_in_the_table_s_units(pair):
    handgrad, y, jacobian, hessian = pair
    told = handgrad("export", "pair.model", "--to", "casadi", "--raw", "-o", "pair.c")
    assert "pair = casadi.external('pair', './pair.so')" in told.err
    external = built(handgrad, "pair")
    v, d = np.array([0.3, -0.7]), np.array([2.0, 0.5])
    for row, x in enumerate(ROWS):
        H, J = hessian[row], jacobian[row]
        expected = {
            "pair": ((x,), [y[row][:, None]]),
            "jac_pair": ((x, None), [J]),
            "fwd1_pair": ((x, None, d), [(J @ d)[:, None]]),
            "adj1_pair": ((x, None, v), [(v @ J)[:, None]]),
            "jac_fwd1_pair": ((x, None, d, None), [np.einsum("kij,i->kj", H, d), None, J]),
            "jac_adj1_pair": ((x, None, v, None), [np.einsum("kij,k->ij", H, v), None, J.T]),
        }
        for function, (arguments, results) in expected.items():
            status, found = external(function, *arguments)
            assert status == 0
            for ours, theirs in zip(found, results, strict=True):
                if theirs is None:
                    assert ours is None
                else:
                    np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-15 * np.abs(H).max())
    np.testing.assert_array_equal(external("pair", ROWS[0])[1][0][:, 0], y[0])  # to the last bit
    np.testing.assert_array_equal(external("jac_pair", ROWS[0], None)[1][0], jacobian[0])


def test_names_and_patterns_are_those_that_casadi_looks_for(pair):
    handgrad = pair[0]
    handgrad("export", "pair.model", "--to", "casadi", "--name", "plant", "-o", "some file.c")
    assert handgrad.shell(f"gcc -std=c99 {WARNINGS} -fPIC -shared 'some file.c' -lm -o plant.so").code == 0
    external = External(handgrad.folder / "plant.so")
    x, y, unseen = (N, 1, N), (K, 1, K), (K, 1, 0)
    assert external.facts("plant") == {"in": {"x": x}, "out": {"y": y}}
    assert external.facts("jac_plant") == {"in": {"x": x, "out_y": unseen}, "out": {"jac_y_x": (K, N, K * N)}}
    assert external.facts("fwd1_plant") == {"in": {"x": x, "out_y": unseen, "fwd_x": x}, "out": {"fwd_y": y}}
    assert external.facts("adj1_plant") == {"in": {"x": x, "out_y": unseen, "adj_y": y}, "out": {"adj_x": x}}
    assert external.facts("jac_fwd1_plant") == {
        "in": {"x": x, "out_y": unseen, "fwd_x": x, "out_fwd_y": unseen},
        "out": {"jac_fwd_y_x": (K, N, K * N), "jac_fwd_y_out_y": (K, K, 0), "jac_fwd_y_fwd_x": (K, N, K * N)}}
    assert external.facts("jac_adj1_plant") == {
        "in": {"x": x, "out_y": unseen, "adj_y": y, "out_adj_x": (N, 1, 0)},
        "out": {"jac_adj_x_x": (N, N, N * N), "jac_adj_x_out_y": (N, K, 0), "jac_adj_x_adj_y": (N, K, N * K)}}
    # NULL stands for zeros, here of x and of a seed.
    np.testing.assert_array_equal(external("plant", None)[1][0], external("plant", [0.0, 0.0])[1][0])
    assert not external("fwd1_plant", [1.0, 2.0], None, None)[1][0].any()


@pytest.mark.parametrize("compiler", ["gcc -std=c99 -O2", "clang -std=c99 -O2", "g++ -x c++ -std=c++17 -O2", "gcc -std=c99 -O1 -fsanitize=undefined"])
def test_compilers_find_nothing(pair, compiler):
    handgrad, y, _, _ = pair
    if handgrad.shell(f"{compiler.split()[0]} --version").code != 0:
        pytest.skip(f"{compiler.split()[0]} is not installed")
    handgrad("export", "pair.model", "--to", "casadi", "--raw", "-o", "pair.c")
    np.testing.assert_allclose(built(handgrad, "pair", compiler)("pair", ROWS[1])[1][0][:, 0], y[1], rtol=1e-14)


def test_float_models_are_computed_in_double_and_classes_have_shares(handgrad):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 2))
    kinds = ["up" if a > b else "down" for a, b in x.tolist()]
    handgrad.write("t.csv", "\n".join(["a,b,kind", *(f"{a!r},{b!r},{k}" for (a, b), k in zip(x.tolist(), kinds))]))
    handgrad("train", "t.csv", "--target", "kind", "--hidden", "5", "--epochs", "3", "-o", "kind.model")
    handgrad("export", "kind.model", "--to", "casadi", "--raw", "-o", "kind.c")
    answer = handgrad("predict", "kind.model", "t.csv", "--proba", "--json").events
    shares = [list(event["probabilities"].values())[1] for event in answer if event["event"] == "prediction"]
    external = built(handgrad, "kind")
    found = [external("kind", row)[1][0][0, 0] for row in x[:10]]
    np.testing.assert_allclose(found, shares[:10], rtol=1e-5)
    jacobian = external("jac_kind", x[0], None)[1][0]
    step = 1e-5
    for i, unit in enumerate(np.eye(2)):
        difference = external("kind", x[0] + step * unit)[1][0] - external("kind", x[0] - step * unit)[1][0]
        np.testing.assert_allclose(jacobian[0, i], difference[0, 0] / (2 * step), rtol=1e-8)


def test_what_the_model_cannot_use_fails_and_is_no_number(pair):
    handgrad = pair[0]
    handgrad("export", "pair.model", "--to", "casadi", "--raw", "-o", "pair.c")
    external = built(handgrad, "pair")
    for function, rest in (("pair", ()), ("jac_pair", (None,)), ("adj1_pair", (None, [1.0, 1.0])), ("jac_adj1_pair", (None, [1.0, 1.0], None))):
        assert external(function, [np.inf, 0.0], *rest)[0] == 1


@pytest.mark.parametrize(("words", "message"), [
    (("--raw",), "the column 'city' holds categories, which CasADi has no numbers for"),
    (("--name", "2nd"), "'2nd' is no name in C"),
    (("--hessian",), "--hessian: --to casadi has no such thing, only c99 has"),
    (("--derivatives",), "--derivatives: --to casadi has no such thing, only onnx has"),
])
def test_what_cannot_be_exported_is_refused(handgrad, words, message):
    handgrad.write("t.csv", "\n".join(["a,city,y", *(f"{i},{'Rome' if i % 2 else 'Oslo'},{i * 2}" for i in range(30))]))
    handgrad("train", "t.csv", "--target", "y", "--epochs", "1", "-o", "m.model")
    refused = handgrad("export", "m.model", "--to", "casadi", *words, "-o", "m.c")
    assert refused.code == 2 and message in refused.err
    assert not (handgrad.folder / "m.c").exists()
