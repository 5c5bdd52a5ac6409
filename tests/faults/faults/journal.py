"""Faults of the inbox and the outbox: rows that have outlived the retention, or are committed out of order."""

from crudmq.failpoints import Failpoint
from tests.faults import database
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.injection import Injection
from tests.faults.workload import OF_HOT_KEYS
from tests.support import sql

_PAST_THE_RETENTION = 8 * 24 * 60 * 60
"""Seconds; the default of `CRUDMQ_RETENTION` is 7 days."""
_AGE = f"UPDATE crudmq_inbox SET stored_at = stored_at - {_PAST_THE_RETENTION}"  # noqa: S608 - a constant
_EXPIRED = "SELECT count(*) FROM crudmq_inbox WHERE stored_at < EXTRACT(EPOCH FROM clock_timestamp()) - 7 * 86400"
_STABLE_ROUNDS = 3
_OVERTAKING = 300


def _expired(run: Run) -> None:
    """Let commands that took effect and were not acknowledged be redelivered after the retention of their inbox rows.

    The inbox still has them then, since nothing is pruned before deliveries have arrived for a while; later it has not.
    """
    run.prove(f"{run.replica.wait_died()}, killed before it acknowledged")
    expired = database.inbox(run.database_url).keys()
    aged = sql.execute(run.database_url, _AGE)
    run.prove(f"all {aged} inbox rows are older than the retention", holds=aged == len(expired) > 0)
    run.end_fault()
    run.replica.inject(Injection(stable_rounds=_STABLE_ROUNDS))
    run.replica.start()

    def is_replayed() -> bool:
        replays = [result for result in list(run.observer.results) if result.headers.get("x-replayed")]
        return any(database.digest(result.command or "") in expired for result in replays)

    run.prove_soon("a command with an expired row was redelivered, and answered from the inbox", is_replayed)
    # A redelivered command refreshes its row while it is not acknowledged.
    run.prove_soon("no row is expired any more", lambda: sql.select(run.database_url, _EXPIRED) == [(0,)])


def _overtaken(run: Run) -> None:
    """Let an outbox row get its id first and be committed last, by a process that dies before it publishes it."""
    run.prove(f"{run.replica.wait_paused()}, stopped")
    run.wait_answered(_OVERTAKING)
    run.prove(f"another replica has committed {_OVERTAKING} commands meanwhile")
    run.replica.resume()
    run.prove(f"{run.replica.wait_died()}, killed")
    run.end_fault()
    run.replica.inject()
    run.replica.start()


FAULTS = [
    Fault(
        "inbox row expired and command redelivered",
        _expired,
        injection=Injection(kill_at=Failpoint.CONFIRMED),
        expected=Expected(is_inbox_pruned=True),
    ),
    Fault(
        "commit order unlike id order",
        _overtaken,
        injection=Injection(pause_at=Failpoint.IN_TRANSACTION, kill_at=Failpoint.COMMITTED),
        replicas=2,
        without=OF_HOT_KEYS,
        window=2_000,
        expected=Expected(has_order=False, consumers=2),
    ),
]
