"""Command-line arguments to a benchmark plan, and its verdicts to an exit code."""

import argparse
import asyncio
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from bench import report, results, suite, targets
from bench.competitors import ALL, FASTSTREAM_BASELINE, OURS
from bench.machine import Machine
from bench.process import ProcessError
from bench.servers import Servers
from bench.suite import BACKLOGS, LOADS, ROUND_TRIPS, Plan
from bench.trial import TrialError
from bench.workloads import ALL as WORKLOADS
from bench.workloads import CREATES
from crudmq.aio import run

_EXTRAS = (ROUND_TRIPS, LOADS, BACKLOGS)
_FULL = Plan(ALL, WORKLOADS, _EXTRAS, commands=10_000, rounds=3, calibration=500)
_QUICK = Plan((OURS, FASTSTREAM_BASELINE), (CREATES,), (), commands=5_000, rounds=3, calibration=500)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the tables, and return 0 if all measured targets are reached."""
    options = parse(arguments)
    progress, output = Console(stderr=True), Console(width=report.WIDTH)
    return run_benchmark(_measure(plan(options), progress, output), progress)


def run_benchmark(work: Coroutine[Any, Any, int], progress: Console) -> int:
    """Run a benchmark, and return its exit code. SIGTERM and Ctrl-C cancel it, which removes what it created."""
    try:
        return run(_stoppable(work))
    except (TrialError, ProcessError, OSError) as exc:
        progress.print(f"bench: {str(exc) or type(exc).__name__}", style="red", markup=False)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        progress.print("bench: interrupted; its queues and databases are removed")
        return 130


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--commands", type=positive, help=f"number of queued commands ({_FULL.commands:,})")
    parser.add_argument("--rounds", type=positive, help=f"number of rounds ({_FULL.rounds})")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*(workload.name for workload in WORKLOADS), *_EXTRAS],
        help="measure only this; may be repeated; writes no results",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="measure only creates, and only against the FastStream baseline, in under two minutes; writes no results",
    )
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    """Return a positive integer, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def plan(options: argparse.Namespace) -> Plan:
    """Return the plan that the options describe."""
    preset = _QUICK if options.quick else _FULL
    commands = options.commands or preset.commands
    adjusted = replace(
        preset,
        commands=commands,
        rounds=options.rounds or preset.rounds,
        calibration=min(preset.calibration, commands),
    )
    if not options.only:
        return adjusted
    workloads = tuple(workload for workload in WORKLOADS if workload.name in options.only)
    return replace(adjusted, workloads=workloads, extras=tuple(name for name in _EXTRAS if name in options.only))


def _is_full(plan: Plan) -> bool:
    return (plan.competitors, plan.workloads, plan.extras) == (_FULL.competitors, _FULL.workloads, _FULL.extras)


async def _measure(plan: Plan, progress: Console, output: Console) -> int:
    servers = Servers.from_environment()
    measurements = await suite.run(servers, plan, progress)
    for page in report.pages(measurements):
        output.print(page.for_terminal())
    if _is_full(plan):
        results.write(await Machine.of(servers), measurements)
    return 0 if all(verdict.is_reached for verdict in targets.verdicts(measurements)) else 1


async def _stoppable(work: Coroutine[Any, Any, int]) -> int:
    """Make SIGTERM cancel the work, as Ctrl-C does."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
