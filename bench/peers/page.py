"""The page of bench/compare.py, made from its raw numbers alone."""

import datetime
import statistics
from dataclasses import dataclass

WORKLOADS = {
    "T1": "10-32-1 relu, squared error, SGD, batch 32", "T2": "16-64-1 relu, squared error, SGD, batch 64",
    "T3": "24-8-2 tanh, squared error, loss and gradient only, 200 rows",
    "S1": "8-64-1 relu, squared error, Adam, batch 32", "S2": "30-64-1 sigmoid, binary cross-entropy, Adam, batch 32",
    "S3": "64-128-10 relu, cross-entropy, Adam, batch 64", "M1": "64-256-10 relu, squared error, SGD, batch 128",
    "M2": "784-256-10 relu, cross-entropy, Adam, batch 128", "M3": "54-128-7 relu, cross-entropy, Adam, batch 256",
    "D1": "4-32-16-4 tanh, squared error, Adam, batch 10 000", "L1": "784-1024-10 relu, squared error, SGD, batch 256",
    "L2": "4096-4096-1000 relu, squared error, SGD, batch 512"}
FAMILIES = {"I1": "inference of one row, {shape}", "I2": "inference of 65 536 rows, {shape}",
            "J1": "∂ŷ/∂x of {rows}, {shape}", "E": "{shape}, a float of an array in the first-level cache"}


@dataclass(frozen=True)
class Aim:
    """What is to be reached: `times` as fast as a peer, or `share` of the limit; and `scaling` on two cores."""

    peer: str | None = None
    times: float | None = None
    share: float | None = None
    scaling: float | None = None

    def __str__(self):
        peer = self.peer or "the best peer"
        parts = [f"no slower than {peer}" if self.times == 1 else f"{self.times:g}× {peer}"] if self.times else []
        parts += [f"{share_text(self.share)} of the limit"] if self.share else []
        return " or ".join(parts) + (f"; two cores {self.scaling:g}× one" if self.scaling else "")


AIMS = {**dict.fromkeys(["T1", "T2", "S1", "S2", "S3"], Aim("JAX", 4, 0.70)), "T3": Aim(share=0.70),
        **dict.fromkeys(["M1", "M2", "M3"], Aim("JAX", 1.5, 0.85, 1.7)), "D1": Aim("JAX", 2, 0.70),
        "L1": Aim(None, 1.15, 0.85, 1.9), "I1": Aim("RTNeural", 1), "I2": Aim("ONNX Runtime", 1.25, 0.85),
        "J1": Aim("JAX", 4)}
NOTES = {"T3": "SimpleChains.jl's README gives 5.66 µs for it, on a machine of its own."}

PAGE = """\
# Speed beside others

Made by `make bench` (`bench/compare.py`) on {date} from commit {commit}{changed}; {rounds} rounds, {minutes} minutes.

{machine}

{verdict}

{plot}## All workloads

Times of one step or call: the minimum over the rounds, ours also the median. *Share*: the limit that the machine sets
by its measured peak and bandwidth, over our time. *Ahead*: the best peer's time over ours, one thread against one
thread, and on two cores the best of either side with one thread or two. **Bold**: what is lost or missed.

{summary}

## What is not reached

{missed}

## Each workload

Every peer in every setting. *Ours is*: its minimum over our best with as many threads.

{details}
## How it is measured

- One thread is pinned to one core, two to two cores. Ours and the peers run in turn, round after round, in one run;
  each is timed for at least {stretch} s in a round. Starting, compiling and warming up do not count. A peer is a
  process of its own that is stopped while anything else is timed, so that its waiting threads take nothing.
- Each peer first shows that it is right: training from the same first weights lowers the loss on the same data with
  something to learn (the losses stand in the raw numbers; rows that are shuffled or made by FANN differ), gradients,
  outputs and ∂ŷ/∂x agree with a plain reference.
- **JAX**: all epochs in one jitted loop around `lax.scan`, SGD and Adam written in `jax.numpy`; weights in × out or
  out × in and 1 or 4 steps unrolled, whichever is fastest; one row or batch a call in inference and ∂ŷ/∂x.
- **PyTorch**: eager with fused or `foreach` optimizers, subnormal numbers flushed; on two threads waiting as it does by
  itself, and passively. `torch.compile`: gradient and optimizer of a whole step, or of 4 or 8 steps, in one graph
  called by the C++ wrapper; weights frozen for inference.
- **scikit-learn**: `partial_fit`, an epoch a call, in float; rows in order or shuffled, whichever is faster.
- **NumPy**: the same steps written by hand over its OpenBLAS, nothing allocated in a step.
- **ONNX Runtime**: called from Python by `run` or with inputs and outputs bound, whichever is faster.
- **FANN**: `FANN_TRAIN_BATCH` on one mini-batch after the other, which is mini-batch gradient descent; it has no ReLU,
  so its piecewise linear function stands in.
- **RTNeural**: shapes fixed when compiling, `-O3 -march=native`, each of its backends.
- **SLEEF**: deterministic variants, at most 1.0 ulp off, AVX2; σ is written on its exponential.
- What peers do not do: JAX, PyTorch and NumPy take their rows in order and never gather them.

Versions: {versions}.

The raw numbers stand in `{numbers}`.
"""


