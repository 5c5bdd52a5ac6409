"""A client: the contract from the other side."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from service.contract import codec

_TIMEOUT = 30.0
_CLOSE_TIMEOUT = 5.0
_MAX_BYTES = 2**27


class ClientError(Exception):
    """A command could not be handed over, or nobody answered it; says what may be the reason."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command was answered."""

    body: bytes
    replayed: bool

    @property
    def content(self) -> dict[str, Any]:
        """Give the result as an object."""
        return codec.decode(self.body, max_bytes=_MAX_BYTES)

    @property
    def ok(self) -> bool:
        """Tell whether the command was carried out."""
        return bool(self.content["status"] == "ok")

    @property
    def data(self) -> Any:  # noqa: ANN401 - a row, rows or a number
        """Give what the command was answered with; None where it was refused."""
        return self.content.get("data")


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that was committed, or a write that failed."""

    type: str
    content: dict[str, Any]


class Client:
    """A connection to a service: `async with Client(url) as client`. May be shared by tasks.

    Sending the same command again, with the same `message_id`, is safe: it takes effect once.
    """

    def __init__(self, url: str, *, prefix: str = "crudmq") -> None:
        """Take the broker's address and the service's prefix."""
        self._url = url
        self._prefix = prefix
        self._waiting: dict[str, asyncio.Future[Result]] = {}
        self._connection: AbstractConnection
        self._channel: AbstractChannel
        self._replies: AbstractQueue

    async def __aenter__(self) -> Self:
        """Connect.

        :raises ClientError: the broker cannot be reached, or refused
        """
        try:
            self._connection = await aio_pika.connect(self._url, timeout=_TIMEOUT, heartbeat=10)
        except (AMQPError, OSError) as exc:
            parts = urlsplit(self._url)
            raise ClientError(f"the broker at {parts.hostname}:{parts.port or 5672} does not let us in: {exc}") from exc
        self._channel = self._connection.channel(on_return_raises=True)
        await _opened(self._channel)
        self._replies = await self._channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        await self._replies.consume(self._on_reply, no_ack=True, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect, however badly the connection is; whoever still waits for a result is cancelled."""
        for future in self._waiting.values():
            future.cancel()
        await _close(self._connection)

    async def send(
        self,
        command: Mapping[str, Any] | bytes,
        *,
        message_id: str | None = None,
        headers: dict[str, Any] | None = None,
        timeout: float = _TIMEOUT,  # noqa: ASYNC109 - the most natural way to say it
    ) -> Result:
        """Publish a command and wait for its result.

        :param command: the command, or bytes to be sent as they are
        :param message_id: what makes a repeat one; a new one by default
        :raises ClientError: the broker did not take it, or nobody answered within `timeout` seconds; send it again,
            with the same `message_id`
        """
        identifier = uuid4().hex if message_id is None else message_id
        correlation = uuid4().hex
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = future
        body = command if isinstance(command, bytes) else codec.encode(command)
        message = Message(
            body,
            message_id=identifier,
            correlation_id=correlation,
            reply_to=self._replies.name,
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            headers=headers,
        )
        try:
            async with asyncio.timeout(timeout):
                exchange = await self._channel.get_exchange(f"{self._prefix}.commands", ensure=False)
                await exchange.publish(message, routing_key(command), timeout=timeout)
                return await future
        except TimeoutError as exc:
            raise ClientError(f"nobody answered within {timeout:g} s: is `crudmq run` started?") from exc
        except (AMQPError, ChannelInvalidStateError) as exc:
            raise ClientError(f"the broker did not take the command: is `crudmq run` started? ({exc})") from exc
        finally:
            del self._waiting[correlation]

    @contextlib.asynccontextmanager
    async def events(self, pattern: str = "#") -> AsyncIterator[AsyncIterator[Event]]:
        """Subscribe to events for as long as the block runs: `async with client.events("people.*") as events`.

        Those that are published once the block is entered arrive; each at least once, known by its `id`.

        :raises ClientError: when the next one is asked for and the connection was lost: events may have been missed
        """
        channel = self._connection.channel()
        await _opened(channel)
        exchange = f"{self._prefix}.events"
        await channel.declare_exchange(exchange, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)
        queue = await channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        await queue.bind(exchange, pattern, timeout=_TIMEOUT)
        arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        channel.close_callbacks.add(lambda *_: arrived.put_nowait(None))
        await queue.consume(arrived.put, no_ack=True, timeout=_TIMEOUT)
        try:
            yield _events(arrived)
        finally:
            await _close(channel)

    async def _on_reply(self, message: AbstractIncomingMessage) -> None:
        future = self._waiting.get(message.correlation_id or "")
        if future is not None and not future.done():
            future.set_result(Result(message.body, bool(message.headers.get("x-replayed"))))


def routing_key(command: Mapping[str, Any] | bytes) -> str:
    """Give the routing key of a command: `<resource>.<action>`."""
    if isinstance(command, bytes):
        return "unknown"
    words = [command.get("resource"), command.get("action")]
    return ".".join(str(word) for word in words if word is not None) or "unknown"


async def _events(arrived: "asyncio.Queue[AbstractIncomingMessage | None]") -> AsyncIterator[Event]:
    while (message := await arrived.get()) is not None:
        yield Event(message.routing_key or "", codec.decode(message.body, max_bytes=_MAX_BYTES))
    raise ClientError("the connection to the broker was lost: subscribe again, events may have been missed")


async def _opened(channel: AbstractChannel) -> None:
    # The timeout that `initialize` has does nothing.
    async with asyncio.timeout(_TIMEOUT):
        await channel.initialize()


async def _close(what: AbstractConnection | AbstractChannel) -> None:
    with contextlib.suppress(AMQPError, OSError):
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await what.close()
