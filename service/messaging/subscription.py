"""A channel that consumes all queues of commands, until it is lost."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Self, cast

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as UnderlayChannel
from aiormq.exceptions import AMQPConnectionError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.messaging.connection import open_channel
from service.messaging.liveness import watch
from service.messaging.topology import Topology
from service.messaging.waiting import first

log = structlog.get_logger(__name__)

Arrive = Callable[[DeliveredMessage], None]

_TIMEOUT = 30
_PRIORITY_BYTES = 3
_UNSEEN = 3


class Subscription:
    """The consumers of one channel."""

    def __init__(
        self, connection: AbstractConnection, channel: UnderlayChannel, names: Topology, arrive: Arrive
    ) -> None:
        """Take a channel that consumes; see `open`."""
        self.channel = channel
        self._arrive = arrive
        self._connection = connection
        self._names = names
        self._cancelled = asyncio.Event()
        # The client would make a task of each delivery, to run what only puts it in a queue.
        channel._on_deliver_frame = self._deliver  # type: ignore[method-assign]  # noqa: SLF001 - no public way
        self._unseen = dict.fromkeys(names.queues, 0)
        channel.on_consumer_cancel_callbacks.add(lambda _frame: self._cancelled.set())

    @classmethod
    async def open(cls, connection: AbstractConnection, names: Topology, arrive: Arrive, *, prefetch: int) -> Self:
        """Open a channel on which each consumer gets its share of the prefetch; nothing is consumed yet.

        :param arrive: is handed each delivery; the channel waits for it
        """
        opened = await open_channel(connection, publisher_confirms=False)
        await opened.set_qos(max(1, prefetch // len(names.queues)), timeout=_TIMEOUT)
        channel = cast("UnderlayChannel", await opened.get_underlay_channel())
        return cls(connection, channel, names, arrive)

    async def begin(self, replica: str) -> None:
        """Consume.

        :param replica: what tells this process from others that do the same
        """
        for queue in self._names.queues:
            await self.channel.basic_consume(
                queue,
                _in_vain,
                arguments={"x-priority": _priority(replica, queue)} if queue in self._names.partition_queues else {},
                timeout=_TIMEOUT,
            )
            log.info("consuming", queue=queue)

    async def lost(self) -> None:
        """Wait until nothing arrives any more: the channel is closed, a queue is gone, or the broker is silent."""
        watching = asyncio.ensure_future(
            watch(self._connection, [partial(self._check, queue) for queue in self._names.queues])
        )
        try:
            await first(self._cancelled.wait(), watching, self.channel.closing)
            if watching.done():
                log.warning("the broker is silent", reason=str(watching.exception()))
        finally:
            watching.cancel()

    async def _deliver(self, frame: Basic.Deliver) -> None:
        header = await self.channel._get_frame()  # noqa: SLF001 - as the client's own method does
        if not isinstance(header, ContentHeader):
            raise AMQPConnectionError(f"the broker sent {header!r} in the middle of a delivery")
        self._arrive(await self.channel._read_content(frame, header))  # noqa: SLF001 - as above

    async def _check(self, queue: str, channel: AbstractChannel) -> None:
        """See that the broker answers, and that somebody consumes."""
        found = await channel.declare_queue(queue, passive=True)
        self._unseen[queue] = 0 if found.declaration_result.consumer_count else self._unseen[queue] + 1
        # A queue that is too busy to count says 0.
        if self._unseen[queue] == _UNSEEN:
            raise ConnectionError(f"nobody consumes {queue}")


async def _in_vain(_message: DeliveredMessage) -> None:
    """Stand where the client wants a callback: `_deliver` comes before it."""


def _priority(replica: str, queue: str) -> int:
    """Say how much a replica wants a partition: each wants others most, so that they spread.

    Rendezvous hashing (Thaler and Ravishankar, 1996). Brokers that know no priority among consumers of which a single
    one is active take the first.
    """
    return int.from_bytes(hashlib.blake2b(f"{replica}/{queue}".encode(), digest_size=_PRIORITY_BYTES).digest())
