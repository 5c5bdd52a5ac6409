"""Faults of the inbox and the outbox: rows that are older than they may be, or committed in another order."""

from tests.faults.evidence import Expected
from tests.faults.failpoints import Asked, Step
from tests.faults.fault import Fault, Run
from tests.faults.workload import OF_HOT_KEYS
from tests.support import sql

_GROW_OLD = """
    SELECT count(*) FROM crudmq_inbox WHERE stored_at < (SELECT max(stored_at) - 7 * 24 * 60 * 60 FROM crudmq_inbox)
"""
_OLD = """
    SELECT count(*) FROM crudmq_inbox WHERE stored_at < (SELECT max(stored_at) - 7 * 24 * 60 * 60 FROM crudmq_inbox)
"""
_SECONDS = 30


def _forgotten(run: Run) -> None:
    """Let what was done and not acknowledged come again when the inbox has kept it for longer than it has to."""
    run.replica.died()
    sql.execute(run.database_url, _GROW_OLD)
    run.over()
    run.replica.ask(Asked())
    run.replica.start()
    assert run.wait_until(lambda: sql.select(run.database_url, _OLD) == [(0,)], _SECONDS), "nothing was forgotten"


def _overtaken(run: Run) -> None:
    """Let a row of the outbox get its id first and be committed last, by one that dies before it publishes."""
    assert run.wait_until(lambda: run.replica.is_paused, _SECONDS), "it did not stop in its transaction"
    run.answered(300)
    run.replica.resume()
    run.replica.died()
    run.over()
    run.replica.ask(Asked())
    run.replica.start()


FAULTS = [
    Fault(
        "inbox row expired and command redelivered",
        _forgotten,
        asked=Asked(die=Step.CONFIRMED),
        expected=Expected(forgotten=True),
    ),
    Fault(
        "commit order unlike id order",
        _overtaken,
        asked=Asked(pause=True, die=Step.COMMITTED),
        replicas=2,
        without=OF_HOT_KEYS,
        window=2_000,
        expected=Expected(has_order=False, consumers=2),
    ),
]
