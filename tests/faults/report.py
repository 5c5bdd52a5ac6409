"""The outcome of runs, as a table for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.faults.findings import Kind
from tests.faults.scenario import MOST_SECONDS, Outcome

WIDTH = 150
_FINDINGS_SHOWN = 10
_LINES_SHOWN = 30
_NOT_PROMISED = "-"
_COLUMNS = ("commands", "confirmed", "ok", "errors", "repeats", "lost", "doubled", "out of order", "seconds to recover")


def tell(console: Console, outcome: Outcome) -> None:
    """Say what was noted and found in one run; what the service logged, where it did not go well."""
    for note in outcome.notes:
        console.print(f"  {note}", highlight=False)
    for finding in outcome.verdict.findings[:_FINDINGS_SHOWN]:
        console.print(f"  [red]{finding.kind}[/]: {finding.text}", highlight=False)
    more = len(outcome.verdict.findings) - _FINDINGS_SHOWN
    if more > 0:
        console.print(f"  and {more} more")
    if not outcome.is_good:
        console.print("\n".join(outcome.log.splitlines()[-_LINES_SHOWN:]), style="dim", markup=False, highlight=False)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Lay out the counts, a row for each fault."""
    found = Table("fault", box=None)
    for name in _COLUMNS:
        found.add_column(name, justify="right")
    for outcome in outcomes:
        found.add_row(outcome.fault.name, *_counts(outcome), style=None if outcome.is_good else "red")
    return found


def _counts(outcome: Outcome) -> list[str]:
    verdict = outcome.verdict
    disorder = str(verdict.count(Kind.DISORDER)) if outcome.fault.expected.has_order else _NOT_PROMISED
    counts = (verdict.commands, verdict.confirmed, verdict.ok, verdict.errors, verdict.repeats)
    losses = (verdict.count(Kind.LOST), verdict.count(Kind.DOUBLED))
    return [*map(str, (*counts, *losses)), disorder, _seconds(outcome.seconds)]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds:.1f}{' (late)' if seconds > MOST_SECONDS else ''}"
