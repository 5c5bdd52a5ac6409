"""The table that a person reads."""

from rich import box
from rich.table import Table

from bench.competitor import Competitor
from bench.competitors import ONE_SESSION_EACH, OURS, USUAL_WAY
from bench.measure import Standings, Summary

COLUMNS = (
    "competitor",
    "guarantees",
    "at once",
    "commands/s",
    "range",
    "CPU µs each",
    "peak MiB",
    f"to {ONE_SESSION_EACH.name}",
    f"to {USUAL_WAY.name}",
)
WIDTH = 130
"""What the table needs, whether it goes to a terminal or to a file."""
_TEXTS = 2
"""The columns that are read from the left."""


def title(standings: Standings) -> str:
    """Say what was measured."""
    rounds = "one round" if standings.rounds == 1 else f"median of {standings.rounds} rounds"
    return f"{standings.commands:,} waiting {standings.workload.title}, {rounds}"


def table(standings: Standings) -> Table:
    """Lay the standings out for a terminal."""
    found = Table(title=title(standings), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for index, column in enumerate(COLUMNS):
        found.add_column(_in_two_lines(column), justify="left" if index < _TEXTS else "right", no_wrap=True)
    for one in standings.summaries:
        found.add_row(*cells(standings, one), style="bold" if one is OURS else None)
    return found


def cells(standings: Standings, one: Competitor) -> tuple[str, ...]:
    """Write the row of a competitor."""
    summary = standings.summaries[one]
    return (
        one.name,
        one.guarantees,
        str(standings.concurrencies[one] or "-"),
        f"{summary.rate:,.0f}",
        f"{summary.slowest:,.0f}-{summary.fastest:,.0f}",
        f"{summary.cpu_microseconds:,.0f}",
        _mebibytes(summary),
        f"{standings.ratio(one, ONE_SESSION_EACH):.2f}",
        f"{standings.ratio(one, USUAL_WAY):.2f}",
    )


def verdict(ratio: float, target: float) -> str:
    """Say in a line whether the target is reached."""
    reached = "reached" if ratio >= target else "MISSED"
    return (
        f"{reached}: {OURS.name} is {ratio:.2f} times as fast as {ONE_SESSION_EACH.name}; at least {target:g} is wanted"
    )


def _in_two_lines(column: str) -> str:
    """Break a long heading after its first words, so that the table stays narrow."""
    words = column.split()
    half = len(words) // 2
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}" if half else column


def _mebibytes(summary: Summary) -> str:
    return "-" if summary.peak_bytes is None else f"{summary.peak_bytes / 2**20:,.0f}"
