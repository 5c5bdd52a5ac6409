"""Browsing of a queue, message by message. Messages that are not removed are requeued at the end."""

import asyncio

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

_TIMEOUT = 30
_QUIET_SECONDS = 1.0
_POLL_INTERVAL = 0.01
_FIRST_WINDOW = 100
_LARGEST_WINDOW = 65535


class Browser:
    """The messages that were in a queue when it was locked, read on a separate channel."""

    def __init__(self, channel: Channel, queue: str) -> None:
        """Set a channel without other consumers."""
        self._channel = channel
        self._queue = queue
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        self._windows: list[str] = []
        self._unacknowledged = 0
        self._room = 0
        self._browsed = 0
        self.total = 0
        """The number of messages in the queue when it was locked."""

    async def lock(self) -> None:
        """Lock the queue against other browsers until the connection ends, and count its messages.

        :raises ChannelNotFoundEntity: the queue does not exist
        :raises ChannelLockedResource: another browser has locked it
        """
        await self._channel.queue_declare(f"{self._queue}.looking", exclusive=True, timeout=_TIMEOUT)
        self.total = await self._depth()

    async def next(self) -> DeliveredMessage | None:
        """Wait for the next message, oldest first, and return it; None after the last one.

        There may be fewer than `total`, if another consumer has removed messages.
        """
        if self._browsed == self.total:
            return None
        if not self._room:
            await self._add_window()
        while True:
            try:
                async with asyncio.timeout(_QUIET_SECONDS):
                    message = await self._arrived.get()
            except TimeoutError:
                if not await self._depth() and self._arrived.empty():
                    self._browsed = self.total
                    return None
            else:
                self._browsed += 1
                self._room -= 1
                return message

    async def remove(self, tag: int) -> None:
        """Remove the message with this delivery tag from the queue permanently."""
        await self._channel.basic_ack(tag)
        self._unacknowledged -= 1
        self._room += 1

    async def finish_browsing(self) -> int:
        """Wait until no message is in flight, and return how many the queue has, including those that will be requeued.

        RabbitMQ requeues messages behind those that were already delivered, so the remaining ones are browsed as well.
        Closing a channel discards acknowledgements that have not reached the queue; the reply to `cancel` shows that
        they have. Messages in transit to a cancelled consumer are requeued in another order.
        """
        while await self.next() is not None:
            pass
        async with asyncio.timeout(_TIMEOUT):
            while self._arrived.qsize() < self._room and await self._depth():  # noqa: ASYNC110 - the broker sends no signal
                await asyncio.sleep(_POLL_INTERVAL)
        for tag in self._windows:
            await self._channel.basic_cancel(tag, timeout=_TIMEOUT)
        return await self._depth() + self._unacknowledged

    async def _add_window(self) -> None:
        """Let the broker deliver more messages: all current ones will be requeued.

        Each window is a new consumer, since a prefetch cannot be changed. RabbitMQ requeues messages consumer by
        consumer, in the order of the consumer tags if there are at most 32 consumers. So the windows have to grow, but
        slowly, because all bodies of a window may be in memory.
        """
        size = min(max(_FIRST_WINDOW, self._unacknowledged // 4), _LARGEST_WINDOW)
        await self._channel.basic_qos(prefetch_count=size, timeout=_TIMEOUT)
        tag = f"look-{len(self._windows):06}"
        self._windows.append(tag)
        self._room += size
        await self._channel.basic_consume(self._queue, self._on_delivery, consumer_tag=tag, timeout=_TIMEOUT)

    async def _on_delivery(self, message: DeliveredMessage) -> None:
        self._unacknowledged += 1
        self._arrived.put_nowait(message)

    async def _depth(self) -> int:
        return await _depth(self._channel, self._queue)


async def wait_requeued(channel: Channel, queue: str, count: int) -> None:
    """Wait until the queue has taken back the messages of a closed channel, so that the next browser sees them all."""
    async with asyncio.timeout(_TIMEOUT):
        while await _depth(channel, queue) < count:  # noqa: ASYNC110 - the broker sends no signal
            await asyncio.sleep(_POLL_INTERVAL)


async def _depth(channel: Channel, queue: str) -> int:
    """Return the number of messages that are ready for delivery."""
    declared = await channel.queue_declare(queue, passive=True, timeout=_TIMEOUT)
    return declared.message_count or 0
