"""Small tables as people have them, and what becomes of each: read as what, or refused with which words.

A table is a name, its text, and what is expected:
  Reads(text, {input: first number, ...})  trains; the network's inputs, and the number of each in the first row;
  Refused(text, words, then={...})         is refused in these words; with the options that they name it reads so.
The target is y; `with_` are options, `says` words on standard error. `rows(...)` makes twelve rows of a few cells.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reads:
    text: str | bytes
    inputs: dict
    with_: tuple = ()
    says: tuple = ()
    file: str = "t.csv"


@dataclass(frozen=True)
class Refused:
    text: str | bytes
    words: tuple
    then: dict = field(default_factory=dict)  # options, as one text: the inputs that they make
    with_: tuple = ()
    file: str = "t.csv"


def column(cells, name="v", delimiter=",", quote=True, count=12):
    """A column of these cells, again and again, beside x and y."""
    lines = [delimiter.join(("x", name, "y"))]
    for i in range(count):
        cell = cells[i % len(cells)]
        if quote and any(c in cell for c in ',;\t|"'):
            cell = '"' + cell.replace('"', '""') + '"'
        lines.append(delimiter.join((str(i * i % 7), cell, str((i * 37) % 101))))
    return "\n".join(lines) + "\n"


def rows(*lines):
    return "\n".join(lines) + "\n"


def grid(delimiter, header="x{d}y", number="{}", count=8):
    """Two columns of numbers between these delimiters."""
    lines = [header.format(d=delimiter)]
    for i in range(count):
        lines.append(delimiter.join((number.format(i + 0.5), number.format((i * 3.7) % 10 + 0.25))))
    return "\n".join(lines) + "\n"


def german(text):
    return text.replace(".", ",")


X = {"x": 0}
SMALL = rows("x,y", "0.5,1.25", "1.5,3.5", "2.5,7.75", "4,9.5")

NUMBER_LIKE = {
    # Currencies
    "dollars": Refused(column(["$5", "$7.50", "$12"]), ("t.csv:2: column 'v': '$5'", "currency", "--currency", "--drop"),
                       {"--currency": {"x": 0, "v": 5}, "--drop v": X}),
    "euros behind": Refused(column(["5 €", "7.50 €", "12 €"]), ("'5 €'", "--currency"), {"--currency": {"x": 0, "v": 5}}),
    "pounds": Refused(column(["£5", "£7.50", "£12"]), ("'£5'", "--currency"), {"--currency": {"x": 0, "v": 5}}),
    "codes": Refused(column(["EUR 5", "EUR 7.50", "EUR 9"]), ("'EUR 5'", "--currency"), {"--currency": {"x": 0, "v": 5}}),
    "codes behind": Refused(column(["5 USD", "7.50 USD"]), ("'5 USD'", "--currency"), {"--currency": {"x": 0, "v": 5}}),
    "dollars and thousands": Refused(column(["$1,234.50", "$12,000", "$7"]), ("--thousands ,, --currency",),
                                     {"--thousands , --currency": {"x": 0, "v": 1234.5}}),
    "currency beside plain zeros": Refused(column(["$5", "0", "$7"]), ("'$5'", "--currency"),
                                           {"--currency": {"x": 0, "v": 5}}),
    "two currencies": Refused(column(["$5", "€7", "$9"]), ("'$5'", "--currency"), {"--categorical v": {
        "x": 0, "v=$5": 1, "v=$9": 0, "v=€7": 0}}),
    "two currencies read": Refused(column(["$5", "€7", "$9"]), ("t.csv:3", "'€7' has another unit", "--categorical"),
                                   with_=("--currency",)),
    "accountant's negatives": Refused(column(["(5.20)", "7.10", "(3)"]), ("'(5.20)'", "parentheses", "--currency"),
                                      {"--currency": {"x": 0, "v": -5.2}}),
    "negative dollars": Refused(column(["-$5", "$-7", "($9)"]), ("--currency",), {"--currency": {"x": 0, "v": -5}}),
    "currency beside words": Refused(column(["$5", "$6", "free"]), ("'$5'", "--currency"),
                                     {"--currency --missing free --impute mean": {"x": 0, "v": 5}}),
    # Percent
    "percent": Refused(column(["12%", "7.5%", "3%"]), ("'12%'", "percent", "--percent"), {"--percent": {"x": 0, "v": 12}}),
    "percent with a blank": Refused(column(["12 %", "7.5 %"]), ("'12 %'", "--percent"), {"--percent": {"x": 0, "v": 12}}),
    "half of it percent": Refused(column(["12%", "a", "3%", "b"]), ("'12%'", "--percent"), {"--categorical v": {
        "x": 0, "v=12%": 1, "v=3%": 0, "v=a": 0, "v=b": 0}}),
    "less than half percent": Reads(column(["12%", "a", "b"]), {"x": 0, "v=12%": 1, "v=a": 0, "v=b": 0},
                                    says=("'v' (3 inputs)",)),
    # Thousands
    "thousands commas": Refused(column(["1,234,567", "12,345"]), ("'1,234,567'", "commas between thousands", "--thousands ,"),
                                {"--thousands ,": {"x": 0, "v": 1234567}}),
    "commas that may be either": Refused(column(["1,234", "2,345"]), ("either", "or else", "--thousands ,", "--decimal ,"),
                                         {"--thousands ,": {"x": 0, "v": 1234}}),
    "commas beside fractions": Refused(column(["1,234", "56.5"]), ("--thousands ,",), {"--thousands ,": {"x": 0, "v": 1234}}),
    "thousands points": Refused(column(["1.234.567", "12.345.678"]), ("points between thousands", "--thousands ."),
                                {"--thousands .": {"x": 0, "v": 1234567}}),
    "thousands blanks": Refused(column(["1 234", "56", "12 345.5"]), ("'1 234'", "--thousands space"),
                                {"--thousands space": {"x": 0, "v": 1234}}),
    "thin spaces": Refused(column(["1\u2009234", "12\u2009345"]), ("--thousands space",),
                           {"--thousands space": {"x": 0, "v": 1234}}),
    "narrow no-break spaces": Refused(column(["1\u202f234", "12\u202f345"]), ("--thousands space",),
                                      {"--thousands space": {"x": 0, "v": 1234}}),
    "no-break spaces": Refused(column(["1\u00a0234", "12\u00a0345"]), ("--thousands space",),
                               {"--thousands space": {"x": 0, "v": 1234}}),
    "apostrophes": Refused(column(["1'234", "12'345.50"]), ("--thousands apostrophe",),
                           {"--thousands apostrophe": {"x": 0, "v": 1234}}),
    "typographic apostrophes": Refused(column(["1’234", "12’345"]), ("--thousands apostrophe",),
                                       {"--thousands apostrophe": {"x": 0, "v": 1234}}),
    "underscores": Refused(column(["1_234", "12_345"]), ("--thousands _",), {"--thousands _": {"x": 0, "v": 1234}}),
    "lakhs": Refused(column(["1,00,000", "12,34,567"]), ("--thousands ,",), {"--thousands ,": {"x": 0, "v": 100000}}),
    "groups that are none": Reads(column(["1,2", "3,45,6", "a,b", "c"]), {"x": 0, "v=1,2": 1, "v=3,45,6": 0, "v=a,b": 0,
                                                                       "v=c": 0}),
    # Decimal commas
    "decimal commas in quotes": Refused(column(["1,5", "2,75", "3"]), ("'1,5'", "decimal comma", "--decimal ,"),
                                        {"--decimal ,": {"x": 0, "v": 1.5}, "--drop v": X}),
    "decimal commas between tabs": Refused(column(["1,5", "2,75", "3"], delimiter="\t", quote=False),
                                           ("'1,5'", "--decimal ,"), {"--decimal ,": {"x": 0, "v": 1.5}}, file="t.tsv"),
    "german money": Refused(column(["1.234,50", "12,30"], delimiter=";"), ("decimal commas", "(--thousands ., --categorical"),
                            {"--thousands .": {"x": 0, "v": 1234.5}}),
    "decimal commas and points": Refused(column(["1,5", "2.5", "3,25"], delimiter=";"), ("'1,5'", "--decimal ,"),
                                         {"--categorical v": {"x": 0, "v=1,5": 1, "v=2.5": 0, "v=3,25": 0}}),
    # Signs
    "U+2212": Refused(column(["−5.5", "7.25", "−3"]), ("'−5.5'", "U+2212", "--decimal ."), {"--decimal .": {"x": 0, "v": -5.5}}),
    "Fortran's exponents": Refused(column(["1.5D+03", "2.5D-01"]), ("'1.5D+03'", "behind D", "--decimal ."),
                                   {"--decimal .": {"x": 0, "v": 1500}}),
    # Units
    "kilograms": Refused(column(["12 kg", "7.5 kg", "3 kg"]), ("'12 kg'", "the unit 'kg'", "--currency"),
                         {"--currency": {"x": 0, "v": 12}}),
    "degrees": Refused(column(["12°C", "-7.5°C"]), ("'12°C'", "--currency"), {"--currency": {"x": 0, "v": 12}}),
    "square metres": Refused(column(["12 m²", "75 m²"]), ("'12 m²'", "--currency"), {"--currency": {"x": 0, "v": 12}}),
    "kilograms and grams": Refused(column(["12 kg", "500 g", "3 kg", "4 kg"]), ("'500 g' has another unit",),
                                   with_=("--currency",)),
    "many units are names": Reads(column(["1a", "2b", "3c"]), {"x": 0, "v=1a": 1, "v=2b": 0, "v=3c": 0}),
    "ordinals are names": Reads(column(["1st", "2nd", "3rd"]), {"x": 0, "v=1st": 1, "v=2nd": 0, "v=3rd": 0}),
    "doors": Refused(column(["2 doors", "4 doors"]), ("--currency", "--categorical"),
                     {"--categorical v": {"x": 0, "v=2 doors": 1, "v=4 doors": 0}}),
    # Times and dates
    "times of the day": Refused(column(["06:00", "18:30"]), ("'06:00'", "a date or a time", "--date"),
                                {"--date v": {"x": 0, "v:day_part": 0.25}}),
    "times with seconds": Refused(column(["6:00:00", "18:30:15"]), ("--date",), {"--date v": {"x": 0, "v:day_part": 0.25}}),
    "spans of time": Refused(column(["36:00", "120:30"]), ("--date",), {"--date v": {"x": 0, "v:day_part": 1.5}}),
    "dates": Refused(column(["1970-01-02", "2024-02-29"]), ("'1970-01-02'", "--date"),
                     {"--date v": {"x": 0, "v:days": 1, "v:year_part": 1 / 365}}),
    "moments": Refused(column(["1970-01-02T12:00", "2024-02-29T06:00:30"]), ("--date",),
                       {"--date v": {"x": 0, "v:days": 1.5, "v:day_part": 0.5, "v:year_part": 1.5 / 365}}),
    "moments with zones": Refused(column(["1970-01-02T12:00Z", "1970-01-02 13:00+01:00"]), ("--date",),
                                  {"--date v": {"x": 0, "v:days": 1.5, "v:day_part": 0.5, "v:year_part": 1.5 / 365}}),
    "months": Refused(column(["1970-02", "2024-03"]), ("--date",), {"--date v": {"x": 0, "v:days": 31, "v:year_part": 31 / 365}}),
    "years as dates": Reads(column(["1971", "2024"]), {"x": 0, "v:days": 365, "v:year_part": 0}, with_=("--date", "v")),
    "no dates": Refused(column(["1970-01-02", "soon"]), ("t.csv:3: column 'v': 'soon' is no date", "--missing"),
                        {"--date v --missing soon --impute mean": {"x": 0, "v:days": 1, "v:year_part": 1 / 365}},
                        with_=("--date", "v")),
    "dates and times": Refused(column(["1970-01-02", "12:30"]), ("both dates and times",), with_=("--date", "v")),
    "a day that is none": Refused(column(["2023-02-29", "2023-02-28"]), ("'2023-02-29' is no date",), with_=("--date", "v")),
    "a date that is not there": Refused(SMALL, ("there is no column 'when'",), with_=("--date", "when")),
    # What is a number by itself
    "plain numbers": Reads(column(["+1.5", "-2e3", ".5", "7."], quote=False), {"x": 0, "v": 1.5}),
    "numbers as categories": Reads(column(["1", "2"]), {"x": 0, "v=1": 1, "v=2": 0}, with_=("--categorical", "v")),
    "addresses are texts": Reads(column(["10.0.0.1", "10.0.0.2"]), {"x": 0, "v=10.0.0.1": 1, "v=10.0.0.2": 0}),
    "ranges are texts": Reads(column(["10-20", "20-30"]), {"x": 0, "v=10-20": 1, "v=20-30": 0}),
    "fractions are texts": Reads(column(["1/2", "3/4"]), {"x": 0, "v=1/2": 1, "v=3/4": 0}),
    "one odd word": Refused(column(["1", "2", "3", "n/a"]), ("t.csv:5", "'n/a' is not a number", "--missing"),
                            {"--missing n/a --impute mean": {"x": 0, "v": 1}, "--categorical v": {
                                "x": 0, "v=1": 1, "v=2": 0, "v=3": 0, "v=n/a": 0}}),
    "infinity": Refused(column(["1", "2", "inf"]), ("'inf' is not finite",)),
    "a target of money": Refused("x,y\n" + "".join(f"{i},${i * 3}.50\n" for i in range(8)), ("column 'y'", "'$0.50'", "--currency"),
                                 {"--currency": X}),
    "a target in percent": Refused("x,y\n" + "".join(f"{i},{i * 3}.5%\n" for i in range(8)), ("column 'y'", "--percent"),
                                   {"--percent": X}),
    "a weight in percent": Refused("x,w,y\n" + "".join(f"{i},5%,{i * 7}.5\n" for i in range(8)), ("column 'w'", "--percent"),
                                   {"--percent": X}, with_=("--weight", "w")),
    "dropped money": Reads(column(["$5", "$7"]), X, with_=("--drop", "v")),
}

FORMS = {
    "commas": Reads(SMALL, {"x": 0.5}),
    "semicolons": Reads(grid(";"), {"x": 0.5}, says=("semicolons between fields",)),
    "semicolons and decimal commas": Reads(german(grid(";")), {"x": 0.5}, says=("semicolons", "decimal commas")),
    "tabs in .tsv": Reads(grid("\t"), {"x": 0.5}, file="t.tsv"),
    "tabs in .txt": Reads(grid("\t"), {"x": 0.5}, file="t.txt"),
    "tabs in .csv": Reads(grid("\t"), {"x": 0.5}, says=("tabs between fields",)),
    "commas in .txt": Reads(SMALL, {"x": 0.5}, says=("commas between fields",), file="t.txt"),
    "commas in .dat": Reads(SMALL, {"x": 0.5}, file="t.dat"),
    "vertical bars": Reads(grid("|"), {"x": 0.5}, says=("vertical bars between fields",)),
    "blanks": Reads(rows("x   y", "0.5  1.25", "1.5 3.5", "2.5    7.75 "), {"x": 0.5}, says=("blanks between fields",)),
    "columns under each other": Reads(rows("    x     y", "  0.5  1.25", "  1.5  3.50", " 12.5  7.75"), {"x": 0.5},
                                      says=("blanks between fields",)),
    "blanks asked for": Reads(rows("x y", "0.5 1.25", "1.5 3.5", "2.5 7"), {"x": 0.5}, with_=("--delimiter", "space")),
    "a delimiter asked for": Reads(grid("~"), {"x": 0.5}, with_=("--delimiter", "~")),
    "texts with blanks between commas": Reads(rows("my x,the y", "0.5,1.25", "1.5,3.5", "2,4"), {"my x": 0.5},
                                              with_=("--target", "the y")),
    "semicolons in texts": Reads(rows("x,t,y", "1,a;b,2", "2,c,3", "3,a;b,4", "4,c,5"), {"x": 1, "t=a;b": 1, "t=c": 0}),
    "two that fit": Refused(rows("a,b;y", "1,2;3", "2,3;4", "3,4;5"), ("commas and semicolons both divide", "--delimiter"),
                            {"--delimiter ;": {"a,b": 1.2}}),
    "sep=;": Reads("sep=;\n" + grid(";"), {"x": 0.5}, says=("as its first line says",)),
    "sep= and decimal commas": Reads("sep=;\r\n" + german(grid(";")).replace("\n", "\r\n"), {"x": 0.5}, says=("decimal commas",)),
    "sep=,": Reads("\ufeff\"sep=,\"\n" + SMALL, {"x": 0.5}, says=("as its first line says",)),
    "comments above": Reads("# made by hand\n# twice\n" + SMALL, {"x": 0.5}, says=("2 comment lines left out",)),
    "comments between": Reads(SMALL + "# later\n5,6\n# and, still, more\n7,8\n", {"x": 0.5}, says=("2 comment lines between",)),
    "NumPy's names": Reads(rows("# x y", "0.5 1.25", "1.5 3.5", "2.5 7"), {"x": 0.5}, says=("names behind a #",)),
    "trailing commas": Reads(rows("x,y,", "0.5,1.25,", "1.5,3.5,", "2.5,7,"), {"x": 0.5}, says=("a delimiter at the end of every line",)),
    "trailing semicolons": Reads(rows("x;y;", "0,5;1,25;", "1,5;3,5;", "2;7;"), {"x": 0.5}, says=("a delimiter at the end of every line",)),
    "trailing commas below": Reads(rows("x,y", "0.5,1.25,", "1.5,3.5,", "2.5,7,"), {"x": 0.5}, says=("a delimiter at the end of every line",)),
    "write.table": Reads(rows('"x" "y"', '"1" 0.5 1.25', '"2" 1.5 3.5', '"3" 2.5 7'), {"x": 0.5},
                         says=("blanks between fields", "row names, left out")),
    "write.table with names": Reads(rows('"x" "y"', '"Mazda RX4" 0.5 1.25', '"Datsun 710" 1.5 3.5', '"Fiat 128" 2.5 7'),
                                    {"x": 0.5}, says=("row names, left out",)),
    "write.table with commas": Reads(rows("x,y", "a,0.5,1.25", "b,1.5,3.5", "c,2.5,7"), {"x": 0.5}, says=("row names",)),
    "decimal commas between commas": Refused(rows("x,y", "1,5,2", "3,5,4", "3,5,6"), ("t.csv:2: expected 2 fields, found 3",
                                                                                     "divided by ','", "--delimiter")),
    "single quotes": Reads(rows("'x','t','y'", "1,'a, b',2", "2,'c',3", "3,'a, b',4", "4,'c',5"),
                           {"x": 1, "t=a, b": 1, "t=c": 0}, says=("single quotes",)),
    "apostrophes in texts": Reads(rows("x,t,y", "1,it's,2", "2,'tis,3", "3,it's,4", "4,'tis,5"), {"x": 1, "t='tis": 0, "t=it's": 1}),
    "double quotes": Reads(rows('"x","t","y"', '"1","a ""b"", c",2', "2,d,3", '3,"a ""b"", c",4', "4,d,5"),
                           {"x": 1, 't=a "b", c': 1, "t=d": 0}),
    "UTF-16": Reads(b"\xff\xfe" + SMALL.encode("utf-16-le"), {"x": 0.5}, says=("UTF-16",)),
    "UTF-16, big end first": Reads(b"\xfe\xff" + SMALL.encode("utf-16-be"), {"x": 0.5}, says=("UTF-16",)),
    "UTF-16 without a mark": Refused(SMALL.encode("utf-16-le"), ("iconv -f utf-16le -t utf-8 t.csv > t.utf-8.csv",)),
    "UTF-8 with a mark": Reads("\ufeff" + SMALL, {"x": 0.5}),
    "Latin-1 in a name": Refused("größe,y\n1,2\n2,3\n".encode("latin-1"), ("not UTF-8", "iconv -f latin1 -t utf-8 t.csv > t.utf-8.csv")),
    "Latin-1 in a text": Refused("x,t,y\n1,köln,2\n2,bonn,3\n3,köln,4\n4,bonn,5\n".encode("latin-1"),
                                 ("column 't'", "not UTF-8", "iconv -f latin1"), {"--drop t": {"x": 1}}),
    "CR LF": Reads(SMALL.replace("\n", "\r\n"), {"x": 0.5}),
    "mixed line ends": Reads(rows("x,y\r", "0.5,1.25", "1.5,3.5\r", "2.5,7"), {"x": 0.5}),
    "no names": Reads("0.5,1.25\n1.5,3.5\n2.5,7\n", {"x1": 0.5}, with_=("--no-header", "--target", "x2")),
    "names that are none": Refused("0.5,1.25\n1.5,3.5\n2.5,7\n", ("looks like data", "--no-header"), with_=("--target", "1.25")),
    "one column": Refused("y\n1\n2\n3\n", ("no column to learn from",)),
    "names alone": Refused("x,y\n", ("no rows below",)),
    "nothing": Refused("", ("the file is empty",)),
    "NULs": Refused(b"x,y\n1,2\n\x00,3\n", ("t.csv:3: a NUL byte",)),
    "old Macintosh": Refused("x,y\r1,2\r3,4\r", ("carriage return",)),
    "a line too short": Refused(rows("x,y", "1,2", "3", "4,5"), ("t.csv:3: expected 2 fields, found 1",)),
    "a line too long": Refused(rows("x,y", "1,2", "3,4,5", "4,5"), ("t.csv:3: expected 2 fields, found 3",)),
    "an open quote": Refused('x,y\n1,2\n"3,4\n', ("t.csv:3: a quote is opened here",)),
    "a quote inside": Refused('x,t,y\n1,a"b,2\n', ("t.csv:2: a quote inside",)),
    "a long line": Reads("x,t,y\n" + "".join(f"{i},{'ab'[i % 2] * 100_000},{i}\n" for i in range(6)),
                         {"x": 0, "t=" + "a" * 100_000: 1, "t=" + "b" * 100_000: 0}),
}

ROW_NAMES = {
    "pandas' index": Reads(rows(",x,y", "0,0.5,1.25", "1,1.5,3.5", "2,2.5,7"), {"x": 0.5}, says=("no name: row names, left out",)),
    "numbered columns of pandas": Reads(rows(",0,1", "0,0.5,1.25", "1,1.5,3.5", "2,2.5,7"), {"0": 0.5}, with_=("--target", "1")),
    "Unnamed: 0": Reads(rows("Unnamed: 0,x,y", "0,0.5,1.25", "1,1.5,3.5", "2,2.5,7"), {"x": 0.5},
                        says=("'Unnamed: 0', names the rows",)),
    "rownames": Reads(rows("rownames,x,y", "Mazda,0.5,1.25", "Fiat,1.5,3.5", "Opel,2.5,7"), {"x": 0.5}, says=("'rownames'",)),
    "rownames of a subset": Reads(rows("rownames,x,y", "4,0.5,1.25", "5,1.5,3.5", "11,2.5,7"), {"x": 0.5}, says=("'rownames'",)),
    "id": Reads(rows("id,x,y", "1,0.5,1.25", "2,1.5,3.5", "3,2.5,7"), {"x": 0.5}, says=("'id'",)),
    "PassengerId": Reads(rows("PassengerId,x,y", "1,0.5,1.25", "2,1.5,3.5", "3,2.5,7"), {"x": 0.5}, says=("'PassengerId'",)),
    "an id that repeats": Reads(rows("id,x,y", "1,0.5,1.25", "1,1.5,3.5", "2,2.5,7"), {"id": 1, "x": 0.5}),
    "an index that measures": Reads(rows("index,x,y", "10,0.5,1.25", "17,1.5,3.5", "12,2.5,7"), {"index": 10, "x": 0.5}),
    "fluid": Reads(rows("fluid,x,y", "1,0.5,1.25", "2,1.5,3.5", "3,2.5,7"), {"fluid": 1, "x": 0.5}),
    "x from 1 to n": Reads(rows("x,y", "1,1.25", "2,3.5", "3,7"), {"x": 1}),
    "row names dropped": Reads(rows(",x,y", "0,0.5,1.25", "1,1.5,3.5", "2,2.5,7"), {"x": 0.5}, with_=("--drop", "")),
    "row names asked for": Reads(rows("id,x,y", "1,0.5,1.25", "2,1.5,3.5", "3,2.5,7"), {"id=1": 1, "id=2": 0, "id=3": 0, "x": 0.5},
                                 with_=("--categorical", "id")),
    "an id of one's own": Reads(column([f"p{i}" for i in range(12)], "person"), X, with_=("--id", "person")),
    "an empty name elsewhere": Refused(rows("x,,y", "1,2,3", "2,3,5"), ("the name of column 2 is empty", "--no-header")),
    "an id that is not there": Refused(SMALL, ("there is no column 'nr'",), with_=("--id", "nr")),
}

TEXTS = {
    "towns": Reads(column(["Rome", "Oslo", "Lima"], "town"), {"x": 0, "town=Lima": 0, "town=Oslo": 0, "town=Rome": 1},
                   says=("text column", "'town' (3 inputs)")),
    "names": Refused(column([f"person {i}" for i in range(12)], "name"), ("12 different texts in 12 rows", "--drop", "--categorical"),
                     {"--drop name": X}),
    "several columns of names": Refused(
        "name,remark,x,y\n" + "".join(f"p{i},r{i},{i},{i}.5\n" for i in range(12)),
        ("12 different texts in 12 rows", "; so it is with 'remark'; drop the columns, or insist that they are categorical",
         "(--drop name,remark, --categorical)"), {"--drop name,remark": X}),
    "dates and remarks": Refused(column(["2024-01-31", "2024-02-01", "unknown"], "day"),
                                 ("'2024-01-31' is a date or a time (and so are 7 other cells of the column)", "--date"),
                                 {"--drop day": X, "--date day --missing unknown --impute mean":
                                  {"x": 0, "day:days": 19753, "day:year_part": 30 / 366}}),
    "one slip among numbers": Refused(column([str(i + 0.5) for i in range(11)] + ["12 abc"]),
                                      ("t.csv:13: column 'v': '12 abc' is not a number",), {"--drop v": X}),
    "rows numbered as Germans do": Reads(rows("Nr.,x,y", *(f"{i},{i}.25,{2 * i}.5" for i in range(1, 13))), {"x": 1.25}, says=("'Nr.'",)),
    "an index saved twice": Reads(rows("Unnamed: 0.1,x,y", *(f"{i},{i}.25,{2 * i}.5" for i in range(12))), {"x": 0.25}, says=("'Unnamed: 0.1'",)),
    "numbers under a name of rows": Reads(rows("customer_id,x,y", *(f"{3 * i},{i},{i}.5" for i in range(12))),
                                          {"customer_id": 0, "x": 0}),
    "several empty columns": Refused("a,b,x,y\n" + "".join(f",NA,{i},{i}.5\n" for i in range(12)),
                                     ("column 'a': every cell is missing; so it is with 'b'; drop the columns (--drop a,b)",),
                                     {"--drop a,b": X}),
    "dates in no one's order": Refused(column([f"{i}/22/2007" for i in range(1, 13)], "day"),
                                       ("'1/22/2007' is a date or a time, but not like 2024-03-31", "write it like that"),
                                       {"--drop day": X}),
    "few dates in no one's order": Refused(column(["31.12.2023", "01.02.2024"], "day"), ("is a date or a time, but not like",),
                                           {"--drop day": X}),
    "months by name": Refused(column(["2-Jan-23", "3-Feb-23", "Mar 2023"], "day"), ("is a date or a time, but not like",),
                              {"--drop day": X, "--categorical day": {"x": 0, "day=2-Jan-23": 1, "day=3-Feb-23": 0, "day=Mar 2023": 0}}),
    "a clock with two halves": Refused(column(["9:00 AM", "1:30 PM"], "at"), ("is a date or a time, but not like",), {"--drop at": X}),
    "thousands or decimals beside semicolons": Refused(
        column(["950", "1.200", "12.500"], delimiter=";"), ("'1.200' is a number with a decimal point or with points between thousands", "--decimal ., --thousands ."),
        {"--thousands .": {"x": 0, "v": 950}, "--decimal .": {"x": 0, "v": 950}}),
    "commas that do not tell": Refused(column(["950", "1,200", "12,500"], delimiter=";"), ("'1,200'", "its cells do not tell"),
                                       {"--thousands ,": {"x": 0, "v": 950}, "--decimal ,": {"x": 0, "v": 950}}),
    "underscores between thousands": Refused(column(["1_000", "12_500"]), ("is a number with '_' between thousands (and", "(--thousands _, --categorical, --drop)")),
    "euros that do not tell": Refused(column(["950 €", "1.200 €"]), ("its cells do not tell", "--decimal ., --thousands ., --currency"),
                                      {"--currency --thousands .": {"x": 0, "v": 950}, "--currency --decimal .": {"x": 0, "v": 950}}),
    "złoty": Refused(column(["10 zł", "20 zł", "5 zł"]), ("a sign of a currency", "--currency"), {"--currency": {"x": 0, "v": 10}}),
    "korun": Refused(column(["10 Kč", "20 Kč"]), ("--currency",), {"--currency": {"x": 0, "v": 10}}),
    "a price with a dash": Refused(column(["10,-", "25,-"]), ("'10,-' is a number",), {"--drop v": X}),
    "dashes for minus": Refused(column(["–5", "6", "–7.5"]), ("U+2212",), {"--decimal .": {"x": 0, "v": -5}}),
    "a number that means missing, written otherwise": Reads(column(["1.5", "-999.0", "-999"]), {"x": 0, "v": 1.5},
                                                            with_=("--missing", "-999", "--impute", "mean")),
    "columns without a name at the right": Reads(rows("x,y,,", "0.5,1.25,,", "1.5,3.5,,", "2.5,7,,"), {"x": 0.5}, says=("1 empty column at the right left out",)),
    "versions are no dates": Reads(column(['1.0.0', '1.1.0', '2.0.1']), {'x': 0, 'v=1.0.0': 1, 'v=1.1.0': 0, 'v=2.0.1': 0}),
    "ratios are no dates": Reads(column(['1/2/3', '2/3/1', '3/1/2']), {'x': 0, 'v=1/2/3': 1, 'v=2/3/1': 0, 'v=3/1/2': 0}),
    "sets won are no dates": Reads(column(['3-1-2', '2-2-2', '1-0-3']), {'x': 0, 'v=1-0-3': 0, 'v=2-2-2': 0, 'v=3-1-2': 1}),
    "football are no dates": Reads(column(['2:1', '0:0', '3:2']), {'x': 0, 'v=0:0': 0, 'v=2:1': 1, 'v=3:2': 0}),
    "aspect ratios are no dates": Reads(column(['16:9', '4:3', '21:9']), {'x': 0, 'v=16:9': 1, 'v=21:9': 0, 'v=4:3': 0}),
    "CAS numbers are no dates": Reads(column(['7732-18-5', '64-17-5', '67-56-1']), {'x': 0, 'v=64-17-5': 0, 'v=67-56-1': 0, 'v=7732-18-5': 1}),
    "chapters are no dates": Reads(column(['1.1.1', '1.1.2', '1.2.1']), {'x': 0, 'v=1.1.1': 1, 'v=1.1.2': 0, 'v=1.2.1': 0}),
    "wards are no dates": Reads(column(['May 1', 'May 2', 'May 3']), {'x': 0, 'v=May 1': 1, 'v=May 2': 0, 'v=May 3': 0}),
    "sizes are no dates": Reads(column(['10/12', '12/14', '8/10']), {'x': 0, 'v=10/12': 1, 'v=12/14': 0, 'v=8/10': 0}),
    "codes are no dates": Reads(column(['A-12', 'B-3', 'C-10']), {'x': 0, 'v=A-12': 1, 'v=B-3': 0, 'v=C-10': 0}),
    "points beside a column of dates": Refused(
        rows("day;v;y", *(f"2024-01-{i + 1:02};{1 + i}.200;{i}" for i in range(12))),
        ("'1.200' is a number with a decimal point or with points between thousands",), {}, with_=("--date", "day")),
    "points that are not learned": Reads(column(["950", "1.200", "12.500"], delimiter=";"), X, says=("semicolons",), with_=("--drop", "v")),
    "decimals below 1 beside semicolons": Reads(column(["0.125", "0.250", "0.500"], delimiter=";"), {"x": 0, "v": 0.125}, says=("semicolons between fields",)),
    "a code beside a number that means missing": Reads(column(["007", "7", "12"]), {"x": 0, "v=007": 1, "v=12": 0, "v=(missing)": 0},
                                                       with_=("--missing", "7", "--categorical", "v", "--impute", "mean")),
    "a number that means missing, with a comma": Reads(column(["1,5", "-999,0", "2,5"], delimiter=";"), {"x": 0, "v": 1.5},
                                                       says=("decimal commas",), with_=("--missing", "-999", "--impute", "mean")),
    "blanks behind quotes": Reads('"x" ,"b" ,"y"\n' + "".join(f'"{i}" ,"{i}",{i}.5\n' for i in range(12)), {"x": 0, "b": 0}),
    "names before an unnamed column": Refused(rows("x,y,,", "0.5,1.25,,1", "1.5,3.5,,2", "2.5,7,,3"), ("the name of column 4 is empty",), {}),
    "blanks before quotes": Reads('x, "a, b", y\n' + "".join(f'{i}, "{i}", {i}.5\n' for i in range(12)), {"x": 0, "a, b": 0}),
    "half of it different": Refused(column([f"p{i % 7}" for i in range(12)], "name"), ("7 different texts in 12 rows",),
                                    {"--drop name": X}),
    "too many categories": Refused(column([f"p{i}" for i in range(24)], "name", count=200), ("24 different texts in 200 rows",
                                                                                           "--drop"), {"--drop name": X}),
    "many categories, each often": Reads(column([f"p{i:02}" for i in range(24)], "name", count=240),
                                         {"x": 0} | {f"name=p{i:02}": int(i == 0) for i in range(24)}),
    "names meant": Reads(column([f"p{i:02}" for i in range(12)], "name"), {"x": 0} | {f"name=p{i:02}": int(i == 0) for i in range(12)},
                         with_=("--categorical", "name")),
    "a missing text": Refused(column(["Rome", "", "Oslo"], "town"), ("t.csv:3: column 'town': missing (4 such rows)", "--impute mean"),
                              {"--impute mean": {"x": 0, "town=Oslo": 0, "town=Rome": 1, "town=(missing)": 0}, "--drop town": X}),
    "a text that reads (missing)": Reads(column(["", "(missing)", "Oslo"], "town"),
                                         {"x": 0, "town=(missing)": 0, "town=Oslo": 0, "town=((missing))": 1}, with_=("--impute", "mean")),
    "a missing number": Refused(column(["1.5", "NA", "2"]), ("t.csv:3: column 'v': missing (4 such rows)", "--impute mean", "--drop"),
                                {"--impute mean": {"x": 0, "v": 1.5}, "--impute median": {"x": 0, "v": 1.5}, "--drop v": X}),
    "everything missing": Refused(column(["", "NA"]), ("every cell is missing", "--drop"), {"--drop v": X}),
    "a word for missing": Refused(column(["1.5", "?", "2"]), ("'?' is not a number", "--missing"), {"--missing ? --impute mean": {"x": 0, "v": 1.5}}),
    "another word, and the usual ones": Reads(column(["1.5", "?", "NA", ""]), {"x": 0, "v": 1.5}, with_=("--missing", "?", "--impute", "mean")),
    "the only word": Reads(column(["1", "NA", "?"], "t"), {"x": 0, "t=1": 1, "t=NA": 0, "t=(missing)": 0},
                           with_=("--missing-only", "?", "--impute", "mean", "--categorical", "t")),
    "a number that means missing": Reads(column(["1.5", "-999"]), {"x": 0, "v": 1.5}, with_=("--missing", "-999", "--impute", "mean")),
    "a missing label": Refused("x,y\n1,2.5\n2,\n3,4.5\n4,5.5\n", ("t.csv:3: column 'y': the label is missing", "--drop-missing-labels"),
                               {"--drop-missing-labels": {"x": 1}}),
    "true and false": Reads(column(["TRUE", "FALSE"]), {"x": 0, "v=FALSE": 0, "v=TRUE": 1}),
    "blanks around texts": Reads(column([" a", "b ", "a"]), {"x": 0, "v=a": 1, "v=b": 0}),
    "a cp1252 text": Refused("x,t,y\n".encode() + b"".join(f"{i},{i} \x80,{i}.5\n".encode("latin-1") for i in range(12)),
                             ("not UTF-8", "iconv -f cp1252"), {"--drop t": X}),
    "umlauts": Reads(column(["Köln", "Århus"]), {"x": 0, "v=Köln": 1, "v=Århus": 0}),
}

BANK = {**NUMBER_LIKE, **FORMS, **ROW_NAMES, **TEXTS}
