"""`RESULTS.md`: the table, and what it was measured on."""

from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.machine import Machine
from bench.measure import Standings

_FILE = Path(__file__).parent / "RESULTS.md"
_TEXT = """\
# Results

Written by `make bench`; the numbers move with the machine and with what else runs on it, the ratios less so.

{machine}

{workloads}

{verdict}

- Each competitor is one process with uvloop, on a database and on quorum queues of its own that are filled beforehand.
  The rounds are interleaved.
- The clock runs from the line with which a competitor says that it consumes until the broker has counted its last
  event. It counts only if every row is there then, every command acknowledged, and, where an inbox is promised, every
  command in it and the outbox empty.
- `at once`: how many commands the competitor handles at a time, the best of several in a calibration beforehand.
- `guarantees`: `all` means inbox and outbox in the change's own transaction, publishes that the broker confirms, and
  acknowledgements only after that.
- CPU time and memory are the competitor's own, without the servers'.
"""


def write(machine: Machine, found: Sequence[Standings], verdict: str) -> None:
    """Write the file anew."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.facts())
    workloads = "\n\n".join(f"## {report.title(one)}\n\n{markdown(one)}" for one in found)
    text = _TEXT.format(machine=facts, workloads=workloads, verdict=verdict)
    _FILE.write_text(text, encoding="utf-8")


def markdown(standings: Standings) -> str:
    """Lay the standings out as a table of Markdown."""
    lines = [report.COLUMNS, ("---",) * len(report.COLUMNS)]
    lines += [report.cells(standings, one) for one in standings.summaries]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
