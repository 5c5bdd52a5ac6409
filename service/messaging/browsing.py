"""Looking at what waits in a queue, one message at a time. What is not taken out goes back to its place at the end."""

import asyncio

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

_TIMEOUT = 30
_QUIET = 1.0
_LOOK = 0.01
_FIRST_WINDOW = 100
_WIDEST_WINDOW = 65535


class Browser:
    """The messages that waited when it was told to `hold`, on a channel of its own."""

    def __init__(self, channel: Channel, queue: str) -> None:
        """Take a channel that nothing else consumes on."""
        self._channel = channel
        self._queue = queue
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        self._windows: list[str] = []
        self._unacknowledged = 0
        self._room = 0
        self._looked = 0
        self.waiting = 0

    async def hold(self) -> None:
        """Keep others out until the connection ends, and count what is there.

        :raises ChannelNotFoundEntity: there is no such queue
        :raises ChannelLockedResource: somebody else holds it
        """
        await self._channel.queue_declare(f"{self._queue}.looking", exclusive=True, timeout=_TIMEOUT)
        self.waiting = await self._depth()

    async def next(self) -> DeliveredMessage | None:
        """Wait for the next one, the oldest first; None where there is none, or somebody else took what was there."""
        if self._looked == self.waiting:
            return None
        if not self._room:
            await self._widen()
        while True:
            try:
                async with asyncio.timeout(_QUIET):
                    message = await self._arrived.get()
            except TimeoutError:
                if not await self._depth() and self._arrived.empty():
                    self._looked = self.waiting
                    return None
            else:
                self._looked += 1
                self._room -= 1
                return message

    async def take_out(self, tag: int) -> None:
        """Remove the one that was delivered with this tag for good."""
        await self._channel.basic_ack(tag)
        self._unacknowledged -= 1
        self._room += 1

    async def finish(self) -> int:
        """See to it that nothing is under way, and give how many there are, those that go back included.

        What goes back goes behind all that was ever looked at, so the rest is looked at as well. A channel that closes
        loses acknowledgements which it has not passed on to the queue: an answer to `cancel` comes behind them. And
        what is under way to a consumer that is cancelled goes back in another order.
        """
        while await self.next() is not None:
            pass
        async with asyncio.timeout(_TIMEOUT):
            while self._arrived.qsize() < self._room and await self._depth():  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(_LOOK)
        for tag in self._windows:
            await self._channel.basic_cancel(tag, timeout=_TIMEOUT)
        return await self._depth() + self._unacknowledged

    async def _widen(self) -> None:
        """Let the broker hand over some more: all room is taken by messages that will go back.

        It is a new consumer each time, since a prefetch cannot be changed. The broker takes messages back consumer by
        consumer, in the order of their tags for as long as there are 32 at most: so the room grows, slowly, since that
        is how many bodies can be under way.
        """
        size = min(max(_FIRST_WINDOW, self._unacknowledged // 4), _WIDEST_WINDOW)
        await self._channel.basic_qos(prefetch_count=size, timeout=_TIMEOUT)
        tag = f"look-{len(self._windows):06}"
        self._windows.append(tag)
        self._room += size
        await self._channel.basic_consume(self._queue, self._arrive, consumer_tag=tag, timeout=_TIMEOUT)

    async def _arrive(self, message: DeliveredMessage) -> None:
        self._unacknowledged += 1
        self._arrived.put_nowait(message)

    async def _depth(self) -> int:
        return await depth(self._channel, self._queue)


async def until_back(channel: Channel, queue: str, number: int) -> None:
    """Wait until the queue has taken back what a closed channel held: who looks next shall find all of it."""
    async with asyncio.timeout(_TIMEOUT):
        while await depth(channel, queue) < number:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(_LOOK)


async def depth(channel: Channel, queue: str) -> int:
    """Count the messages that wait and nobody holds."""
    found = await channel.queue_declare(queue, passive=True, timeout=_TIMEOUT)
    return found.message_count or 0
