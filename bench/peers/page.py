"""The page of bench/compare.py, made from its raw numbers alone."""

import datetime
import statistics

from limits import Limits, missing
from table import TABLE, share_text

NOTES = {"T3": "SimpleChains.jl's README gives 5.66 µs for it, on a machine of its own."}

PAGE = """\
# Speed beside others

Made by `make bench` (`bench/compare.py`) on {date} from commit {commit}{changed}; {rounds} rounds, {minutes} minutes.

{machine}

{verdict}

## Where a peer is faster

{slower}

## What is not reached

{missed}

{plot}## All workloads

Times of one step or call: the minimum over the rounds, ours also the median. *Ahead*: the best peer's time over ours,
one thread against one thread, and on two cores the best of either side with one thread or two. **Bold**: what is lost
or missed. *Of the limit*: the limit that the machine sets, over our time on one core. The limit is plain arithmetic at
the measured peak, bytes at the measured bandwidth, and functions (σ, tanh, e^z, Adam) at the best rate that any
implementation here reaches, ours or SLEEF's; of a function by itself that is the faster of the two. *Of the peak*: our
plain arithmetic alone (2 for a multiply-add, nothing for functions and updates) over the same time, as a share of the
measured peak.

{summary}

{above}

## Odd shapes beside even ones

Share of the limit on one core, of the odd shape and of its nearest neighbour whose hidden widths are whole vectors;
*in whole vectors*: the odd shape's arithmetic counted as if its hidden widths (and outputs, from 16 on) were the next
whole vectors of this machine, as they are computed. The aim: 90 % of the neighbour's share, counted so.

{odd}

## Why these workloads

{reasons}

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
  out × in and 1 or 4 steps unrolled, whichever is fastest; the newest and, as that may not be faster everywhere, 0.10.
  One row or batch a call in inference and ∂ŷ/∂x, called from Python; as its packages bring no door to C or C++ for the
  processor, one row also in a compiled loop that takes row after row, which is less than a call costs.
- **PyTorch**: eager with fused or `foreach` optimizers, subnormal numbers flushed; on two threads waiting as it does by
  itself, and passively. `torch.compile`: gradient and optimizer of a whole step, or of 4 or 8 steps, in one graph
  called by the C++ wrapper; weights frozen for inference. One row from Python, and from C++ in inference mode: by its
  functions, by TorchScript, or compiled ahead of time, whichever is fastest.
- **scikit-learn**: `partial_fit`, an epoch a call, in float; rows in order or shuffled, whichever is faster.
- **NumPy**: the same steps written by hand over its OpenBLAS, nothing allocated in a step.
- **ONNX Runtime**: from Python by `run` or with inputs and outputs bound, whichever is faster; one row also through its
  C API, on values made once.
- **FANN**: `FANN_TRAIN_BATCH` on one mini-batch after the other, which is mini-batch gradient descent; it has no ReLU,
  so its piecewise linear function stands in. Called from C.
- **RTNeural**: shapes fixed when compiling, each of its backends (xsimd at the commit that it pins), `-O3
  -march=native`, by GCC and clang, with and without `-ffast-math`, arrays aligned to whole vectors. Called from C++.
- **SLEEF**: functions at most 1.0 ulp off, of AVX-512 where the processor has it and of AVX2 otherwise, deterministic
  and not; σ is written on its exponential. On the same intervals as ours. Called from C.
- Ours is called from C++. `handgrad bench` times training as `train` runs it, an epoch a call.
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


class Workload:
    """One workload's numbers, and what follows from them."""

    def __init__(self, name, numbers, limits):
        self.name, self.row, self.limits = name, TABLE[name], limits
        self.family = self.row.family
        self.own = {int(threads): entry for threads, entry in numbers["ours"].items()}
        self.doors, self.peers = numbers.get("doors", []), numbers["peers"]
        self.aim, self.title = self.row.aim, self.row.title

    @property
    def is_shown(self):
        return bool(self.row.peers)

    def events(self, threads):
        return [event for event in self.own.get(threads, {}).get("events", []) if event.get("seconds_per_step")]

    def ours(self, threads, function=min):
        seconds = [event["seconds_per_step"] for event in self.events(threads)]
        return function(seconds) if seconds else None

    def ours_up_to(self, threads):
        return minimum([seconds for seconds in map(self.ours, range(1, threads + 1)) if seconds])

    def share(self, threads=1, in_whole_vectors=False):
        """Of the limit."""
        limit = self.limits.seconds(self.row, self.events(threads), in_whole_vectors)
        return limit / self.ours(threads) if limit else None

    def share_of_peak(self, threads=1):
        events = self.events(threads)
        best = min(events, key=lambda event: event["seconds_per_step"], default=None)
        return self.limits.share_of_peak(self.row, best) if best else None

    @property
    def door(self):
        """The entry of our door for networks known when compiling, in its fastest way; None where there is none."""
        measured = [entry for entry in self.doors if entry["seconds"] and "not_measured" not in entry]
        return min(measured, key=lambda entry: min(entry["seconds"]), default=None)

    def door_ahead(self, peer=None):
        theirs = self.best(1, peer)[0]
        return theirs / min(self.door["seconds"]) if self.door and theirs else None

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

    def losses(self):
        """[(what of ours, cores, ahead, peer's entry)] where a peer is faster."""
        found = []
        for threads, cores in ((1, "one core"), (2, "two cores")):
            ahead, (_, entry) = self.ahead(threads), self.best(threads)
            shared = threads == 1 or self.row.rows > 1  # one row is never dealt out to two cores
            if shared and ahead is not None and ahead < 1:
                found.append(("", cores, ahead, entry))
        if self.door_ahead() is not None and self.door_ahead() < 1:
            found.append((", fixed shape", "one core", self.door_ahead(), self.best(1)[1]))
        return found

    def misses(self):
        """In words, all that is short of the aim."""
        if self.ours_up_to(2) is None:
            reasons = [entry["not_measured"] for entry in self.own.values() if "not_measured" in entry]
            return [f"ours is not measured: {reasons[0]}"] if reasons else []
        said = []
        if self.reached() is False:
            ratio, share = self.ahead(1, self.aim.peer), self.share()
            got = [times_text(ratio)] if self.aim.times else []
            got += [share_text(share)] if self.aim.share else []
            got += [f"two cores {times_text(self.scaling)}"] if self.aim.scaling else []
            said.append(f"aim {self.aim}; reached: {', '.join(got)}")
        if self.reached() is None and self.aim is not None:
            said.append(f"aim {self.aim}: cannot be judged, as what it needs was not measured")
        if self.door and self.row.fixed_aim:
            ahead = self.door_ahead(self.row.fixed_aim.peer)
            if ahead is not None and ahead < self.row.fixed_aim.times:
                said.append(f"fixed shape: aim {self.row.fixed_aim}; reached: {times_text(ahead)}")
        return said


