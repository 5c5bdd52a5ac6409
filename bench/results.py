"""`RESULTS.md` and its plot: the tables, and what they were measured on."""

from pathlib import Path

from bench import plot, report
from bench.machine import Machine
from bench.measure import Findings

_FOLDER = Path(__file__).parent
_TEXT = """\
# Results

Written by `make bench`; the numbers move with the machine and with what else runs on it, the ratios less so. How it is
measured, and what it does not show: [docs/performance.md](../docs/performance.md).

{machine}

![throughput, and latency against offered load](results.svg)

{pages}

- Each competitor has a database and quorum queues of its own, filled beforehand. The rounds are interleaved.
- The clock runs from the line with which a competitor says that it consumes until the broker has counted its last
  event or answer. It counts only if all rows are there then, all changes made, every command acknowledged, and, where
  an inbox is promised, every write in it and the outbox empty.
- `at once`: how many commands the competitor handles at a time (the limit: how many share a transaction at most), the
  best of several in a calibration beforehand.
- `guarantees`: `all` means inbox and outbox in the change's own transaction, publishes that the broker confirms, and
  acknowledgements only after that.
- CPU time and memory are those of the competitor's processes together, without the servers'.
- All but crudmq and the limit are given a fifth of the commands, since they are slower: rates are compared.
"""


def write(machine: Machine, found: Findings) -> None:
    """Write both files anew."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.facts())
    pages = "\n\n".join(page.markdown() for page in report.pages(found))
    (_FOLDER / "RESULTS.md").write_text(_TEXT.format(machine=facts, pages=pages), encoding="utf-8")
    plot.draw(found, _FOLDER / "results.svg")
