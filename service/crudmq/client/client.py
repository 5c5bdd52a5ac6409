"""The client: publishes commands, awaits their results, and subscribes to events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from crudmq.client.connection import TIMEOUT, ClientError, address_of, close, connect, open_channel, translating
from crudmq.contract import codec
from crudmq.contract.delivery import MAX_MESSAGE_ID
from crudmq.contract.headers import REPLAYED

_MAX_BYTES = 2**27
_MAX_SHORT_STRING = 255
"""The maximum length of message ids and routing keys in AMQP, in bytes."""
_ENCODING_ERRORS = (TypeError, ValueError, AttributeError, RecursionError)
"""The encoders of JSON and AMQP raise these for values that they cannot represent."""

_NOT_CONNECTED = "the client is not connected: use it as `async with Client(url) as client`"
_LOST = "the connection to the broker is lost; open a new client"
_CLOSED = "the client was closed"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command."""

    body: bytes
    """The JSON document as the service sent it."""
    replayed: bool
    """Whether the service returned the recorded result of an earlier delivery of the command."""

    @property
    def content(self) -> dict[str, Any]:
        """The decoded body."""
        return codec.decode(self.body, max_bytes=_MAX_BYTES)

    @property
    def ok(self) -> bool:
        """Whether the command succeeded; if not, `content["error"]` gives the reason."""
        return bool(self.content["status"] == "ok")

    @property
    def data(self) -> Any:  # noqa: ANN401 - a row, rows or a number
        """The row, rows or number that the command returned; None if it failed."""
        return self.content.get("data")


@dataclass(frozen=True, slots=True)
class Event:
    """An event: a committed change, or a command that failed."""

    type: str
    """The type and routing key, such as `people.created`."""
    content: dict[str, Any]
    """The decoded body, a CloudEvents document."""


