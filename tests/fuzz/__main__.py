"""`make fuzz`: publishes random and hostile messages, and prints a table of their outcomes."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.fuzz.bugs import Bug
from tests.fuzz.fuzzed import fuzz
from tests.fuzz.run import Report
from tests.support import databases

_MESSAGES = 100_000
_MAX_SECONDS = 1.0
_WIDTH = 120


def main(arguments: Sequence[str]) -> int:
    """Fuzz the service on each database, and return the exit code."""
    options = _arguments(arguments)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    kinds = options.only or databases.KINDS
    share = -(-options.messages // len(kinds))
    with TemporaryDirectory(prefix="crudmq-fuzz-") as directory:
        reports = {
            kind: asyncio.run(fuzz(kind, Path(directory), share, seed=options.seed, bug=options.bug)) for kind in kinds
        }
    console.print(_table(reports))
    findings = [f"{kind}: {finding}" for kind, report in reports.items() for finding in _findings(report)]
    for finding in findings:
        console.print(finding, style="red", markup=False, highlight=False)
    return 1 if findings else 0


def _findings(report: Report) -> list[str]:
    findings = list(report.findings)
    if report.slowest > _MAX_SECONDS:
        findings.append(f"a good command took {report.slowest:.1f} s")
    return findings


def _table(reports: dict[str, Report]) -> Table:
    names = ("database", "messages", "outcomes", "slowest good command", "memory", "files")
    table = Table(*names, title="Random messages")
    for kind, report in reports.items():
        outcomes = ", ".join(f"{code} {number:,}" for code, number in report.outcomes.most_common())
        memory = f"{report.first_bytes >> 20} to {report.last_bytes >> 20} MiB"
        files = f"{report.first_files} to {report.last_files}"
        table.add_row(kind, f"{report.messages.total():,}", outcomes, f"{report.slowest:.2f} s", memory, files)
    return table


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=_MESSAGES, help=f"on all databases together ({_MESSAGES:,})")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same messages (1)")
    parser.add_argument("--only", action="append", choices=databases.KINDS, help="only this database; may be repeated")
    parser.add_argument("--bug", type=Bug, choices=list(Bug), help="a deliberate bug, which must be found")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
