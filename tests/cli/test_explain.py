"""handgrad explain: what it answers in each format, what its options change, and what it refuses."""

import json
import re
import subprocess

import numpy as np
import pytest
from cli_support import arguments_for, classification_table, regression_table

SIGMOIDS = ("--hidden-activation", "sigmoid", "--output-activation", "sigmoid")


def width(text):
    return max(len(line) for line in text.splitlines())


# --- In symbols -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "titles"), [
    ((), ("Table 1, forward pass", "Table 2, backward pass")),
    ((*SIGMOIDS, "--loss", "squared_error"), ("Table 3, forward pass", "Table 4, backward pass")),
    (SIGMOIDS, ("Table 5, forward pass", "Table 4, backward pass")),
    (("--hidden-activation", "tanh"), ("Forward pass, as Table 1", "Backward pass, as Table 2")),
])
def test_a_network_without_a_model_has_the_tables_of_its_kind(handgrad, words, titles):
    ran = handgrad("explain", "--sizes", "3,4,2", *words)
    assert (ran.code, ran.err) == (0, "")
    assert all(f"\n{title}\n" in ran.out for title in titles)
    assert width(ran.out) <= 100


@pytest.mark.parametrize(("output", "loss"), [
    ("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy"), ("exp", "poisson"), ("tanh", "squared_error")])
def test_the_loss_follows_the_output_activation_unless_it_is_given(handgrad, output, loss):
    words = ("explain", "--sizes", "3,4,2", "--output-activation", output, "--json")
    assert handgrad(*words).events[0]["loss_function"] == loss
    assert handgrad(*words, "--loss", "squared_error").events[0]["loss_function"] == "squared_error"


def test_conventions_and_parameters_of_the_network_stand_in_the_tables(handgrad):
    text = handgrad("explain", "--sizes", "3,4,4,2", "--hidden-activation", "relu,leaky_relu", "--leaky-slope", "0.2",
                    "--loss", "quantile", "--quantile", "0.9", "--convention", "pytorch").out
    assert "ReLU′(0) = 0 (convention pytorch); Eq. (7) has 1." in text
    assert "a = 0.2, the slope of leaky_relu" in text and "q = 0.9 of quantile" in text
    assert "Δ = 3 of huber" in handgrad("explain", "--sizes", "3,2", "--loss", "huber", "--huber-delta", "3").out


def test_components_are_printed_as_sums_only_when_asked_for(handgrad):
    plain, sums = (handgrad("explain", "--sizes", "3,4,2", *more).out for more in ((), ("--components",)))
    assert "ŷⱼ = Σₚ W⁽²⁾ⱼₚ (Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ)⁺ + b⁽²⁾ⱼ" in sums
    assert "Σₚ" not in plain


def test_json_without_a_row_has_formulas_but_no_values(handgrad):
    [event] = handgrad("explain", "--sizes", "3,4,2", "--format", "json").events
    assert (event["schema"], event["event"]) == (1, "explanation")
    assert event["jacobians"][2]["formula"] == "∂z₂/∂z₁ = diag{𝟙_[0,∞)(z₁)}"
    assert event["forward"][0]["latex"] == "z_{1}=W^{(1)}x+b^{(1)}"
    assert "loss" not in event and "row" not in event and "parameters" not in event
    assert all("value" not in item for part in ("forward", "jacobians", "deltas", "backward", "update")
               for item in event[part])


