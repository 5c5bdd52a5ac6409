"""The translation of database errors: each is provoked on a real server, and is the same on all databases."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    delete,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.storage.constraints import Constraint, as_mapped
from crudmq.storage.database import Database
from crudmq.storage.dialects import dialect_of
from crudmq.storage.errors import (
    ConstraintViolation,
    DatabaseFault,
    DatabaseUnavailable,
    DataError,
    ResourceLimitExceeded,
    SchemaMismatch,
    StatementTimeout,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)
from crudmq.storage.translation import translated
from tests.support import databases

ALL = frozenset(databases.KINDS)
SERVERS = ALL - {"sqlite"}
TIMEOUT = timedelta(seconds=2)

metadata = MetaData()
parents = Table(
    "parents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(10), unique=True),
    CheckConstraint("code <> 'forbidden'"),
)
children = Table(
    "children",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent_id", ForeignKey("parents.id", name="fk_children_parent")),
    Column("guardian_id", ForeignKey("parents.id")),
    Column("label", String(5), nullable=False),
    Column("size", SmallInteger),
    Column("born", Date),
    Column("nickname", String(20)),
    UniqueConstraint("label", "size", name="uq_children_label_size"),
    CheckConstraint("size > 0", name="ck_children_size"),
    CheckConstraint("size < 30000", name="ck_children_large"),
    Index("ix_children_nickname", "nickname", unique=True),
)
notes = Table("notes", metadata, Column("id", Integer, primary_key=True), Column("text", Text))
Index("ix_notes_text", notes.c.text, mysql_length=20)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url, statement_timeout=TIMEOUT)
    async with database.writing_engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with database.writing.begin() as session:
        await add(session, parents, code="one")
        await add(session, parents, code="two")
        await add(session, children, parent_id=1, label="a", size=1, nickname="al")
    yield database
    await database.close()


async def add(session: AsyncSession, table: Table, **values: Any) -> None:  # noqa: ANN401 - any column's value
    await dialect_of(session).insert_rows(session, table, tuple(table.columns), [values])


async def remove(session: AsyncSession, key: int) -> None:
    rows = [dict(row) for row in (await session.execute(select(parents).where(parents.c.id == key))).mappings()]
    async with dialect_of(session).explaining_foreign_key_violation(session, parents, rows, deleting=True):
        await session.execute(delete(parents).where(parents.c.id == key))


Cause = Callable[[AsyncSession], Awaitable[Any]]


@dataclass(frozen=True)
class Violation:
    """A write, and the constraint that it violates."""

    cause: Cause
    constraint: Constraint


VIOLATIONS = {
    "a key twice": Violation(lambda s: add(s, parents, id=1, code="x"), Constraint("unique", "parents", None, ("id",))),
    "a unique column without a name": Violation(
        lambda s: add(s, parents, id=3, code="one"), Constraint("unique", "parents", None, ("code",))
    ),
    "a unique value after a change": Violation(
        lambda s: s.execute(update(parents).where(parents.c.id == 2).values(code="one")),
        Constraint("unique", "parents", None, ("code",)),
    ),
    "a unique constraint with a name": Violation(
        lambda s: add(s, children, label="a", size=1),
        Constraint("unique", "children", "uq_children_label_size", ("label", "size")),
    ),
    "a unique index": Violation(
        lambda s: add(s, children, label="b", nickname="al"),
        Constraint("unique", "children", "ix_children_nickname", ("nickname",)),
    ),
    "a value with a quote in it": Violation(
        lambda s: dialect_of(s).insert_rows(s, parents, [parents.c.id], [{"code": "for key '"}, {"code": "for key '"}]),
        Constraint("unique", "parents", None, ("code",)),
    ),
    "a missing parent": Violation(
        lambda s: add(s, children, label="b", parent_id=9),
        Constraint("foreign_key", "children", "fk_children_parent", ("parent_id",)),
    ),
    "a missing parent of a foreign key without a name": Violation(
        lambda s: add(s, children, label="b", parent_id=1, guardian_id=9),
        Constraint("foreign_key", "children", None, ("guardian_id",)),
    ),
    "a parent that is still referenced": Violation(
        lambda s: remove(s, 1), Constraint("foreign_key", "children", "fk_children_parent", ("parent_id",))
    ),
    "a check with a name": Violation(
        lambda s: add(s, children, label="b", size=0), Constraint("check", "children", "ck_children_size")
    ),
    "a check without a name": Violation(
        lambda s: add(s, parents, id=3, code="forbidden"), Constraint("check", "parents", None)
    ),
    "null": Violation(
        lambda s: add(s, children, label=None, size=2), Constraint("not_null", "children", None, ("label",))
    ),
    "null after a change": Violation(
        lambda s: s.execute(update(children).values(label=None)), Constraint("not_null", "children", None, ("label",))
    ),
    "no value where one is required": Violation(
        lambda s: add(s, children, size=2), Constraint("not_null", "children", None, ("label",))
    ),
}


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_violated_constraint_is_named_alike_on_all_databases(database: Database, violation: Violation) -> None:
    with pytest.raises(ConstraintViolation) as error, translated():
        async with database.writing.begin() as session:
            await violation.cause(session)
    assert as_mapped(error.value.constraint, metadata.tables.values()) == violation.constraint


def sql(statement: str, **values: Any) -> Cause:  # noqa: ANN401 - any bound value
    return lambda session: session.execute(text(statement), values)


async def lock_timeout(session: AsyncSession) -> None:
    statements = {"postgresql": "SET lock_timeout = '50ms'", "mysql": "SET innodb_lock_wait_timeout = 1"}
    await session.execute(text(statements[session.get_bind().dialect.name]))
    await locked(session)


async def locked(session: AsyncSession) -> None:
    """Wait for a row that another transaction has locked."""
    async with AsyncSession(session.bind, info=session.info) as other:
        await other.execute(select(parents).where(parents.c.id == 1).with_for_update())
        await session.execute(select(parents).where(parents.c.id == 1).with_for_update())


async def deadlock(session: AsyncSession) -> None:
    async with AsyncSession(session.bind, info=session.info) as other:
        for each, key in (session, 1), (other, 2):
            await each.execute(update(parents).where(parents.c.id == key).values(code=f"new{key}"))
        crossed = [
            each.execute(update(parents).where(parents.c.id == key).values(code=f"newer{key}"))
            for each, key in ((session, 2), (other, 1))
        ]
        results = await asyncio.gather(*crossed, return_exceptions=True)
        (error,) = [result for result in results if isinstance(result, BaseException)]
        await other.rollback()
        raise error


async def outdated(session: AsyncSession) -> None:
    """Read, and then write when another transaction has written meanwhile."""
    connection = await session.connection(execution_options={"sqlite_begin": "DEFERRED"})
    await connection.execute(select(parents))
    async with AsyncSession(session.bind, info=session.info) as other, other.begin():
        await add(other, parents, id=7, code="seven")
    await add(session, parents, id=8, code="eight")


async def killed(session: AsyncSession) -> None:
    postgresql = session.get_bind().dialect.name == "postgresql"
    own, kill = (
        ("pg_backend_pid()", "SELECT pg_terminate_backend(:id)") if postgresql else ("connection_id()", "KILL :id")
    )
    own_id = await session.scalar(text(f"SELECT {own}"))
    async with AsyncSession(session.bind, info=session.info) as other:
        await other.execute(text(kill), {"id": own_id})
    await session.execute(text("SELECT 1"))


def run(*statements: str) -> Cause:
    async def run_all(session: AsyncSession) -> None:
        for statement in statements:
            await session.execute(text(statement))

    return run_all


async def exhausted(session: AsyncSession) -> None:
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT setval(pg_get_serial_sequence('parents', 'id'), 2147483647)"))
    else:
        await add(session, parents, id=2**31 - 1, code="last")
    await add(session, parents, code="more")


class Label(TypeDecorator[str]):
    """Text that fails in both directions."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:  # noqa: ANN401 - SQLAlchemy's hook
        if value == "bad":
            raise ValueError(value)
        return None if value is None else value.lower()

    def process_result_value(self, value: str | None, _dialect: Any) -> str | None:  # noqa: ANN401 - as above
        if value == "unreadable":
            raise KeyError(value)
        return value


