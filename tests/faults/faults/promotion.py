"""Promotion of an asynchronous standby of PostgreSQL that lacks the last commits of its primary."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tests.faults import database
from tests.faults.evidence import Evidence
from tests.faults.failover import Failover
from tests.faults.fault import Fault, Run
from tests.faults.fixtures.postgres import Postgres
from tests.faults.fixtures.proxy import Effect, Proxy
from tests.faults.fixtures.servers import Servers
from tests.support import sql

_LOST = 300
_SMALL_GROUPS = {"CRUDMQ_GROUP_SIZE": "2"}
"""So that there are many outbox rows."""


def _promoted(servers: Servers, run: Run) -> None:
    """Fail over, and kill the service soon after, while outbox rows have the ids of lost ones that it remembers."""
    standby, link = run.stack.enter_context(servers.standby())
    # At the end the old primary has to drop the database.
    run.stack.callback(servers.repair)
    run.wait_answered(150)
    _hold(run, link)
    run.wait_answered(_LOST)
    _fail_over(servers, run, standby, link)
    run.wait_answered(10)
    run.replica.kill()
    run.end_fault()
    run.replica.start()


def _hold(run: Run, link: Proxy) -> None:
    link.hold()
    run.prove_soon("the standby receives nothing", lambda: link.effects[Effect.HELD] > 0)


def _fail_over(servers: Servers, run: Run, standby: Postgres, link: Proxy) -> None:
    servers.to_postgres.refuse()
    known, rows = database.inbox(run.database_url).keys(), _outbox(run)
    servers.postgres.stop_at_once()
    link.refuse()
    standby.promote()
    run.database_url = run.database_url.replace(f":{servers.postgres.port}/", f":{standby.port}/")
    failover = Failover(database.inbox(run.database_url).keys(), datetime.now(UTC))
    lacks = len(known - failover.kept)
    run.prove(f"the standby is a primary, and lacks {lacks} commands", holds=not standby.is_in_recovery and lacks > 0)
    # It would skip up to 32 ids; other databases skip none.
    sql.select(run.database_url, f"SELECT setval('crudmq_outbox_id_seq', {min(rows)}, false)")
    run.prove(f"the ids of {len(rows)} lost outbox rows are used again", holds=_outbox(run).isdisjoint(rows))
    run.amend = _noting(run, failover)
    servers.to_postgres.switch(standby.port)
    servers.to_postgres.accept()


def _outbox(run: Run) -> set[int]:
    return {identifier for (identifier,) in sql.select(run.database_url, "SELECT id FROM crudmq_outbox")}


def _noting(run: Run, failover: Failover) -> Callable[[Evidence], Evidence]:
    def amend(evidence: Evidence) -> Evidence:
        lost = failover.lost_commands(evidence)
        run.notes.append(f"{len(lost)} commands were lost with the old primary, after it had committed them")
        return failover.without_lost_commits(evidence)

    return amend


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of a failover."""
    return [
        Fault(
            "promotion of an asynchronous standby",
            lambda run: _promoted(servers, run),
            settings=_SMALL_GROUPS,
            may_lose="commits that the standby had not received; their results and events were sent",
            window=200,
        )
    ]