# --- What stands beside every formula, in every form -----------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_eq_1_2_3_4_and_7_stand_at_their_formulas(handgrad, form):
    lines = handgrad("explain", "--sizes", "3,4,2", "--format", form).out.splitlines()

    def cites(line, equation):
        return re.search(rf"(?<!as )Eq\. \({equation}\)", line)

    in_latex = form == "latex"
    for equation, formulas in {
            1: (r"z_{1}=W^{(1)}x+b^{(1)},\quad z_{2}=f(z_{1})", "z₁ = W⁽¹⁾x + b⁽¹⁾,   z₂ = f(z₁)"),
            2: (r"\hat y=g(\mathrm{Linear}_{2}(f(\mathrm{Linear}_{1}(x))))", "ŷ = g(Linear₂(f(Linear₁(x))))"),
            3: (r"l=\|\hat y-y\|^2", "l = ‖ŷ − y‖²"),
            4: (r"w\leftarrow w-\eta", "w ← w − η"),
            7: (r"\mathbf{1}_{[0,\infty)}(u)=\begin{cases}1&\text{if }u\ge 0\\0&\text{if }u<0\end{cases}",
                "1 if u ≥ 0; 0 if u")}.items():
        formula = formulas[0] if in_latex else formulas[1]
        assert any(formula in line and cites(line, equation) for line in lines), (equation, formula)
    assert any("backward: zero" in line for line in lines) and any("then accumulate" in line for line in lines)


def test_json_has_the_equation_entry_and_table_of_every_formula(handgrad):
    [event] = handgrad("explain", "--sizes", "3,4,2", "--json").events
    assert event["tables"] == {"forward": "Table 1", "backward": "Table 2"}
    assert [(step["step"], step["equation"]) for step in event["steps"]] == [
        (1, "Eq. (1)"), (1, "Eq. (1)"), (2, "Eq. (2)"), (3, "Eq. (3)"), (4, "step 4"), (4, "Table 2"), (4, "Table 2"),
        (5, "Eq. (4)")]
    assert [step["what"] for step in event["steps"] if step["step"] == 4] == [
        "backward: zero", "then accumulate", "then accumulate"]
    assert {row["equation"] for row in event["forward"]} == {"Eq. (1)"}
    assert [row["input"] for row in event["forward"]][:2] == ["x", "W⁽¹⁾x + b⁽¹⁾"]
    assert event["loss_row"] == {
        "equation": "Eq. (3)", "input": "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "input_latex": "W^{(2)}(W^{(1)}x+b^{(1)})^++b^{(2)}",
        "formula": "l = ‖W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾ − y‖²",
        "latex": r"l=\|W^{(2)}(W^{(1)}x+b^{(1)})^++b^{(2)}-y\|^2"}
    relu = event["jacobians"][2]
    assert [(relu[f"{part}_equation"], relu[key]) for part, key in
            (("entry", "entry"), ("matrix", "formula"), ("where", "where"))] == [
        ("Eq. (5)", "(∂z₂/∂z₁)ᵢⱼ = 0 if i ≠ j or z₁,ᵢ < 0; 1 if i = j and z₁,ᵢ ≥ 0"),
        ("Eq. (6)", "∂z₂/∂z₁ = diag{𝟙_[0,∞)(z₁)}"), ("Eq. (7)", "𝟙_[0,∞)(u) = 1 if u ≥ 0; 0 if u < 0")]
    assert all(factor["entry"] and factor["entry_latex"] for factor in event["jacobians"])
    assert event["backward"][0]["own_shape"] == "δ₁ xᵀ" and "components" not in event


def test_components_are_in_json_too_when_asked_for(handgrad):
    words = ("explain", "--sizes", "3,4,2", *SIGMOIDS, "--components", "--json")
    rows = handgrad(*words).events[0]["components"]
    assert {"symbol": "z3", "equation": "under Eq. (14)", "formula": "z₃,ᵢ = Σₚ W⁽²⁾ᵢₚ σ(Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ) + b⁽²⁾ᵢ",
            "latex": r"z_{3,i}=\sum_{p}W^{(2)}_{ip}\,\sigma(\sum_{q}W^{(1)}_{pq}\,x_q+b^{(1)}_{p})+b^{(2)}_{i}"} in rows
    assert all(row["formula"] is None for row in handgrad(*words, "--blank").events[0]["components"])


