"""Measured figures in the pages: each group stands between two marks with its command and its commit; writes and reads them.

    <!-- measured NAME -->
    … whatever the script writes …

    By `COMMAND` at commit `0123456789ab`.
    <!-- end of NAME -->
"""

import datetime
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECTION = re.compile(r"<!-- measured ([\w-]+) -->\n(.*?)\n<!-- end of \1 -->", re.DOTALL)
STAMP = re.compile(r"[Bb]y `([^`]+)`.*?\bcommit `?([0-9a-f]{7,40})\b", re.DOTALL)
MEASURED = ("handgrad", "cli", "CMakeLists.txt", "cmake")
"""What a figure is a figure of, beside the script that measures it."""


@dataclass(frozen=True)
class Section:
    name: str
    text: str
    command: str  # empty where it says none
    commit: str


def sections(page):
    """The measured groups of figures of a page's text."""
    return [Section(name, text, *(stamped.groups() if (stamped := STAMP.search(text)) else ("", "")))
            for name, text in SECTION.findall(page)]


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def commit_of(*scripts):
    """The commit that is measured. Refuses a tree that differs from it, for then nobody could measure it again."""
    if not (ROOT / ".git").exists():
        raise SystemExit("a measured table names its commit: measure in a clone of the repository")
    changed = git("status", "--porcelain", "--", *MEASURED, *map(str, scripts))
    if changed:
        raise SystemExit(f"a measured table names its commit: commit these first\n{changed}")
    return git("rev-parse", "--short=12", "HEAD")


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def stamp(command, *scripts, machine=False, with_what=""):
    """The line below a table: how it was made, of what and, where it matters, on which machine."""
    where = f", {processor()}, {datetime.date.today():%-d %B %Y}" if machine else ""
    beside = f"; {with_what}" if with_what else ""
    return f"By `{command}` at commit `{commit_of(*scripts)}`{where}{beside}."


def table(header, rows):
    """Lines of a Markdown table."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (header, ["---"] * len(header), *rows))


def replaced(page, name, text):
    """A page's text with those figures in the place of the old ones."""
    mark = re.compile(rf"(<!-- measured {name} -->\n).*?(\n<!-- end of {name} -->)", re.DOTALL)
    if not mark.search(page):
        raise SystemExit(f"<!-- measured {name} --> … <!-- end of {name} --> has no place in the page")
    return mark.sub(lambda marks: marks[1] + text + marks[2], page)


def write(path, name, text):
    path.write_text(replaced(path.read_text(encoding="utf-8"), name, text), encoding="utf-8")
