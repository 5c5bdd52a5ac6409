"""Finding out that a connection is dead although nobody has closed it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection

from service.messaging.connection import open_channel

_PAUSE = 4.0
_ANSWER = 4.0
_GLANCE = 0.1


async def owed(what: asyncio.Future[Any], connection: AbstractConnection, seconds: float) -> None:
    """Wait for something that the broker has to give; while it blocks the connection, for as long as that takes.

    :raises TimeoutError: it did not come in time
    """
    while not what.done():
        await asyncio.wait({what}, timeout=seconds)
        if not what.done() and not await _is_blocked(connection):
            raise TimeoutError(f"the broker did not answer within {seconds:g} s")


async def watch(
    connection: AbstractConnection, questions: Sequence[Callable[[AbstractChannel], Awaitable[None]]]
) -> None:
    """Ask the broker some questions now and then on a channel of its own, for ever.

    A link that is dead at one end tells nobody: the heartbeats take half a minute to find out.

    :raises TimeoutError: it does not answer one in time
    :raises AMQPError: the answer is no
    """
    channel = await open_channel(connection, publisher_confirms=False)
    while True:
        await asyncio.sleep(_PAUSE)
        for ask in questions:
            asked = asyncio.ensure_future(ask(channel))
            try:
                await owed(asked, connection, _ANSWER)
            finally:
                asked.cancel()
            await asked


async def _is_blocked(connection: AbstractConnection) -> bool:
    """Tell whether the broker has said that it takes nothing for now, for lack of memory or disk."""
    transport = connection.transport
    if transport is None:
        return False
    try:
        async with asyncio.timeout(_GLANCE):
            await transport.connection.ready()
    except TimeoutError:
        return True
    return False
