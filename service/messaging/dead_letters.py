"""The queue of dead letters, looked at by one at a time."""

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
from service.messaging.amqp import Outgoing, encodable
from service.messaging.browsing import Browser, until_back
from service.messaging.connection import CONNECTION_ERRORS, close, connect, open_channel
from service.messaging.topology import Topology

_TIMEOUT = 30
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
            browser = Browser(channel, names.dead_letters)
            await _hold(browser, names)
            try:
                yield DeadLetters(browser, channel, names)
            finally:
                if not channel.is_closed:
                    left = await browser.finish()
                    await channel.close()
                    await until_back(await _channel(connection), names.dead_letters, left)
        finally:
            await close(connection)


class DeadLetters:
    """The dead letters that waited when this was opened."""

    def __init__(self, browser: Browser, channel: UnderlayChannel, names: Topology) -> None:
        """Take them, held, and a channel with confirms to publish them again on."""
        self._browser = browser
        self._channel = channel
        self._names = names

    @property
    def waiting(self) -> int:
        """Count those that waited when this was opened."""
        return self._browser.waiting

    async def look(self) -> AsyncIterator[Letter]:
        """Give each of those that waited, the oldest first, and none that come later."""
        while (message := await self._browser.next()) is not None:
            yield _letter(message)

    async def discard(self, letter: Letter) -> None:
        """Take one out for good."""
        await self._browser.take_out(letter.origin.delivery_tag)

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

    def _again(self, letter: Letter) -> Outgoing:
        fields = {
            **letter.properties,
            "headers": encodable(letter.publishers_headers()),
            # The client cannot write it.
            "cluster_id": "",
            # The broker lets nobody publish in another's name.
            "user_id": None,
            "expiration": None,
            "delivery_mode": _PERSISTENT,
        }
        properties = Basic.Properties(**fields)
        return Outgoing(self._names.commands, letter.published_with, letter.body, properties, mandatory=True)


async def _hold(browser: Browser, names: Topology) -> None:
    try:
        await browser.hold()
    except ChannelNotFoundEntity:
        raise DeadLettersError(f"there is no queue {names.dead_letters}: `crudmq run` makes it") from None
    except ChannelLockedResource:
        raise DeadLettersError("somebody else is looking at the dead letters: try again later") from None


async def _channel(connection: AbstractConnection) -> UnderlayChannel:
    opened = await open_channel(connection, publisher_confirms=True, on_return_raises=True)
    return cast("UnderlayChannel", await opened.get_underlay_channel())


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
