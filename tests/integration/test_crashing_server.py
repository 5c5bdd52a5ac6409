"""A write that crashes the whole server: it fails alone, and no other command fails."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from crudmq.contract.command import Limits
from crudmq.examples.models import Person
from crudmq.execution.job import Ack, Retry
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import Registry
from crudmq.storage import revisions
from crudmq.storage.database import Database
from tests.faults.fixtures.postgres import Postgres
from tests.integration.conftest import Bench
from tests.support.execution import Execution
from tests.support.waiting import GENEROUS

CRASH = "COPY crash FROM PROGRAM 'kill -9 $PPID'"
"""The parent of the program is the process that runs the statement."""


@pytest.fixture
def server() -> Iterator[Postgres]:
    # The directories of pytest are private to this user, and PostgreSQL runs as another one.
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        cluster = Postgres(Path(directory))
        cluster.start()
        yield cluster
        cluster.stop_at_once()


async def test_a_write_that_crashes_the_server_fails_alone(server: Postgres) -> None:
    database = Database.open(server.url, statement_timeout=timedelta(seconds=30))
    await revisions.upgrade(database, [revisions.SERVICE, revisions.EXAMPLE])
    async with database.writing.begin() as session:
        await session.execute(text("CREATE TABLE crash (line TEXT)"))
    registry = Registry()
    registry.expose(Person)
    registry.register_statement("crash", CRASH, writes=True, returns="rowcount")

    async def is_available() -> None:
        await revisions.check(database, [revisions.SERVICE], registry.tables)

    bench = Bench(database, Execution.on(database, is_available), Decoder(registry, Limits()))
    good = {"resource": "people", "action": "create", "data": {"name": "Tom"}}
    jobs = [bench.job(good), bench.job({"action": "call", "name": "crash"}), bench.job(good)]
    ended = []
    async with asyncio.timeout(GENEROUS):
        async for batch in bench.execution.executor.execute(jobs):
            ended += [outcome.disposition for outcome in batch.outcomes]
    assert ended == [Ack(), Retry(1), Ack()]
    assert "terminated by signal 9" in server.log
    await database.close()