class Client:
    """A connection to a service, to be used as `async with Client(url) as client`. Tasks may share it.

    It does not reconnect: after a connection loss, open a new client. Sending a command again with the same
    `message_id` is safe: it takes effect once.
    """

    def __init__(self, url: str, *, prefix: str = "crudmq") -> None:
        """Configure the client without connecting.

        :param url: the broker's URL, such as `amqp://guest:guest@localhost/`
        :param prefix: the service's `CRUDMQ_PREFIX`
        """
        self._url = url
        self._prefix = prefix
        self._unusable: str | None = _NOT_CONNECTED
        """The reason why the client cannot be used; None while it is connected."""
        self._pending: dict[str, asyncio.Future[Result | ClientError]] = {}
        self._reopening = asyncio.Lock()
        self._connection: AbstractConnection
        self._commands: AbstractChannel
        self._replies: AbstractQueue

    async def __aenter__(self) -> Self:
        """Connect to the broker; takes up to 30 seconds per step.

        :raises ClientError: the URL is not valid, or the broker cannot be reached or rejected the connection
        """
        with translating(f"cannot connect to the broker at {address_of(self._url)}"):
            self._connection = await connect(self._url)
            try:
                await self._open()
            except BaseException:
                await close(self._connection)
                raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect; every `send` that still waits for its result fails with a ClientError. Never raises."""
        self._stop(_CLOSED)
        await close(self._connection)

    async def send(
        self,
        command: Mapping[str, Any] | bytes,
        *,
        message_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - part of the public signature
    ) -> Result:
        """Publish a command and wait for its result.

        A result with an error is returned, not raised.

        :param command: the command as a mapping, or an encoded body
        :param message_id: the idempotency key, 1 to 200 characters and at most 255 bytes: if it was sent before, the
            command is not run again and its recorded result is returned; random by default
        :param headers: AMQP headers, such as `x-deadline`
        :param timeout: how many seconds to wait in total
        :return: the result
        :raises ClientError: the command cannot be encoded, the broker did not accept it, or no result arrived within
            `timeout`. The command may have run nevertheless; repeat it with the same `message_id`
        """
        self._check_usable()
        correlation_id = uuid4().hex
        with _encoding("the command"):
            message = Message(
                command if isinstance(command, bytes) else codec.encode_strictly(dict(command)),
                message_id=uuid4().hex if message_id is None else check_message_id(message_id),
                correlation_id=correlation_id,
                reply_to=self._replies.name,
                content_type="application/json",
                delivery_mode=DeliveryMode.PERSISTENT,
                headers=None if headers is None else dict(headers),
            )
        outcome: asyncio.Future[Result | ClientError] = asyncio.get_running_loop().create_future()
        self._pending[correlation_id] = outcome
        try:
            async with asyncio.timeout(timeout):
                await self._publish(message, routing_key(command))
                result = await outcome
        except TimeoutError as exc:
            raise ClientError(f"no result within {timeout:g} s: is `crudmq run` running?") from exc
        finally:
            del self._pending[correlation_id]
        if isinstance(result, ClientError):
            raise result
        return result

    @contextlib.asynccontextmanager
    async def events(self, pattern: str = "#") -> AsyncIterator[AsyncIterator[Event]]:
        """Subscribe to events while the block runs: `async with client.events("people.*") as events`.

        The iterator yields every event that is published after the block is entered, at least once: recognise
        repeated events by their `id`. Waiting for the next event blocks without a timeout.

        A subscriber may start before the service: the exchange of the events is declared if it does not exist. With a
        mistyped `prefix`, the iterator therefore waits for events that never come.

        :param pattern: a topic pattern for the routing keys; all events by default
        :raises ClientError: on entering, the broker rejected the subscription; from the iterator, the connection was
            lost, and events may have been missed
        """
        self._check_usable()
        received: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        with translating("cannot subscribe to events"):
            channel = await open_channel(self._connection)
        try:
            with translating("cannot subscribe to events"), _encoding("the prefix or the pattern"):
                await self._subscribe(channel, pattern, received)
            yield self._events(received)
        finally:
            await close(channel)

    async def _open(self) -> None:
        # A rejected command closes its channel, so the results have a channel of their own.
        results = await open_channel(self._connection)
        self._replies = await results.declare_queue(exclusive=True, timeout=TIMEOUT)
        results.close_callbacks.add(lambda *_: self._stop(_LOST))
        await self._replies.consume(self._on_reply, no_ack=True, timeout=TIMEOUT)
        self._commands = await open_channel(self._connection, on_return_raises=True)
        self._unusable = None

    async def _publish(self, message: Message, key: str) -> None:
        try:
            with (
                translating("the broker did not accept the command (is `crudmq run` running?)"),
                _encoding("the message"),
            ):
                async with self._reopening:
                    if self._commands.is_closed:
                        self._commands = await open_channel(self._connection, on_return_raises=True)
                exchange = await self._commands.get_exchange(f"{self._prefix}.commands", ensure=False)
                await exchange.publish(message, key)
        except ClientError as exc:
            if isinstance(exc.__cause__, ConnectionError):
                # The channel of the results may not know yet.
                self._stop(_LOST)
            self._check_usable(exc)
            raise

    def _check_usable(self, cause: ClientError | None = None) -> None:
        if self._unusable is not None:
            raise ClientError(self._unusable) from cause

    def _stop(self, reason: str) -> None:
        self._unusable = self._unusable or reason
        for future in self._pending.values():
            if not future.done():
                future.set_result(ClientError(self._unusable))

    async def _subscribe(
        self, channel: AbstractChannel, pattern: str, received: "asyncio.Queue[AbstractIncomingMessage | None]"
    ) -> None:
        exchange = f"{self._prefix}.events"
        await channel.declare_exchange(exchange, ExchangeType.TOPIC, durable=True, timeout=TIMEOUT)
        queue = await channel.declare_queue(exclusive=True, timeout=TIMEOUT)
        await queue.bind(exchange, pattern, timeout=TIMEOUT)
        channel.close_callbacks.add(lambda *_: received.put_nowait(None))
        await queue.consume(received.put, no_ack=True, timeout=TIMEOUT)

    async def _on_reply(self, message: AbstractIncomingMessage) -> None:
        future = self._pending.get(message.correlation_id or "")
        if future is not None and not future.done():
            future.set_result(Result(message.body, bool(message.headers.get(REPLAYED))))

    async def _events(self, received: "asyncio.Queue[AbstractIncomingMessage | None]") -> AsyncIterator[Event]:
        while (message := await received.get()) is not None:
            yield Event(message.routing_key or "", codec.decode(message.body, max_bytes=_MAX_BYTES))
        lost = "the connection to the broker was lost; subscribe again, events may have been missed"
        raise ClientError(_CLOSED if self._unusable is _CLOSED else lost)


def routing_key(command: Mapping[str, Any] | bytes) -> str:
    """Return the routing key of a command: `<resource>.<action>`, or `unknown` if AMQP cannot represent it."""
    if isinstance(command, bytes):
        return "unknown"
    names = (command.get("resource"), command.get("action"))
    key = ".".join(str(name) for name in names if name is not None)
    return key if 1 <= _amqp_size(key) <= _MAX_SHORT_STRING else "unknown"


def check_message_id(message_id: str) -> str:
    """Return a `message_id` that a service accepts.

    :raises ClientError: it is empty or too long, or has lone surrogates
    """
    if not 1 <= len(message_id) <= MAX_MESSAGE_ID or not 1 <= _amqp_size(message_id) <= _MAX_SHORT_STRING:
        rule = f"1 to {MAX_MESSAGE_ID} Unicode characters, at most {_MAX_SHORT_STRING} bytes in UTF-8"
        raise ClientError(f"message_id must have {rule}")
    return message_id


def _amqp_size(text: str) -> int:
    """Return the number of bytes of a string, 0 if it cannot be encoded."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


@contextlib.contextmanager
def _encoding(what: str) -> Iterator[None]:
    """Raise the errors of the encoders as ClientErrors."""
    try:
        yield
    except _ENCODING_ERRORS as exc:
        raise ClientError(f"{what} cannot be encoded: {exc}") from exc
