"""A row that another transaction has locked delays its own command, but not the commands that share its group."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crudmq.storage.database import Database
from tests.integration.conftest import Bench
from tests.support import sql
from tests.support.execution import Execution

AGES = range(8)
LOCKED = 5
BRIEF = timedelta(seconds=2)
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


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("neighbors", [0, 2], ids=["alone", "in a group"])
@pytest.mark.parametrize("action", ["update", "transaction"])
async def test_a_command_that_waits_longer_than_the_statement_timeout_fails_alone_with_timeout(
    bench: Bench, neighbors: int, action: str
) -> None:
    database = Database.open(bench.url, statement_timeout=BRIEF)
    impatient = replace(bench, database=database, execution=Execution.on(database))
    tom = await bench.ask({"resource": "people", "action": "create", "data": {"name": "Tom"}}, "created")
    key = tom["data"]["id"]
    command: dict[str, Any] = {"resource": "people", "action": "update", "key": key, "data": {"age": 2}}
    if action == "transaction":
        command = {"action": action, "commands": [command]}
    ann = {"resource": "people", "action": "create", "data": {"name": "Ann"}}
    others = [impatient.job(ann) for _ in range(neighbors)]
    async with asyncio.timeout(SECONDS):
        async with sql.holding(bench.url, f"SELECT id FROM people WHERE id = {key} FOR UPDATE"):  # noqa: S608
            waiting, *rest = await impatient.run(impatient.job(command), *others)
    assert waiting["error"]["code"] == "timeout"
    assert all(result["status"] == "ok" for result in rest)
    await database.close()