@pytest.mark.parametrize(("dtype", "says", "not_said"), [("f32", "z = 16.64", "float64"), ("f64", "z = 36.74", "float32")])
def test_where_a_form_fails_is_said_for_the_precision_of_the_model(handgrad, dtype, says, not_said):
    handgrad.write("t.csv", classification_table())
    words = ("--epochs", 0, "--hidden-activation", "sigmoid", "--dtype", dtype, "-o", "m.model")
    assert handgrad("train", "t.csv", "--target", "class", *words).code == 0
    text = " ".join(handgrad("explain", "m.model").out.split())
    assert f"σ(1 − σ) is no way out: 0 from {says} on." in text and not_said not in text


# --- With a model and a row -------------------------------------------------------------------------------------------


def test_a_row_is_named_by_number_and_line_and_shown_before_and_after_preprocessing(regression):
    ran = regression("explain", "m.model", "t.csv", "--row", 3)
    assert (ran.code, ran.err) == (0, "") and width(ran.out) <= 100
    assert "One step in numbers: row 3 (t.csv:4)" in ran.out
    a, b, city, y = regression_table().splitlines()[3].split(",")
    [event] = regression("explain", "m.model", "t.csv", "--row", 3, "--json").events
    assert event["row"]["number"] == 3 and event["row"]["place"] == "t.csv:4"
    assert [(cell["name"], cell["cell"]) for cell in event["row"]["x"]] == [
        ("a", a), ("b", b), *((f"city={name}", city) for name in ("Lima", "Oslo", "Rome"))]
    assert [cell["value"] for cell in event["row"]["x"][2:]] == [float(name == city) for name in ("Lima", "Oslo", "Rome")]
    assert float(event["row"]["y"][0]["cell"]) == float(y)
    [columns] = [column for column in regression("inspect", "m.model", "--json").events[0]["columns"] if column["name"] == "a"]
    scaled = (float(a) - columns["shift"]) / columns["scale"]
    assert event["row"]["x"][0]["value"] == pytest.approx(scaled, rel=2**-23)


def test_the_loss_is_that_of_evaluate_on_the_row_alone(classification):
    lines = classification_table().splitlines()
    classification.write("one.csv", f"{lines[0]}\n{lines[5]}\n")
    [event] = classification("explain", "m.model", "t.csv", "--row", 5, "--json").events
    [alone] = classification("evaluate", "m.model", "one.csv", "--json").events
    # Both in float32, in other orders of summing: the loss is below 8, a few roundings each of its few terms.
    assert event["loss"] == pytest.approx(alone["loss"], abs=2**-18)
    assert event["row"]["y"][0]["name"] == "class=warm"


def test_slopes_of_a_row_are_those_of_its_jacobians_and_gradients(handgrad):
    handgrad.write("t.csv", classification_table(classes=("a", "b", "c")))
    words = ("--hidden", "5,4", "--hidden-activation", "sigmoid,relu", "--output-activation", "sigmoid",
             "--loss", "squared_error", "--dtype", "f64", "--epochs", 2, "-o", "m.model")
    assert handgrad("train", "t.csv", "--target", "class", *words).code == 0
    [event] = handgrad("explain", "m.model", "t.csv", "--row", 2, "--json").events
    values = {item["symbol"]: np.array(item["value"]) for part in ("jacobians", "deltas", "backward") for item in event[part]}
    weights = {item["parameter"]: np.array(item["value"]) for item in event["parameters"]}
    arrives = {"dz2/dz1": values["dl/dz3"] @ weights["linear2.weight"],
               "dz4/dz3": values["dl/dz5"] @ weights["linear3.weight"], "dyhat/dz5": values["dl/dyhat"][0]}
    assert [slope["symbol"] for slope in event["slopes"]] == list(arrives)
    for layer, (slope, activation) in enumerate(zip(event["slopes"], ("sigmoid", "relu", "sigmoid"), strict=True), 1):
        diagonal = np.diag(values[slope["symbol"]])
        assert (slope["activation"], slope["units"], slope["cancels"]) == (activation, diagonal.size, False)
        assert (slope["smallest"], slope["largest"]) == (diagonal.min(), diagonal.max())
        assert slope["mean"] == pytest.approx(diagonal.mean(), rel=1e-14)
        assert slope["steepest"] == pytest.approx(1.0 if activation == "relu" else 0.25, rel=1e-12)
        assert slope["flat"] == (diagonal < 0.0706508 * slope["steepest"]).sum()
        delta = values[f"dl/dz{2 * layer - 1}"]
        ratio = np.linalg.norm(delta) / np.linalg.norm(arrives[slope["symbol"]])
        assert slope["passed"] == pytest.approx(ratio, rel=1e-13)
        rms = np.sqrt(np.mean(values[f"dl/dW{layer}"] ** 2))
        assert slope["gradient_rms"] == pytest.approx(rms, rel=1e-13)
    text = " ".join(handgrad("explain", "m.model", "t.csv", "--row", 2).out.split())
    assert all(" ".join(sentence.split()) in text for sentence in event["slopes_text"])
    assert "together a factor of at most 0.25 · 1 · 0.25 = 0.0625." in text
    assert "slopes" not in handgrad("explain", "m.model", "t.csv", "--row", 2, "--json", "--blank").events[0]


