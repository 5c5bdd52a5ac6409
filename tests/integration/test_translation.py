"""What databases raise, in our words: each cause is brought about on a real server, and is called the same on all."""

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
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage import mysql
from service.storage.constraints import Constraint
from service.storage.engine import Database
from service.storage.errors import Away, Broken, Refused, Rejected, StorageError, TooSlow, Transient, translated
from service.storage.foreign_keys import found_out
from service.storage.inserting import insert_rows
from service.storage.mapped import mapped
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
    found = Database.open(database_url, statement_timeout=TIMEOUT)
    async with found.writing_engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with found.writing.begin() as session:
        await add(session, parents, code="one")
        await add(session, parents, code="two")
        await add(session, children, parent_id=1, label="a", size=1, nickname="al")
    yield found
    await found.close()


async def add(session: AsyncSession, table: Table, **values: Any) -> None:  # noqa: ANN401 - any column's value
    await insert_rows(session, table, tuple(table.columns), [values])


async def remove(session: AsyncSession, key: int) -> None:
    rows = [dict(row) for row in (await session.execute(select(parents).where(parents.c.id == key))).mappings()]
    async with found_out(session, parents, rows, deleting=True):
        await session.execute(delete(parents).where(parents.c.id == key))


Cause = Callable[[AsyncSession], Awaitable[Any]]


@dataclass(frozen=True)
class Refusal:
    """What is done, and the constraint that is said to be in its way."""

    cause: Cause
    constraint: Constraint


