"""What can be typed: argv to a series of runs, and its verdict to an exit code."""

import argparse
import asyncio
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

from rich.console import Console

from bench import report, results, series
from bench.competitors import ONE_SESSION_EACH, OURS
from bench.machine import Machine
from bench.series import Plan
from bench.servers import Servers
from bench.trial import TrialError
from bench.workload import CREATES
from service.cli.loop import run

TARGET = 3.0
"""How many times as fast as one session and transaction for each message the service has to be."""

_FULL = Plan(commands=10_000, rounds=3, calibration=1_000, tries=2)
_QUICK = Plan(commands=2_000, rounds=1, calibration=300, tries=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and give 0 where the target is reached."""
    options = parse(arguments)
    told, shown = Console(stderr=True), Console(width=report.WIDTH)
    try:
        return run(_stoppable(_measure(plan(options), told, shown, keep=not options.quick)))
    except (TrialError, OSError) as exc:
        told.print(f"bench: {exc}", style="red", markup=False)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        told.print("bench: stopped; its queues and databases are removed")
        return 130


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read argv."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--commands", type=_positive, help=f"how many commands wait ({_FULL.commands:,})")
    parser.add_argument("--rounds", type=_positive, help=f"how often each competitor runs ({_FULL.rounds})")
    parser.add_argument(
        "--quick", action="store_true", help="a first impression in under two minutes; keeps no results"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def plan(options: argparse.Namespace) -> Plan:
    """Say how much is run."""
    preset = _QUICK if options.quick else _FULL
    commands = options.commands or preset.commands
    return Plan(commands, options.rounds or preset.rounds, min(preset.calibration, commands), preset.tries)


async def _measure(plan: Plan, told: Console, shown: Console, *, keep: bool) -> int:
    servers = Servers.from_environment()
    machine = await Machine.of(servers)
    found = await series.run(servers, plan, told)
    ratio = next(one.ratio(OURS, ONE_SESSION_EACH) for one in found if one.workload is CREATES)
    verdict = report.verdict(ratio, TARGET)
    for standings in found:
        shown.print(report.table(standings))
    shown.print(verdict)
    if keep:
        results.write(machine, found, verdict)
    return 0 if ratio >= TARGET else 1


async def _stoppable(work: Coroutine[Any, Any, int]) -> int:
    """Let SIGTERM end the work as Ctrl-C does: by cancelling it, so that everything is removed."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
