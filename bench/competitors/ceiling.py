"""The ceiling: creates and updates hand-written on aiormq and asyncpg, with the service's guarantees and nothing else.

Optimized as far as possible: queued commands share a transaction, each step is one statement over arrays, the events
of a group are published in one write and confirmed while the next group's transaction runs. Nothing is validated, and
there is neither ORM nor query language. Code that runs only after a fault is left out: replies to repeated commands,
and the relay.
"""

import asyncio
from dataclasses import dataclass, field

import aiormq
import asyncpg
from aiormq.abc import AbstractChannel, DeliveredMessage
from sqlalchemy import make_url

from bench.competitors.ceiling_publishing import Publisher
from bench.competitors.ceiling_statements import Pending, write
from bench.competitors.runner import Sessions, main, until_stopped
from crudmq.messaging.topology import Topology
from crudmq.settings import Settings

_TIMEOUT = 30
_GROUPS_IN_FLIGHT = 4


@dataclass(slots=True)
class Ceiling:
    """Executes queued commands in groups."""

    database: "asyncpg.Connection[asyncpg.Record]"
    consuming: AbstractChannel
    publisher: Publisher
    size: int
    waiting: asyncio.Queue[DeliveredMessage] = field(default_factory=asyncio.Queue)
    confirming: "asyncio.Queue[Pending]" = field(default_factory=lambda: asyncio.Queue(_GROUPS_IN_FLIGHT))
    published: list[int] = field(default_factory=list)

    async def write_groups(self) -> None:
        """Commit and publish group by group."""
        while True:
            group = [await self.waiting.get()]
            while len(group) < self.size and not self.waiting.empty():
                group.append(self.waiting.get_nowait())
            published, self.published = self.published, []
            for pending in await self._write(group, published):
                pending.confirmed = self.publisher.send(pending.events)
                await self.confirming.put(pending)

    async def _write(self, group: list[DeliveredMessage], published: list[int]) -> list[Pending]:
        try:
            return [await write(self.database, group, published)]
        except asyncpg.UniqueViolationError:
            if len(group) == 1:
                return [Pending([], None, group)]  # a repeated command
        return [pending for message in group for pending in await self._write([message], published)]

    async def acknowledge_groups(self) -> None:
        """Acknowledge each group once its events are confirmed, in queue order."""
        while True:
            pending = await self.confirming.get()
            async with asyncio.timeout(_TIMEOUT):
                await asyncio.gather(*pending.confirmed)
            await self.consuming.basic_ack(pending.group[-1].delivery_tag or 0, multiple=True)
            if pending.outbox_id is not None:
                self.published.append(pending.outbox_id)
            for _ in pending.group:
                self.waiting.task_done()

    async def delete_published(self) -> None:
        """Delete published outbox rows."""
        await self.database.execute("DELETE FROM crudmq_outbox WHERE id = ANY($1::bigint[])", self.published)


async def serve(settings: Settings, _sessions: Sessions, size: int) -> None:
    """Consume in groups of up to that size until stopped."""
    topology = Topology(settings.prefix)
    dsn = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    database = await asyncpg.connect(dsn, command_timeout=_TIMEOUT)
    consumer, producer = await aiormq.connect(settings.broker_url), await aiormq.connect(settings.broker_url)
    try:
        channel = await consumer.channel()
        await channel.basic_qos(prefetch_count=_GROUPS_IN_FLIGHT * size)
        publisher = Publisher(await producer.channel(publisher_confirms=True), topology.events)
        ceiling = Ceiling(database, channel, publisher, size)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(ceiling.write_groups()), tasks.create_task(ceiling.acknowledge_groups())]
            consumed = await channel.basic_consume(topology.commands, ceiling.waiting.put)
            await until_stopped()
            await channel.basic_cancel(str(consumed.consumer_tag))
            await ceiling.waiting.join()
            for worker in workers:
                worker.cancel()
        await ceiling.delete_published()
    finally:
        await consumer.close()
        await producer.close()
        await database.close(timeout=_TIMEOUT)


if __name__ == "__main__":
    main(serve)
