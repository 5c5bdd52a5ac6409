"""The broker's side of a run: queues of its own, filled beforehand, and a finish line that the broker watches."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice
from typing import cast
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.channel import Channel as UnderlayChannel
from pamqp.common import FieldTable

from bench.envelope import Envelope
from bench.workload import Command
from service.execution.outcome import RETRY_DELAYS
from service.messaging.declaration import declare
from service.messaging.topology import Topology

_TIMEOUT = 30
_OF_CELERY = tuple(f"celery_delayed_{bit}" for bit in range(28))
"""It declares them on every broker that has quorum queues, whatever the task, and leaves them there."""
_IN_FLIGHT = 500


@asynccontextmanager
async def topology(connection: AbstractConnection) -> AsyncIterator[Topology]:
    """Declare everything as the service does, under a prefix that nobody else has, and remove it."""
    names = Topology(f"bench-{uuid4().hex[:12]}")
    try:
        await declare(connection, names, RETRY_DELAYS)
        yield names
    finally:
        async with await connection.channel() as channel:
            await _remove(channel, names)


async def fill(
    connection: AbstractConnection, names: Topology, commands: Iterable[Command], envelope: Envelope
) -> None:
    """Publish commands that wait; the broker has confirmed all of them."""
    async with await connection.channel() as channel:
        underlay = cast("UnderlayChannel", await channel.get_underlay_channel())
        left = iter(commands)
        while some := list(islice(left, _IN_FLIGHT)):
            await asyncio.gather(*(_publish(underlay, names, command, envelope) for command in some))


async def waiting(connection: AbstractConnection, queue: str) -> int:
    """Count the messages that wait in a queue; those that somebody holds are not among them."""
    async with await connection.channel() as channel:
        found = await channel.declare_queue(queue, passive=True, timeout=_TIMEOUT)
        return found.declaration_result.message_count or 0


@asynccontextmanager
async def finish_line(connection: AbstractConnection, names: Topology, told: int) -> AsyncIterator[asyncio.Event]:
    """Give a signal that is set when that many events and answers were published.

    The broker counts: a queue that has room for all but one of them hands the first one on when the last one comes.
    So nothing polls and nothing but the competitor consumes while the clock runs.
    """
    crossed = asyncio.Event()
    async with await connection.channel() as channel:
        signal = await channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        await signal.consume(lambda _message: _set(crossed), no_ack=True, timeout=_TIMEOUT)
        counter = await channel.declare_queue(
            told_to(names), exclusive=True, arguments=_room_for(told - 1, overflow=signal.name), timeout=_TIMEOUT
        )
        await counter.bind(names.events, "#", timeout=_TIMEOUT)
        yield crossed


def told_to(names: Topology) -> str:
    """Name the queue that counts: events are bound to it, and answers go there."""
    return f"{names.prefix}.told"


def _room_for(messages: int, *, overflow: str) -> FieldTable:
    return {"x-max-length": messages, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": overflow}


async def _set(event: asyncio.Event) -> None:
    event.set()


async def _publish(channel: UnderlayChannel, names: Topology, command: Command, envelope: Envelope) -> None:
    reply_to = told_to(names) if command.replies else None
    body, properties = envelope(command, names.commands, reply_to)
    await channel.basic_publish(
        body,
        exchange=names.commands,
        routing_key=command.routing_key,
        properties=properties,
        mandatory=True,
        timeout=_TIMEOUT,
        wait=False,
    )


async def _remove(channel: AbstractChannel, names: Topology) -> None:
    of_dramatiq = (f"{names.commands}.DQ", f"{names.commands}.XQ")
    retries = tuple(names.retry(delay) for delay in RETRY_DELAYS)
    for queue in (names.commands, names.dead_letters, *of_dramatiq, *retries, *_OF_CELERY):
        await channel.queue_delete(queue, timeout=_TIMEOUT)
    for exchange in (names.commands, names.events, names.dead_letters, "celery_delayed_delivery", *_OF_CELERY):
        await channel.exchange_delete(exchange, timeout=_TIMEOUT)
