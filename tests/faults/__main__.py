"""`make faults`: every fault on servers of its own, and a table of what came of each."""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.faults import catalogue, report
from tests.faults.fault import Fault
from tests.faults.rig.rig import Rig
from tests.faults.scenario import Outcome, run


def main(arguments: Sequence[str]) -> int:
    """Run the faults that are asked for, and give the exit code."""
    asked = _arguments(arguments)
    console = Console(width=None if sys.stdout.isatty() else report.WIDTH)
    with TemporaryDirectory(prefix="crudmq-faults-") as directory, Rig(Path(directory)) as rig:
        os.environ.update(rig.environment)
        chosen = [fault for fault in catalogue.faults(rig) if re.search(asked.name, fault.name)]
        outcomes = [_one(fault, rig, console) for fault in chosen]
    found = [outcome for outcome in outcomes if outcome is not None]
    console.print(report.table(found))
    return 0 if outcomes and all(outcome is not None and outcome.is_good for outcome in outcomes) else 1


def _one(fault: Fault, rig: Rig, console: Console) -> Outcome | None:
    console.print(f"[bold]{fault.name}[/]")
    try:
        rig.mend()
        outcome = run(fault, rig.route)
    except Exception:  # noqa: BLE001 - the others are run all the same; this one counts as failed
        console.print(traceback.format_exc(), style="red", markup=False, highlight=False)
        return None
    report.tell(console, outcome)
    return outcome


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("-k", dest="name", default="", help="a regular expression: which faults to run, by name")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
