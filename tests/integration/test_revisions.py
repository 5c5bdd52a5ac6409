"""Migrations: from an empty database to the models, and back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crudmq.examples.models import Base
from crudmq.storage import revisions, tables
from crudmq.storage.database import Database
from crudmq.storage.errors import StorageError
from crudmq.storage.translation import translated


class Other(DeclarativeBase):
    """Tables of an operator."""


class Note(Other):
    """A table without a migration."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)


SHORT_SECONDS = 0.2
BOTH = [revisions.SERVICE, revisions.EXAMPLE]


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url, statement_timeout=timedelta(seconds=30))
    yield database
    await database.close()


async def run(database: Database, what: Any, *arguments: Any) -> Any:  # noqa: ANN401 - any function of a connection
    async with database.writing_engine.begin() as connection:
        return await connection.run_sync(what, *arguments)


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    def is_in_metadata(_object: Any, name: str | None, kind: str, *_: Any) -> bool:  # noqa: ANN401 - Alembic's hook
        return kind != "table" or name in metadata.tables

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": is_in_metadata}
    )
    return list(compare_metadata(context, metadata))


def downgrade(connection: Connection, target: str) -> None:
    config = revisions.config()
    config.attributes["connection"] = connection
    command.downgrade(config, target)


def keys_and_indexes(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        table: (
            inspector.get_pk_constraint(table)["constrained_columns"],
            {index["name"]: index["column_names"] for index in inspector.get_indexes(table)},
        )
        for table in tables.metadata.tables
    }


