"""Faults of the database, and of the link to it."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from tests.faults import log_events
from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.faults.cutting import at_commit, at_mariadb_commit
from tests.faults.fixtures.proxy import Effect
from tests.faults.fixtures.servers import Servers
from tests.faults.injection import Injection
from tests.faults.replica import LIMIT, wait
from tests.faults.workload import HOT, Workload
from tests.support import sql

_SHORT = 5.0
_HALF_OPEN = 25.0
_LATENCY = 0.02
_DEADLOCKS = 20

Inject = Callable[[Servers, Run], None]


def _stopped(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    servers.postgres.stop_at_once()
    run.prove("PostgreSQL is stopped and refuses connections", holds=not servers.postgres.is_up)
    wait(_SHORT)
    servers.postgres.start()


def _read_only(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    with _logging(servers, run, "in a read-only transaction"):
        servers.postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        run.prove_soon("PostgreSQL is read-only", servers.postgres.is_read_only)
        wait(_SHORT)
    servers.postgres.execute("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


def _links_cut(servers: Servers, run: Run) -> None:
    for reset in (False, True, False):
        run.wait_answered(60)
        links = servers.to_postgres.cut(reset=reset)
        run.prove(f"{links} links to PostgreSQL were {'reset' if reset else 'closed'}", holds=links > 0)


def _held(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    before = servers.to_postgres.effects[Effect.HELD]
    servers.to_postgres.hold()
    run.prove_soon("the proxy holds bytes", lambda: servers.to_postgres.effects[Effect.HELD] > before)
    wait(_HALF_OPEN)
    servers.to_postgres.release()


def _delayed(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    before = servers.to_postgres.effects[Effect.DELAYED]
    servers.to_postgres.delay(_LATENCY)
    wait(_SHORT)
    run.prove_soon("the proxy has delayed bytes", lambda: servers.to_postgres.effects[Effect.DELAYED] > before)
    servers.to_postgres.delay(0)


def _commit_lost(servers: Servers, run: Run) -> None:
    for number in range(1, 6):
        run.wait_answered(40)
        with at_commit(servers.to_postgres) as cut:
            run.prove(f"the link was cut at reply {number} to COMMIT", holds=cut.wait(LIMIT))


def _mariadb_commit_lost(servers: Servers, run: Run) -> None:
    for number in range(1, 6):
        run.wait_answered(40)
        with at_mariadb_commit(servers.to_mariadb) as cut:
            run.prove(f"the link was cut at reply {number} to COMMIT", holds=cut.wait(LIMIT))


def _full(servers: Servers, run: Run) -> None:
    """Close the service's connections, and hold all that the server allows."""
    run.wait_answered(150)
    with servers.postgres.without_room():
        run.prove("PostgreSQL refuses one more connection", holds=servers.postgres.refuses_connections())
        wait(_SHORT)


def _on_small_disk(servers: Servers, run: Run) -> None:
    """Put the tables on the small disk; the write-ahead log is on another one."""
    name = run.database_url.rpartition("/")[2]
    servers.postgres.execute(f'ALTER DATABASE "{name}" SET TABLESPACE {servers.disk.tablespace}')


