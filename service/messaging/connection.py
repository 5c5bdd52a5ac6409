"""A connection that is made again for as long as somebody wants it."""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
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
        except CONNECTION_ERRORS as exc:
            log.warning("the broker is away", connection=name, reason=f"{type(exc).__name__}: {exc}")
        if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE:
            tries = 0
        await asyncio.sleep(pause(tries, _FIRST_PAUSE, _LONGEST_PAUSE))
        tries += 1


async def close(connection: AbstractConnection) -> None:
    """Close a connection, however badly it is."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.close()
    except CONNECTION_ERRORS as exc:
        log.debug("a connection did not close well", reason=str(exc))
