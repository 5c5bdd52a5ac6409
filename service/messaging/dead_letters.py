"""The queue of dead letters, looked at by one at a time. What is not taken out goes back to its place at the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import PublishError
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel as UnderlayChannel
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from pamqp.commands import Basic

from service.contract.dead_letter import Letter
from service.messaging import batch
from service.messaging.amqp import Outgoing
from service.messaging.connection import CONNECTION_ERRORS, close, connect
from service.messaging.topology import Topology

_TIMEOUT = 30
_QUIET = 1.0
_LOOK = 0.01
_FIRST_WINDOW = 100
_WIDEST_WINDOW = 65535
_PERSISTENT = 2


class DeadLettersError(Exception):
    """The dead letters cannot be looked at, or one could not be replayed; says why. It stays where it is."""


@asynccontextmanager
async def opened(url: str, names: Topology) -> AsyncIterator["DeadLetters"]:
    """Hold the dead letters for as long as the block runs: nobody else sees those that were looked at.

    :raises DeadLettersError: the broker is away, there is no such queue, or somebody else holds them
    """
    with _in_plain_words("the broker is away"):
        async with asyncio.timeout(_TIMEOUT):
            connection = await connect(url, "crudmq dead-letters")
        try:
            channel = await _channel(connection)
            letters = DeadLetters(channel, names)
            await letters.hold()
            try:
                yield letters
            finally:
                if not channel.is_closed:
                    left = await letters.finish()
                    await channel.close()
                    await _until_back(await _channel(connection), names, left)
        finally:
            await close(connection)


class DeadLetters:
    """The dead letters that waited when this was opened."""

    def __init__(self, channel: UnderlayChannel, names: Topology) -> None:
        """Take a channel of its own, with confirms."""
        self._channel = channel
        self._names = names
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        self._windows: list[str] = []
        self._unacknowledged = 0
        self._room = 0
        self._looked = 0
        self.waiting = 0

    async def hold(self) -> None:
        """Keep others out until the connection ends, and count what is there."""
        queue = self._names.dead_letters
        try:
            await self._channel.queue_declare(f"{queue}.looking", exclusive=True, timeout=_TIMEOUT)
            self.waiting = await self.depth()
        except ChannelNotFoundEntity:
            raise DeadLettersError(f"there is no queue {queue}: `crudmq run` makes it") from None
        except ChannelLockedResource:
            raise DeadLettersError("somebody else is looking at the dead letters: try again later") from None

    async def depth(self) -> int:
        """Count those that wait and nobody has looked at yet."""
        return await _depth(self._channel, self._names)

    async def look(self) -> AsyncIterator[Letter]:
        """Give each of those that waited, the oldest first, and none that come later."""
        while (message := await self._next()) is not None:
            yield _letter(message)

    async def discard(self, letter: Letter) -> None:
        """Take one out for good."""
        await self._channel.basic_ack(letter.origin.delivery_tag)
        self._unacknowledged -= 1
        self._room += 1

    async def replay(self, letter: Letter) -> None:
        """Publish one as it first came, without its actor, and take it out once the broker has confirmed that.

        :raises DeadLettersError: the broker did not confirm it
        """
        try:
            async with asyncio.timeout(_TIMEOUT):
                (end,) = await batch.publish(self._channel, [self._again(letter)])
        except CONNECTION_ERRORS as exc:
            end = exc
        if isinstance(end, PublishError):
            raise DeadLettersError(f"no queue takes {letter.id}: `crudmq run` makes it; it stays a dead letter")
        if end is not None:
            reason = str(end) or type(end).__name__
            raise DeadLettersError(f"the broker did not confirm {letter.id}, so it stays a dead letter: {reason}")
        await self.discard(letter)

    async def finish(self) -> int:
        """See to it that nothing is under way, and give how many there are, those that go back included.

        What goes back goes behind all that was ever looked at, so the rest is looked at as well. A channel that closes
        loses acknowledgements which it has not passed on to the queue: an answer to `cancel` comes behind them. And
        what is under way to a consumer that is cancelled goes back in another order.
        """
        while await self._next() is not None:
            pass
        async with asyncio.timeout(_TIMEOUT):
            while self._arrived.qsize() < self._room and await self.depth():  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(_LOOK)
        for tag in self._windows:
            await self._channel.basic_cancel(tag, timeout=_TIMEOUT)
        return await self.depth() + self._unacknowledged

    def _again(self, letter: Letter) -> Outgoing:
        fields = {
            **letter.properties,
            "headers": letter.publishers_headers(),
            # The broker lets nobody publish in another's name.
            "user_id": None,
            "expiration": None,
            "delivery_mode": _PERSISTENT,
        }
        properties = Basic.Properties(**fields)
        return Outgoing(self._names.commands, letter.published_with, letter.body, properties, mandatory=True)

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
        await self._channel.basic_consume(self._names.dead_letters, self._arrive, consumer_tag=tag, timeout=_TIMEOUT)

    async def _arrive(self, message: DeliveredMessage) -> None:
        self._unacknowledged += 1
        self._arrived.put_nowait(message)

    async def _next(self) -> DeliveredMessage | None:
        """Wait for the next one; None where there is none, or somebody else took what was there."""
        if self._looked == self.waiting:
            return None
        if not self._room:
            await self._widen()
        while True:
            try:
                async with asyncio.timeout(_QUIET):
                    message = await self._arrived.get()
            except TimeoutError:
                if not await self.depth() and self._arrived.empty():
                    self._looked = self.waiting
                    return None
            else:
                self._looked += 1
                self._room -= 1
                return message


async def _channel(connection: AbstractConnection) -> UnderlayChannel:
    opened = connection.channel(publisher_confirms=True, on_return_raises=True)
    await opened.initialize(timeout=_TIMEOUT)
    return cast("UnderlayChannel", await opened.get_underlay_channel())


async def _depth(channel: UnderlayChannel, names: Topology) -> int:
    found = await channel.queue_declare(names.dead_letters, passive=True, timeout=_TIMEOUT)
    return found.message_count or 0


async def _until_back(channel: UnderlayChannel, names: Topology, number: int) -> None:
    """Wait until the queue has taken back what the closed channel held: who looks next shall find all of it."""
    async with asyncio.timeout(_TIMEOUT):
        while await _depth(channel, names) < number:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(_LOOK)


def _letter(message: DeliveredMessage) -> Letter:
    found = message.header.properties
    properties = {name: getattr(found, name) for name in Basic.Properties.attributes() if name != "headers"}
    return Letter(
        body=message.body,
        routing_key=message.routing_key or "",
        properties={name: value for name, value in properties.items() if value not in (None, "")},
        headers=found.headers or {},
        origin=message,
    )


@contextmanager
def _in_plain_words(what: str) -> Iterator[None]:
    try:
        yield
    except CONNECTION_ERRORS as exc:
        raise DeadLettersError(f"{what}: {str(exc) or type(exc).__name__}") from exc
