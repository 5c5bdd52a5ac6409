"""Faults of number: many copies, many commands, several replicas, clocks that differ."""

from tests.faults.evidence import Expected
from tests.faults.failpoints import Asked
from tests.faults.fault import Fault, Run
from tests.faults.workload import COSTLY

_BACKLOG = 200_000
_EARLY = 20_000
_PEAK_GROWTH = 1.2
_OFF = 600
_TWO = Expected(has_order=False, consumers=2)


def _copies(run: Run) -> None:
    run.answered(run.fault.commands - len(run.answer_times()), 120)


def _clocks_differ(run: Run) -> None:
    run.answered(200)


def _backlog(run: Run) -> None:
    run.replica.terminate()
    assert run.load.wait_for(_BACKLOG, 600), "the backlog could not be published"
    run.load.enough(_BACKLOG)
    run.replica.start()
    run.answered(_EARLY, 600)
    early = run.replica.peak_bytes()
    run.answered(_BACKLOG - len(run.answer_times()), 1200)
    late = run.replica.peak_bytes()
    # What comes now stands behind nothing any more.
    run.over()
    run.notes.append(f"peak memory: {_mib(early)} at {_EARLY:,} commands, {_mib(late)} at the end")
    assert late <= _PEAK_GROWTH * early, run.notes[-1]


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


FAULTS = [
    Fault("100 copies of each command", _copies, copies=100, replicas=2, expected=_TWO, quiet_seconds=180),
    Fault("clock ten minutes ahead", _clocks_differ, asked=Asked(shift=_OFF), replicas=2, expected=_TWO),
    Fault("clock ten minutes behind", _clocks_differ, asked=Asked(shift=-_OFF), replicas=2, expected=_TWO),
    Fault("a backlog of 200,000", _backlog, without=COSTLY, window=None, quiet_seconds=1200),
]
