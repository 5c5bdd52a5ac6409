"""A row that another transaction has locked delays its own command, but not the commands that share its group."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from crudmq.storage.database import Database
from tests.integration.conftest import Bench
from tests.support import sql
from tests.support.execution import Execution

AGES = range(8)
LOCKED = 5
NO_TIMEOUT = timedelta(hours=1)
SECONDS = 60


@pytest.fixture
async def patient(bench: Bench) -> AsyncIterator[Bench]:
    """Provide a process without a statement timeout, in effect."""
    database = Database.open(bench.url, statement_timeout=NO_TIMEOUT)
    yield replace(bench, database=database, execution=Execution.on(database))
    await database.close()


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])  # SQLite has one lock for all rows
async def test_the_commands_before_it_are_committed_while_it_waits_and_the_others_afterwards(
    bench: Bench, patient: Bench
) -> None:
    people = [{"name": "Tom", "age": 1} for _ in AGES]
    created = await bench.ask({"resource": "people", "action": "create", "data": people}, "created")
    keys = [row["id"] for row in created["data"]]
    group = [patient.job({"resource": "people", "action": "update", "key": key, "data": {"age": 2}}) for key in keys]
    async with asyncio.timeout(SECONDS):
        done: list[object] = []
        async with sql.holding(bench.url, f"SELECT id FROM people WHERE id = {keys[LOCKED]} FOR UPDATE"):  # noqa: S608
            running = patient.execution.executor.execute(group)
            while len(done) < LOCKED:
                done += (await anext(running)).outcomes
            waiting = asyncio.ensure_future(anext(running))
            await asyncio.wait({waiting}, timeout=0)
            assert not waiting.done()
        done += (await waiting).outcomes
        async for batch in running:
            done += batch.outcomes
    assert len(done) == len(group)
    result = await bench.ask({"resource": "people", "action": "count", "where": {"age": 2}}, "the end")
    assert result.get("data") == len(group), result
