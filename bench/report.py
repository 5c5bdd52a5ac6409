"""The tables: as rows of texts, for a terminal and for a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from bench import targets
from bench.competitor import Competitor
from bench.competitors import LIMIT, USUAL_WAY
from bench.measure import Findings, Standings

COLUMNS = (
    "competitor",
    "guarantees",
    "at once",
    "commands/s",
    "range",
    "CPU µs each",
    "peak MiB",
    f"to {USUAL_WAY.name}",
    f"to {LIMIT.name}",
)
WIDTH = 130
"""What a table needs, whether it goes to a terminal or to a file."""
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Page:
    """A table with its title."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1
    """The columns that are read from the left."""

    def for_terminal(self) -> Table:
        """Lay it out for a terminal."""
        found = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
        for index, column in enumerate(self.columns):
            found.add_column(_in_two_lines(column), justify="left" if index < self.texts else "right", no_wrap=True)
        for row in self.rows:
            found.add_row(*row)
        return found

    def markdown(self) -> str:
        """Lay it out as a section of Markdown."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{table}"


def pages(found: Findings) -> Iterator[Page]:
    """Give the tables of what was measured."""
    verdicts = [verdict.cells() for verdict in targets.verdicts(found)]
    if verdicts:
        yield Page("Targets", targets.COLUMNS, verdicts)
    yield from map(throughput, found.standings)
    if found.round_trips:
        rows = [(one.name, f"{trips.median:.2f}", f"{trips.p99:.2f}") for one, trips in found.round_trips.items()]
        yield Page("Round trips, one at a time", ("competitor", "median ms", "p99 ms"), rows)
    if found.loads:
        yield _loads(found)
    if found.backlogs:
        yield _backlogs(found)


def throughput(standings: Standings) -> Page:
    """Compare those who worked off the same commands."""
    rounds = "one round" if standings.rounds == 1 else f"median of {standings.rounds} rounds"
    rows = [_row(standings, one) for one in standings.summaries]
    blank = (_NONE,) * (len(COLUMNS) - 2)
    rows += [(one.name, f"left out: {reason}", *blank) for one, reason in standings.absent.items()]
    return Page(f"{standings.commands:,} waiting {standings.workload.title}, {rounds}", COLUMNS, rows, texts=2)


def _row(standings: Standings, one: Competitor) -> tuple[str, ...]:
    summary = standings.summaries[one]
    return (
        one.name,
        one.guarantees,
        str(standings.concurrencies[one] or _NONE),
        f"{summary.rate:,.0f}",
        f"{summary.slowest:,.0f}-{summary.fastest:,.0f}",
        f"{summary.cpu_microseconds:,.0f}",
        _mebibytes(summary.peak_bytes),
        _ratio(standings.ratio(one, USUAL_WAY)),
        _ratio(standings.ratio(one, LIMIT)),
    )


def _loads(found: Findings) -> Page:
    rows = [
        (one.name, f"{load.offered:,}", f"{load.trips.median:.2f}", f"{load.trips.p99:.2f}")
        if load.is_kept_up_with
        else (one.name, f"{load.offered:,}", "does not keep up", _NONE)
        for one, loads in found.loads.items()
        for load in loads
    ]
    return Page("Latency against offered load", ("competitor", "commands/s", "median ms", "p99 ms"), rows)


def _backlogs(found: Findings) -> Page:
    rows = [
        (f"{number:,}", f"{sample.rate:,.0f}", _mebibytes(sample.peak_bytes))
        for number, sample in found.backlogs.items()
    ]
    return Page("A backlog of creates, worked off by crudmq", ("waiting", "commands/s", "peak MiB"), rows)


def _in_two_lines(column: str) -> str:
    """Break a long heading after its first words, so that the table stays narrow."""
    words = column.split()
    half = len(words) // 2
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}" if half else column


def _ratio(ratio: float | None) -> str:
    return _NONE if ratio is None else f"{ratio:.2f}"


def _mebibytes(peak: float | None) -> str:
    return _NONE if peak is None else f"{peak / 2**20:,.0f}"
