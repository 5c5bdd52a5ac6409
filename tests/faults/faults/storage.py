"""Faults of the database, and of the way to it."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import DBAPIError

from tests.faults.evidence import Expected
from tests.faults.failpoints import Asked
from tests.faults.fault import Fault, Run
from tests.faults.faults.watching import at_commit
from tests.faults.replica import wait
from tests.faults.rig.rig import Rig
from tests.faults.workload import HOT, Workload
from tests.support import sql

_A_WHILE = 5.0
_HELD = 25.0
_LATENCY = 0.02
_DEADLOCKS = 20

Injection = Callable[[Rig, Run], None]


def _stopped(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.postgres.stop_at_once()
    wait(_A_WHILE)
    rig.postgres.start()


def _read_only(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    wait(_A_WHILE)
    rig.postgres.execute("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


def _links_cut(rig: Rig, run: Run) -> None:
    for reset in (False, True, False):
        run.answered(60)
        rig.to_postgres.cut(reset=reset)


def _held(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.to_postgres.hold()
    wait(_HELD)
    rig.to_postgres.release()


def _delayed(rig: Rig, run: Run) -> None:
    run.answered(150)
    rig.to_postgres.delay(_LATENCY)
    wait(_A_WHILE)
    rig.to_postgres.delay(0)


def _commit_lost(rig: Rig, run: Run) -> None:
    for _ in range(5):
        run.answered(40)
        with at_commit(rig.to_postgres) as cut:
            assert cut.wait(30), "nothing was committed"


def _full(rig: Rig, run: Run) -> None:
    """Take all connections that there are, and end those of the service."""
    run.answered(150)
    with rig.postgres.without_room():
        wait(_A_WHILE)


def _on_small_disk(rig: Rig, run: Run) -> None:
    """Put the tables where there is little room; what PostgreSQL recovers from is elsewhere."""
    name = run.database_url.rpartition("/")[2]
    rig.postgres.execute(f'ALTER DATABASE "{name}" SET TABLESPACE {rig.disk.tablespace}')


def _disk_full(rig: Rig, run: Run) -> None:
    run.answered(150)
    with rig.disk.full():
        run.replica.wait_for_line("No space left on device", _HELD)
        wait(_A_WHILE)


def _few_connections(_rig: Rig, run: Run) -> None:
    """Have the only connection taken by a group that waits for a row, while others ask for one."""
    run.answered(150)
    one = f"SELECT id FROM people WHERE id = {HOT[0]} FOR UPDATE"  # noqa: S608 - a number of ours
    with sql.open_transaction(run.database_url, one):
        run.replica.wait_for_line("no connection was free in time", _HELD)


def _migrated(_rig: Rig, run: Run) -> None:
    for number in range(3):
        run.answered(60)
        sql.execute(run.database_url, f"ALTER TABLE people ADD COLUMN note_{number} text")


def _deadlocks(_rig: Rig, run: Run) -> None:
    """Lock rows in the order opposite to the service's, again and again: one of the two has to give way."""
    backwards = [f"SELECT id FROM people WHERE id = {key} FOR UPDATE" for key in reversed(HOT)]  # noqa: S608 - as above
    lost = 0
    for _ in range(_DEADLOCKS):
        run.answered(10)
        try:
            sql.execute(run.database_url, *backwards)
        except DBAPIError as exc:
            assert "deadlock" in str(exc).lower(), exc  # noqa: PT017 - others are faults of the test
            lost += 1
    run.notes.append(f"{lost} of {_DEADLOCKS} times it was not the service that gave way")


def _locked(_rig: Rig, run: Run) -> None:
    run.answered(150)
    some = f"SELECT id FROM people WHERE id BETWEEN {HOT[0]} AND {HOT[2]} FOR UPDATE"  # noqa: S608 - numbers of ours
    with sql.open_transaction(run.database_url, some):
        wait(_A_WHILE)


def _busy(_rig: Rig, run: Run) -> None:
    run.answered(150)
    with sql.open_transaction(run.database_url, "BEGIN IMMEDIATE"):
        wait(_A_WHILE)


def _serialized(_rig: Rig, run: Run) -> None:
    run.answered(300)


def _is_serializable(run: Run) -> None:
    name = run.database_url.rpartition("/")[2]
    sql.execute(run.database_url, f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable')


_INJECTIONS: Mapping[str, Injection] = {
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


def faults(rig: Rig) -> Sequence[Fault]:
    """Give the faults that are done to a database."""

    def inject(injection: Injection) -> Callable[[Run], None]:
        return lambda run: injection(rig, run)

    plain = [Fault(name, inject(injection)) for name, injection in _INJECTIONS.items()]
    return [
        *plain,
        Fault(
            "serialization failure",
            inject(_serialized),
            prepare=_is_serializable,
            replicas=2,
            expected=Expected(has_order=False, consumers=2),
        ),
        Fault("disk full", inject(_disk_full), prepare=inject(_on_small_disk)),
        Fault("pool exhausted", inject(_few_connections), asked=Asked(connections=1)),
        # SQLite gives the key of the last row again when that is deleted: its versions would begin anew.
        Fault("SQLite busy", inject(_busy), kind="sqlite", without=(Workload.delete_where,)),
        Fault("MariaDB deadlock", inject(_deadlocks), kind="mariadb"),
        Fault(
            "lock and statement timeout",
            inject(_locked),
            settings={"CRUDMQ_STATEMENT_TIMEOUT": "1s"},
            expected=Expected(unstored=frozenset({"timeout"})),
        ),
    ]
