"""Migrations: from nothing to the models, and back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text

from service.examples.models import Base
from service.storage import revisions, tables
from service.storage.engine import Database

BOTH = [revisions.SERVICE, revisions.EXAMPLE]


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    found = Database.open(database_url, statement_timeout=timedelta(seconds=30))
    yield found
    await found.close()


async def run(database: Database, what: Any, *arguments: Any) -> Any:  # noqa: ANN401 - any function of a connection
    async with database.writing_engine.begin() as connection:
        return await connection.run_sync(what, *arguments)


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    def is_ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:  # noqa: ANN401 - Alembic's hook
        return kind != "table" or name in metadata.tables

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": is_ours}
    )
    return list(compare_metadata(context, metadata))


def downgrade(connection: Connection, target: str) -> None:
    config = revisions.config()
    config.attributes["connection"] = connection
    command.downgrade(config, target)


def names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_give_the_schema_of_the_models(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    assert await run(empty, differences, tables.metadata) == []
    assert await run(empty, differences, Base.metadata) == []


async def test_down_and_up_again_works(empty: Database) -> None:
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


async def test_the_service_has_its_tables_without_those_of_the_example(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    assert await run(empty, names) == {revisions.VERSION_TABLE, *tables.metadata.tables}
    await revisions.check(empty, [revisions.SERVICE], [])


async def test_an_empty_database_is_refused_with_what_to_type(empty: Database) -> None:
    with pytest.raises(revisions.WrongRevisionError, match=r"revision none and needs .* type `crudmq migrate`"):
        await revisions.check(empty, [revisions.SERVICE], [])


async def test_a_database_that_a_later_version_migrated_will_do(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    later = text(f"UPDATE {revisions.VERSION_TABLE} SET version_num = 'service_9999' WHERE version_num LIKE 'service%'")  # noqa: S608
    async with empty.writing_engine.begin() as connection:
        await connection.execute(later)
    await revisions.check(empty, BOTH, Base.metadata.tables.values())


async def test_a_database_that_an_earlier_version_migrated_is_refused(empty: Database) -> None:
    await revisions.upgrade(empty, BOTH)
    await run(empty, downgrade, "service@-1")
    with pytest.raises(revisions.WrongRevisionError, match=r"needs service_0\d+ of the history `service`"):
        await revisions.check(empty, BOTH, [])


async def test_missing_tables_are_named(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    with pytest.raises(revisions.WrongRevisionError, match=r"no table users: .* --create-tables"):
        await revisions.check(empty, [revisions.SERVICE], [Base.metadata.tables["users"]])


async def test_tables_can_be_created_for_a_first_try(empty: Database) -> None:
    await revisions.upgrade(empty, [revisions.SERVICE])
    await revisions.create_tables(empty, [Base.metadata.tables["users"]])
    await revisions.create_tables(empty, [Base.metadata.tables["users"]])
    await revisions.check(empty, [revisions.SERVICE], [Base.metadata.tables["users"]])
