"""A row that somebody else holds keeps its own command waiting, not those of a whole group."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from service.execution.answers import Answers
from service.execution.executor import Executor
from service.storage.engine import Database
from tests.integration.conftest import Bench

AGES = range(8)
HELD = 5
FOR_EVER = timedelta(hours=1)
SECONDS = 60


@pytest.fixture
async def patient(bench: Bench) -> AsyncIterator[Bench]:
    """Give a process whose statements may take as long as they like."""
    database = Database.open(bench.url, statement_timeout=FOR_EVER)
    yield replace(bench, database=database, executor=Executor(database, Answers("/test")))
    await database.close()


async def test_what_is_before_it_is_committed_while_it_waits_and_the_rest_afterwards(
    bench: Bench, patient: Bench
) -> None:
    if bench.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one lock for all rows")
    people = [{"name": "Tom", "age": 1} for _ in AGES]
    made = await bench.ask({"resource": "people", "action": "create", "data": people}, "made")
    keys = [row["id"] for row in made["data"]]
    group = [
        patient.attempt({"resource": "people", "action": "update", "key": key, "data": {"age": 2}}) for key in keys
    ]
    async with asyncio.timeout(SECONDS):
        done: list[object] = []
        async with bench.database.engine.connect() as other:
            await other.execute(text(f"SELECT id FROM people WHERE id = {keys[HELD]} FOR UPDATE"))  # noqa: S608
            running = patient.executor.execute(group)
            while len(done) < HELD:
                done += (await anext(running)).settled
            waiting = asyncio.ensure_future(anext(running))
            await asyncio.wait({waiting}, timeout=0)
            assert not waiting.done()
        done += (await waiting).settled
        async for batch in running:
            done += batch.settled
    assert len(done) == len(group)
    told = await bench.ask({"resource": "people", "action": "count", "where": {"age": 2}}, "the end")
    assert told.get("data") == len(group), told
