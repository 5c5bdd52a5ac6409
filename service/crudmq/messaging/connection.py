"""Connections to the broker: opening, supervising and closing them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.exceptions import ChannelClosed, ConnectionClosed

from crudmq.aio import Backoff, cancel
from crudmq.messaging import wire
from crudmq.messaging.wire.channel import underlay
from crudmq.messaging.wire.publishing import ConfirmChannel

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 10
CLOSE_TIMEOUT = 5
_HEARTBEAT = 10
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_PROBE_INTERVAL = 4.0
_PROBE_TIMEOUT = 4.0
_BLOCKED_CHECK_SECONDS = 0.1

CONNECTION_ERRORS = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""The errors that the client raises when the broker is or becomes unavailable."""

Probe = Callable[[AbstractChannel], Awaitable[None]]
"""Sends the broker a request on a channel; raises if the check fails."""


async def connect(url: str, name: str) -> AbstractConnection:
    """Open a plain connection; it does not reconnect by itself.

    :raises AMQPError: the broker refused the connection
    :raises OSError: the broker cannot be reached
    """
    wire.install()
    return await aio_pika.connect(
        url, timeout=CONNECT_TIMEOUT, heartbeat=_HEARTBEAT, client_properties={"connection_name": name}
    )


async def reconnecting(
    url: str,
    name: str,
    use: Callable[[AbstractConnection], Awaitable[None]],
    on_lost: Callable[[str], None] = lambda _: None,
) -> None:
    """Connect and call `use`. Repeat this when the connection is lost, until cancelled or `use` returns.

    :param on_lost: called with the reason whenever the connection fails or is lost
    """
    backoff = Backoff(_SHORTEST_PAUSE, _LONGEST_PAUSE)
    while True:
        started = asyncio.get_running_loop().time()
        using = asyncio.create_task(_connect_and_use(url, name, use))
        try:
            await asyncio.wait({using})
        finally:
            await cancel(using)
        try:
            return using.result()
        except (*CONNECTION_ERRORS, RuntimeError) as exc:
            # The client raises a RuntimeError if the connection ends while it closes a channel.
            reason = describe(exc)
        except asyncio.CancelledError:
            reason = "the client cancelled a pending operation"
        log.warning("broker unavailable, reconnecting", connection=name, reason=reason)
        on_lost(reason)
        if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE:
            backoff.reset()
        await backoff.wait()


async def _connect_and_use(url: str, name: str, use: Callable[[AbstractConnection], Awaitable[None]]) -> None:
    async with asyncio.timeout(2 * CONNECT_TIMEOUT):
        connection = await connect(url, name)
    try:
        await use(connection)
    finally:
        await close(connection)


def describe(error: BaseException) -> str:
    """Return an error of the broker or the connection as one line, in the broker's words if it gave a reason."""
    text = error.args[1] if isinstance(error, (ChannelClosed, ConnectionClosed)) and len(error.args) > 1 else str(error)
    if not text and isinstance(error, TimeoutError):
        text = "the broker did not answer in time"
    return ": ".join(part for part in (type(error).__name__, text) if part).replace("\n", " ")


async def open_channel(connection: AbstractConnection, **options: bool) -> AbstractChannel:
    """Open a channel.

    :raises TimeoutError: the broker does not answer
    """
    channel = connection.channel(**options)
    # The client's own timeout for this has no effect.
    async with asyncio.timeout(CONNECT_TIMEOUT):
        await channel.initialize()
    return channel


async def open_confirm_channel(connection: AbstractConnection) -> ConfirmChannel:
    """Open a channel for publishing with confirms.

    :raises TimeoutError: the broker does not answer
    """
    return ConfirmChannel(await underlay(await open_channel(connection, publisher_confirms=True)))


async def close(connection: AbstractConnection) -> None:
    """Close a connection in any state. Never raises."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.close()
    except (*CONNECTION_ERRORS, RuntimeError) as exc:
        log.debug("could not close the connection cleanly", reason=str(exc))


async def wait_confirmed(future: asyncio.Future[Any], connection: AbstractConnection, seconds: float) -> None:
    """Wait until the broker's answer has arrived; without a timeout while the broker blocks the connection.

    :raises TimeoutError: it did not arrive in time
    """
    while not future.done():
        await asyncio.wait({future}, timeout=seconds)
        if not future.done() and not await is_blocked(connection):
            raise TimeoutError(f"the broker did not answer within {seconds:g} s")


async def health_probe(connection: AbstractConnection, probes: Sequence[Probe]) -> None:
    """Run probes every few seconds, on a separate channel, until one fails.

    A half-open connection raises no error by itself: heartbeats take half a minute to detect it.

    :raises TimeoutError: the broker does not answer in time
    :raises AMQPError: a probe failed
    """
    channel = await open_channel(connection, publisher_confirms=False)
    while True:
        await asyncio.sleep(_PROBE_INTERVAL)
        for probe in probes:
            pending = asyncio.ensure_future(probe(channel))
            try:
                await wait_confirmed(pending, connection, _PROBE_TIMEOUT)
            finally:
                pending.cancel()
            await pending


async def is_blocked(connection: AbstractConnection) -> bool:
    """Whether the broker has blocked the connection, for lack of memory or disk space."""
    transport = connection.transport
    if transport is None:
        return False
    try:
        async with asyncio.timeout(_BLOCKED_CHECK_SECONDS):
            await transport.connection.ready()
    except TimeoutError:
        return True
    return False
