"""The limit: creates and updates by hand on aiormq and asyncpg, with the service's guarantees and nothing else.

As fast as that can be made: what waits shares a transaction, each step is one statement over arrays, the events of a
group go out in one write, and are confirmed while the next group's transaction runs. Nothing is validated, and there
is neither ORM nor query language. What runs only after a fault is left out: the answer to a repeat, and the relay.
"""

import asyncio
from dataclasses import dataclass, field

import aiormq
import asyncpg
from aiormq.abc import AbstractChannel, DeliveredMessage
from sqlalchemy import make_url

from bench.competitors.limit_publishing import Publisher
from bench.competitors.limit_statements import Pending, write
from bench.competitors.serving import Sessions, main, until_stopped
from service.messaging.topology import Topology
from service.settings import Settings

_TIMEOUT = 30
_GROUPS_IN_HAND = 4


@dataclass(slots=True)
class Limit:
    """Takes what waits, group by group."""

    database: "asyncpg.Connection[asyncpg.Record]"
    consuming: AbstractChannel
    publisher: Publisher
    size: int
    waiting: asyncio.Queue[DeliveredMessage] = field(default_factory=asyncio.Queue)
    confirming: "asyncio.Queue[Pending]" = field(default_factory=lambda: asyncio.Queue(_GROUPS_IN_HAND))
    published: list[int] = field(default_factory=list)

    async def write_groups(self) -> None:
        """Commit group by group, and publish each."""
        while True:
            group = [await self.waiting.get()]
            while len(group) < self.size and not self.waiting.empty():
                group.append(self.waiting.get_nowait())
            done, self.published = self.published, []
            for pending in await self._write(group, done):
                pending.confirmed = self.publisher.send(pending.events)
                await self.confirming.put(pending)

    async def _write(self, group: list[DeliveredMessage], done: list[int]) -> list[Pending]:
        try:
            return [await write(self.database, group, done)]
        except asyncpg.UniqueViolationError:
            if len(group) == 1:
                return [Pending([], None, group)]  # the inbox knows it
        return [pending for one in group for pending in await self._write([one], done)]

    async def acknowledge_groups(self) -> None:
        """Acknowledge each group when its events are confirmed, in the order of the queue."""
        while True:
            pending = await self.confirming.get()
            async with asyncio.timeout(_TIMEOUT):
                await asyncio.gather(*pending.confirmed)
            await self.consuming.basic_ack(pending.group[-1].delivery_tag or 0, multiple=True)
            if pending.outbox_id is not None:
                self.published.append(pending.outbox_id)
            for _ in pending.group:
                self.waiting.task_done()

    async def forget(self) -> None:
        """Delete what is published from the outbox."""
        await self.database.execute("DELETE FROM crudmq_outbox WHERE id = ANY($1::bigint[])", self.published)


async def serve(settings: Settings, _sessions: Sessions, size: int) -> None:
    """Consume in groups of at most that size until stopped."""
    names = Topology(settings.prefix)
    address = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    database = await asyncpg.connect(address, command_timeout=_TIMEOUT)
    consumer, producer = await aiormq.connect(settings.broker_url), await aiormq.connect(settings.broker_url)
    try:
        channel = await consumer.channel()
        await channel.basic_qos(prefetch_count=_GROUPS_IN_HAND * size)
        publisher = Publisher(await producer.channel(publisher_confirms=True), names.events)
        limit = Limit(database, channel, publisher, size)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(limit.write_groups()), tasks.create_task(limit.acknowledge_groups())]
            consumed = await channel.basic_consume(names.commands, limit.waiting.put)
            await until_stopped()
            await channel.basic_cancel(str(consumed.consumer_tag))
            await limit.waiting.join()
            for worker in workers:
                worker.cancel()
        await limit.forget()
    finally:
        await consumer.close()
        await producer.close()
        await database.close(timeout=_TIMEOUT)


if __name__ == "__main__":
    main(serve)