def one_line(name, results):
    """For the terminal, while it goes on."""
    numbers = results["workloads"][name]
    if name not in TABLE:
        return f"{name}: " + ", ".join(time_text(minimum(entry["seconds"])) for entry in numbers["peers"])
    workload = Workload(name, numbers, Limits(results))
    seconds, entry = workload.best(2)
    rival = f"{entry['peer']} {time_text(seconds)}" if entry else "no peer"
    fixed = f"; fixed shape {time_text(min(workload.door['seconds']))}" if workload.door else ""
    return f"{name}: ours {time_text(workload.ours(1))}, two cores {time_text(workload.ours(2))}{fixed}; best peer " \
           f"{rival}; ahead {times_text(workload.ahead(1))} on one core, {times_text(workload.ahead(2))} on two"


def table(header, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def bold_if(condition, text):
    return f"**{text}**" if condition else text


def summary_row(workload):
    (one, one_entry), (two, two_entry) = workload.best(1), workload.best(2)
    reached = workload.reached()
    return [workload.name, workload.title,
            f"{time_text(workload.ours(1))} ({time_text(workload.ours(1, statistics.median))})",
            share_text(workload.share()), share_text(workload.share_of_peak()), time_text(workload.ours(2)),
            f"{one_entry['peer']} {time_text(one)}" if one_entry else "–",
            bold_if((workload.ahead(1) or 1) < 1, times_text(workload.ahead(1))),
            f"{two_entry['peer']} {time_text(two)}" if two_entry else "–",
            bold_if((workload.ahead(2) or 1) < 1, times_text(workload.ahead(2))),
            str(workload.aim) if workload.aim else "none",
            "–" if workload.aim is None else {True: "yes", False: "**no**", None: "**not judged**"}[reached]]


def door_row(workload):
    """Our door for networks known when compiling, as one more line beside the same peers."""
    seconds, (one, entry) = workload.door["seconds"], workload.best(1)
    aim = workload.row.fixed_aim
    ahead = workload.door_ahead(aim.peer if aim else None)
    reached = "–"
    if aim and ahead is None:
        reached = "**not judged**"
    elif aim:
        reached = "yes" if ahead >= aim.times else "**no**"
    times = f"{time_text(min(seconds))} ({time_text(statistics.median(seconds))})"
    return [workload.name, "the same, **fixed shape**", times, "", "", "", f"{entry['peer']} {time_text(one)}" if entry else "–",
            bold_if((workload.door_ahead() or 1) < 1, times_text(workload.door_ahead())), "", "",
            str(aim) if aim else "none", reached]


def summary(workloads):
    rows = []
    for workload in workloads:
        rows.append(summary_row(workload))
        if workload.door:
            rows.append(door_row(workload))
    return table(["", "workload", "ours, one core: min (median)", "of the limit", "of the peak", "ours, two cores",
                  "best peer, one core", "ahead", "best peer, two cores", "ahead", "aim", "reached"], rows)


def slower_table(workloads):
    losses = [(workload, loss) for workload in workloads for loss in workload.losses()]
    if not losses:
        return "Nowhere." if any(workload.ahead(2) for workload in workloads) else "Nothing is compared."
    losses.sort(key=lambda loss: loss[1][2])
    rows = [[workload.name + what, workload.title, cores, f"{entry['peer']}, {entry['setting']}",
             f"**{times_text(ahead)}**"] for workload, (what, cores, ahead, entry) in losses]
    return table(["", "workload", "cores", "the faster peer", "ours is … times as fast"], rows)


def odd_table(workloads, everything):
    rows = []
    for workload in (workload for workload in workloads if workload.row.beside):
        even = everything.get(workload.row.beside)
        shares = [workload.share(), workload.share(in_whole_vectors=True), even.share() if even else None]
        ratio = shares[1] / shares[2] if shares[1] and shares[2] else None
        rows.append([workload.name, workload.title, time_text(workload.ours(1)), share_text(shares[0]),
                     share_text(shares[1]), even.title if even else workload.row.beside, share_text(shares[2]),
                     bold_if(ratio is not None and ratio < 0.9, share_text(ratio))])
    return table(["", "odd", "ours", "of the limit", "in whole vectors", "its even neighbour", "of the limit",
                  "odd in whole vectors / even"], rows) if rows else "None was measured."


def above_text(workloads):
    above = [f"{workload.name} ({share_text(share)})" for workload in workloads for share in [workload.share()]
             if share and share > 1.005]
    if above:
        return f"**Above 100 %, which is a fault of the limit as it was measured:** {', '.join(above)}."
    return "No row is above 100 % of its limit."


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
    for entry in workload.doors:
        said = entry.get("not_measured")
        times = ["not measured: " + said, ""] if said else [time_text(min(entry["seconds"])),
                                                            time_text(statistics.median(entry["seconds"]))]
        rows.append(["**handgrad, fixed shape**", entry["setting"], "1", *times, "", ""])
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
    simd = machine.get("simd", "unknown instruction set")
    lines = [f"Machine: {machine['model']}, {machine['cores']} cores, {simd}" +
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


def verdict_text(workloads):
    aimed = [workload for workload in workloads if workload.aim]
    reached = sum(workload.reached() is True for workload in aimed)
    compared = [workload for workload in workloads if workload.ahead(2) is not None]
    slower = [workload.name for workload in compared if min(workload.ahead(1) or 1, workload.ahead(2)) < 1]
    if not compared:
        return "Nothing is compared."
    said = f"A peer is faster in {len(slower)} of {len(compared)} workloads" + (f": {', '.join(slower)}" * bool(slower))
    doors = [workload for workload in compared if workload.door_ahead() is not None]
    if doors:
        lost = [workload.name for workload in doors if workload.door_ahead() < 1]
        said += f"; than our fixed shape in {len(lost)} of {len(doors)}" + (f" ({', '.join(lost)})" * bool(lost))
    open_aims = sum(workload.reached() is None for workload in aimed)
    unjudged = f"; {open_aims} could not be judged" * bool(open_aims)
    return f"{said}. {reached} of {len(aimed) - open_aims} aims are reached{unjudged}."


def incomplete_text(results):
    said = missing(results)
    if not said:
        return ""
    if results.get("prebuilt"):
        return ("\n\nThis machine can neither compile nor install: its peers are RTNeural and SLEEF, compiled elsewhere "
                "for its processor. The whole comparison, on another machine, is [performance.md](performance.md).")
    shown = "; ".join(said[:20]) + (f"; and {len(said) - 20} more" if len(said) > 20 else "")
    return f"\n\n**Not the whole comparison.** Not measured: {shown}."


def page(results, plot):
    numbers = dict(results["workloads"])
    reference = numbers.pop("sgemm", {"ours": {}, "peers": []})
    limits = Limits(results)
    everything = {name: Workload(name, entry, limits) for name, entry in numbers.items() if name in TABLE}
    workloads = [workload for workload in everything.values() if workload.is_shown]
    judged = [workload for workload in workloads if not results.get("prebuilt") or workload.reached() is not None]
    missed = [f"- **{workload.name}**: {'; '.join(workload.misses())}." for workload in judged if workload.misses()]
    date = datetime.date.fromisoformat(results["date"])
    return PAGE.format(
        date=f"{date:%-d %B %Y}", commit=results["commit"], changed=" with changes" * results["changed"],
        rounds=results["rounds"], minutes=results.get("minutes", "?"), stretch=results["stretch_seconds"],
        machine=machine_text(results, reference), verdict=verdict_text(workloads) + incomplete_text(results),
        plot=f"![Times of ours and the peers, one line a workload]({plot})\n\n" if plot else "",
        slower=slower_table(workloads), summary=summary(workloads), missed="\n".join(missed) or "Nothing.",
        above=above_text(workloads), odd=odd_table(workloads, everything),
        reasons=table(["", "workload", "why"], [[w.name, w.title, w.row.reason] for w in workloads]),
        details="\n".join(map(details, workloads)),
        versions=", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        numbers=plot.replace(".svg", ".json") if plot else "the .json file beside this page")
