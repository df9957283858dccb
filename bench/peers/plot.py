"""Draws performance.svg from performance.json: one line a workload, one dot a peer at its best, ours a diamond."""

import json
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "handgrad"  # the same numbers, the same file
matplotlib.rcParams["font.family"] = "DejaVu Sans"

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from limits import Limits
from page import Workload, time_text, times_text
from table import TABLE

OURS = "#c1121f"
COLOURS = {"JAX": "#1f6fb4", "PyTorch": "#e07b00", "scikit-learn": "#6a8d2f", "NumPy": "#7b52a1",
           "ONNX Runtime": "#008b8b", "FANN": "#8c6239", "RTNeural": "#d0569b", "SLEEF": "#555555"}


def label(workload):
    family, *rest = workload.name.split("/")
    if len(rest) == 2:
        rest[1] = f"{rest[1]} row" + "s" * (rest[1] != "1")
    if not rest:
        rest = [workload.title.split(" ")[0]]
    return f"{family}  " + ", ".join(rest)


def draw(results, path):
    limits = Limits(results)
    workloads = [Workload(name, numbers, limits) for name, numbers in results["workloads"].items() if name in TABLE]
    workloads = [w for w in workloads if w.is_shown and (w.ours_up_to(2) or w.best(2)[0])]
    figure, axes = plt.subplots(figsize=(10, 1.5 + 0.31 * len(workloads)), dpi=100)
    shown = set()
    for row, workload in enumerate(workloads):
        points = {}
        for peer in COLOURS:
            seconds, _ = workload.best(2, peer)
            if seconds:
                points[peer] = seconds
                axes.plot(seconds, row, "o", color=COLOURS[peer], markersize=6, markeredgecolor="white",
                          markeredgewidth=0.6, zorder=4)
        shown |= set(points)
        ours = workload.ours_up_to(2)
        ends = [*points.values(), *([ours] if ours else [])]
        axes.plot([min(ends), max(ends)], [row, row], color="#cccccc", linewidth=1.2, zorder=1)
        if ours:
            axes.plot(ours, row, "D", color=OURS, markersize=9, markeredgecolor="white", markeredgewidth=0.8, zorder=3)
            if workload.door:
                fixed = min(workload.door["seconds"])
                ends.append(fixed)
                axes.plot(fixed, row, "D", color=OURS, markersize=6, markerfacecolor="white", zorder=5)
            axes.annotate(time_text(ours), (min(ends), row), xytext=(-8, 0), textcoords="offset points", ha="right",
                          va="center", fontsize=8.5, color=OURS)
            ahead, (_, entry) = workload.ahead(2), workload.best(2)
            if ahead:
                axes.text(1.01, row, f"{times_text(ahead)} {entry['peer']}", transform=axes.get_yaxis_transform(),
                          va="center", fontsize=9, color="#222222" if ahead >= 1 else OURS,
                          fontweight="normal" if ahead >= 1 else "bold")
    axes.set_xscale("log")
    axes.autoscale(axis="x")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(FixedLocator([10.0**power for power in range(-10, 2)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(low / 4, high * 1.2)  # room for our time at the left
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_text(round(math.log10(value)))))
    axes.set_yticks(range(len(workloads)), list(map(label, workloads)), fontsize=9.5)
    axes.set_ylim(len(workloads) - 0.4, -0.6)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.tick_top()
    for side in ("left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    handles = [Line2D([], [], marker="D", linestyle="", color=OURS, markersize=8, label="handgrad")]
    if any(workload.door for workload in workloads):
        handles.append(Line2D([], [], marker="D", linestyle="", color=OURS, markersize=6, markerfacecolor="white",
                              label="handgrad, fixed shape"))
    handles += [Line2D([], [], marker="o", linestyle="", color=COLOURS[peer], markersize=7, label=peer)
                for peer in COLOURS if peer in shown]
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9, handletextpad=0.2,
                  columnspacing=1.2)
    figure.suptitle("Time of one step or call, each at its best on up to two cores (left is faster); right: ours is "
                    "… times as fast as the best peer", fontsize=9.5, x=0.02, ha="left", y=0.995, va="top")
    figure.subplots_adjust(left=0.165, right=0.845, top=1 - 0.6 / figure.get_figheight(),
                           bottom=0.42 / figure.get_figheight())
    figure.savefig(path, facecolor="white", metadata={"Date": None} if str(path).endswith("svg") else None)


def power_text(power):
    """-7: '100 ns'."""
    return f"{10 ** (power % 3)} {('s', 'ms', 'µs', 'ns', 'ps', 'fs')[-(power // 3)]}"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.argv[2])