labels = Table(
    "labels", metadata, Column("id", Integer, primary_key=True), Column("label", Label), Column("size", String(20))
)
sizes = Table("labels", MetaData(), Column("id", Integer), Column("size", Enum("small", "large", native_enum=False)))


async def read_label(session: AsyncSession) -> None:
    await session.execute(text("INSERT INTO labels (label) VALUES ('unreadable')"))
    (await session.execute(select(labels.c.label))).all()


async def read_size(session: AsyncSession) -> None:
    await session.execute(text("INSERT INTO labels (size) VALUES ('huge')"))
    (await session.execute(select(sizes.c.size))).all()


SORT = "SELECT count(*) FROM (SELECT * FROM generate_series(1, 100000) AS x ORDER BY x DESC) AS y"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
FAULTS: dict[str, tuple[type[StorageError], frozenset[str], Cause]] = {
    "a text longer than its column": (DataError, SERVERS, lambda s: add(s, children, label="longer")),
    "a number larger than its column": (DataError, SERVERS, sql("UPDATE children SET size = 70000")),
    "text that is not a date": (DataError, SERVERS, sql("UPDATE children SET born = '2026-02-31'")),
    "text that is not a number": (DataError, frozenset({"mariadb"}), sql("UPDATE children SET size = 'x'")),
    "bytes that are not text": (DataError, frozenset({"mariadb"}), sql("UPDATE children SET label = x'ff'")),
    "a number larger than any": (DataError, SERVERS, sql("SELECT 9223372036854775807 + size FROM children")),
    "a statement larger than a packet": (
        DataError,
        frozenset({"mariadb"}),
        lambda s: s.execute(text("SELECT length(:long)"), {"long": "x" * 2**24}),
    ),
    "a number that the driver cannot send": (
        DataError,
        frozenset({"postgresql"}),
        lambda s: s.execute(select(parents).where(parents.c.id == 2**40)),
    ),
    "text too large for an index": (
        DataError,
        frozenset({"postgresql"}),
        lambda s: add(s, notes, text="".join(chr(33 + n * n % 9000) for n in range(9000))),
    ),
    "too many parameters for the driver": (
        Transient,
        frozenset({"postgresql"}),
        lambda s: s.execute(select(parents).where(parents.c.id.in_(range(40_000)))),
    ),
    "an endless query": (StatementTimeout, ALL, sql(ENDLESS)),
    "a row that stays locked": (StatementTimeout, SERVERS, locked),
    "a lock timeout": (Transient, SERVERS, lock_timeout),
    "a deadlock": (Transient, SERVERS, deadlock),
    "an outdated read": (Transient, frozenset({"sqlite"}), outdated),
    "a terminated connection": (DatabaseUnavailable, SERVERS, killed),
    "a table that does not exist": (SchemaMismatch, ALL, sql("SELECT * FROM nowhere")),
    "a column that does not exist": (SchemaMismatch, ALL, sql("SELECT absent FROM children")),
    "a column that does not exist in an insert": (SchemaMismatch, ALL, sql("INSERT INTO parents (no) VALUES (1)")),
    "a column that does not exist in an update": (SchemaMismatch, ALL, sql("UPDATE parents SET absent = 1")),
    "a function that does not exist": (SchemaMismatch, ALL, sql("SELECT absent(1)")),
    "more temporary files than allowed": (
        ResourceLimitExceeded,
        frozenset({"postgresql"}),
        run("SET LOCAL temp_file_limit = 64", "SET LOCAL work_mem = '64kB'", SORT),
    ),
    "more rows than a join may have": (
        ResourceLimitExceeded,
        frozenset({"mariadb"}),
        sql("SET STATEMENT max_join_size = 1, sql_big_selects = 0 FOR SELECT * FROM parents AS a, parents AS b"),
    ),
    "an expression nested too deep": (
        ResourceLimitExceeded,
        frozenset({"sqlite", "postgresql"}),
        sql("SELECT " + " + ".join(["id"] * 50_000) + " FROM parents"),  # noqa: S608
    ),
    "a key column without further keys": (DatabaseFault, SERVERS, exhausted),
    "a missing privilege": (
        DatabaseFault,
        frozenset({"postgresql"}),
        run("SET LOCAL ROLE pg_monitor", "DELETE FROM parents"),
    ),
    "a value that its type rejects": (DataError, ALL, lambda s: add(s, labels, label="bad")),
    "a value that its type cannot convert": (DatabaseFault, ALL, lambda s: add(s, labels, label=7)),
    "a stored value that its type cannot convert": (DatabaseFault, ALL, read_label),
    "a stored value that is in no enumeration": (DatabaseFault, ALL, read_size),
    "a syntax error": (UnexpectedDatabaseError, ALL, sql("Hello")),
}
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


