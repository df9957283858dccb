"""Every table of the bank is read as it says there, or refused in a message whose advice works; and what was learned from
it answers rows with a new category, a missing cell and a new date, or says what would let it."""

import csv
import io
import json
import re
import shlex

import pytest
from table_bank import BANK, Reads, Refused

QUICK = ("--hidden", 2, "--epochs", 1, "--validation", 0, "--scale", "none")


def train(handgrad, case, *options):
    target = () if "--target" in case.with_ else ("--target", "y")
    return handgrad("train", case.file, *target, *case.with_, *options, *QUICK, "-o", "m.model")


def encoded(handgrad, case):
    """The network's inputs by name, and their numbers in the first row."""
    ran = handgrad("encode", "m.model", case.file, "--drop-missing-labels")
    assert ran.code == 0, ran.err
    header, first = list(csv.reader(io.StringIO(ran.out)))[:2]
    return {name[2:]: float(cell) for name, cell in zip(header, first) if name.startswith("x:")}


def columns_of(handgrad):
    """How the model reads its columns, from its file."""
    with (handgrad.folder / "m.model").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"]["preprocessing"])


def plain_row(columns):
    """A cell that it has learned from for each of the model's columns, by name."""
    dates = columns["reading"]["date_columns"]
    names = [feature["name"] for feature in columns["features"]]
    row = {}
    for feature in columns["features"]:
        date = next((date for date in dates if feature["name"].startswith(date + ":")), None)
        if date:
            row[date] = "2001-02-03" if date + ":days" in names else "07:30"
        else:
            row[feature["name"]] = feature["categories"][0] if feature["categories"] else "1"
    return row


def new_rows(columns):
    """Tables of rows that the training did not have."""
    plain, dates = plain_row(columns), columns["reading"]["date_columns"]
    texts = [feature["name"] for feature in columns["features"] if feature["categories"]]
    yield [plain]
    yield [{**plain, name: "never seen"} for name in texts]
    yield [{**plain, name: "2050-12-31T23:59" if "-" in plain[name] else "23:59"} for name in dates]
    yield [{**plain, name: columns["reading"]["missing"][0]} for name in plain]


def write_rows(handgrad, columns, rows):
    reading = columns["reading"]
    text = io.StringIO()
    delimiter = reading["delimiter"] or (";" if reading["decimal"] == "," else ",")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    if reading["header"]:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    handgrad.write("new.csv", text.getvalue())


def advice(message):
    """(options of this verb, options of train) that a message ends in."""
    said = re.findall(r" \(((?:--|when training)[^()]*)\)$", message.strip().splitlines()[-1])
    here, _, training = said[-1].partition("when training: ") if said else ("", "", "")
    return shlex.split(here.rstrip("; ")), shlex.split(training.split(", ")[0])


def predict_following(handgrad, case, options):
    """predict, as often as its messages say what would help."""
    here = []
    for _ in range(3):
        ran = handgrad("predict", "m.model", "new.csv", *here)
        if ran.code == 0:
            return ran
        wanted, in_training = advice(ran.err)
        assert ran.code == 3 and (wanted or in_training), ran.err
        here += wanted[:2]
        if in_training:
            options = [*options, *in_training]
            again = train(handgrad, case, *options)
            assert again.code == 0, again.err
    pytest.fail(ran.err)
    return None


def answers_new_rows(handgrad, case, options):
    for rows in new_rows(columns_of(handgrad)):
        if rows:
            write_rows(handgrad, columns_of(handgrad), rows)
            ran = predict_following(handgrad, case, options)
            assert len(ran.rows) == len(rows), ran.out


def reads(handgrad, case, inputs, options=()):
    ran = train(handgrad, case, *options)
    assert ran.code == 0, ran.err
    assert encoded(handgrad, case) == pytest.approx(inputs, rel=1e-6)
    answers_new_rows(handgrad, case, list(options))
    return ran


@pytest.mark.parametrize("name", [name for name, case in BANK.items() if isinstance(case, Reads)])
def test_the_table_is_read(handgrad, name):
    case = BANK[name]
    handgrad.write(case.file, case.text)
    ran = reads(handgrad, case, case.inputs)
    assert [words for words in case.says if words not in ran.err] == [], ran.err
    assert case.says or "read with" not in ran.err


@pytest.mark.parametrize("name", [name for name, case in BANK.items() if isinstance(case, Refused)])
def test_the_table_is_refused_and_the_advice_works(handgrad, name):
    case = BANK[name]
    handgrad.write(case.file, case.text)
    ran = train(handgrad, case)
    assert ran.code == 3, ran.err
    said = re.sub(r"(--\w+) '(.)'", r"\1 \2", ran.err)  # what is quoted for the shell
    assert [words for words in case.words if words not in said] == [], ran.err
    for options, inputs in case.then.items():
        lexer = shlex.shlex(options, posix=True)
        lexer.whitespace_split, lexer.quotes, lexer.commenters = True, "", ""
        reads(handgrad, case, inputs, tuple(lexer))


def test_the_bank_is_large_enough():
    assert len(BANK) >= 120
