"""Inserting rows: they are returned as stored, in their order, with as few statements as the database allows."""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, Uuid, event

from crudmq.storage import journal
from crudmq.storage.database import Database
from crudmq.storage.dialects import dialect_of
from crudmq.storage.errors import DataError
from crudmq.storage.tables import metadata as service_tables

metadata = MetaData()
numbered = Table(
    "numbered",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("state", String(10), server_default="new"),
)
paired = Table(
    "paired",
    metadata,
    Column("left", Integer, primary_key=True, autoincrement=False),
    Column("right", String(20), primary_key=True),
    Column("name", String(20)),
)
random = Table("random", metadata, Column("id", Uuid, primary_key=True, default=uuid.uuid4), Column("name", String(20)))

ROWS: Mapping[str, tuple[Table, list[dict[str, Any]]]] = {
    "generated keys": (numbered, [{"name": f"n{9 - n}"} for n in range(10)]),
    "given keys": (numbered, [{"id": 100 - n, "name": f"n{n}"} for n in range(10)]),
    "a key of zero": (numbered, [{"id": 0, "name": "zero"}]),
    "keys of several columns": (paired, [{"left": n % 2, "right": f"r{9 - n}", "name": f"n{n}"} for n in range(10)]),
    "keys that differ by case": (paired, [{"left": 1, "right": right, "name": "n"} for right in ("b", "A", "B", "a")]),
    "keys that differ by spaces": (paired, [{"left": 1, "right": right, "name": "n"} for right in ("a ", "a", "a  ")]),
    "random keys": (random, [{"name": f"n{n}"} for n in range(10)]),
    "one row": (numbered, [{"name": "alone"}]),
    "no rows": (numbered, []),
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url, statement_timeout=timedelta(seconds=30))
    async with database.writing_engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(service_tables.create_all)
    yield database
    await database.close()


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the executed statements."""
    executed: list[str] = []

    def collect(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        executed.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", collect)
    yield executed
    event.remove(database.engine.sync_engine, "before_cursor_execute", collect)


async def insert(database: Database, name: str) -> list[dict[str, Any]]:
    table, rows = ROWS[name]
    async with database.writing.begin() as session:
        inserted = await dialect_of(session).insert_rows(session, table, tuple(table.columns), rows)
    return [dict(zip(table.columns.keys(), row, strict=True)) for row in inserted]


def agree(name: str, inserted: list[dict[str, Any]]) -> bool:
    rows = ROWS[name][1]
    return [{**returned, **row} for returned, row in zip(inserted, rows, strict=True)] == inserted


@pytest.mark.parametrize("name", ROWS)
async def test_rows_are_returned_in_their_order_with_generated_values(database: Database, name: str) -> None:
    inserted = await insert(database, name)
    assert agree(name, inserted)
    assert {row.get("state", "new") for row in inserted} <= {"new"}


@pytest.mark.parametrize("database_kind", ["mariadb"])
@pytest.mark.parametrize("name", ROWS)
async def test_a_database_without_returning_gives_the_same(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(database, "no rows")  # the first connection detects the features of the server
    monkeypatch.setattr(database.engine.sync_engine.dialect, "insert_returning", False)
    with statements(database) as executed:
        assert agree(name, await insert(database, name))
    assert not any("RETURNING" in statement for statement in executed)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("name", [name for name, (_, rows) in ROWS.items() if rows])
async def test_a_group_is_one_statement(database: Database, name: str) -> None:
    with statements(database) as executed:
        await insert(database, name)
    assert len(executed) == 1


async def test_the_entries_of_a_group_are_one_statement(database: Database) -> None:
    entries = [journal.Entry(journal.digest(b"%d" % n), journal.digest(b""), '{"ü": "\\u0000\'"}') for n in range(100)]
    with statements(database) as executed:
        async with database.writing.begin() as session:
            await journal.record(session, entries, [])
    assert len([statement for statement in executed if statement.startswith("INSERT")]) == 1
    async with database.reading() as session:
        recorded = await journal.lookup(session, {entry.id for entry in entries})
    assert recorded == {entry.id: entry for entry in entries}


@pytest.mark.parametrize("database_kind", ["mariadb"])
async def test_a_statement_that_exceeds_a_packet_is_rejected_before_it_is_sent(database: Database) -> None:
    entries = [journal.Entry(journal.digest(b"%d" % n), journal.digest(b""), '"' * 2**20) for n in range(9)]
    async with database.writing.begin() as session:
        with pytest.raises(DataError, match="max_allowed_packet"):
            await journal.record(session, entries, [])
        await journal.record(session, entries[:7], [])
    async with database.reading() as session:
        assert len(await journal.lookup(session, {entry.id for entry in entries})) == 7


@pytest.mark.parametrize("database_kind", ["mariadb"])
async def test_both_urls_of_the_driver_work(database: Database) -> None:
    for name in ("mysql+asyncmy", "mariadb+asyncmy"):
        url = database.engine.url.set(drivername=name).render_as_string(hide_password=False)
        other = Database.open(url, statement_timeout=timedelta(seconds=30))
        assert agree("random keys", await insert(other, "random keys"))
        await other.close()