def test_the_gradient_is_set_to_zero_and_then_added_to(regression):
    text = regression("explain", "m.model", "t.csv", "--row", 1).out
    steps = text[text.index("Step 4, backward: zero, then accumulate"):text.index("Step 5")]
    assert steps.index("∂l/∂w ← 0 for every w") < steps.index("∂l/∂ŷ = ") < steps.index("∂l/∂W⁽¹⁾ = 0 + δ₁ xᵀ = ")
    assert "Step 4, backward: zero, then accumulate" in regression("explain", "m.model", "t.csv", "--row", 1, "--blank").out


def test_the_update_is_the_recorded_optimizer_unless_another_is_asked_for(handgrad):
    handgrad.write("t.csv", regression_table())
    words = ("--optimizer", "sgd", "--learning-rate", "0.25", "--weight-decay", "0.5", "--dtype", "f64")
    assert handgrad("train", "t.csv", *arguments_for("y"), *words).code == 0

    def explained(*more):
        return handgrad("explain", "m.model", "t.csv", "--row", 1, "--json", *more).events[0]

    def moved(event, rate, penalty):
        for before, gradient, after in zip(event["parameters"], event["backward"], event["update"], strict=True):
            alpha = penalty if before["parameter"].endswith("weight") else 0.0
            rows = [[row] if not isinstance(row, list) else row for row in before["value"]]
            slopes = [[row] if not isinstance(row, list) else row for row in gradient["value"]]
            new = [[row] if not isinstance(row, list) else row for row in after["value"]]
            for row, slope, result in zip(rows, slopes, new, strict=True):
                for w, g, n in zip(row, slope, result, strict=True):
                    size = abs(w) + rate * (abs(g) + alpha * abs(w))
                    assert abs(n - (w - rate * (g + alpha * w))) <= 4 * 2**-53 * size

    event = explained()
    assert event["optimizer"]["name"] == "sgd" and event["optimizer"]["penalty"] == 0.5 and event["penalty"] > 0
    moved(event, 0.25, 0.5)
    moved(explained("--learning-rate", "0.125", "--weight-decay", "0"), 0.125, 0.0)
    adam = explained("--optimizer", "adam")["optimizer"]
    assert (adam["name"], adam["learning_rate"]) == ("adam", 0.25)
    text = " ".join(handgrad("explain", "m.model", "--optimizer", "adam").out.split())
    assert "this is a first step from fresh state: m = v = 0 and t = 1" in text


def test_a_wide_network_is_shortened_in_text_and_whole_in_json(handgrad):
    handgrad.write("t.csv", regression_table())
    assert handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 1, "--hidden", 40).code == 0
    text = handgrad("explain", "m.model", "t.csv", "--row", 1).out
    assert "Of more than 8 rows or columns the first and the last are shown." in " ".join(text.split())
    assert "∂z₂/∂z₁ = diag{𝟙_[0,∞)(z₁)} = diag{ " in text and width(text) <= 100
    [event] = handgrad("explain", "m.model", "t.csv", "--row", 1, "--json").events
    jacobian = event["jacobians"][2]
    assert jacobian["shape"] == [40, 40] and [len(row) for row in jacobian["value"]] == [40] * 40


