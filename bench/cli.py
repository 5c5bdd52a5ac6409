"""What can be typed: argv to a series of runs, and its verdicts to an exit code."""

import argparse
import asyncio
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from bench import report, results, series, targets
from bench.competitors import ALL, OURS, USUAL_WAY
from bench.machine import Machine
from bench.process import ProcessError
from bench.series import BACKLOGS, LOADS, ROUND_TRIPS, Plan
from bench.servers import Servers
from bench.trial import TrialError
from bench.workloads import ALL as WORKLOADS
from bench.workloads import CREATES
from service.cli.loop import run

_OTHERS = (ROUND_TRIPS, LOADS, BACKLOGS)
_FULL = Plan(ALL, WORKLOADS, _OTHERS, commands=10_000, rounds=3, calibration=500)
_QUICK = Plan((OURS, USUAL_WAY), (CREATES,), (), commands=5_000, rounds=3, calibration=500)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and give 0 where all targets that were measured are reached."""
    options = parse(arguments)
    told, shown = Console(stderr=True), Console(width=report.WIDTH)
    try:
        return run(_stoppable(_measure(plan(options), told, shown)))
    except (TrialError, ProcessError, OSError) as exc:
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
        "--only",
        action="append",
        choices=[*(one.name for one in WORKLOADS), *_OTHERS],
        help="measure this alone; may be given several times; keeps no results",
    )
    parser.add_argument(
        "--quick", action="store_true", help="creates, against the usual way alone, in under two minutes; keeps nothing"
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
    found = replace(
        preset,
        commands=commands,
        rounds=options.rounds or preset.rounds,
        calibration=min(preset.calibration, commands),
    )
    if not options.only:
        return found
    workloads = tuple(one for one in WORKLOADS if one.name in options.only)
    return replace(found, workloads=workloads, others=tuple(one for one in _OTHERS if one in options.only))


def _is_full(plan: Plan) -> bool:
    return (plan.competitors, plan.workloads, plan.others) == (_FULL.competitors, _FULL.workloads, _FULL.others)


async def _measure(plan: Plan, told: Console, shown: Console) -> int:
    servers = Servers.from_environment()
    found = await series.run(servers, plan, told)
    for page in report.pages(found):
        shown.print(page.for_terminal())
    if _is_full(plan):
        results.write(await Machine.of(servers), found)
    return 0 if all(verdict.is_reached for verdict in targets.verdicts(found)) else 1


async def _stoppable(work: Coroutine[Any, Any, int]) -> int:
    """Let SIGTERM end the work as Ctrl-C does: by cancelling it, so that everything is removed."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
