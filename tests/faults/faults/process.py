"""Faults of the process itself: it is killed, stopped, told to end, and comes back."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from tests.faults.evidence import Expected
from tests.faults.failpoints import Asked, Step
from tests.faults.fault import Fault, Run
from tests.faults.replica import wait
from tests.support import sql

_PAST_THE_LEASE = 6
"""Seconds; the child's lease is 3, and its relay looks every second."""
PAST_THE_HEARTBEAT = 35
"""Seconds, after which the broker has given up a connection that is silent."""
_EXIT_AT_ONCE = 1
_WAITING = 1_000


def killed(step: Step, lives: int = 3) -> Fault:
    """Kill -9 at a step, several times."""

    def inject(run: Run) -> None:
        for life in range(1, lives + 1):
            run.replica.died()
            run.over()
            if life == lives:
                run.replica.ask(Asked())
            run.replica.start()

    return Fault(f"kill -9 {step}", inject, asked=Asked(die=step))


def _crash_loop(run: Run) -> None:
    """Let it do little in each of 25 lives: what else it was handed comes back each time."""
    run.load.enough(_WAITING)
    run.replica.terminate()
    run.load.wait_for(_WAITING, 60)
    run.replica.ask(Asked(die=Step.RECEIVED, call=2))
    for _ in range(25):
        run.replica.launch()
        run.replica.died()
    run.over()
    run.replica.ask(Asked())
    run.replica.start()


def _restarts(run: Run) -> None:
    for _ in range(25):
        run.answered(15)
        run.replica.kill()
        run.over()
        run.replica.start()


def paused(seconds: float) -> Callable[[Run], None]:
    """Stop a process as it is, and let it go on later."""

    def inject(run: Run) -> None:
        run.answered(100)
        run.replica.pause()
        wait(seconds)
        run.over()
        run.replica.resume()

    return inject


def _terminated(run: Run) -> None:
    for _ in range(3):
        run.answered(100)
        run.replica.terminate()
        run.over()
        run.replica.start()


def _terminated_twice(run: Run) -> None:
    run.answered(100)
    with _locked(run):
        run.replica.signal_termination()
        run.replica.wait_for("finishing what is in hand")
        run.replica.signal_termination()
        assert run.replica.end() == _EXIT_AT_ONCE
    run.over()
    run.replica.start()


def _out_of_grace(run: Run) -> None:
    run.answered(100)
    with _locked(run):
        run.replica.signal_termination()
        assert run.replica.end() == _EXIT_AT_ONCE
    run.over()
    run.replica.start()


def rolled(run: Run) -> None:
    """Restart each replica, one after the other, as an update does."""
    for replica in [*run.replicas, *run.replicas]:
        run.answered(60)
        replica.terminate()
        replica.start()
    run.over()


def _locked(run: Run) -> AbstractContextManager[None]:
    """Hold every person's row, so that what is in hand cannot be finished."""
    return sql.open_transaction(run.database_url, "SELECT id FROM people FOR UPDATE")


def _several(replicas: int) -> Expected:
    return Expected(has_order=replicas == 1, consumers=replicas)


PAUSED = Fault("SIGSTOP past the lease", paused(_PAST_THE_LEASE))
TERMINATED = Fault("SIGTERM under load", _terminated)
FAULTS = [
    *(killed(step) for step in Step),
    Fault("25 restarts in a row", _restarts),
    Fault("25 lives of a single group", _crash_loop, window=None),
    PAUSED,
    Fault("SIGSTOP past the heartbeat", paused(PAST_THE_HEARTBEAT)),
    Fault("SIGSTOP past the lease, of two", paused(_PAST_THE_LEASE), replicas=2, expected=_several(2)),
    # What waits for a row that the one which stands still has changed, waits longer than a statement may take.
    Fault(
        "SIGSTOP past the heartbeat, of two",
        paused(PAST_THE_HEARTBEAT),
        replicas=2,
        expected=replace(_several(2), unstored=frozenset({"timeout"})),
    ),
    Fault("two relays", paused(_PAST_THE_LEASE), replicas=3, expected=_several(3)),
    TERMINATED,
    Fault("SIGTERM twice", _terminated_twice),
    Fault("SIGTERM, out of grace", _out_of_grace, settings={"CRUDMQ_SHUTDOWN_GRACE": "500ms"}),
    Fault("rolling restart, two replicas", rolled, replicas=2, expected=_several(2)),
]
