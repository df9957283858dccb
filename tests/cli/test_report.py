"""The report in a real browser: complete in itself, readable at any width, on light and dark screens; train --report."""

import json
import random
import re
import shutil

import pytest
from cli_support import arguments_for, regression_table
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service



@pytest.fixture(scope="module")
def browser():
    options = Options()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    yield driver
    driver.quit()


def opened(browser, page, width, scheme="light"):
    """Shows the page and returns its text; fails on anything that the browser complains of."""
    phone = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": phone})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions",
                            {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    browser.get(page.as_uri())
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    return browser.find_element("tag name", "body").text


def contrast(first, second):
    """Of two colours `rgb(r, g, b)`, as WCAG 2 defines it."""
    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        return sum(weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
                   for weight, part in zip((0.2126, 0.7152, 0.0722), parts))

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXTS_THAT_TOUCH = """
return [...document.querySelectorAll('figure > svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  return texts.flatMap(([text, a], i) => [
    ...(a.left < frame.left - 1 || a.right > frame.right + 1 ? [text + ' is cut off'] : []),
    ...texts.slice(0, i).filter(([_, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 &&
                                            b.top < a.bottom - 3).map(([other]) => other + ' touches ' + text)]);
});"""


def test_long_names_and_large_numbers_touch_nothing(handgrad, browser):
    numbers = random.Random(4)
    names = ["a column of a very long name, longer than any label", "\u6e29\u5ea6\u30bb\u30f3\u30b5\u30fc" * 4, "W" * 30, "x"]
    lines = [",".join(f'"{name}"' for name in [*names, "the price of the house in thousands of something"])]
    for _ in range(60):
        x = [numbers.gauss(1234567, 1), numbers.gauss(0, 1e-7), numbers.gauss(0, 1e9), numbers.gauss(5, 1)]
        lines.append(",".join(map(repr, [*x, 1e6 + x[3]])))
    handgrad.write("t.csv", "\n".join(lines) + "\n")
    ran = handgrad("train", "t.csv", "--target", "the price of the house in thousands of something", "-o", "m.model",
                   "--epochs", 12, "--report", "report.html")
    assert ran.code == 0, ran.err
    for width in (400, 800, 1400):
        opened(browser, handgrad.folder / "report.html", width)
        assert browser.execute_script(TEXTS_THAT_TOUCH) == []


MODELS = {
    "regression": ("--hidden", "4"),
    "classes": ("--hidden", "4", "--task", "classification"),
    "deep": ("--hidden", "8,8,8,8,8,8", "--hidden-activation", "sigmoid", "--diagnose"),
    "double": ("--dtype", "f64", "--hidden", "none", "--validation", "0"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_page_is_complete_and_fits_any_width(handgrad, browser, kind):
    table = regression_table()
    if kind == "classes":
        rows = [line.split(",") for line in table.strip().split("\n")]
        table = "\n".join([",".join(rows[0]), *(",".join([*row[:-1], "abc"[i % 3]]) for i, row in enumerate(rows[1:]))])
    handgrad.write("t.csv", table)
    ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", "12", *MODELS[kind])
    assert ran.code == 0, ran.err
    ran = handgrad("report", "m.model", "t.csv", "-o", "report.html")
    assert ran.code == 0, ran.err
    assert ran.out == "" and "report.html" in ran.err
    page = handgrad.folder / "report.html"
    source = page.read_text(encoding="utf-8")
    assert "<script" not in source and not re.search(r"(src|href)=\"(?!#|data:)", source)
    for width in (400, 1400):
        text = opened(browser, page, width)
        assert text.split("\n")[1].startswith(("Better than", "No better than", "Whether it is better", "How good it is"))
        assert "What to do next." in text[:text.index("How it learned")]
        assert browser.execute_script(TEXTS_THAT_TOUCH) == []
        assert browser.execute_script("return [...document.querySelectorAll('pre')]"
                                      ".filter(p => p.scrollWidth > p.clientWidth).length") == 0
        for words in ("A network for y", "How it learned", "Loss", "Predictions and labels", "What moves the outputs",
                      "How the gradient flows", "Activations", "Rows that pull hardest", "Gradient certificate",
                      "linear1.weight", "Every derivative of this network", "To train it again", "data.hash", "PASS"):
            assert words in text, words
        sizes = browser.execute_script(
            "return [...document.querySelectorAll('figure > svg')].map(s => s.getBoundingClientRect().toJSON())")
        assert len(sizes) >= 5
        assert all(size["width"] >= 250 and size["height"] >= 50 for size in sizes)
        assert all(size["right"] <= width for size in sizes)
        letters = browser.execute_script("return [...document.querySelectorAll('figure > svg text')]"
                                         ".map(t => t.getBoundingClientRect().height)")
        assert min(letters) >= 9  # CSS pixels: readable on a telephone
        assert browser.execute_script("return document.querySelectorAll('math').length") > 20
    assert ("Rows by class" in text) == (kind == "classes")
    assert ("How far the weights have come" in text) == (kind == "deep")


def test_letters_stand_out_on_light_and_dark(regression, browser):
    assert regression("report", "m.model", "t.csv", "-o", "report.html").code == 0
    backgrounds = []
    for scheme in ("light", "dark"):
        opened(browser, regression.folder / "report.html", 1400, scheme)
        style = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
        backgrounds.append(browser.execute_script(style, "body", "backgroundColor"))
        assert contrast(browser.execute_script(style, "body", "color"), backgrounds[-1]) >= 7
        for selector, what in ((".quiet", "color"), ("a", "color"), (".PASS", "color"), ("figure text", "fill")):
            assert contrast(browser.execute_script(style, selector, what), backgrounds[-1]) >= 4.5, (scheme, selector)
        for series in range(8):
            colour = browser.execute_script(
                "const r = document.createElementNS('http://www.w3.org/2000/svg', 'rect');"
                "r.setAttribute('class', 's' + arguments[0]); document.querySelector('svg').append(r);"
                "return getComputedStyle(r).fill", series)
            assert contrast(colour, backgrounds[-1]) >= 3, (scheme, series, colour)
    assert backgrounds[0] != backgrounds[1]


def test_same_input_gives_the_same_page(regression):
    pages = []
    for threads in ("1", "2"):
        assert regression("report", "m.model", "t.csv", "-o", "report.html", "--threads", threads).code == 0
        pages.append((regression.folder / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_train_writes_it_too(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=9), "--test", "0.3", "--diagnose", "--report", "r.html",
                   "--json")
    assert ran.code == 0, ran.err
    page = (handgrad.folder / "r.html").read_text(encoding="utf-8")
    assert "the test rows of t.csv" in page and "How far the weights have come" in page
    epochs = [event for event in ran.events if event["event"] == "epoch"]
    assert len(epochs) == 9
    for event in epochs:
        assert [set(layer) for layer in event["layers"]] == [
            {"name", "gradient_rms", "saturated", "dead", "moved", "starved"}] * len(event["layers"])
    moved = [event["layers"][0]["moved"] for event in epochs]
    assert moved[0] > 0 and moved[-1] > moved[0]
    model = json.loads(handgrad("inspect", "m.model", "--json").out)
    history = model["history"]
    assert history["columns"][:2] == ["epoch", "loss"]
    assert [row[0] for row in history["epochs"]] == list(range(10))
    assert history["epochs"][0][1] is None
    column = history["columns"].index("linear1.moved")
    assert [row[column] for row in history["epochs"][1:]] == pytest.approx(moved, rel=1e-6)


def test_recorded_command_trains_the_same_model_again(handgrad):
    handgrad.write("my table.csv", regression_table())
    handgrad.write("c.toml", 'drop = ["x,y"]\nhidden = [5, 4]\nhidden-activation = ["tanh", "relu"]\nepochs = 7\n')
    with_comma = regression_table().replace("\n", ",0\n").replace(",0\n", ',"x,y"\n', 1)
    handgrad.write("my table.csv", with_comma)
    ran = handgrad("train", "my table.csv", "--target", "y", "--config", "c.toml", "--lr", "0.01", "--no-shuffle", "-o", "m.model",
                   "--threads", "1", "--quiet")
    assert ran.code == 0, ran.err
    model = json.loads(handgrad("inspect", "m.model", "--json").out)
    command = model["provenance"]["command"]
    assert "--threads" not in command and "--no-shuffle" in command and "'my table.csv'" in command
    again = handgrad.shell(command)
    assert again.code == 0, again.err
    repeated = json.loads(handgrad("inspect", "again.model", "--json").out)
    assert repeated["parameters_hash"] == model["parameters_hash"]
    assert repeated["provenance"]["command"] == command


def test_errors_say_what_to_do(regression):
    def message(code, *words):
        ran = regression(*words)
        assert ran.code == code, ran.err
        assert ran.out == ""
        return ran.err

    regression.write("empty.csv", regression_table().split("\n")[0] + "\n")
    before = {name: (regression.folder / name).read_bytes() for name in ("t.csv", "m.model")}
    assert "-o report.html" in message(2, "report", "m.model", "t.csv")
    assert "t.csv" in message(2, "report", "m.model", "t.csv", "-o", "t.csv")
    assert "m.model" in message(2, "report", "m.model", "t.csv", "-o", "m.model")
    assert "nowhere" in message(6, "report", "m.model", "t.csv", "-o", "nowhere/report.html")
    assert "empty.csv" in message(3, "report", "m.model", "empty.csv", "-o", "r.html")
    assert "--report" in message(2, "train", "t.csv", "--target", "y", "-o", "n.model", "--report", "n.model")
    assert "--report" in message(2, "train", "t.csv", "--target", "y", "-o", "n.model", "--report", "t.csv")
    assert before == {name: (regression.folder / name).read_bytes() for name in before}
    assert not (regression.folder / "r.html").exists() and not (regression.folder / "n.model").exists()
