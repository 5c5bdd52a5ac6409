"""Where commands come from: a channel that consumes, made again when it is lost."""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage

from service.contract.delivery import Delivery
from service.messaging import amqp
from service.messaging.acks import AckWindow
from service.messaging.caution import Caution
from service.messaging.connection import keep
from service.messaging.declaration import declare
from service.messaging.subscription import Subscription
from service.messaging.topology import Topology
from service.messaging.waiting import first


class Source:
    """The deliveries that wait in this process."""

    def __init__(self, url: str, names: Topology, *, prefetch: int, delays: tuple[timedelta, ...]) -> None:
        """Take the broker's address and how many unacknowledged deliveries it may hand over."""
        self._url = url
        self._names = names
        self._prefetch = prefetch
        self._delays = delays
        self._replica = uuid4().hex
        self._caution = Caution(prefetch)
        self._relieved = asyncio.Event()
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._window: AckWindow | None = None
        self._is_consuming = False
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Tell whether deliveries arrive."""
        return self._is_consuming

    async def run(self) -> None:
        """Consume until `stop`, connecting again whenever the connection is lost."""
        await keep(self._url, "crudmq consumer", self._consume)

    def stop(self) -> None:
        """Take no more deliveries; those that wait go back to the broker when the connection is closed."""
        self._stopping.set()
        self._waiting.clear()
        self._arrived.set()

    def finish(self) -> None:
        """Let `run` return: there is nothing left to acknowledge."""
        self._finished.set()

    async def take(self, most: int, most_bytes: int) -> list[Delivery]:
        """Wait for a delivery, and give it with those that wait behind it: at once, however few they are.

        Suspects are given by themselves. Gives none once it is told to stop.
        """
        while not self._waiting:
            if self._stopping.is_set():
                return []
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._waiting.popleft()]
        size = len(taken[0].body)
        while self._waiting and len(taken) < most and (size := size + len(self._waiting[0].body)) <= most_bytes:
            if taken[0].is_suspect is not self._waiting[0].is_suspect:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that it may forget these. Does nothing for those of a channel that is gone."""
        window = self._window
        if window is None:
            return
        tags = [one.origin.delivery_tag for one in deliveries if window.brought(one.origin)]
        await window.finish(tags)
        if tags and self._caution.acknowledged(len(tags)):
            self._relieved.set()

    async def _consume(self, connection: AbstractConnection) -> None:
        await declare(connection, self._names, self._delays)
        prefetch = 1 if self._caution.is_due else self._prefetch
        subscription = await Subscription.open(connection, self._names, self._arrive, prefetch=prefetch)
        self._window = AckWindow(subscription.channel)
        # What the lost channel brought can no longer be acknowledged: it comes again.
        self._waiting.clear()
        self._relieved.clear()
        self._caution.connected()
        await subscription.begin(self._replica)
        self._is_consuming = True
        try:
            await first(subscription.lost(), self._relieved.wait(), self._stopping.wait())
        finally:
            self._is_consuming = False
        if not self._stopping.is_set():
            raise ConnectionError("the consumer is lost")
        await self._finish(subscription.channel)

    async def _finish(self, channel: UnderlayChannel) -> None:
        """Keep the connection for the last acknowledgements, and for nothing else.

        The consumer is not cancelled: what is on its way to one that is gone goes back to the queue in another order.
        """
        self._waiting.clear()
        await first(self._finished.wait(), channel.closing)

    def _arrive(self, message: DeliveredMessage) -> None:
        # Nothing else is done here: the channel reads nothing meanwhile.
        if not self._stopping.is_set():
            self._waiting.append(amqp.delivery(message))
            self._arrived.set()
