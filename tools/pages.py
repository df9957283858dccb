#!/usr/bin/python3
"""Runs again what the pages show, commands and examples of code, and writes what they print; --check only compares.

Usage: tools/pages.py [--check] [PAGE...]    (default: every page)

Every block of a page is fenced, and its first line says what becomes of it:

    ```console      lines that begin with `$ ` are commands, the lines under them what they print, both streams. They run
                    in order, in one folder for each page that holds the tables of examples/data; `$ cat FILE` of a file
                    that is not there makes it, as the page shows it. A line `…` stands for any lines.
    ```cpp          is compiled, with handgrad's headers; in a function, where it is no whole program.
    ```cpp FILE     is that file of the repository (```text FILE, … alike).
    ```python       is run in the page's folder, after the commands above it.
    ```text WHAT, ```sh WHY    is nothing that could be run, or is not run for the reason given.

VOLATILE is all that may differ. The program is the one that HANDGRAD_PROGRAM names, or build/release/cli/handgrad, and
the programs of examples/ are those of its build. `python` is that of .venv-package, `python3` that of .venv, which has
PyTorch; both have the package as tools/package built it. The two curves are taken out of the reports that the tour writes.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build/release/cli/handgrad")).resolve()
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/**/*.md")))
VOLATILE = re.compile(r" +[\d,]+ rows/s(?:  eta \S+)?$| epochs in \d+\.\d\d s;| +\d+\.\d\d us\b")
"""Times: what a line of progress, the end of a training and a loop that is timed say of them."""
CHECKERS = re.compile(r"\bhandgrad (?:check|compare|grade) ")
"""May end with 1: they have found what they look for."""
ELIDED = "…"
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOUR = ROOT / "docs/tour.md"
CURVES = {"tour-sigmoid.svg": "sigmoid.html", "tour-relu.svg": "relu.html"}
CURVE = "How far the weights have come"


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    words: str  # behind the language
    text: str

    @property
    def file(self):
        """The file that it is a copy of."""
        path = ROOT / self.words
        return path if self.words and " " not in self.words and path.is_file() else None


# What stands in a page ------------------------------------------------------------------------------------------------

def blocks(text):
    """The fenced blocks of a page's text."""
    found = []
    for match in FENCE.finditer(text):
        language, _, words = match[1].partition(" ")
        found.append(Block(text.count("\n", 0, match.start()) + 1, language, words.strip(), match[2]))
    return found


def indented(text):
    """Numbers of lines that begin a block without a fence: four blanks or more behind an empty line, and no list."""
    in_list, empty, found = False, True, []
    for number, line in enumerate(FENCE.sub(lambda match: "-" + "\n" * match[0].count("\n"), text).split("\n"), 1):
        if line.strip():
            if re.match(r" {0,3}(?:[-*+]|\d+[.)]) ", line):
                in_list = True
            elif empty and not line.startswith(" "):
                in_list = False
            elif empty and line.startswith("    ") and not in_list:
                found.append(number)
        empty = not line.strip()
    return found


def problem(block):
    """What is wrong with a block's first line or with its form; None when nothing is."""
    if block.language in ("text", "sh"):
        return None if block.words else f"```{block.language} is not run: say behind it why, or what it is"
    if block.file:
        return None if block.text == block.file.read_text(encoding="utf-8") else f"is not {block.words} as it is"
    if block.words:
        return f"there is no file {block.words}"
    if block.language == "console":
        return None if block.text.startswith("$ ") else "```console begins with a command, `$ …`"
    if block.language in ("cpp", "python"):
        return None
    return f"a block begins with ```console, cpp, python, text or sh, and not with ```{block.language}: see tools/pages.py"


def problems(page):
    """`PAGE:LINE: what is wrong` for every block of which nobody knows how it is to be checked."""
    text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT)
    wrong = [(block.line, said) for block in blocks(text) if (said := problem(block))]
    wrong += [(line, "a block without a fence: begin it with ``` and what it is (tools/pages.py)") for line in indented(text)]
    return [f"{name}:{line}: {said}" for line, said in sorted(wrong)]


# What is run ----------------------------------------------------------------------------------------------------------

class Failed(Exception):
    """A command or an example that does not work."""


def python_folder():
    """The project's Python where it is there, which has what examples import."""
    made = ROOT / ".venv/bin"
    return made if (made / "python3").exists() else Path(sys.executable).parent


def run(command, folder):
    """What a command prints; a failure of the last program in it is a failure of the page."""
    path = f"{PROGRAM.parent}:{PROGRAM.parents[1] / 'examples'}:{python_folder()}:{os.environ['PATH']}"
    python = f'python() {{ "{ROOT}/.venv-package/bin/python" "$@"; }}'
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {python}; {command}"], cwd=folder, text=True, check=False,
                          env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "build/package"), "LC_ALL": "C.UTF-8"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode not in ((0, 1) if CHECKERS.search(command) else (0,)):
        raise Failed(f"exit code {done.returncode} of: {command}\n{done.stdout}")
    return [line.rstrip() for line in done.stdout.rstrip("\n").split("\n")] if done.stdout else []


def as_shown(shown, printed):
    """The printed lines in the form of the page: what is volatile and what is left out as it is there."""
    known = {VOLATILE.sub("", line): line for line in shown}
    printed = [known.get(VOLATILE.sub("", line), line) for line in printed]
    if shown.count(ELIDED) != 1:
        return printed
    above = shown.index(ELIDED)
    below = len(shown) - above - 1
    return [*printed[:above], ELIDED, *printed[len(printed) - below:]] if len(printed) > above + below else printed


