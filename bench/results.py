"""Writes `RESULTS.md` and its plot: the tables, and the machine that they were measured on."""

from pathlib import Path

from bench import plot, report
from bench.machine import Machine
from bench.measure import Measurements

_FOLDER = Path(__file__).parent
_TEXT = """\
# Results

Written by `make bench`. Figures depend on the machine and its load; ratios vary less. Method and limitations:
[docs/performance.md](../docs/performance.md).

{machine}

![throughput, and latency at offered load](results.svg)

{pages}

- Each competitor has a database and quorum queues of its own, filled in advance. The rounds are interleaved.
- The clock runs from the line in which a competitor reports that it consumes until the broker has counted its last
  event or reply. A run is valid only if all rows exist, all changes are made, every command is acknowledged, and, where
  an inbox is guaranteed, every write is in it and the outbox is empty.
- `concurrency`: how many commands the competitor handles at a time (ceiling: maximum number that share a transaction),
  the best of several in a calibration.
- `guarantees`: `all` means inbox and outbox in the change's own transaction, publisher confirms, and acknowledgements
  only after them.
- CPU time and memory are those of the competitor's processes together, without the servers.
- All but crudmq and the ceiling get a fifth of the commands, since they are slower: rates are compared.
"""


def write(machine: Machine, measurements: Measurements) -> None:
    """Overwrite both files."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.facts())
    pages = "\n\n".join(page.markdown() for page in report.pages(measurements))
    (_FOLDER / "RESULTS.md").write_text(_TEXT.format(machine=facts, pages=pages), encoding="utf-8")
    plot.draw(measurements, _FOLDER / "results.svg")