async def execute(database: Database, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, and return the rows of the last one."""
    async with database.writing_engine.begin() as connection:
        for statement in statements:
            result = await connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_create_the_schema_of_the_models(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    assert await run(empty, differences, tables.metadata) == []
    assert await run(empty, differences, Base.metadata) == []


async def test_the_migrations_create_the_keys_and_indexes_of_the_models(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    migrated = await run(empty, keys_and_indexes)
    await run(empty, downgrade, "service@base")
    await revisions.create_tables(empty, tables.metadata.tables.values())
    assert migrated == await run(empty, keys_and_indexes)


async def test_postgresql_compresses_the_messages_of_the_outbox_with_its_fastest_method(empty: Database) -> None:
    if empty.engine.dialect.name != "postgresql":
        pytest.skip("other databases do not compress them")
    method = (
        "SELECT attcompression::text FROM pg_attribute "
        "WHERE attrelid = 'crudmq_outbox'::regclass AND attname = 'messages'"
    )
    await revisions.upgrade(empty, [revisions.SERVICE])
    assert await execute(empty, method) == [("l",)]
    await run(empty, downgrade, "service_0004")
    assert await execute(empty, method) == [("",)]


async def test_rows_written_before_prefixes_and_by_the_previous_version_belong_to_the_service_that_migrated(
    database_url: str,
) -> None:
    add_to_inbox = "INSERT INTO crudmq_inbox (id, body, result, outbox_id, stored_at) VALUES ('{}', 'b', '{{}}', 1, 2)"
    add_to_outbox = "INSERT INTO crudmq_outbox (messages, leased_until) VALUES ('[]', 1)"
    shop = Database.open(database_url, statement_timeout=timedelta(seconds=30), prefix="shop")
    await revisions.upgrade(shop, [revisions.SERVICE])
    await run(shop, downgrade, "service_0002")
    await execute(shop, add_to_inbox.format("before"), add_to_outbox)
    await execute(shop, "INSERT INTO crudmq_strikes (id, number, noted_at) VALUES ('before', 1, 1)")
    await revisions.upgrade(shop, [revisions.SERVICE])
    await execute(shop, add_to_inbox.format("meanwhile"), add_to_outbox)
    inbox = await execute(shop, "SELECT prefix, result, outbox_id, stored_at FROM crudmq_inbox")
    assert inbox == [("shop", "{}", 1, 2)] * 2
    assert await execute(shop, "SELECT prefix, id, token, messages FROM crudmq_outbox ORDER BY id") == [
        ("shop", 1, 0, "[]"),
        ("shop", 2, 0, "[]"),
    ]
    assert await execute(shop, "SELECT prefix, number FROM crudmq_strikes") == [("shop", 1)]
    await shop.close()


async def test_downgrading_keeps_one_row_of_an_id_that_two_services_used(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    add = "INSERT INTO crudmq_inbox (id, prefix, body, result, stored_at) VALUES ('{}', '{}', 'b', '{{}}', 2)"
    await execute(empty, *(add.format(*row) for row in (("one", "a"), ("one", "b"), ("two", "b"))))
    await run(empty, downgrade, "service_0002")
    assert await execute(empty, "SELECT count(*) FROM crudmq_inbox") == [(2,)]


async def test_an_id_of_the_outbox_is_never_assigned_again(empty: Database) -> None:
    add = "INSERT INTO crudmq_outbox (messages, leased_until) VALUES ('[]', 1)"
    await revisions.upgrade(empty, [revisions.SERVICE])
    await execute(empty, add, "DELETE FROM crudmq_outbox")
    await run(empty, downgrade, "service_0002")
    await revisions.upgrade(empty, [revisions.SERVICE])
    await execute(empty, add)
    assert await execute(empty, "SELECT id FROM crudmq_outbox") == [(2,)]


async def test_downgrading_and_upgrading_again_works(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    before = await run(empty, names)
    for history in BOTH:
        await run(empty, downgrade, f"{history}@base")
    assert await run(empty, names) == {revisions.VERSION_TABLE}
    await revisions.upgrade(empty, BOTH)
    assert await run(empty, names) == before


async def test_upgrading_twice_is_upgrading_once(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    await revisions.upgrade(empty, BOTH)
    await revisions.check(empty, BOTH, Base.metadata.tables.values())


async def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    databases = [Database.open(database_url, statement_timeout=timedelta(seconds=30)) for _ in range(3)]
    async with asyncio.TaskGroup() as tasks:
        for database in databases:
            tasks.create_task(migrate(database))
    for database in databases:
        await revisions.check(database, BOTH, Other.metadata.tables.values())
        await database.close()


async def test_a_new_sqlite_file_is_opened_once_another_process_has_unlocked_it(tmp_path: Path) -> None:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path}/new.db", statement_timeout=timedelta(seconds=30))
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as other:
        # SQLite does not wait for this lock when another connection changes the journal mode.
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(execute(database, "SELECT 1"))
        finished, _ = await asyncio.wait([opening], timeout=SHORT_SECONDS)
        assert not finished
        other.execute("ROLLBACK")
        assert await opening == [(1,)]
    await database.close()


async def migrate(database: Database) -> None:
    await revisions.upgrade(database, BOTH)
    await revisions.create_tables(database, Other.metadata.tables.values())


async def test_a_migration_does_not_wait_for_another_one_without_end(database_url: str) -> None:
    first, second = (Database.open(database_url, statement_timeout=timedelta(seconds=30)) for _ in range(2))
    async with revisions.migrating(first):
        with pytest.raises(StorageError, match=r"another migration of this database|database is locked"), translated():
            await revisions.upgrade(second, BOTH, patience=timedelta(milliseconds=10))
    await revisions.upgrade(second, BOTH)
    await first.close()
    await second.close()


async def test_the_history_of_the_service_does_not_need_the_example(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    assert await run(empty, names) == {revisions.VERSION_TABLE, *tables.metadata.tables}
    await revisions.check(empty, [revisions.SERVICE], [])


async def test_an_empty_database_is_rejected_with_the_command_to_run(empty: Database) -> None:
    with pytest.raises(revisions.WrongRevisionError, match=r"revision none, but .* is required: run `crudmq migrate`"):
        await revisions.check(empty, [revisions.SERVICE], [])


async def test_a_database_that_a_newer_version_migrated_is_accepted(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    newer = text(f"UPDATE {revisions.VERSION_TABLE} SET version_num = 'service_9999' WHERE version_num LIKE 'service%'")  # noqa: S608
    async with empty.writing_engine.begin() as connection:
        await connection.execute(newer)
    await revisions.check(empty, BOTH, Base.metadata.tables.values())


async def test_a_database_that_an_older_version_migrated_is_rejected(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    await run(empty, downgrade, "service_0002")
    with pytest.raises(revisions.WrongRevisionError, match=r"service_0\d+ of the history `service` is required"):
        await revisions.check(empty, BOTH, [])


async def test_missing_tables_are_named(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    with pytest.raises(revisions.WrongRevisionError, match=r"no table users: .* --create-tables"):
        await revisions.check(empty, [revisions.SERVICE], [Base.metadata.tables["users"]])


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE crudmq_outbox RENAME TO elsewhere", "table crudmq_outbox"),
        ("ALTER TABLE crudmq_inbox RENAME COLUMN body TO elsewhere", r"column crudmq_inbox\.body"),
    ],
)
async def test_what_the_tables_of_the_service_lack_is_named(empty: Database, statement: str, missing: str) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    async with empty.writing_engine.begin() as connection:
        await connection.execute(text(statement))
    with pytest.raises(revisions.WrongRevisionError, match=f"no {missing}: restore"):
        await revisions.check(empty, [revisions.SERVICE], [])


async def test_tables_can_be_created_for_evaluation(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    await revisions.create_tables(empty, [Base.metadata.tables["users"]])
    await revisions.create_tables(empty, [Base.metadata.tables["users"]])
    await revisions.check(empty, [revisions.SERVICE], [Base.metadata.tables["users"]])


async def test_missing_columns_are_named_and_further_ones_accepted(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    async with empty.writing_engine.begin() as connection:
        await connection.execute(text("ALTER TABLE people ADD COLUMN shoe_size INTEGER"))
        await connection.execute(text("ALTER TABLE users RENAME COLUMN login TO name"))
        await connection.execute(text("ALTER TABLE memberships RENAME COLUMN group_id TO team_id"))
    with pytest.raises(revisions.WrongRevisionError, match=r"no column memberships.group_id, users.login: migrate"):
        await revisions.check(empty, BOTH, [Base.metadata.tables[name] for name in ("memberships", "people", "users")])
