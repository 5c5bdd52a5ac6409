"""Faults of the process itself: it is killed, stopped, terminated, and started again."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from crudmq.failpoints import Failpoint
from tests.faults import log_events
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.injection import Injection
from tests.faults.replica import LIMIT, wait
from tests.support import sql

_PAST_THE_LEASE = 6
"""Seconds; the lease of the child process is 3, and it looks for expired ones every second."""
PAST_THE_HEARTBEAT = 35
"""Seconds, after which the broker has closed a silent connection."""
_LONG_LEASE = 15
_LEASED_FOR_LONG = "SELECT id FROM crudmq_outbox WHERE leased_until > EXTRACT(EPOCH FROM clock_timestamp()) + 5"
"""Only the replica with the long lease has such rows."""
_OUTBOX = "SELECT id FROM crudmq_outbox"
_FORCED_EXIT = 1
_BACKLOG = 1_000
_RESTARTS = 25
KILLED_AT = (
    Failpoint.RECEIVED,
    Failpoint.IN_TRANSACTION,
    Failpoint.COMMITTED,
    Failpoint.PUBLISHING,
    Failpoint.CONFIRMED,
)


def killed(point: Failpoint, lives: int = 3) -> Fault:
    """Return the fault that kills the process at a failpoint, several times."""

    def inject(run: Run) -> None:
        for life in range(1, lives + 1):
            run.prove(f"{run.replica.wait_died()}, killed")
            run.end_fault()
            if life == lives:
                run.replica.inject()
            run.replica.start()

    return Fault(f"kill -9: {point.replace('_', ' ')}", inject, injection=Injection(kill_at=point))


def _crash_loop(run: Run) -> None:
    """Let it handle one group in each of 25 lives: its other deliveries are returned to the queue each time."""
    run.load.set_goal(_BACKLOG)
    run.replica.terminate()
    assert run.load.wait_confirmed(_BACKLOG, LIMIT), "the backlog was not confirmed"
    run.replica.inject(Injection(kill_at=Failpoint.RECEIVED, call=2))
    for life in range(_RESTARTS):
        run.replica.launch()
        proof = run.replica.wait_died()
        assert run.unanswered(), f"nothing was left to do in life {life}"
    run.prove(f"{proof}, killed in each of {_RESTARTS} lives")
    run.end_fault()
    run.replica.inject()
    run.replica.start()


def _restarts(run: Run) -> None:
    for _ in range(_RESTARTS):
        run.wait_answered(15)
        run.replica.kill()
        run.end_fault()
        run.replica.start()
    run.prove(f"killed and started {_RESTARTS} times")


def paused(seconds: float) -> Callable[[Run], None]:
    """Return an injection that stops the process and continues it later."""

    def inject(run: Run) -> None:
        run.wait_answered(100)
        run.replica.pause()
        run.prove_soon("the process is stopped", lambda: run.replica.is_paused)
        wait(seconds)
        run.prove(f"the process is still stopped after {seconds} s", holds=run.replica.is_paused)
        run.end_fault()
        run.replica.resume()

    return inject


def _relayed(run: Run) -> None:
    """Stop the process after a commit, before it publishes: the other replicas publish when its lease has expired."""
    proof = run.replica.wait_paused()
    rows = {identifier for (identifier,) in sql.select(run.database_url, _LEASED_FOR_LONG)}
    run.prove(f"{proof}, stopped: the outbox has its rows", holds=bool(rows))
    run.prove_soon(
        "other replicas have published its rows while it was stopped",
        lambda: rows.isdisjoint(identifier for (identifier,) in sql.select(run.database_url, _OUTBOX)),
    )
    run.prove("the process is still stopped", holds=run.replica.is_paused)
    run.end_fault()
    run.replica.resume()


def _terminated(run: Run) -> None:
    for _ in range(3):
        run.wait_answered(100)
        has_work = run.unanswered() > 0
        run.replica.terminate()
        run.prove("SIGTERM with unanswered commands ended it with 0", holds=has_work)
        run.end_fault()
        run.replica.start()


def _terminated_twice(run: Run) -> None:
    run.wait_answered(100)
    with _locked(run):
        run.replica.signal_termination()
        run.replica.wait_for(log_events.DRAINING, LIMIT)
        run.replica.signal_termination()
        code = run.replica.end()
    run.prove("the second SIGTERM ended it with 1 while it drained", holds=code == _FORCED_EXIT)
    run.end_fault()
    run.replica.start()


def _out_of_grace(run: Run) -> None:
    run.wait_answered(100)
    with _locked(run):
        run.replica.signal_termination()
        code = run.replica.end()
    run.prove("it ended with 1 after its grace period", holds=code == _FORCED_EXIT)
    run.end_fault()
    run.replica.start()


def rolled(run: Run) -> None:
    """Restart each replica, one after the other, as a deployment does."""
    for replica in [*run.replicas, *run.replicas]:
        run.wait_answered(60)
        assert run.unanswered(), "nothing was left to do"
        replica.terminate()
        replica.start()
    run.prove("each replica was terminated twice, with unanswered commands")
    run.end_fault()


def _locked(run: Run) -> AbstractContextManager[None]:
    """Lock every person's row, so that the commands in flight cannot finish."""
    return sql.open_transaction(run.database_url, "SELECT id FROM people FOR UPDATE")


def _several(replicas: int) -> Expected:
    return Expected(has_order=replicas == 1, consumers=replicas)


PAUSED = Fault("SIGSTOP past the lease", paused(_PAST_THE_LEASE))
TERMINATED = Fault("SIGTERM under load", _terminated)
FAULTS = [
    *(killed(point) for point in KILLED_AT),
    Fault("25 restarts in a row", _restarts),
    Fault("25 lives of a single group", _crash_loop, window=None),
    PAUSED,
    Fault("SIGSTOP past the heartbeat", paused(PAST_THE_HEARTBEAT)),
    Fault("SIGSTOP past the lease, of two", paused(_PAST_THE_LEASE), replicas=2, expected=_several(2)),
    # A command that waits for a row locked by the stopped process waits longer than the statement timeout.
    Fault(
        "SIGSTOP past the heartbeat, of two",
        paused(PAST_THE_HEARTBEAT),
        replicas=2,
        expected=replace(_several(2), unstored=frozenset({"timeout"})),
    ),
    Fault(
        "two relays",
        _relayed,
        injection=Injection(pause_at=Failpoint.COMMITTED, lease=_LONG_LEASE),
        replicas=3,
        expected=_several(3),
    ),
    TERMINATED,
    Fault("SIGTERM twice", _terminated_twice),
    Fault("SIGTERM, out of grace", _out_of_grace, settings={"CRUDMQ_SHUTDOWN_GRACE": "500ms"}),
    Fault("rolling restart, two replicas", rolled, replicas=2, expected=_several(2)),
]
