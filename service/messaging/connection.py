"""A connection that is made again for as long as somebody wants it."""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from service.backoff import pause
from service.messaging import decoding

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 10
CLOSE_TIMEOUT = 5
_HEARTBEAT = 10
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0

CONNECTION_ERRORS = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What a broker that is away, or goes away, makes the client raise."""


async def connect(url: str, name: str) -> AbstractConnection:
    """Open a plain connection; its loss is the caller's to notice.

    :raises AMQPError: the broker refused
    :raises OSError: it cannot be reached
    """
    decoding.install()
    return await aio_pika.connect(
        url, timeout=CONNECT_TIMEOUT, heartbeat=_HEARTBEAT, client_properties={"connection_name": name}
    )


async def keep(url: str, name: str, use: Callable[[AbstractConnection], Awaitable[None]]) -> None:
    """Connect and use the connection, again whenever it is lost, until cancelled or `use` returns."""
    tries = 0
    while True:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                connection = await connect(url, name)
            try:
                return await use(connection)
            finally:
                await close(connection)
        except (*CONNECTION_ERRORS, RuntimeError) as exc:
            # The client raises a RuntimeError where a link ends while it closes a channel.
            log.warning("the broker is away", connection=name, reason=f"{type(exc).__name__}: {exc}")
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            log.warning("the broker is away", connection=name, reason="the client gave an answer up")
        if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE:
            tries = 0
        await asyncio.sleep(pause(tries, _FIRST_PAUSE, _LONGEST_PAUSE))
        tries += 1


async def open_channel(connection: AbstractConnection, **options: bool) -> AbstractChannel:
    """Open a channel.

    :raises TimeoutError: the broker does not answer
    """
    found = connection.channel(**options)
    # The client has a timeout for it that does nothing.
    async with asyncio.timeout(CONNECT_TIMEOUT):
        await found.initialize()
    return found


async def close(connection: AbstractConnection) -> None:
    """Close a connection, however badly it is."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.close()
    except (*CONNECTION_ERRORS, RuntimeError) as exc:
        log.debug("a connection did not close well", reason=str(exc))


def _is_cancelled() -> bool:
    """Tell whether it was us who are cancelled, and not something in the client that we waited for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
