"""`make faults`: injects every fault, into servers of its own, and prints a table of the outcomes."""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.faults import catalogue, report
from tests.faults.fault import Fault
from tests.faults.fixtures import requirements
from tests.faults.fixtures.servers import Servers
from tests.faults.scenario import Outcome, execute

_NOT_INSTALLED = 2


def main(arguments: Sequence[str]) -> int:
    """Inject the selected faults, and return the exit code."""
    selected = _arguments(arguments)
    if packages := requirements.missing():
        sys.stderr.write(
            "make faults starts its own RabbitMQ, PostgreSQL and MariaDB, outside containers: install the packages "
            f"{' '.join(packages)} (apt-get install), or programs of the same names on PATH\n"
        )
        return _NOT_INSTALLED
    console = Console(width=None if sys.stdout.isatty() else report.WIDTH)
    with TemporaryDirectory(prefix="crudmq-faults-") as directory, Servers(Path(directory)) as servers:
        faults = [fault for fault in catalogue.faults(servers) if re.search(selected.name, fault.name)]
        outcomes = [_execute(fault, servers, console) for fault in faults]
    finished = [outcome for outcome in outcomes if outcome is not None]
    console.print(report.table(finished))
    if selected.write:
        selected.write.write_text(report.page(finished, _circumstances(servers)), encoding="utf-8")
    return 0 if outcomes and len(finished) == len(outcomes) and all(outcome.is_good for outcome in finished) else 1


def _circumstances(servers: Servers) -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}, RabbitMQ {servers.broker_version}, {os.cpu_count()} cores."


def _execute(fault: Fault, servers: Servers, console: Console) -> Outcome | None:
    console.print(f"[bold]{fault.name}[/]")
    try:
        servers.repair()
        os.environ.update(servers.environment(fault.database, is_clustered=fault.is_clustered))
        outcome = execute(fault, servers.route)
    except Exception:  # noqa: BLE001 - this fault counts as failed, and the others are injected all the same
        console.print(traceback.format_exc(), style="red", markup=False, highlight=False)
        return None
    report.show(console, outcome)
    return outcome


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--write", type=Path, help="write the table to a page of the documentation")
    parser.add_argument("-k", dest="name", default="", help="a regular expression that selects faults by name")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
