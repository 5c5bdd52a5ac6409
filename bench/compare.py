"""Compares the working tree with another revision: both run alternately, in the same environment.

Run by `make bench-compare BASE=<revision>`. Prints a ratio for each measurement; above 1, the working tree is better.
Exits with 1 if a ratio is below the required minimum.
"""

import argparse
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.cli import positive, run_benchmark
from bench.latency import closed_loop
from bench.report import Page
from bench.servers import Servers
from bench.suite import ROUND_TRIPS
from bench.trial import Trial
from bench.versions import ROOT, Version, checked_out, competitor_of, migrated
from bench.workload import Workload
from bench.workloads import CREATES, FEW_CONFLICTS, MANY_CONFLICTS, UPDATES

_WORKLOADS = (CREATES, UPDATES, FEW_CONFLICTS, MANY_CONFLICTS)
_MEASUREMENTS = (*(workload.name for workload in _WORKLOADS), ROUND_TRIPS)
_ROUND_TRIP_REPEATS = 2
"""Blocks of round trips per block of the workloads: they are short, and vary more between processes."""
_COLUMNS = ("measurement", "base", "new", "ratio", "range", "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of both versions in one measurement, in pairs that were measured in succession."""

    name: str
    pairs: Sequence[tuple[float, float]]
    """Figures of the base and of the working tree."""
    lower_is_better: bool = False

    @property
    def ratios(self) -> list[float]:
        """The working tree relative to the base, for each pair; higher is better."""
        return [base / new if self.lower_is_better else new / base for base, new in self.pairs]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    def cells(self, minimum: float) -> tuple[str, ...]:
        """Return its table row."""
        base, new = (median(figures) for figures in zip(*self.pairs, strict=True))
        unit = "ms" if self.lower_is_better else "/s"
        digits = 2 if self.lower_is_better else 0
        spread = f"{min(self.ratios):.3f}-{max(self.ratios):.3f}"
        verdict = "ok" if self.ratio >= minimum else "SLOWER"
        return (
            self.name,
            f"{base:,.{digits}f} {unit}",
            f"{new:,.{digits}f} {unit}",
            f"{self.ratio:.3f}",
            spread,
            verdict,
        )


Measure = Callable[[Version], Awaitable[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the table, and return 0 if no ratio is below the minimum."""
    options = parse(arguments)
    try:
        with checked_out(options.base) as tree:
            return run_benchmark(_compare(tree, options), Console(stderr=True))
    except subprocess.CalledProcessError as exc:
        print(f"bench: {exc.stderr.decode().strip()}", file=sys.stderr)
        return 2


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("base", help="git revision to compare with")
    parser.add_argument("--commands", type=positive, default=10_000, help="number of queued commands (10,000)")
    parser.add_argument("--round-trips", type=positive, default=500, help="number of sequential round trips (500)")
    parser.add_argument("--rounds", type=positive, default=3, help="rounds of four runs: base, new, new, base (3)")
    parser.add_argument("--only", action="append", choices=_MEASUREMENTS, help="measure only this; may be repeated")
    parser.add_argument("--minimum", type=float, default=0.97, help="required ratio (0.97)")
    return parser.parse_args(arguments)


def alternating(base: Version, new: Version, rounds: int) -> Iterator[tuple[Version, Version]]:
    """Yield pairs to measure in succession, each version first in every other one, so that a drift cancels out."""
    for _ in range(rounds):
        yield base, new
        yield new, base


async def _compare(tree: Path, options: argparse.Namespace) -> int:
    servers = Servers.from_environment()
    async with (
        migrated(servers, competitor_of(tree, "base")) as base,
        migrated(servers, competitor_of(ROOT, "new")) as new,
    ):
        comparisons = [comparison async for comparison in _measure_all(servers, base, new, options)]
    rows = [comparison.cells(options.minimum) for comparison in comparisons]
    Console().print(Page(f"The working tree relative to {options.base}", _COLUMNS, rows).for_terminal())
    return 0 if all(comparison.ratio >= options.minimum for comparison in comparisons) else 1


async def _measure_all(
    servers: Servers, base: Version, new: Version, options: argparse.Namespace
) -> AsyncIterator[Comparison]:
    selected = options.only or _MEASUREMENTS
    for workload in (workload for workload in _WORKLOADS if workload.name in selected):
        measure = _throughput(servers, workload, options.commands)
        pairs = await _measure(workload.name, base, new, options.rounds, measure)
        yield Comparison(workload.name, pairs)
    if ROUND_TRIPS in selected:
        rounds = options.rounds * _ROUND_TRIP_REPEATS
        pairs = await _measure(ROUND_TRIPS, base, new, rounds, _round_trip(servers, options.round_trips))
        yield Comparison(ROUND_TRIPS, pairs, lower_is_better=True)


async def _measure(name: str, base: Version, new: Version, rounds: int, measure: Measure) -> list[tuple[float, float]]:
    pairs = []
    for pair in alternating(base, new, rounds):
        figures = {version: await measure(version) for version in pair}
        pairs.append((figures[base], figures[new]))
        print(f"{name}: base {figures[base]:,.2f}, new {figures[new]:,.2f}", file=sys.stderr)
    return pairs


def _throughput(servers: Servers, workload: Workload, commands: int) -> Measure:
    async def measure(version: Version) -> float:
        return (await Trial(version.competitor, None, workload, commands).run(servers, version.template)).rate

    return measure


def _round_trip(servers: Servers, number: int) -> Measure:
    async def measure(version: Version) -> float:
        return (await closed_loop(servers, version.template, version.competitor, None, number)).median

    return measure


if __name__ == "__main__":
    sys.exit(main())