@pytest.mark.parametrize(
    ("database_kind", "fault"),
    [pytest.param(kind, name, id=f"{name}-{kind}") for name, (_, on, _) in FAULTS.items() for kind in sorted(on)],
)
async def test_an_error_has_the_same_class_on_all_databases(database: Database, fault: str) -> None:
    error, _, cause = FAULTS[fault]
    with pytest.raises(error), translated():
        async with database.writing.begin() as session:
            await cause(session)
    async with database.reading() as session:
        assert await session.scalar(select(children.c.label)) == "a", "a failed transaction leaves nothing behind"


async def test_a_read_only_database_is_unavailable(database: Database, database_kind: str) -> None:
    async with database.writing_engine.connect() as connection:
        await connection.execute(text(_READ_ONLY[database_kind]))
        if database_kind == "mariadb":
            await connection.rollback()  # effective from the next transaction
        with pytest.raises(DatabaseUnavailable), translated():
            await connection.execute(update(parents).values(code="x"))
        await connection.invalidate()


async def _connect(url: str) -> None:
    database = Database.open(url, statement_timeout=TIMEOUT)
    try:
        with translated():
            async with database.reading() as session:
                await session.execute(text("SELECT 1"))
    finally:
        await database.close()


@pytest.mark.parametrize("database_kind", sorted(SERVERS))
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"port": 1}, id="no server listens"),
        pytest.param({"host": "host.invalid"}, id="unknown host"),
        pytest.param({"database": "crudmq_nowhere"}, id="unknown database"),
        pytest.param({"username": "crudmq_nobody"}, id="access denied"),
    ],
)
async def test_a_server_that_accepts_no_connection_is_unavailable(database_url: str, changed: dict[str, Any]) -> None:
    url = make_url(database_url).set(**changed).render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailable):
        await _connect(url)


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await _connect(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'file.db'}")
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)  # it still reports to the event loop


@pytest.mark.parametrize("database_kind", ["mariadb"])
@pytest.mark.parametrize(
    ("limits_writes", "error"),
    [pytest.param(True, DatabaseUnavailable, id="mariadb"), pytest.param(False, StatementTimeout, id="mysql")],
)
async def test_without_an_answer_the_server_is_unavailable_unless_it_cannot_cancel_statements(
    database: Database, *, limits_writes: bool, error: type[StorageError], monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = Database.open(
        database.engine.url.render_as_string(hide_password=False),
        statement_timeout=timedelta(seconds=0.2),
        answer_margin=timedelta(seconds=0.1),
    )
    async with hasty.writing() as session:
        await session.execute(text("SET max_statement_time = 0"))
        monkeypatch.setattr(hasty.engine.sync_engine.dialect, "is_mariadb", limits_writes)
        with pytest.raises(error), translated():
            await session.execute(text("SELECT SLEEP(5)"))
    await hasty.close()