REFUSALS = {
    "a key twice": Refusal(lambda s: add(s, parents, id=1, code="x"), Constraint("unique", "parents", None, ("id",))),
    "a unique column without a name": Refusal(
        lambda s: add(s, parents, id=3, code="one"), Constraint("unique", "parents", None, ("code",))
    ),
    "a unique value after a change": Refusal(
        lambda s: s.execute(update(parents).where(parents.c.id == 2).values(code="one")),
        Constraint("unique", "parents", None, ("code",)),
    ),
    "a unique constraint with a name": Refusal(
        lambda s: add(s, children, label="a", size=1),
        Constraint("unique", "children", "uq_children_label_size", ("label", "size")),
    ),
    "a unique index": Refusal(
        lambda s: add(s, children, label="b", nickname="al"),
        Constraint("unique", "children", "ix_children_nickname", ("nickname",)),
    ),
    "a value with a quote in it": Refusal(
        lambda s: insert_rows(s, parents, [parents.c.id], [{"code": "for key '"}, {"code": "for key '"}]),
        Constraint("unique", "parents", None, ("code",)),
    ),
    "a parent that is not there": Refusal(
        lambda s: add(s, children, label="b", parent_id=9),
        Constraint("foreign_key", "children", "fk_children_parent", ("parent_id",)),
    ),
    "a parent that is not there, by a key without a name": Refusal(
        lambda s: add(s, children, label="b", parent_id=1, guardian_id=9),
        Constraint("foreign_key", "children", None, ("guardian_id",)),
    ),
    "a parent that is still referred to": Refusal(
        lambda s: remove(s, 1), Constraint("foreign_key", "children", "fk_children_parent", ("parent_id",))
    ),
    "a check with a name": Refusal(
        lambda s: add(s, children, label="b", size=0), Constraint("check", "children", "ck_children_size")
    ),
    "a check without a name": Refusal(
        lambda s: add(s, parents, id=3, code="forbidden"), Constraint("check", "parents", None)
    ),
    "null": Refusal(
        lambda s: add(s, children, label=None, size=2), Constraint("not_null", "children", None, ("label",))
    ),
    "null after a change": Refusal(
        lambda s: s.execute(update(children).values(label=None)), Constraint("not_null", "children", None, ("label",))
    ),
    "nothing where a value is needed": Refusal(
        lambda s: add(s, children, size=2), Constraint("not_null", "children", None, ("label",))
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_constraint_is_named_alike_on_all_databases(database: Database, refusal: Refusal) -> None:
    with pytest.raises(Refused) as refused, translated():
        async with database.writing.begin() as session:
            await refusal.cause(session)
    assert mapped(refused.value.constraint, metadata.tables.values()) == refusal.constraint


def sql(statement: str, **values: Any) -> Cause:  # noqa: ANN401 - any bound value
    return lambda session: session.execute(text(statement), values)


async def lock_timeout(session: AsyncSession) -> None:
    seconds = {"postgresql": "SET lock_timeout = '50ms'", "mysql": "SET innodb_lock_wait_timeout = 1"}
    await session.execute(text(seconds[session.get_bind().dialect.name]))
    await locked(session)


async def locked(session: AsyncSession) -> None:
    """Wait for a row that another transaction has."""
    async with AsyncSession(session.bind) as other:
        await other.execute(select(parents).where(parents.c.id == 1).with_for_update())
        await session.execute(select(parents).where(parents.c.id == 1).with_for_update())


async def deadlock(session: AsyncSession) -> None:
    async with AsyncSession(session.bind) as other:
        for one, key in (session, 1), (other, 2):
            await one.execute(update(parents).where(parents.c.id == key).values(code=f"new{key}"))
        crossed = [
            one.execute(update(parents).where(parents.c.id == key).values(code=f"newer{key}"))
            for one, key in ((session, 2), (other, 1))
        ]
        results = await asyncio.gather(*crossed, return_exceptions=True)
        (error,) = [result for result in results if isinstance(result, BaseException)]
        await other.rollback()
        raise error


async def outdated(session: AsyncSession) -> None:
    """Read, and then write over what another transaction wrote meanwhile."""
    connection = await session.connection(execution_options={"sqlite_begin": "DEFERRED"})
    await connection.execute(select(parents))
    async with AsyncSession(session.bind) as other, other.begin():
        await add(other, parents, id=7, code="seven")
    await add(session, parents, id=8, code="eight")


async def killed(session: AsyncSession) -> None:
    postgresql = session.get_bind().dialect.name == "postgresql"
    own, kill = (
        ("pg_backend_pid()", "SELECT pg_terminate_backend(:id)") if postgresql else ("connection_id()", "KILL :id")
    )
    own_id = await session.scalar(text(f"SELECT {own}"))
    async with AsyncSession(session.bind) as other:
        await other.execute(text(kill), {"id": own_id})
    await session.execute(text("SELECT 1"))


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
FAULTS: dict[str, tuple[type[StorageError], frozenset[str], Cause]] = {
    "a text longer than its column": (Rejected, SERVERS, lambda s: add(s, children, label="longer")),
    "a number larger than its column": (Rejected, SERVERS, sql("UPDATE children SET size = 70000")),
    "a text that is no date": (Rejected, SERVERS, sql("UPDATE children SET born = '2026-02-31'")),
    "a text that is no number": (Rejected, frozenset({"mariadb"}), sql("UPDATE children SET size = 'x'")),
    "bytes that are no text": (Rejected, frozenset({"mariadb"}), sql("UPDATE children SET label = x'ff'")),
    "a number larger than any": (Rejected, SERVERS, sql("SELECT 9223372036854775807 + size FROM children")),
    "a statement larger than a packet": (
        Rejected,
        frozenset({"mariadb"}),
        lambda s: s.execute(text("SELECT length(:long)"), {"long": "x" * 2**24}),
    ),
    "a number that the driver cannot send": (
        Rejected,
        frozenset({"postgresql"}),
        lambda s: s.execute(select(parents).where(parents.c.id == 2**40)),
    ),
    "a text larger than an index takes": (
        Rejected,
        frozenset({"postgresql"}),
        lambda s: add(s, notes, text="".join(chr(33 + n * n % 9000) for n in range(9000))),
    ),
    "more parameters than the driver sends": (
        Transient,
        frozenset({"postgresql"}),
        lambda s: s.execute(select(parents).where(parents.c.id.in_(range(40_000)))),
    ),
    "a query without end": (TooSlow, ALL, sql(ENDLESS)),
    "a row that somebody keeps locked": (TooSlow, SERVERS, locked),
    "a lock that is not had in time": (Transient, SERVERS, lock_timeout),
    "a deadlock": (Transient, SERVERS, deadlock),
    "a read that is out of date": (Transient, frozenset({"sqlite"}), outdated),
    "a connection that is cut": (Away, SERVERS, killed),
    "a table that does not exist": (Broken, ALL, sql("SELECT * FROM nowhere")),
    "no SQL at all": (Broken, ALL, sql("Hello")),
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
async def test_a_fault_is_called_alike_on_all_databases(database: Database, fault: str) -> None:
    error, _, cause = FAULTS[fault]
    with pytest.raises(error), translated():
        async with database.writing.begin() as session:
            await cause(session)
    async with database.reading() as session:
        assert await session.scalar(select(children.c.label)) == "a", "what failed left nothing behind"


async def test_a_database_that_takes_no_writes_is_away(database: Database, database_kind: str) -> None:
    async with database.writing_engine.connect() as connection:
        await connection.execute(text(_READ_ONLY[database_kind]))
        if database_kind == "mariadb":
            await connection.rollback()  # it counts from the next transaction
        with pytest.raises(Away), translated():
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
        pytest.param({"port": 1}, id="nobody listens"),
        pytest.param({"host": "host.invalid"}, id="there is no such host"),
        pytest.param({"database": "crudmq_nowhere"}, id="there is no such database"),
        pytest.param({"username": "crudmq_nobody"}, id="the user may not enter"),
    ],
)
async def test_a_server_that_lets_nobody_in_is_away(database_url: str, changed: dict[str, Any]) -> None:
    url = make_url(database_url).set(**changed).render_as_string(hide_password=False)
    with pytest.raises(Away):
        await _connect(url)


async def test_a_file_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    with pytest.raises(Away):
        await _connect(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'file.db'}")
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)  # it still has something to tell to the loop


@pytest.mark.parametrize("database_kind", ["mariadb"])
@pytest.mark.parametrize(
    ("limits_writes", "error"), [pytest.param(True, Away, id="mariadb"), pytest.param(False, TooSlow, id="mysql")]
)
async def test_no_answer_means_that_the_server_is_gone_unless_it_cannot_end_a_statement(
    database: Database, *, limits_writes: bool, error: type[StorageError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "_ANSWER_MARGIN", 0.1)
    patient = Database.open(
        database.engine.url.render_as_string(hide_password=False), statement_timeout=timedelta(seconds=0.2)
    )
    async with patient.writing() as session:
        await session.execute(text("SET max_statement_time = 0"))
        monkeypatch.setattr(patient.engine.sync_engine.dialect, "is_mariadb", limits_writes)
        with pytest.raises(error), translated():
            await session.execute(text("SELECT SLEEP(5)"))
    await patient.close()