# --- Sheets of blanks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_sheet_has_blanks_that_can_be_filled_in(regression, form):
    sheet = regression("explain", "m.model", "t.csv", "--row", 1, "--blank", "--format", form).out
    assert "\nz1 = [ ____  ____  ____  ____ ]\n" in sheet and "\nl = ____\n" in sheet
    assert not re.search(r"^(z1|yhat|l|dl/dW1|linear1\.weight) = .*\d", sheet, re.MULTILINE)
    assert "W⁽¹⁾ = [ " in sheet


def test_a_sheet_in_latex_has_blanks_too(regression):
    sheet = regression("explain", "m.model", "t.csv", "--row", 1, "--blank", "--format", "latex").out
    assert "z_{1}=\\begin{bmatrix}\\blankof{16mm}&\\blankof{16mm}" in sheet and "portrait" in sheet and "\\workspace" in sheet
    wide = regression("explain", "m.model", "t.csv", "--row", 1, "--blank", "--format", "latex", "--digits", 8).out
    assert "\\begin{bmatrix}\\blankof{28mm}&" in wide
    assert "landscape" in regression("explain", "m.model", "--format", "latex").out


# --- Formats ----------------------------------------------------------------------------------------------------------


def compile_latex(folder, text):
    (folder / "e.tex").write_text(text)
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "e.tex"], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Overfull" not in log
    assert (folder / "e.pdf").stat().st_size > 10000


@pytest.mark.parametrize("words", [
    (), (*SIGMOIDS, "--optimizer", "adam"), ("--loss", "huber", "--convention", "pytorch"),
    ("--hidden-activation", "gelu", "--output-activation", "softmax", "--optimizer", "adamw", "--convention", "sklearn"),
    ("--hidden-activation", "gelu_tanh", "--output-activation", "exp", "--optimizer", "sgd", "--momentum", "0.9"),
    ("--hidden-activation", "elu", "--output-activation", "leaky_relu", "--loss", "quantile", "--nesterov", "--momentum", "0.5"),
    ("--hidden-activation", "silu", "--output-activation", "softplus", "--loss", "absolute_error"),
    ("--hidden-activation", "tanh", "--output-activation", "sigmoid", "--loss", "squared_error", "--blank"),
], ids=lambda words: "-".join(words).replace("--", "") or "relu")
def test_latex_compiles_without_a_line_that_is_too_long(handgrad, words):
    compile_latex(handgrad.folder, handgrad("explain", "--sizes", "3,4,2", "--components", "--format", "latex", *words).out)


@pytest.mark.parametrize("blank", [(), ("--blank",)])
def test_latex_with_numbers_and_difficult_names_compiles(handgrad, blank):
    table = regression_table().replace("a,b,city,y", "a_$&%#{}~^\\<>|,\"é,日本\",Þ,y", 1)
    handgrad.write("t.csv", table)
    assert handgrad("train", "t.csv", *arguments_for("y")).code == 0
    ran = handgrad("explain", "m.model", "t.csv", "--row", 2, "--format", "latex", *blank)
    assert ran.code == 0, ran.err
    compile_latex(handgrad.folder, ran.out)


def test_latex_of_a_deep_network_compiles(handgrad):
    sizes = ",".join(["3"] * 14)
    compile_latex(handgrad.folder, handgrad("explain", "--sizes", sizes, "--components", "--format", "latex").out)


def test_markdown_has_pipe_tables_of_one_width_each(handgrad):
    text = handgrad("explain", "--sizes", "3,4,2", *SIGMOIDS, "--components", "--format", "markdown").out
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 7
    for table in tables:
        bars = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert len(set(bars)) == 1, table
        assert set(table.splitlines()[1]) == {"|", "-"}


