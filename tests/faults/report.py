"""The outcomes of runs, as a table on the terminal and as a page of the documentation."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.faults.findings import Category
from tests.faults.scenario import RECOVERY_TARGET, Outcome

WIDTH = 150
_INTRODUCTION = """# Faults

Each row is a run of crudmq under load, into which `make faults` injects a fault. A run fails if the fault did not take
hold. A checker that shares no code with the service compares what was sent with the results, the events, the dead
letters, and the rows of the database.

| column | meaning |
| --- | --- |
| commands, confirmed | sent by the load; confirmed by the broker |
| ok, errors | by the first result. The load provokes errors: wrong versions, missing rows, invalid fields |
| repeats | results and events that arrived again, with the same bytes |
| lost | confirmed commands without an end, results or events that are missing, errors that are not allowed |
| duplicated | effects, results or events that there should be once |
| out of order | rows whose events arrived in another order than their versions; `-` where no order is guaranteed |
| seconds to recover | from the end of the fault until a new command was answered, after those that waited |
| allowed | what the fault may cause: it is not counted as lost |

`make faults ARGS="--write docs/faults.md"` writes this page.
"""
_FINDINGS_SHOWN = 10
_LINES_SHOWN = 30
_NOT_GUARANTEED = "-"
_COLUMNS = (
    "commands",
    "confirmed",
    "ok",
    "errors",
    "repeats",
    "lost",
    "duplicated",
    "out of order",
    "seconds to recover",
)


def show(console: Console, outcome: Outcome) -> None:
    """Print the proofs, notes and findings of one run, and the end of the service's log if it failed."""
    for proof in outcome.proofs:
        console.print(f"  injected: {proof}", markup=False, highlight=False)
    for note in outcome.notes:
        console.print(f"  {note}", highlight=False)
    for finding in outcome.verdict.findings[:_FINDINGS_SHOWN]:
        console.print(f"  [red]{finding.category}[/]: {finding.text}", highlight=False)
    hidden = len(outcome.verdict.findings) - _FINDINGS_SHOWN
    if hidden > 0:
        console.print(f"  and {hidden} more")
    if not outcome.is_good:
        console.print("\n".join(outcome.log.splitlines()[-_LINES_SHOWN:]), style="dim", markup=False, highlight=False)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return a table of the counts, with a row for each fault."""
    counts = Table("fault", box=None)
    for name in _COLUMNS:
        counts.add_column(name, justify="right")
    for outcome in outcomes:
        counts.add_row(outcome.fault.name, *_counts(outcome), style=None if outcome.is_good else "red")
    return counts


def page(outcomes: Sequence[Outcome], circumstances: str) -> str:
    """Return the page of the documentation with the same table."""
    header = ["fault", *_COLUMNS, "allowed"]
    lines = [_row(header), _row(["---"] * len(header))]
    lines += [_row([each.fault.name, *_counts(each), each.fault.allowed]) for each in outcomes]
    return "\n".join([_INTRODUCTION, circumstances, "", *lines, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counts(outcome: Outcome) -> list[str]:
    verdict = outcome.verdict
    out_of_order = str(verdict.count(Category.OUT_OF_ORDER)) if outcome.fault.expected.has_order else _NOT_GUARANTEED
    counts = (verdict.commands, verdict.confirmed, verdict.ok, verdict.errors, verdict.repeats)
    losses = (verdict.count(Category.LOST), verdict.count(Category.DUPLICATED))
    return [*map(str, (*counts, *losses)), out_of_order, _seconds(outcome.seconds_to_recover)]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds:.1f}{' (late)' if seconds > RECOVERY_TARGET else ''}"
