"""Faults of volume and of time: many copies, a long backlog, clocks that differ."""

import json
from datetime import UTC, datetime

from tests.faults.drain import queue_size
from tests.faults.evidence import Expected, Received
from tests.faults.fault import Fault, Run
from tests.faults.injection import Injection
from tests.faults.workload import COSTLY

_BACKLOG = 200_000
_EARLY = 20_000
_MAX_GROWTH = 1.2
_COPIES = 100
_FLOOD = 2_000
_FLOOD_BYTES = 100_000
_MAX_FLOOD_GROWTH = 200 * 2**20
"""The prefetch of 800 such bodies is 80 MB."""
_SHIFT = 600
_LIMIT = 3_600
"""Seconds; only what hangs takes that long."""
_TWO = Expected(has_order=False, consumers=2)


def _copies(run: Run) -> None:
    run.wait_answered(run.fault.commands - len(run.answer_times()), _LIMIT)
    commands = run.fault.commands
    run.prove(
        f"{commands} commands were confirmed in {_COPIES} copies each", holds=run.load.wait_confirmed(commands, _LIMIT)
    )

    def is_repeated() -> bool:
        answered = [result.command for result in list(run.observer.results)]
        return len(answered) > len(set(answered))

    run.prove_soon("repeats were answered", is_repeated)


def _clock_shifted(run: Run) -> None:
    run.wait_answered(200)
    shift = run.fault.injection.clock_shift
    run.prove_soon(
        f"events have times that are {abs(shift):.0f} s {'ahead' if shift > 0 else 'behind'}",
        lambda: any(_is_shifted(event, shift) for event in list(run.observer.events)),
    )


def _is_shifted(event: Received, shift: float) -> bool:
    time = datetime.fromisoformat(json.loads(event.body)["time"])
    # Half of it is more than a run takes.
    return (time - datetime.now(UTC)).total_seconds() / shift > 1 / 2


def _backlog(run: Run) -> None:
    run.replica.terminate()
    assert run.load.wait_confirmed(_BACKLOG, _LIMIT), "the backlog could not be published"
    run.load.set_goal(_BACKLOG)
    depth = queue_size(f"{run.prefix}.commands")[0]
    run.prove(f"{_BACKLOG:,} commands or more are sent, nearly all of them wait", holds=depth > _BACKLOG - _EARLY)
    run.replica.start()
    run.wait_answered(_EARLY, _LIMIT)
    early = run.replica.peak_bytes()
    run.wait_answered(_BACKLOG - len(run.answer_times()), _LIMIT)
    late = run.replica.peak_bytes()
    # From here on nothing waits ahead of a new command.
    run.end_fault()
    run.notes.append(f"peak memory: {_mib(early)} at {_EARLY:,} commands, {_mib(late)} at the end")
    assert late <= _MAX_GROWTH * early, run.notes[-1]


def _flood(run: Run) -> None:
    """Let the service find a backlog of large commands."""
    early = run.replica.peak_bytes()
    run.replica.terminate()
    assert run.load.wait_confirmed(_FLOOD, _LIMIT), "the flood could not be published"
    run.load.set_goal(_FLOOD)
    depth = queue_size(f"{run.prefix}.commands")[0]
    run.prove(f"{_FLOOD:,} commands of {_FLOOD_BYTES:,} bytes are sent, most of them wait", holds=depth > _FLOOD / 2)
    run.replica.start()
    run.wait_answered(_FLOOD - len(run.answer_times()), _LIMIT)
    late = run.replica.peak_bytes()
    run.end_fault()
    run.notes.append(f"peak memory: {_mib(early)} before the flood, {_mib(late)} after it")
    assert late - early < _MAX_FLOOD_GROWTH, run.notes[-1]


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


FAULTS = [
    Fault("100 copies of each command", _copies, copies=_COPIES, replicas=2, expected=_TWO, drain_seconds=1_200),
    Fault(
        "clock ten minutes ahead", _clock_shifted, injection=Injection(clock_shift=_SHIFT), replicas=2, expected=_TWO
    ),
    Fault(
        "clock ten minutes behind", _clock_shifted, injection=Injection(clock_shift=-_SHIFT), replicas=2, expected=_TWO
    ),
    Fault("a flood of 100 KB bodies", _flood, min_bytes=_FLOOD_BYTES, window=None),
    Fault("a backlog of 200,000", _backlog, without=COSTLY, window=None, drain_seconds=_LIMIT),
]