def test_json_is_the_same_by_either_option_and_output_goes_to_a_file(handgrad):
    words = ("explain", "--sizes", "3,4,2")
    assert handgrad(*words, "--json").out == handgrad(*words, "--format", "json").out
    ran = handgrad(*words, "-o", "e.txt")
    assert ran.out == "" and (handgrad.folder / "e.txt").read_text() == handgrad(*words).out


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "code", "answer"), [
    ((), 2, "MODEL is missing; name a model file, or describe a network with --sizes"),
    (("m.model", "--sizes", "3,4,2"), 2, "--sizes describes a network of its own"),
    (("m.model", "--loss", "huber"), 2, "--loss belongs to --sizes; the model m.model has its own"),
    (("m.model", "t.csv"), 2, "--row is missing: say which row of t.csv"),
    (("m.model", "--row", "1"), 2, "--row: DATA is missing"),
    (("m.model", "t.csv", "--row", "0"), 2, "--row: '0' is not a whole number from 1 on"),
    (("m.model", "t.csv", "--row", "61"), 2, "row 61: t.csv has 60 rows, counted from 1"),
    (("m.model", "t.csv", "u.csv", "--row", "1"), 2, "unexpected 'u.csv'"),
    (("--sizes", "3"), 2, "needs at least an input and an output size"),
    (("--sizes", "3,x,2"), 2, "--sizes: 'x' is not a whole number"),
    (("--sizes", "3,0,2"), 2, "--sizes: '0' is not a whole number from 1 on"),
    (("--sizes", "3,4,2", "--hidden-activation", "relu,tanh"), 2, "2 hidden activations for 1 hidden layers"),
    (("--sizes", "3,4,2", "--hidden-activation", "softmax"), 2, "softmax can only stand at the output"),
    (("--sizes", "3,4,2", "--loss", "poisson"), 2, "poisson"),
    (("--sizes", "3,4,2", "--format", "html"), 2, "choose from: text, markdown, "),
    (("m.model", "t.csv", "--row", "1", "--optimizer", "adam", "--momentum", "0.5"), 2, "momentum"),
    (("m.model", "unlabelled.csv", "--row", "1"), 3, "there is no column 'y': the loss and the backward pass need"),
    (("m.model", "other.csv", "--row", "1"), 3, "which is not there"),
    (("m.model", "none.csv", "--row", "1"), 6, "none.csv"),
    (("t.csv",), 4, "t.csv"),
    (("m.model", "-o", "m.model"), 2, "m.model is the file that is read"),
])
def test_mistakes_are_named(regression, words, code, answer):
    lines = regression_table().splitlines()
    regression.write("unlabelled.csv", "\n".join(line.rsplit(",", 1)[0] for line in lines))
    regression.write("other.csv", "\n".join(["aa,b,city,y", *lines[1:]]))
    ran = regression("explain", *words)
    assert (ran.code, ran.out) == (code, ""), ran
    assert answer in ran.err


def test_a_sheet_is_refused_where_no_hand_would_fill_it_in(handgrad):
    handgrad.write("t.csv", regression_table())
    assert handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 0, "--hidden", 9).code == 0
    words = ("explain", "m.model", "t.csv", "--row", 1, "--blank")
    assert "a layer of 9 is more than a hand fills in" in handgrad(*words).err
    assert json.loads(handgrad(*words, "--json").out)["forward"][0]["value"] == [None] * 9
    assert handgrad("explain", "m.model", "--blank").code == 0


def test_a_jacobian_too_large_for_json_is_refused_by_name(handgrad):
    handgrad.write("t.csv", regression_table(rows=4))
    assert handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 0, "--hidden", 4097, "--validation", 0).code == 0
    words = ("explain", "m.model", "t.csv", "--row", 1)
    ran = handgrad(*words, "--json")
    assert (ran.code, ran.out) == (2, "") and "dz2/dz1 has 4097x4097 numbers" in ran.err
    assert handgrad(*words).code == 0
