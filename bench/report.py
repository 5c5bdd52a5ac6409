"""The tables, as rows of text, for a terminal and for a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from bench import targets
from bench.competitor import Competitor
from bench.competitors import CEILING, FASTSTREAM_BASELINE
from bench.measure import Measurements, Standings

COLUMNS = (
    "competitor",
    "guarantees",
    "concurrency",
    "commands/s",
    "range",
    "CPU µs/command",
    "peak MiB",
    f"to {FASTSTREAM_BASELINE.name}",
    f"to {CEILING.name}",
)
WIDTH = 130
"""The width of the widest table."""
_BLANK = "-"


@dataclass(frozen=True, slots=True)
class Page:
    """A table with its title."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    text_columns: int = 1
    """The number of columns that are left-aligned."""

    def for_terminal(self) -> Table:
        """Return the table for a terminal."""
        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
        for index, column in enumerate(self.columns):
            is_text = index < self.text_columns
            table.add_column(_in_two_lines(column), justify="left" if is_text else "right", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return the table as a Markdown section."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{table}"


def pages(measurements: Measurements) -> Iterator[Page]:
    """Yield a table for each measurement."""
    verdicts = [verdict.cells() for verdict in targets.verdicts(measurements)]
    if verdicts:
        yield Page("Targets", targets.COLUMNS, verdicts)
    yield from map(throughput, measurements.standings)
    if measurements.round_trips:
        yield _round_trips(measurements)
    if measurements.loads:
        yield _loads(measurements)
    if measurements.backlogs:
        yield _backlogs(measurements)


def throughput(standings: Standings) -> Page:
    """Return the comparison of all competitors in a workload."""
    rounds = "one round" if standings.rounds == 1 else f"median of {standings.rounds} rounds"
    rows = [_row(standings, competitor) for competitor in standings.summaries]
    blank = (_BLANK,) * (len(COLUMNS) - 2)
    rows += [(competitor.name, f"skipped: {reason}", *blank) for competitor, reason in standings.skipped.items()]
    return Page(f"{standings.commands:,} queued {standings.workload.title}, {rounds}", COLUMNS, rows, text_columns=2)


def _row(standings: Standings, competitor: Competitor) -> tuple[str, ...]:
    summary = standings.summaries[competitor]
    return (
        competitor.name,
        competitor.guarantees,
        str(standings.concurrencies[competitor] or _BLANK),
        f"{summary.rate:,.0f}",
        f"{summary.slowest:,.0f}-{summary.fastest:,.0f}",
        f"{summary.cpu_microseconds:,.0f}",
        _mebibytes(summary.peak_bytes),
        _ratio(standings.ratio(competitor, FASTSTREAM_BASELINE)),
        _ratio(standings.ratio(competitor, CEILING)),
    )


def _round_trips(measurements: Measurements) -> Page:
    rows = [
        (competitor.name, f"{latency.median:.2f}", f"{latency.p99:.2f}")
        for competitor, latency in measurements.round_trips.items()
    ]
    return Page("Sequential round trips", ("competitor", "median ms", "p99 ms"), rows)


def _loads(measurements: Measurements) -> Page:
    rows = [
        (competitor.name, f"{load.offered:,}", f"{load.latency.median:.2f}", f"{load.latency.p99:.2f}")
        if load.is_sustained
        else (competitor.name, f"{load.offered:,}", "not sustained", _BLANK)
        for competitor, loads in measurements.loads.items()
        for load in loads
    ]
    return Page("Latency at offered load", ("competitor", "commands/s", "median ms", "p99 ms"), rows)


def _backlogs(measurements: Measurements) -> Page:
    rows = [
        (f"{number:,}", f"{sample.rate:,.0f}", _mebibytes(sample.peak_bytes))
        for number, sample in measurements.backlogs.items()
    ]
    return Page("A backlog of creates, processed by crudmq", ("queued", "commands/s", "peak MiB"), rows)


def _in_two_lines(heading: str) -> str:
    """Break a heading near its middle, so that the table stays narrow."""
    tokens = heading.split()
    half = len(tokens) // 2
    return f"{' '.join(tokens[:half])}\n{' '.join(tokens[half:])}" if half else heading


def _ratio(ratio: float | None) -> str:
    return _BLANK if ratio is None else f"{ratio:.2f}"


def _mebibytes(peak: float | None) -> str:
    return _BLANK if peak is None else f"{peak / 2**20:,.0f}"
