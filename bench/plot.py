"""The picture: who works off how much, and how latency grows with the load."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.competitors import ALL
from bench.measure import Findings

_STYLE: Any = {"svg.hashsalt": "crudmq", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
_COLOURS = dict(
    zip(ALL, ("#d1495b", "#e29578", "#2e4057", "#66a182", "#edae49", "#8d6a9f", "#7fb069", "#9a9a9a"), strict=True)
)
_WIDTH = 0.8


def draw(found: Findings, file: Path) -> None:
    """Write an SVG; the same numbers give the same file."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 9), layout="constrained")
        above, below = figure.subplots(2, 1)
        _throughput(above, found)
        _latency(below, found)
        figure.savefig(file, format="svg", metadata={"Date": None})


def _throughput(axes: Axes, found: Findings) -> None:
    places = range(len(found.standings))
    competitors = [one for one in ALL if any(one in each.summaries for each in found.standings)]
    for place, standings in zip(places, found.standings, strict=True):
        present = [one for one in competitors if one in standings.summaries]
        thickness = _WIDTH / len(competitors)
        for index, one in enumerate(present):
            offset = (index - (len(present) - 1) / 2) * thickness
            rate = standings.summaries[one].rate
            axes.bar(place + offset, rate, thickness, color=_COLOURS[one])
            axes.annotate(f"{rate:,.0f}", (place + offset, rate), ha="center", va="bottom", fontsize=6)
    for one in competitors:
        axes.bar(0, 0, color=_COLOURS[one], label=one.name)
    axes.set_xticks(list(places), [standings.workload.name for standings in found.standings])
    axes.set(title="Throughput", ylabel="commands a second")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _latency(axes: Axes, found: Findings) -> None:
    for one, loads in found.loads.items():
        kept = [load for load in loads if load.is_kept_up_with]
        rates = [load.offered for load in kept]
        axes.plot(rates, [load.trips.median for load in kept], "o-", color=_COLOURS[one], label=f"{one.name}, median")
        axes.plot(rates, [load.trips.p99 for load in kept], "o:", color=_COLOURS[one], label=f"{one.name}, p99")
    axes.set(title="Latency against offered load", xlabel="creates with a reply, a second", ylabel="ms", yscale="log")
    if found.loads:
        axes.legend(frameon=False)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
