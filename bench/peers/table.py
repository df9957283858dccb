"""bench/workloads.toml: what is compared, with whom, to reach what; for compare.py, its page and the peers alike."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).parents[1] / "workloads.toml"
LOSSES = {"squared_error": "squared error", "binary_cross_entropy": "binary cross-entropy",
          "cross_entropy": "cross-entropy"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "none": "loss and gradient only"}


def share_text(share):
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


@dataclass(frozen=True)
class Aim:
    """What is to be reached: `times` as fast as a peer, or `share` of the limit; and `scaling` on two cores."""

    peer: str | None = None  # none: the best
    times: float | None = None
    share: float | None = None
    scaling: float | None = None

    def __str__(self):
        peer = self.peer or "the best peer"
        parts = [self.times_text(peer)] if self.times else []
        parts += [f"{share_text(self.share)} of the limit"] if self.share else []
        return " or ".join(parts) + (f"; two cores {self.scaling:g}× one" if self.scaling else "")


    def times_text(self, peer):
        if self.times == 1:
            return f"no slower than {peer}"
        return f"{self.times:g}× {peer}" if self.times > 1 else f"at most {1 / self.times:.2g}× the time of {peer}"


@dataclass(frozen=True)
class Row:
    """One workload of the table; fields as its head says."""

    id: str
    kind: str
    reason: str
    widths: tuple = ()
    hidden: str = "relu"
    output: str = "identity"
    loss: str = "squared_error"
    optimizer: str = "none"
    rows: int = 2048
    batches: int = 1
    double: bool = False
    on_request: bool = False
    peers: tuple = ()
    aim: Aim | None = None
    fixed_aim: Aim | None = None
    beside: str | None = None
    page: bool = True

    @property
    def trains(self):
        return self.kind in ("training", "gradient")

    @property
    def is_odd(self):
        """Whether a hidden width fills no whole vectors, neither of 8 floats nor of 16."""
        return any(width % 8 for width in self.widths[1:-1])

    @property
    def family(self):
        """What is timed together: T1, I1, E; an even neighbour goes with the one that it is beside."""
        return self.id.split("/")[0]

    @property
    def shape(self):
        return "-".join(map(str, self.widths))

    @property
    def title(self):
        rows = f"{self.rows:,}".replace(",", " ") if self.rows >= 10_000 else str(self.rows)
        if self.kind == "function":
            return f"{self.id.split('/', 1)[1]}, a float of an array in the first-level cache"
        if self.kind == "jacobian":
            return f"∂ŷ/∂x of {rows} row{'s' * (self.rows != 1)}, {self.shape}"
        if not self.trains:
            return f"inference of {'one row' if self.rows == 1 else f'{rows} rows'}, {self.shape}"
        size = f"{rows} rows" if self.kind == "gradient" else f"batch {rows}"
        return f"{self.shape} {self.hidden}, {LOSSES[self.loss]}, {OPTIMIZERS[self.optimizer]}, {size}"


def read(path=PATH):
    """{id: Row} in the order of the file."""
    with open(path, "rb") as file:
        entries = tomllib.load(file)["workload"]
    for entry in entries:
        entry |= {key: tuple(entry[key]) for key in ("widths", "peers") if key in entry}
        entry |= {key: Aim(**entry[key]) for key in ("aim", "fixed_aim") if key in entry}
    rows = [Row(**entry) for entry in entries]
    if len({row.id for row in rows}) != len(rows):
        raise ValueError(f"{path}: an id stands there twice")
    return {row.id: row for row in rows}


TABLE = read()
COMPARED = {name: row for name, row in TABLE.items() if row.peers}


def groups():
    """{name: [ids]} of what is timed together: a family, and after it the even neighbours of its odd ones."""
    made = {}
    for row in COMPARED.values():
        made.setdefault(row.family, []).append(row.id)
    for ids in made.values():
        ids += [TABLE[name].beside for name in ids if TABLE[name].beside]
    return {name: ids for name, ids in made.items() if name != "L2"} | {"L2": made["L2"]}  # last, as it takes longest