def minimum(seconds):
    return min(seconds) if seconds else None


def time_text(seconds):
    if seconds is None:
        return "–"
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms"), (1, "s")):
        if seconds * factor < 999.5 or unit == "s":
            value = seconds * factor
            return f"{value:.0f} {unit}" if value >= 99.5 else f"{value:.{2 if value < 9.995 else 1}f} {unit}"
    return None


def times_text(ratio):
    return "–" if ratio is None else f"{ratio:.2f}×" if ratio < 9.995 else f"{ratio:.0f}×"


def share_text(share):
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


class Workload:
    """One workload's numbers, and what follows from them."""

    def __init__(self, name, numbers):
        self.name, self.family = name, name.split("/")[0]
        self.own = {int(threads): entry for threads, entry in numbers["ours"].items()}
        self.peers = numbers["peers"]
        self.aim = AIMS.get(self.family)

    @property
    def title(self):
        if self.name in WORKLOADS:
            return WORKLOADS[self.name]
        _, shape, rows, *_ = [*self.name.split("/"), "", ""]
        return FAMILIES.get(self.family, "{shape}").format(shape=shape, rows=f"{rows} row" + "s" * (rows != "1"))

    @property
    def is_shown(self):
        """Functions that are SLEEF's alone are no comparison; all else is shown, measured or not."""
        return self.family != "E" or bool(self.own)

    def events(self, threads):
        return [event for event in self.own.get(threads, {}).get("events", []) if event.get("seconds_per_step")]

    def ours(self, threads, function=min):
        seconds = [event["seconds_per_step"] for event in self.events(threads)]
        return function(seconds) if seconds else None

    def ours_up_to(self, threads):
        return minimum([seconds for seconds in map(self.ours, range(1, threads + 1)) if seconds])

    def share(self, threads=1):
        """Of the strictest limit of all rounds."""
        limits = [event["limit_seconds"] for event in self.events(threads) if event.get("limit_seconds")]
        if limits:
            return min(limits) / self.ours(threads)
        shares = [event["share_of_limit"] for event in self.events(threads) if event.get("share_of_limit")]
        return max(shares) if shares else None

    def best(self, threads, peer=None):
        """(seconds, entry) of the fastest peer, or of the named one, with at most so many threads."""
        found = [(min(entry["seconds"]), entry) for entry in self.peers if entry["seconds"] and
                 "not_measured" not in entry and entry["threads"] <= threads and peer in (None, entry["peer"])]
        return min(found, key=lambda pair: pair[0], default=(None, None))

    def ahead(self, threads, peer=None):
        own, theirs = self.ours_up_to(threads), self.best(threads, peer)[0]
        return theirs / own if own and theirs else None

    @property
    def scaling(self):
        return self.ours(1) / self.ours(2) if self.ours(1) and self.ours(2) else None

    def reached(self):
        """Whether the aim is: True, False, or None when that cannot be said."""
        if self.aim is None or self.ours(1) is None:
            return None
        ratio, share = self.ahead(1, self.aim.peer), self.share()
        either = [None if value is None else value >= wanted
                  for value, wanted in ((ratio, self.aim.times), (share, self.aim.share)) if wanted]
        one_core = True if True in either else None if None in either else False
        if self.aim.scaling is None or one_core is False:
            return one_core
        return None if self.scaling is None or one_core is None else self.scaling >= self.aim.scaling

    def misses(self):
        """In words, all that is lost to a peer or short of the aim."""
        if self.ours_up_to(2) is None:
            reasons = [entry["not_measured"] for entry in self.own.values() if "not_measured" in entry]
            return [f"ours is not measured: {reasons[0]}"] if reasons else []
        said = []
        for threads, cores in ((1, "one core"), (2, "two cores")):
            ahead, (_, entry) = self.ahead(threads), self.best(threads)
            if ahead is not None and ahead < 1:
                said.append(f"{times_text(ahead)} as fast as {entry['peer']} on {cores}")
        if self.reached() is False:
            ratio, share = self.ahead(1, self.aim.peer), self.share()
            got = [times_text(ratio)] if self.aim.times else []
            got += [share_text(share)] if self.aim.share else []
            got += [f"two cores {times_text(self.scaling)}"] if self.aim.scaling else []
            said.append(f"aim {self.aim}; reached: {', '.join(got)}")
        if self.reached() is None and self.aim is not None:
            said.append(f"aim {self.aim}: cannot be judged, as what it needs was not measured")
        return said


