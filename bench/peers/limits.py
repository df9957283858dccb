"""The limit that the machine sets each workload, from everything that was measured in one run.

Peaks and bandwidths are the best of all rounds. A function is taken at the best rate that any implementation reached,
ours or a peer's: so no measured time can lie below the limit, but for the machine having been slower when its peak was
measured than when the workload was.
"""

from table import COMPARED, TABLE

SLOPE_OPERATIONS = 2  # f′ from f: 1 − a², or a(1 − a)


class Limits:
    def __init__(self, results):
        measured = results["machine"].get("measured", {}).values()
        self.peak = max((best.get("gflops_peak", 0) for best in measured), default=0) * 1e9
        self.peak_double = max((best.get("gflops_peak_double", 0) for best in measured), default=0) * 1e9
        self.rates = {}  # (function, double): seconds of one number
        for name, numbers in results["workloads"].items():
            if name in TABLE:
                self.take_rates(TABLE[name], numbers)

    def take_rates(self, row, numbers):
        for entry in numbers["ours"].values():
            for event in entry.get("events", []):
                for part in event.get("limit", {}).get("functions", []):
                    self.note(part["function"], row.double, part["seconds"])
                if row.kind == "function":
                    self.note(row.id.split("/", 1)[1], False, event["seconds_per_step"])
        for entry in numbers["peers"]:
            if row.kind == "function" and entry["seconds"]:
                self.note(row.id.split("/", 1)[1], False, min(entry["seconds"]))

    def note(self, function, double, seconds):
        function = function.removesuffix("/1")  # rows of one number
        self.rates[function, double] = min(seconds, self.rates.get((function, double), seconds))

    def rate(self, function, double):
        """The best seconds for one number; f and f′ together are no dearer than f and the slope's arithmetic."""
        function = function.removesuffix("/1")
        best = self.rates[function, double]
        plain = self.rates.get((function.removesuffix("+slope"), double))
        if function.endswith("+slope") and plain:
            best = min(best, plain + SLOPE_OPERATIONS * 2 / self.peak_of(double))
        return best

    def peak_of(self, double):
        return self.peak_double if double else self.peak

    def flops(self, event):
        return event["gflops"] * 1e9 * event["seconds_per_step"]

    def seconds(self, row, events, in_whole_vectors=False):
        """The limit of a step or a call on the threads that worked, or None."""
        events = [event for event in events if "limit" in event]
        if not events:
            return None
        if row.kind == "function":
            return self.rate(row.id.split("/", 1)[1], False)
        event = events[0]
        flops = self.flops(event) * (event["whole_vectors"] if in_whole_vectors else 1)
        step = flops / (self.peak_of(row.double) * event["threads"]) + min(e["limit"]["update"] for e in events)
        step += sum(part["numbers"] * self.rate(part["function"], row.double) for part in event["limit"]["functions"])
        return max(step, min(e["limit"]["reading"] for e in events))

    def share_of_peak(self, row, event):
        """Plain arithmetic over the peak of the threads that worked; nothing else is counted."""
        peak = self.peak_of(row.double) * event["threads"]
        return self.flops(event) / event["seconds_per_step"] / peak if peak and event.get("gflops") else None


def missing(results):
    """In words, what of the table was not measured: as long as there is any, a page would be a choice."""
    said = []
    for name, row in COMPARED.items():
        numbers = results["workloads"].get(name)
        if numbers is None:
            said.append(f"{name}: not measured")
            continue
        for threads in ("1", "2"):
            if not numbers["ours"].get(threads, {}).get("events"):
                said.append(f"{name}: ours with {threads} thread{'s' * (threads != '1')}")
        measured = {entry["peer"] for entry in numbers["peers"] if entry["seconds"] and "not_measured" not in entry}
        said += [f"{name}: {peer}" for peer in row.peers if peer not in measured]
        if row.beside and not results["workloads"].get(row.beside, {}).get("ours"):
            said.append(f"{row.beside}: not measured")
    return said