def rerun_commands(text, folder):
    """The text of a console block as the commands print it today."""
    lines = []
    for shown in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, below = shown.rstrip("\n").partition("\n")
        file = folder / command.removeprefix("cat ")
        if command.startswith("cat ") and not file.exists():
            file.write_text(below + "\n", encoding="utf-8")
        lines += [f"$ {command}", *as_shown(below.split("\n"), run(command, folder))]
    return "\n".join(lines) + "\n"


def rerun(page, folder):
    """A page with the outputs of today, run in that folder."""
    text = page.read_text(encoding="utf-8")
    shutil.copytree(ROOT / "examples/data", folder / "examples/data")
    for file in (*(ROOT / "examples/data").glob("*.csv"), ROOT / "examples/mistaken.py", *(ROOT / "examples/python").glob("*.py")):
        shutil.copy(file, folder)

    def block(match):
        if match[1] == "console":
            return f"```console\n{rerun_commands(match[2], folder)}```"
        if match[1] == "python":
            (folder / "example.py").write_text(match[2], encoding="utf-8")
            run("python3 example.py", folder)
        language, _, words = match[1].partition(" ")
        copied = Block(0, language, words.strip(), "").file
        return f"```{match[1]}\n{copied.read_text(encoding='utf-8')}```" if copied else match[0]

    try:
        return FENCE.sub(block, text)
    except Failed as failed:
        raise Failed(f"{page.relative_to(ROOT)}: {failed}") from None


def compile_examples(pages, folder):
    """Compiles the C++ of the pages, a function for each block; whole programs by themselves."""
    includes, functions, files = ['#include "handgrad/handgrad.hpp"'], [], []
    for page in pages:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language != "cpp" or block.file:
                continue
            place = f'#line {block.line + 1} "{page.relative_to(ROOT)}"\n'
            if "int main(" in block.text:
                files.append(folder / f"{page.stem}-{block.line}.cpp")
                files[-1].write_text(place + block.text, encoding="utf-8")
                continue
            includes += re.findall(r"^#include .*", block.text, re.MULTILINE)
            body = re.sub(r"^#include .*", "", block.text, flags=re.MULTILINE)
            functions.append(f"void block_{len(functions)}() {{\n{place}{body}}}\n")
    if functions:
        files.append(folder / "blocks.cpp")
        files[-1].write_text("\n".join((*includes, *functions)), encoding="utf-8")
    for file in files:
        run(f"{os.environ.get('CXX', 'g++')} -std=c++20 -fsyntax-only -Wall -Wextra -Werror -Wno-unused-variable "
            f"-Wno-unused-but-set-variable -I {ROOT} {file}", folder)


def curve(page):
    """The drawing of a report, with the colours that it takes from the page's style."""
    html = page.read_text(encoding="utf-8")
    figure = re.search(rf"<figure><figcaption>{CURVE}</figcaption>(.*?)</figure>", html, re.DOTALL)[1]
    drawing = re.search(r"<svg .*?</svg>", figure, re.DOTALL)[0]
    names = re.findall(r"</svg>([^<]+)</li>", figure)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    height = float(re.search(r'viewBox="0 0 360 ([0-9.]+)"', drawing)[1])
    legend = "".join(f'<rect class="s{i}" x="{56 + 74 * (i % 4)}" y="{height + 4 + 16 * (i // 4)}" width="10" height="8"/>'
                     f'<text x="{70 + 74 * (i % 4)}" y="{height + 12 + 16 * (i // 4)}">{name}</text>'
                     for i, name in enumerate(names))
    total = height + 16 * ((len(names) + 3) // 4) + 8
    svg = re.sub(r"<svg [^>]*>", f'<svg xmlns="http://www.w3.org/2000/svg" width="540" viewBox="0 0 360 {total:g}">'
                 f'<style>{style}</style><rect width="360" height="{total:g}" style="fill: var(--page)"/>', drawing, count=1)
    return svg.replace("</svg>", legend + "</svg>") + "\n"


def rerun_alone(page):
    """What should stand in the files that a page's commands give: {path: text}."""
    with tempfile.TemporaryDirectory() as name:
        files = {page: rerun(page, Path(name))}
        if page == TOUR:
            files.update({TOUR.with_name(svg): curve(Path(name) / report) for svg, report in CURVES.items()})
        return files


# The whole ------------------------------------------------------------------------------------------------------------

def settle(files, check):
    """Writes what differs, or shows it; the names of those files."""
    differ = []
    for path, text in files.items():
        now = path.read_text(encoding="utf-8") if path.exists() else ""
        if now == text:
            continue
        differ.append(str(path.relative_to(ROOT)))
        if check:
            sys.stdout.writelines(line + "\n" for line in difflib.unified_diff(
                now.split("\n"), text.split("\n"), f"{differ[-1]} as it is", "as it is printed", lineterm=""))
        else:
            path.write_text(text, encoding="utf-8")
    return differ


def main(arguments):
    check = "--check" in arguments
    pages = [Path(name).resolve() for name in arguments if name != "--check"] or PAGES
    if any(page not in PAGES for page in pages):
        print(__doc__)
        return 2
    wrong = [said for page in pages for said in problems(page)]
    # A copy of a file that differs is what writing mends.
    if wrong := [said for said in wrong if check or " as it is" not in said]:
        print("\n".join(wrong))
        return 1
    files = {}
    try:
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            compiled = pool.submit(compile_examples, pages, Path(folder))
            for one in pool.map(rerun_alone, pages):
                files.update(one)
            compiled.result()
    except Failed as failed:
        print(f"tools/pages.py: {failed}")
        return 1
    differ = settle(files, check)
    if not differ:
        print("pages: as they are printed")
    else:
        print(f"pages: {', '.join(differ)} {'differs; tools/pages.py writes it anew' if check else 'changed'}")
    return 1 if check and differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
