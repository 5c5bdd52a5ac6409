"""Maintenance of a service with a broker: what it prunes from the inbox, and what a restart finds there."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pika
import pytest
from sqlalchemy import delete, func, select, update

from crudmq import failpoints
from crudmq.app import compose
from crudmq.examples.models import Person
from crudmq.execution.job import Batch
from crudmq.execution.query.order import Cursors
from crudmq.failpoints import Failpoint
from crudmq.processing import maintenance
from crudmq.processing.service import Service
from crudmq.resources.registry import load
from crudmq.settings import Settings
from crudmq.storage import tables
from crudmq.storage.database import Database
from tests.support import broker
from tests.support.waiting import GENEROUS

COMMANDS = 20
POLL = 0.05
LONGER_THAN_A_PROBE = 5


@pytest.fixture(params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Leave the other databases to the tests of the journal."""
    kind: str = request.param
    return kind


@pytest.fixture(autouse=True)
def two_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two empty rounds be enough, and let only the tests run them."""
    monkeypatch.setattr(maintenance, "STABLE_ROUNDS", 1)
    monkeypatch.setattr(maintenance, "INTERVAL", timedelta(days=1))


@pytest.fixture
def committed() -> Iterator[asyncio.Semaphore]:
    """Count the commands that are committed."""
    count = asyncio.Semaphore(0)

    def add(batch: object) -> None:
        assert isinstance(batch, Batch)
        for _ in batch.outcomes:
            count.release()

    failpoints.set_handler(Failpoint.COMMITTED, add)
    yield count
    failpoints.set_handler(Failpoint.COMMITTED, None)


@pytest.fixture
def held() -> Iterator[asyncio.Event]:
    """Hold all publishing, as a memory alarm does, until the event is set."""
    released = asyncio.Event()

    async def hold(_: object) -> None:
        await released.wait()

    failpoints.set_handler(Failpoint.PUBLISHING, hold)
    yield released
    failpoints.set_handler(Failpoint.PUBLISHING, None)


@asynccontextmanager
async def running(database: Database, prefix: str, prefetch: int = 800) -> AsyncIterator[Service]:
    """Run a service with a retention of a second; at the end, drop its connections as a kill does."""
    settings = Settings(prefix=prefix, retention=timedelta(seconds=1), broker_url=broker.url(), prefetch=prefetch)
    service = compose(settings, load(settings.models), database, Cursors())
    serving = asyncio.create_task(service.serve(asyncio.Event()))
    try:
        await until_after(0, lambda: service.consumer.is_ready)
        yield service
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def until_after(time: float, clock: Callable[[], float]) -> None:
    async with asyncio.timeout(GENEROUS):
        while clock() <= time:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(POLL)


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def publish(prefix: str) -> None:
    with broker.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(COMMANDS):
            body = json.dumps({"resource": "people", "action": "create", "data": {"name": str(number)}}).encode()
            properties = pika.BasicProperties(message_id=f"m{number}", reply_to="nobody", delivery_mode=2)
            channel.basic_publish(f"{prefix}.commands", "people.create", body, properties)


async def unfinished(service: Service, prefix: str) -> int:
    """Return how many commands wait in the queue or are not acknowledged."""

    def ready() -> int:
        with broker.connect() as connection:
            return connection.channel().queue_declare(f"{prefix}.commands", passive=True).method.message_count or 0

    return await asyncio.to_thread(ready) + len(service.consumer.unacknowledged)


async def until_finished(service: Service, prefix: str) -> None:
    async with asyncio.timeout(GENEROUS):
        while await unfinished(service, prefix):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(POLL)


async def count(database: Database, table: Any) -> int:  # noqa: ANN401 - a class or a table
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def age(database: Database) -> None:
    """Let an hour pass."""
    async with database.writing.begin() as session:
        await session.execute(update(tables.inbox).values(stored_at=tables.inbox.c.stored_at - 3600))


async def lose_outbox(database: Database) -> None:
    """Let another process publish what the outbox has."""
    async with database.writing.begin() as session:
        await session.execute(delete(tables.outbox))


async def run_rounds(service: Service) -> None:
    """Run rounds of maintenance, as soon as the queue was seen empty in each."""
    for _ in range(3):
        await service.maintenance.maintain_inbox()
        await until_after(loop_time(), lambda: service.consumer.emptied_at)
    await service.maintenance.maintain_inbox()


async def test_what_is_acknowledged_is_pruned(database: Database, prefix: str, committed: asyncio.Semaphore) -> None:
    async with running(database, prefix) as service:
        await asyncio.to_thread(publish, prefix)
        await acquire_all(committed)
        await until_finished(service, prefix)
        await service.maintenance.relay()
        await run_rounds(service)
        assert await count(database, tables.inbox) == 0


@pytest.mark.parametrize("is_relayed", [False, True], ids=["and in the outbox", "and relayed by another process"])
async def test_what_is_not_acknowledged_is_not_pruned_while_publishing_is_held(
    database: Database, prefix: str, committed: asyncio.Semaphore, held: asyncio.Event, *, is_relayed: bool
) -> None:
    async with running(database, prefix) as service:
        await asyncio.to_thread(publish, prefix)
        await acquire_all(committed)
        if is_relayed:
            await lose_outbox(database)
        await run_rounds(service)
        for _ in range(3):
            await age(database)
            await service.maintenance.maintain_inbox()
        assert await count(database, tables.inbox) == COMMANDS
    held.set()
    await answer_again(database, prefix)


async def test_what_waits_in_the_queue_again_is_not_pruned(
    database: Database, prefix: str, committed: asyncio.Semaphore, held: asyncio.Event
) -> None:
    async with running(database, prefix):
        await asyncio.to_thread(publish, prefix)
        await acquire_all(committed)
    await lose_outbox(database)
    async with running(database, prefix, prefetch=COMMANDS // 4) as service:
        for _ in range(3):
            await age(database)
            await service.maintenance.maintain_inbox()
            await until_after(loop_time() + LONGER_THAN_A_PROBE, loop_time)
        await service.maintenance.maintain_inbox()
        assert await count(database, tables.inbox) == COMMANDS
    held.set()
    await answer_again(database, prefix)


async def answer_again(database: Database, prefix: str) -> None:
    """Let the commands be redelivered, and check that none runs a second time."""
    async with running(database, prefix) as service:
        await until_finished(service, prefix)
        assert await count(database, Person) == COMMANDS


async def acquire_all(committed: asyncio.Semaphore) -> None:
    async with asyncio.timeout(GENEROUS):
        for _ in range(COMMANDS):
            await committed.acquire()
