"""Rows of a transaction: what was read is not taken for what may be changed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, insert, select, text, update

from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.registry import Registry
from crudmq.resources.resource import Resource
from crudmq.storage.database import Database
from tests.support import databases

SERVERS = sorted(set(databases.KINDS) - {"sqlite"})
metadata = MetaData()
teams = Table(
    "teams", metadata, Column("id", Integer, primary_key=True), Column("code", String(10), unique=True, nullable=False)
)
players = Table(
    "players",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("team", ForeignKey("teams.code", onupdate="CASCADE")),
    Column("age", Integer),
)
coaches = Table(
    "coaches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("team_id", ForeignKey("teams.id", ondelete="SET NULL")),
)

folders = Table(
    "folders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("parent_id", ForeignKey("folders.id")),
    Column("owner_id", ForeignKey("folders.id", name="fk_folders_owner"), nullable=False),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.open(database_url, statement_timeout=timedelta(seconds=30))
    async with opened.writing_engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(teams), [{"id": 1, "code": "a"}, {"id": 2, "code": "z"}])
        await connection.execute(insert(coaches), [{"id": 1, "team_id": 2}])
        await connection.execute(insert(players), [{"id": 1, "team": "a", "age": 20}])
    yield opened
    await opened.close()


def exposed(table: Table) -> Resource:
    registry = Registry()
    registry.expose(table)
    (exposed,) = registry
    return exposed


async def change_age(database: Database, age: int) -> None:
    """Be another session."""
    async with database.engine.connect() as other:
        await other.execute(update(players).values(age=age))
        await other.commit()


@pytest.mark.parametrize("database_kind", SERVERS)
async def test_a_row_that_was_only_read_is_read_again_before_it_is_changed(database: Database) -> None:
    resource = exposed(players)
    async with database.writing.begin() as session:
        uow = UnitOfWork(session)
        assert (await uow.find(resource, (1,), lock=False) or {})["age"] == 20
        await change_age(database, 30)
        row = await uow.find(resource, (1,))
        assert row is not None
        assert row["age"] == 30
        change = await uow.update(resource, row, {"age": 31})
        assert change.before is not None
        assert change.before["age"] == 30


@pytest.mark.parametrize("database_kind", SERVERS)
async def test_a_lock_that_a_savepoint_gave_back_is_not_taken_for_one(database: Database) -> None:
    resource = exposed(players)
    async with database.writing.begin() as session:
        uow = UnitOfWork(session)
        await uow.find(resource, (1,), lock=False)
        async with uow.savepoint(commit=False):
            await uow.find(resource, (1,))
        if database.engine.dialect.name == "postgresql":
            await change_age(database, 40)
            assert (await uow.find(resource, (1,)) or {})["age"] == 40


async def test_what_a_cascade_changed_is_read_again(database: Database) -> None:
    team, player = exposed(teams), exposed(players)
    async with database.writing.begin() as session:
        uow = UnitOfWork(session)
        await uow.find(player, (1,))
        row = await uow.find(team, (1,))
        assert row is not None
        await uow.update(team, row, {"code": "b"})
        assert (await uow.find(player, (1,)) or {})["team"] == "b"
    async with database.reading() as session:
        assert await session.scalar(select(players.c.team)) == "b"


async def test_what_a_delete_changed_elsewhere_is_read_again(database: Database) -> None:
    team, coach = exposed(teams), exposed(coaches)
    async with database.writing.begin() as session:
        uow = UnitOfWork(session)
        assert (await uow.find(coach, (1,)) or {})["team_id"] == 2
        row = await uow.find(team, (2,))
        assert row is not None
        await uow.delete(team, row)
        assert (await uow.find(coach, (1,)) or {})["team_id"] is None


async def test_more_keys_than_a_statement_has_parameters_are_loaded_and_written(database: Database) -> None:
    resource = exposed(players)
    numbers = range(10, 33_010)
    async with database.writing.begin() as session:
        uow = UnitOfWork(session)
        await session.execute(insert(players), [{"id": number, "age": 1} for number in numbers])
        await uow.load(resource, [(number,) for number in numbers], lock=True)
        for number in numbers:
            row = await uow.find(resource, (number,))
            assert row is not None
            await uow.delete(resource, row)
        await uow.flush()
        assert await session.scalar(text("SELECT count(*) FROM players")) == 1


@pytest.mark.parametrize("folder", [{"id": 2, "parent_id": 2, "owner_id": 1}, {"id": 2, "parent_id": 1, "owner_id": 1}])
async def test_a_row_that_refers_to_itself_can_be_deleted(database: Database, folder: dict[str, int]) -> None:
    resource = exposed(folders)
    async with database.writing.begin() as session:
        if database.dialect.is_single_process:
            await session.execute(text("PRAGMA defer_foreign_keys = ON"))
        await session.execute(insert(folders), [{"id": 1, "parent_id": None, "owner_id": 1}, folder])
        uow = UnitOfWork(session)
        row = await uow.find(resource, (2,))
        assert row is not None
        change = await uow.delete(resource, row)
        await uow.flush()
        assert change.row == folder
        assert (await session.execute(select(folders.c.id))).scalars().all() == [1]
