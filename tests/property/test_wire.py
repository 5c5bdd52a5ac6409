"""A sample of the random commands, over AMQP."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from hypothesis import given

from service.storage.engine import Database
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.property import models
from tests.property.effort import trying
from tests.property.judging import judge
from tests.property.messages import Sent
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
    """Give a service that runs as a process, and the loop for what is looked up in its database."""
    kind: str = request.param
    stack = AsyncExitStack()
    with asyncio.Runner() as loop, broker.fresh_prefix() as prefix:
        fresh = databases.fresh(kind, tmp_path_factory.mktemp(kind))
        url = loop.run(stack.enter_async_context(fresh))
        database = Database.open(url, statement_timeout=timedelta(seconds=20), connections=1)
        stack.push_async_callback(database.close)
        service = Service(url, prefix, SETTINGS)
        service.migrate()
        loop.run(_prepare(database))
        try:
            service.start()
            with Peer(prefix) as peer:
                yield loop, Wire(peer, database)
            service.terminate()
        finally:
            if service.is_running:
                service.kill()
            loop.run(stack.aclose())


async def _prepare(database: Database) -> None:
    async with database.writing_engine.begin() as connection:
        await connection.run_sync(models.prepare)


@trying(40)
@given(messages=SEQUENCES, sizes=SIZES)
def test_commands_over_amqp_come_to_what_the_model_says(
    wire: tuple[asyncio.Runner, Wire], messages: list[Sent], sizes: list[int]
) -> None:
    loop, service = wire
    loop.run(judge(service, [message for message in messages if message.id], sizes))
