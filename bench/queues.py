"""The broker's side of a run: queues filled in advance, and a finish line that the broker itself detects."""

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
from crudmq.execution.job import RETRY_DELAYS
from crudmq.messaging.topology import Topology, declare

_TIMEOUT = 30
_CELERY_QUEUES = tuple(f"celery_delayed_{bit}" for bit in range(28))
"""Celery declares them on every broker that has quorum queues, and does not delete them."""
_MAX_IN_FLIGHT = 500


@asynccontextmanager
async def temporary_topology(connection: AbstractConnection) -> AsyncIterator[Topology]:
    """Declare the service's topology under a unique prefix, and delete it at the end of the block."""
    topology = Topology(f"bench-{uuid4().hex[:12]}")
    try:
        await declare(connection, topology, RETRY_DELAYS)
        yield topology
    finally:
        async with await connection.channel() as channel:
            await _delete(channel, topology)


async def fill(
    connection: AbstractConnection, topology: Topology, commands: Iterable[Command], envelope: Envelope
) -> None:
    """Publish commands to the queue, and wait until the broker has confirmed all of them."""
    async with await connection.channel() as channel:
        underlay = cast("UnderlayChannel", await channel.get_underlay_channel())
        remaining = iter(commands)
        while batch := list(islice(remaining, _MAX_IN_FLIGHT)):
            await asyncio.gather(*(_publish(underlay, topology, command, envelope) for command in batch))


async def depth(connection: AbstractConnection, queue: str) -> int:
    """Return the number of messages in a queue, without unacknowledged ones."""
    async with await connection.channel() as channel:
        declaration = await channel.declare_queue(queue, passive=True, timeout=_TIMEOUT)
        return declaration.declaration_result.message_count or 0


@asynccontextmanager
async def finish_line(
    connection: AbstractConnection, topology: Topology, messages: int
) -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set once that many events and replies have been published.

    The broker counts: a queue with room for all but one of them passes its first message on when the last one arrives.
    So nothing polls, and only the competitor consumes while the clock runs.
    """
    crossed = asyncio.Event()
    async with await connection.channel() as channel:
        signal = await channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        await signal.consume(lambda _message: _set(crossed), no_ack=True, timeout=_TIMEOUT)
        counter = await channel.declare_queue(
            _counting_queue(topology),
            exclusive=True,
            arguments=_overflow(messages - 1, to=signal.name),
            timeout=_TIMEOUT,
        )
        await counter.bind(topology.events, "#", timeout=_TIMEOUT)
        yield crossed


def _counting_queue(topology: Topology) -> str:
    """Return the name of the queue that counts events and replies."""
    return f"{topology.prefix}.counter"


def _overflow(max_length: int, *, to: str) -> FieldTable:
    return {"x-max-length": max_length, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": to}


async def _set(event: asyncio.Event) -> None:
    event.set()


async def _publish(channel: UnderlayChannel, topology: Topology, command: Command, envelope: Envelope) -> None:
    reply_to = _counting_queue(topology) if command.replies else None
    body, properties = envelope(command, topology.commands, reply_to)
    await channel.basic_publish(
        body,
        exchange=topology.commands,
        routing_key=command.routing_key,
        properties=properties,
        mandatory=True,
        timeout=_TIMEOUT,
        wait=False,
    )


async def _delete(channel: AbstractChannel, topology: Topology) -> None:
    dramatiq_queues = (f"{topology.commands}.DQ", f"{topology.commands}.XQ")
    retry_queues = tuple(topology.retry(delay) for delay in RETRY_DELAYS)
    for queue in (topology.commands, topology.dead_letters, *dramatiq_queues, *retry_queues, *_CELERY_QUEUES):
        await channel.queue_delete(queue, timeout=_TIMEOUT)
    exchanges = (topology.commands, topology.events, topology.dead_letters, "celery_delayed_delivery")
    for exchange in (*exchanges, *_CELERY_QUEUES):
        await channel.exchange_delete(exchange, timeout=_TIMEOUT)
