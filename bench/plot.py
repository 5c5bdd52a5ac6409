"""The plot: throughput of each competitor, and latency at offered load."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.competitors import ALL
from bench.measure import Measurements

_STYLE: Any = {"svg.hashsalt": "crudmq", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
_COLOURS = dict(
    zip(ALL, ("#d1495b", "#e29578", "#2e4057", "#66a182", "#edae49", "#8d6a9f", "#7fb069", "#9a9a9a"), strict=True)
)
_WIDTH = 0.8


def draw(measurements: Measurements, file: Path) -> None:
    """Write an SVG. The same measurements give the same file."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 9), layout="constrained")
        above, below = figure.subplots(2, 1)
        _throughput(above, measurements)
        _latency(below, measurements)
        figure.savefig(file, format="svg", metadata={"Date": None})


def _throughput(axes: Axes, measurements: Measurements) -> None:
    competitors = [
        competitor
        for competitor in ALL
        if any(competitor in standings.summaries for standings in measurements.standings)
    ]
    for position, standings in enumerate(measurements.standings):
        present = [competitor for competitor in competitors if competitor in standings.summaries]
        thickness = _WIDTH / len(competitors)
        for index, competitor in enumerate(present):
            x = position + (index - (len(present) - 1) / 2) * thickness
            rate = standings.summaries[competitor].rate
            axes.bar(x, rate, thickness, color=_COLOURS[competitor])
            axes.annotate(f"{rate:,.0f}", (x, rate), ha="center", va="bottom", fontsize=6)
    for competitor in competitors:
        axes.bar(0, 0, color=_COLOURS[competitor], label=competitor.name)
    names = [standings.workload.name for standings in measurements.standings]
    axes.set_xticks(range(len(names)), names)
    axes.set(title="Throughput", ylabel="commands per second")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _latency(axes: Axes, measurements: Measurements) -> None:
    for competitor, loads in measurements.loads.items():
        sustained = [load for load in loads if load.is_sustained]
        rates = [load.offered for load in sustained]
        colour = _COLOURS[competitor]
        medians = [load.latency.median for load in sustained]
        axes.plot(rates, medians, "o-", color=colour, label=f"{competitor.name}, median")
        axes.plot(rates, [load.latency.p99 for load in sustained], "o:", color=colour, label=f"{competitor.name}, p99")
    axes.set(title="Latency at offered load", xlabel="creates with a reply per second", ylabel="ms", yscale="log")
    if measurements.loads:
        axes.legend(frameon=False)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