def one_line(name, numbers):
    """For the terminal, while it goes on."""
    workload = Workload(name, numbers)
    seconds, entry = workload.best(2)
    rival = f"{entry['peer']} {time_text(seconds)}" if entry else "no peer"
    return f"{name}: ours {time_text(workload.ours(1))}, two cores {time_text(workload.ours(2))}; best peer {rival}; " \
           f"ahead {times_text(workload.ahead(1))} on one core, {times_text(workload.ahead(2))} on two"


def table(header, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def bold_if(condition, text):
    return f"**{text}**" if condition else text


def summary(workloads):
    rows = []
    for workload in workloads:
        (one, one_entry), (two, two_entry) = workload.best(1), workload.best(2)
        share, reached = workload.share(), workload.reached()
        rows.append([
            workload.name, workload.title,
            f"{time_text(workload.ours(1))} ({time_text(workload.ours(1, statistics.median))})",
            share_text(share), time_text(workload.ours(2)),
            f"{one_entry['peer']} {time_text(one)}" if one_entry else "–",
            bold_if((workload.ahead(1) or 1) < 1, times_text(workload.ahead(1))),
            f"{two_entry['peer']} {time_text(two)}" if two_entry else "–",
            bold_if((workload.ahead(2) or 1) < 1, times_text(workload.ahead(2))),
            str(workload.aim) if workload.aim else "none",
            "–" if workload.aim is None else {True: "yes", False: "**no**", None: "**not judged**"}[reached]])
    return table(["", "workload", "ours, one core: min (median)", "share", "ours, two cores", "best peer, one core",
                  "ahead", "best peer, two cores", "ahead", "aim", "reached"], rows)


def details(workload):
    rows = []
    for threads in sorted(workload.own):
        entry = workload.own[threads]
        if workload.ours(threads) is None:
            reason = entry.get("not_measured", "no line of it")
            rows.append(["**handgrad**", "", str(threads), f"not measured: {reason}", "", "", ""])
            continue
        share = workload.share(threads)
        event = min(workload.events(threads), key=lambda event: event["seconds_per_step"])
        tail = ", ".join(f"{label} {time_text(event[key])}" for key, label in
                         (("p50", "median"), ("p99", "99 %"), ("p999", "99.9 %")) if event.get(key))
        gflops = f"{event['gflops']:.1f} GFLOP/s" if event.get("gflops") else ""
        rows.append(["**handgrad**", "; ".join(filter(None, [gflops, tail])), str(threads),
                     time_text(workload.ours(threads)), time_text(workload.ours(threads, statistics.median)), "",
                     share_text(share)])
    measured = [entry for entry in workload.peers if entry["seconds"] and "not_measured" not in entry]
    for entry in sorted(measured, key=lambda entry: min(entry["seconds"])):
        own = workload.ours_up_to(entry["threads"])
        ratio = min(entry["seconds"]) / own if own else None
        words = "–" if ratio is None else bold_if(ratio < 1, f"{times_text(ratio)} as fast")
        rows.append([entry["peer"], entry["setting"], str(entry["threads"]), time_text(min(entry["seconds"])),
                     time_text(statistics.median(entry["seconds"])), words, ""])
    for entry in workload.peers:
        if entry not in measured:
            reason = entry.get("not_measured", "no round")
            rows.append([entry["peer"], entry["setting"], str(entry["threads"]),
                         "not measured: " + reason.replace("|", "\\|"), "", "", ""])
    text = f"### {workload.name}: {workload.title}\n\n"
    if workload.family in NOTES:
        text += NOTES[workload.family] + "\n\n"
    return text + table(["", "setting", "threads", "minimum", "median", "ours is", "share of limit"], rows) + "\n"


def machine_text(results, reference):
    machine = results["machine"]
    lines = [f"Machine: {machine['model']}, {machine['cores']} cores" +
             "".join(f", {level} {size}" for level, size in machine["caches"].items()) +
             f"; load average at the start {machine['load_average_at_start']} (of other programs: 0 is best)."]
    for threads, best in sorted(machine.get("measured", {}).items()):
        rates = ", ".join(f"{level} {rate:.0f}" for level, rate in best["bandwidth_gb_s"].items())
        lines.append(f"Measured with {threads} thread{'s' * (threads != '1')}: peak {best['gflops_peak']:.1f} GFLOP/s"
                     f" ({best.get('simd')}); reading, GB/s: {rates}.")
    rates = [f"{2 * 1024**3 / min(entry['seconds']) / 1e9:.1f} GFLOP/s with {entry['threads']}"
             for entry in reference["peers"] if entry["seconds"]]
    if rates:
        lines.append(f"For reference, NumPy's OpenBLAS multiplies 1024 × 1024 floats at {', '.join(rates)}.")
    return "\n".join(lines)


def page(results, plot):
    numbers = dict(results["workloads"])
    reference = numbers.pop("sgemm", {"ours": {}, "peers": []})
    workloads = [Workload(name, entry) for name, entry in numbers.items()]
    workloads = [workload for workload in workloads if workload.is_shown]
    aimed = [workload for workload in workloads if workload.aim]
    reached = sum(workload.reached() is True for workload in aimed)
    compared = [workload for workload in workloads if workload.ahead(2) is not None]
    slower = [workload.name for workload in compared if min(workload.ahead(1) or 1, workload.ahead(2)) < 1]
    verdict = f"{reached} of {len(aimed)} aims are reached; " + (
        f"a peer is faster in {len(slower)} of {len(compared)}: {', '.join(slower)}." if slower else
        f"no peer is faster in any of the {len(compared)} that are compared." if compared else "nothing is compared.")
    missed = [f"- **{workload.name}**: {'; '.join(workload.misses())}." for workload in workloads if workload.misses()]
    date = datetime.date.fromisoformat(results["date"])
    return PAGE.format(
        date=f"{date:%-d %B %Y}", commit=results["commit"], changed=" with changes" * results["changed"],
        rounds=results["rounds"], minutes=results.get("minutes", "?"), stretch=results["stretch_seconds"],
        machine=machine_text(results, reference), verdict=verdict,
        plot=f"![Times of ours and the peers, one line a workload]({plot})\n\n" if plot else "",
        summary=summary(workloads), missed="\n".join(missed) or "Nothing.",
        details="\n".join(map(details, workloads)),
        versions=", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        numbers=plot.replace(".svg", ".json") if plot else "the .json file beside this page")
