"""The client's connection: opens and closes it, and translates the errors of the AMQP library."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import InvalidFrameError

TIMEOUT = 30.0
_CLOSE_TIMEOUT = 5.0
_HEARTBEAT = 10
_PORTS = {"amqp": 5672, "amqps": 5671}
# Operations on a closed connection or channel raise plain RuntimeErrors.
_FAILURES = (AMQPError, RuntimeError, OSError)

# The errors that the AMQP library logs are raised as ClientErrors; without a handler, logging prints them to stderr.
logging.getLogger("aiormq").addHandler(logging.NullHandler())


class ClientError(Exception):
    """The broker cannot be reached, a request is rejected or cannot be encoded, or no result arrived in time."""


def address_of(url: str) -> str:
    """Return the host and port of a URL.

    :raises ClientError: the URL is not valid; the message does not contain it, because it has a password
    """
    try:
        parts = urlsplit(url)
        default_port = _PORTS[parts.scheme]
        port = parts.port or default_port
    except KeyError:
        raise ClientError("the URL of the broker must start with amqp:// or amqps://") from None
    except (ValueError, AttributeError, TypeError):
        hint = "are special characters in the password percent-encoded?"
        raise ClientError(f"the URL of the broker is not valid: {hint}") from None
    if not parts.hostname:
        raise ClientError("the URL of the broker has no host")
    return f"{parts.hostname}:{port}"


async def connect(url: str) -> AbstractConnection:
    """Open a connection.

    :raises ClientError: the URL is not valid, or the virtual host does not exist
    """
    try:
        return await aio_pika.connect(url, timeout=TIMEOUT, heartbeat=_HEARTBEAT)
    except InvalidFrameError as exc:
        if "OpenOk" not in str(exc):
            raise
        # The library reports only that the broker closed the connection while it opened the virtual host.
        vhost = unquote(urlsplit(url).path[1:]) or "/"
        raise ClientError(f"the virtual host {vhost} is not found, or the user has no access to it") from exc
    except ValueError:
        raise ClientError("the URL of the broker is not valid") from None


async def open_channel(connection: AbstractConnection, **options: bool) -> AbstractChannel:
    """Open a channel."""
    channel = connection.channel(**options)
    try:
        # aio-pika ignores the `timeout` of `initialize`.
        async with asyncio.timeout(TIMEOUT):
            await channel.initialize()
    except BaseException:
        await close(channel)
        raise
    return channel


@contextlib.contextmanager
def translating(problem: str) -> Iterator[None]:
    """Raise the failures of the connection as ClientErrors."""
    try:
        yield
    except _FAILURES as exc:
        raise ClientError(f"{problem}: {str(exc) or type(exc).__name__}") from exc
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # The library cancels its pending operations when the connection ends.
        raise ClientError(f"{problem}: the connection ended") from exc


async def close(closeable: AbstractConnection | AbstractChannel) -> None:
    """Close a connection or a channel in any state. Never raises."""
    with contextlib.suppress(*_FAILURES):
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await closeable.close()
