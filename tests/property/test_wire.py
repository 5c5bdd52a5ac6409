"""A sample of the random commands, over AMQP."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from hypothesis import given

from crudmq.storage.database import Database
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.property import models
from tests.property.effort import examples
from tests.property.messages import Sent
from tests.property.oracle import check_against_model
from tests.property.reference.limits import LIMITS
from tests.property.strategies.sequences import SEQUENCES, SIZES
from tests.property.wire import Wire
from tests.support import broker, databases

SETTINGS = {
    "CRUDMQ_MODELS": "tests.property.exposed",
    "CRUDMQ_MAX_PAGE": str(LIMITS.page),
    "CRUDMQ_MAX_INCLUDE_DEPTH": str(LIMITS.include_depth),
    "CRUDMQ_MAX_WHERE_DEPTH": str(LIMITS.where_depth),
    "CRUDMQ_MAX_CONDITIONS": str(LIMITS.conditions),
    "CRUDMQ_MAX_IN": str(LIMITS.values),
    "CRUDMQ_MAX_COMMANDS": str(LIMITS.commands),
    "CRUDMQ_MAX_ROWS": str(LIMITS.rows),
}


@pytest.fixture(scope="module", params=databases.KINDS)
def wire(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, Wire]]:
    """Return a service that runs as a process, and the loop for what is looked up in its database."""
    database: str = request.param
    stack = AsyncExitStack()
    with asyncio.Runner() as runner, broker.fresh_prefix() as prefix:
        fresh = databases.fresh(database, tmp_path_factory.mktemp(database))
        url = runner.run(stack.enter_async_context(fresh))
        connection = Database.open(url, statement_timeout=timedelta(seconds=20), connections=1)
        stack.push_async_callback(connection.close)
        service = Service(url, prefix, SETTINGS)
        service.migrate()
        runner.run(_prepare(connection))
        try:
            service.start()
            with Peer(prefix) as peer:
                yield runner, Wire(peer, connection)
            service.terminate()
        finally:
            if service.is_running:
                service.kill()
            runner.run(stack.aclose())


async def _prepare(database: Database) -> None:
    async with database.writing_engine.begin() as connection:
        await connection.run_sync(models.prepare)


@examples(40)
@given(messages=SEQUENCES, sizes=SIZES)
def test_commands_over_amqp_agree_with_the_model(
    wire: tuple[asyncio.Runner, Wire], messages: list[Sent], sizes: list[int]
) -> None:
    runner, service = wire
    runner.run(check_against_model(service, [message for message in messages if message.id], sizes))
