"""Inserting rows: what the database made of them, in their order, in as few statements as it can."""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, Uuid, event

from service.storage import inbox
from service.storage.engine import Database
from service.storage.errors import Rejected
from service.storage.inserting import insert_rows
from service.storage.tables import metadata as service_tables

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
    "keys of the database": (numbered, [{"name": f"n{9 - n}"} for n in range(10)]),
    "keys of ours": (numbered, [{"id": 100 - n, "name": f"n{n}"} for n in range(10)]),
    "a key of zero": (numbered, [{"id": 0, "name": "nought"}]),
    "keys of several columns": (paired, [{"left": n % 2, "right": f"r{9 - n}", "name": f"n{n}"} for n in range(10)]),
    "keys that differ by case": (paired, [{"left": 1, "right": right, "name": "n"} for right in ("b", "A", "B", "a")]),
    "keys that differ by spaces": (paired, [{"left": 1, "right": right, "name": "n"} for right in ("a ", "a", "a  ")]),
    "random keys": (random, [{"name": f"n{n}"} for n in range(10)]),
    "one row": (numbered, [{"name": "alone"}]),
    "no rows": (numbered, []),
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    found = Database.open(database_url, statement_timeout=timedelta(seconds=30))
    async with found.writing_engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(service_tables.create_all)
    yield found
    await found.close()


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Note what is executed."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        found.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def insert(database: Database, name: str) -> list[dict[str, Any]]:
    table, rows = ROWS[name]
    async with database.writing.begin() as session:
        found = await insert_rows(session, table, tuple(table.columns), rows)
    return [dict(zip(table.columns.keys(), row, strict=True)) for row in found]


def agree(name: str, found: list[dict[str, Any]]) -> bool:
    rows = ROWS[name][1]
    return [{**stored, **row} for stored, row in zip(found, rows, strict=True)] == found


@pytest.mark.parametrize("name", ROWS)
async def test_rows_come_back_in_their_order_with_what_the_database_added(database: Database, name: str) -> None:
    found = await insert(database, name)
    assert agree(name, found)
    assert {row.get("state", "new") for row in found} <= {"new"}


@pytest.mark.parametrize("database_kind", ["mariadb"])
@pytest.mark.parametrize("name", ROWS)
async def test_a_database_that_does_not_return_rows_gives_the_same(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(database, "no rows")  # the first connection finds out what the database can
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


async def test_the_inbox_takes_a_group_at_once(database: Database) -> None:
    entries = [inbox.Entry(inbox.digest(b"%d" % n), inbox.digest(b""), '{"ü": "\\u0000\'"}', n) for n in range(100)]
    with statements(database) as executed:
        async with database.writing.begin() as session:
            await inbox.add(session, entries)
    assert len([statement for statement in executed if statement.startswith("INSERT")]) == 1
    async with database.reading() as session:
        found = await inbox.lookup(session, {entry.id for entry in entries})
    assert sorted(found.values(), key=lambda entry: entry.outbox_id or 0) == entries


@pytest.mark.parametrize("database_kind", ["mariadb"])
async def test_what_is_larger_than_a_packet_is_refused_before_it_is_sent(database: Database) -> None:
    entries = [inbox.Entry(inbox.digest(b"%d" % n), inbox.digest(b""), '"' * 2**20) for n in range(9)]
    async with database.writing.begin() as session:
        with pytest.raises(Rejected, match="max_allowed_packet"):
            await inbox.add(session, entries)
        await inbox.add(session, entries[:7])
    async with database.reading() as session:
        assert len(await inbox.lookup(session, {entry.id for entry in entries})) == 7


@pytest.mark.parametrize("database_kind", ["mariadb"])
async def test_either_name_of_the_driver_will_do(database: Database) -> None:
    for name in ("mysql+asyncmy", "mariadb+asyncmy"):
        url = database.engine.url.set(drivername=name).render_as_string(hide_password=False)
        other = Database.open(url, statement_timeout=timedelta(seconds=30))
        assert agree("random keys", await insert(other, "random keys"))
        await other.close()
