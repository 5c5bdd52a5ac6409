"""A channel that consumes all queues of commands, until it is lost."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Self

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from crudmq.aio import exception_of, race
from crudmq.messaging.connection import describe, health_probe, open_channel
from crudmq.messaging.topology import Topology, priority
from crudmq.messaging.wire.channel import on_delivery, underlay

log = structlog.get_logger(__name__)

_TIMEOUT = 30
_MAX_UNCONSUMED_PROBES = 3


class Subscription:
    """The consumers of one channel."""

    def __init__(self, connection: AbstractConnection, channel: Channel, topology: Topology) -> None:
        """Set an open channel; see `open`."""
        self.channel = channel
        self._connection = connection
        self._topology = topology
        self._cancelled = asyncio.Event()
        self._unconsumed_probes = dict.fromkeys(topology.queues, 0)
        self._emptied_at = dict.fromkeys(topology.queues, -math.inf)
        channel.on_consumer_cancel_callbacks.add(lambda _frame: self._cancelled.set())

    @classmethod
    async def open(
        cls,
        connection: AbstractConnection,
        topology: Topology,
        receive: Callable[[DeliveredMessage], None],
        *,
        prefetch: int,
    ) -> Self:
        """Open a channel whose consumers share the prefetch; does not consume yet.

        :param receive: called with each delivery; the channel reads nothing in the meantime
        """
        channel = await open_channel(connection, publisher_confirms=False)
        await channel.set_qos(max(1, prefetch // len(topology.queues)), timeout=_TIMEOUT)
        underlying = await underlay(channel)
        on_delivery(underlying, receive)
        return cls(connection, underlying, topology)

    async def consume(self, replica: str) -> None:
        """Start to consume; `replica` distinguishes this process from other replicas."""
        for queue in self._topology.queues:
            is_partition = queue in self._topology.partition_queues
            arguments = {"x-priority": priority(replica, queue)} if is_partition else {}
            await self.channel.basic_consume(queue, _unused_callback, arguments={**arguments}, timeout=_TIMEOUT)
            log.info("consuming", queue=queue)

    async def lost(self) -> str:
        """Wait until consuming fails, and return why: the channel, the queue or the broker's answers are lost."""
        probes = [partial(self._probe, queue) for queue in self._topology.queues]
        endings = self.channel.closing, asyncio.ensure_future(health_probe(self._connection, probes))
        try:
            await race(self._cancelled.wait(), *endings)
            errors = map(exception_of, endings)
            reason = next((describe(error) for error in errors if error), "a queue of commands was deleted")
            if endings[1].done():
                log.warning("health probe failed, reconnecting", reason=reason)
            return f"the consumer's channel is lost: {reason}"
        finally:
            endings[1].cancel()

    @property
    def emptied_at(self) -> float:
        """The time of the event loop after which each queue was seen empty: all its messages were with consumers."""
        return min(self._emptied_at.values())

    async def _probe(self, queue: str, channel: AbstractChannel) -> None:
        """Check that the broker answers, and that the queue has a consumer. Record whether it is empty."""
        asked_at = asyncio.get_running_loop().time()
        declared = await channel.declare_queue(queue, passive=True)
        # A queue that is too busy to count its consumers reports 0, also of messages.
        is_consumed = bool(declared.declaration_result.consumer_count)
        if is_consumed and not declared.declaration_result.message_count:
            self._emptied_at[queue] = asked_at
        self._unconsumed_probes[queue] = 0 if is_consumed else self._unconsumed_probes[queue] + 1
        if self._unconsumed_probes[queue] == _MAX_UNCONSUMED_PROBES:
            raise ConnectionError(f"the queue {queue} has no consumer")


async def _unused_callback(_message: DeliveredMessage) -> None:
    """Do nothing: the client requires a callback, which `on_delivery` replaces."""