def _disk_full(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    with _logging(servers, run, "No space left on device"), servers.disk.full():
        run.prove("the disk is full", holds=servers.disk.free_bytes == 0)
        run.replica.wait_for_line("No space left on device", LIMIT)
        wait(_SHORT)


def _few_connections(_servers: Servers, run: Run) -> None:
    """Let a group that waits for a row hold the only connection, while other tasks wait for one."""
    run.wait_answered(150)
    lock = f"SELECT id FROM people WHERE id = {HOT[0]} FOR UPDATE"  # noqa: S608 - a constant
    with sql.open_transaction(run.database_url, lock):
        run.replica.wait_for_line(log_events.NO_FREE_CONNECTION, LIMIT)
    run.prove(f"the service logged: {log_events.NO_FREE_CONNECTION}")


def _migrated(_servers: Servers, run: Run) -> None:
    added = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'people' AND column_name LIKE 'note%'"
    for number in range(3):
        run.wait_answered(60)
        sql.execute(run.database_url, f"ALTER TABLE people ADD COLUMN note_{number} text")
    run.prove("3 columns were added", holds=sql.select(run.database_url, added) == [(3,)])


def _deadlocks(servers: Servers, run: Run) -> None:
    """Let PostgreSQL detect a deadlock with the service."""
    with _logging(servers, run, "deadlock detected"):
        _lock_backwards(run)


def _mariadb_deadlocks(_servers: Servers, run: Run) -> None:
    """Let MariaDB, which has no log for this, detect a deadlock with the service."""
    before = _mariadb_deadlock_count(run)
    _lock_backwards(run)
    run.prove("MariaDB has counted a deadlock", holds=_mariadb_deadlock_count(run) > before)


def _mariadb_deadlock_count(run: Run) -> int:
    return int(sql.select(run.database_url, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")[0][1])


def _lock_backwards(run: Run) -> None:
    """Lock rows in the order opposite to the service's, again and again: one of the two has to be rolled back."""
    backwards = [f"SELECT id FROM people WHERE id = {key} FOR UPDATE" for key in reversed(HOT)]  # noqa: S608 - as above
    lost = 0
    for _ in range(_DEADLOCKS):
        run.wait_answered(10)
        try:
            sql.execute(run.database_url, *backwards)
        except DBAPIError as exc:
            assert "deadlock" in str(exc).lower(), exc  # noqa: PT017 - other errors are bugs of the test
            lost += 1
    run.notes.append(f"{lost} of {_DEADLOCKS} times the service's transaction was not the one rolled back")


def _locked(servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    lock = f"SELECT id FROM people WHERE id BETWEEN {HOT[0]} AND {HOT[2]} FOR UPDATE"  # noqa: S608 - constants
    with _logging(servers, run, "timeout"), sql.open_transaction(run.database_url, lock):
        wait(_SHORT)


def _busy(_servers: Servers, run: Run) -> None:
    run.wait_answered(150)
    with sql.open_transaction(run.database_url, "BEGIN IMMEDIATE"):
        run.prove("SQLite is locked", holds=_is_locked(str(make_url(run.database_url).database)))
        wait(_SHORT)


def _is_locked(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            return "locked" in str(exc)
    return False


def _serialized(servers: Servers, run: Run) -> None:
    with _logging(servers, run, "could not serialize access"):
        run.wait_answered(300)


def _is_serializable(run: Run) -> None:
    name = run.database_url.rpartition("/")[2]
    sql.execute(run.database_url, f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable')


@contextmanager
def _logging(servers: Servers, run: Run, error: str) -> Iterator[None]:
    """Prove at the end of the block that PostgreSQL has logged an error within it."""
    size = len(servers.postgres.log)
    yield
    run.prove_soon(f"PostgreSQL has logged: {error}", lambda: error in servers.postgres.log[size:])


_FAULTS: Mapping[str, Inject] = {
    "PostgreSQL immediate stop and restart": _stopped,
    "read-only": _read_only,
    "links to PostgreSQL cut and reset": _links_cut,
    "half-open link to PostgreSQL": _held,
    "20 ms to PostgreSQL": _delayed,
    "COMMIT's reply lost": _commit_lost,
    "no connection left": _full,
    "a migration in the middle of traffic": _migrated,
    "deadlock": _deadlocks,
}


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of a database."""

    def bind(inject: Inject) -> Callable[[Run], None]:
        return lambda run: inject(servers, run)

    return [
        *(Fault(name, bind(inject)) for name, inject in _FAULTS.items()),
        Fault(
            "serialization failure",
            bind(_serialized),
            prepare=_is_serializable,
            replicas=2,
            expected=Expected(has_order=False, consumers=2),
        ),
        Fault("disk full", bind(_disk_full), prepare=bind(_on_small_disk)),
        Fault("pool exhausted", bind(_few_connections), injection=Injection(pool_size=1)),
        # SQLite reuses the key of the last row once it is deleted: its versions would begin again.
        Fault("SQLite busy", bind(_busy), database="sqlite", without=(Workload.delete_where,)),
        Fault("MariaDB: COMMIT's reply lost", bind(_mariadb_commit_lost), database="mariadb"),
        Fault("MariaDB deadlock", bind(_mariadb_deadlocks), database="mariadb"),
        Fault(
            "lock and statement timeout",
            bind(_locked),
            settings={"CRUDMQ_STATEMENT_TIMEOUT": "1s"},
            expected=Expected(unstored=frozenset({"timeout"})),
        ),
    ]
