#!/usr/bin/python3
"""Runs every command of docs/tour.md and docs/formats.md and writes what it prints under it; --check only compares.

Usage: tools/tour.py [--check]

A block begins with ```console; lines that begin with `$ ` are commands, the lines under them what they print, both
streams. They run in order, in one folder for each page that holds the tables of examples/data; `$ cat FILE` of a file
that is not there makes it, as the page shows it. The program is the one that HANDGRAD_PROGRAM names, or
build/release/cli/handgrad. The two curves are taken out of the reports that the tour writes.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "docs" / "tour.md"
PAGES = (TOUR, ROOT / "docs" / "formats.md")
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build/release/cli/handgrad")).resolve()
CURVES = {"tour-sigmoid.svg": "sigmoid.html", "tour-relu.svg": "relu.html"}
CURVE = "How far the weights have come"


def run(command, folder):
    """What a command prints; a failure of the last program in it is a failure of the page, but for `compare`."""
    path = f"{PROGRAM.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=folder, text=True, check=False,
                          env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    wanted = 1 if "compare" in command else 0
    if done.returncode != wanted:
        sys.exit(f"tools/tour.py: exit code {done.returncode} of: {command}\n{done.stdout}")
    return "\n".join(line.rstrip() for line in done.stdout.rstrip("\n").split("\n")) if done.stdout else ""


def rerun(text, folder):
    """The page with the outputs of today."""
    def block(match):
        lines = []
        for shown in re.split(r"^\$ ", match[1], flags=re.MULTILINE)[1:]:
            command, _, below = shown.rstrip("\n").partition("\n")
            file = folder / command.removeprefix("cat ")
            if command.startswith("cat ") and not file.exists():
                file.write_text(below + "\n", encoding="utf-8")
            output = run(command, folder)
            lines += [f"$ {command}", *([output] if output else [])]
        return "```console\n" + "\n".join(lines) + "\n```"

    return re.sub(r"```console\n(.*?)\n```", block, text, flags=re.DOTALL)


def rerun_all():
    """What should stand in every file that this program writes."""
    files = {}
    for page in PAGES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for table in (ROOT / "examples" / "data").glob("*.csv"):
                shutil.copy(table, folder)
            shutil.copy(ROOT / "examples" / "mistaken.py", folder)
            files[page] = rerun(page.read_text(encoding="utf-8"), folder)
            if page == TOUR:
                files.update({TOUR.with_name(svg): curve(folder / report) for svg, report in CURVES.items()})
    return files


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


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    differ = []
    for path, text in rerun_all().items():
        now = path.read_text(encoding="utf-8") if path.exists() else ""
        if now != text:
            differ.append(path)
            if arguments:
                sys.stdout.writelines(line + "\n" for line in difflib.unified_diff(
                    now.split("\n"), text.split("\n"), f"{path.name} as it is", "as the program prints it", lineterm=""))
            else:
                path.write_text(text, encoding="utf-8")
    names = ", ".join(str(path.relative_to(ROOT)) for path in differ) or "nothing"
    print(f"tour: {names} {'differs; tools/tour.py writes it anew' if arguments and differ else 'changed'}"
          if differ else "tour: as the program prints it")
    return 1 if arguments and differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
