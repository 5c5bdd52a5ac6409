"""Publishing of many messages with one write, below the client's own `basic_publish`.

`basic_publish` needs a write, a lock, a timer and a future per message: a third of the total time per command. Here,
all messages share them, and each still has its own confirm. The client also matches a returned message by its
`message_id`, which a republished command may lack or share: it would count as confirmed.

The properties of results and events are all known, so their headers are encoded here; the client's general encoder
takes five times as long. https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5 and 4.2.6
"""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

import structlog
from aiormq.channel import Channel
from aiormq.exceptions import AMQPConnectionError, ChannelInvalidStateError
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from crudmq.failpoints import Failpoint, reach
from crudmq.messaging.wire.channel import write
from crudmq.messaging.wire.outgoing import (
    MAX_SHORT_STRING,
    PERSISTENT,
    UNENCODABLE,
    Outgoing,
    Plain,
    Properties,
    return_id,
    returned_id,
)

_FRAME_HEADER = struct.Struct(">BHI")
_CONTENT_HEADER = struct.Struct(">HHQH")
_HEADER, _BODY, _FRAME_END = 2, 3, b"\xce"
_FRAME_OVERHEAD = _FRAME_HEADER.size + len(_FRAME_END)
_CONTENT_TYPE, _DELIVERY_MODE, _CORRELATION_ID, _MESSAGE_ID, _TYPE = 0x8000, 0x1000, 0x0400, 0x0080, 0x0020

log = structlog.get_logger(__name__)


class PublishingError(Exception):
    """A message is not confirmed."""


class UnencodableError(PublishingError):
    """A message that AMQP cannot represent: sending it again would fail again."""


class UnroutableError(PublishingError):
    """The broker returned the message: no queue can receive it."""


class RefusedError(PublishingError):
    """The broker rejected the message: a queue is full. Other queues may have received it."""


class UnconfirmedError(PublishingError):
    """The channel was closed before the confirm; its cause is the reason. The message may have arrived."""


Errors = list[PublishingError | None]
"""The error of each message, in order; None for a confirmed message."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Messages to be published; the subject of `Failpoint.PUBLISHING`."""

    channel: "ConfirmChannel"
    messages: Sequence[Outgoing]

    async def send(self, count: int | None = None) -> Errors:
        """Publish the messages, or the first `count` of them, and wait for their confirmations."""
        return await self.channel.send(self.messages[:count])


class _Wave:
    """The errors of messages that were sent together, and a future that is done once all are known."""

    __slots__ = ("complete", "errors", "pending")

    def __init__(self, count: int) -> None:
        self.errors: Errors = [None] * count
        self.complete = asyncio.get_running_loop().create_future()
        self.pending = 0

    def settle(self, position: int, error: PublishingError | None) -> None:
        self.errors[position] = error
        self.pending -= 1
        if not self.pending and not self.complete.done():
            self.complete.set_result(None)


class ConfirmChannel:
    """Publishes on a channel with confirms, and matches the broker's answers to the messages."""

    def __init__(self, channel: Channel) -> None:
        """Set a newly opened channel: its tags start at 1."""
        self._channel = channel
        self._last_tag = 0
        self._unconfirmed: dict[int, tuple[_Wave, int, str | None]] = {}
        self._returnable: dict[str, int] = {}
        self._returned: dict[int, str] = {}
        self.closing: asyncio.Future[None] = channel.closing
        """Done once the channel is closed; its exception is the reason."""
        self.closing.add_done_callback(lambda _: self.abandon(self._reason()))
        channel._on_confirm_frame = self._on_confirm  # type: ignore[method-assign]  # noqa: SLF001 - no public way
        channel._on_return_frame = self._on_return  # type: ignore[method-assign]  # noqa: SLF001 - as above

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be published any more."""
        return self._channel.is_closed

    @property
    def oldest(self) -> int | None:
        """The number of the oldest message without an answer; None if all are answered."""
        return next(iter(self._unconfirmed), None)

    async def publish(self, messages: Sequence[Outgoing]) -> Errors:
        """Publish messages in order, wait until the broker has answered, and return the error of each.

        Waits without a timeout until the channel is closed: the caller monitors the time.

        :raises Exception: some of the messages may have been sent; the channel can no longer be used
        """
        publication = Publication(self, messages)
        await reach(Failpoint.PUBLISHING, publication)
        return await publication.send()

    async def send(self, messages: Sequence[Outgoing]) -> Errors:
        """Publish messages as `publish` does, without the failpoint."""
        wave = _Wave(len(messages))
        try:
            # The lock keeps the tags in the order of the writes: the broker counts the messages as well.
            async with self._channel.lock:
                await write(self._channel, b"".join(self._expect_all(wave, messages)))
        except ChannelInvalidStateError as exc:
            return [unconfirmed(exc)] * len(messages)
        if wave.pending:
            await wave.complete
        return wave.errors

    def abandon(self, reason: BaseException | None) -> None:
        """Let all messages without an answer fail. The channel can no longer be used."""
        error = unconfirmed(reason)
        for tag in list(self._unconfirmed):
            self._settle(tag, error)

    def _expect_all(self, wave: _Wave, messages: Sequence[Outgoing]) -> list[bytes]:
        """Encode messages, and register those that can be encoded."""
        number, max_body = self._channel.number, self._channel.max_content_size
        encoded = []
        for position, message in enumerate(messages):
            try:
                id_ = return_id(message)
                encoded.append(encode(message, channel=number, max_body=max_body))
            except UNENCODABLE as exc:
                wave.errors[position] = UnencodableError(f"{type(exc).__name__}: {exc}")
            else:
                self._expect(wave, position, id_)
        return encoded

    def _expect(self, wave: _Wave, position: int, id_: str | None) -> None:
        self._last_tag += 1
        wave.pending += 1
        self._unconfirmed[self._last_tag] = wave, position, id_
        if id_ is not None:
            self._returnable[id_] = self._last_tag

    async def _on_confirm(self, frame: Basic.Ack | Basic.Nack | Basic.Reject) -> None:
        error = None if isinstance(frame, Basic.Ack) else RefusedError("a queue is full")
        last = frame.delivery_tag or 0
        for tag in list(takewhile(last.__ge__, self._unconfirmed)) if getattr(frame, "multiple", False) else (last,):
            self._settle(tag, error)

    def _settle(self, tag: int, error: PublishingError | None) -> None:
        expected = self._unconfirmed.pop(tag, None)
        if expected is None:
            return
        wave, position, id_ = expected
        if id_ is not None:
            self._returnable.pop(id_, None)
            if self._returned and tag in self._returned:
                error = UnroutableError(self._returned.pop(tag))
        wave.settle(position, error)

    async def _on_return(self, frame: Basic.Return) -> None:
        """Remember a returned message; the broker confirms it afterwards."""
        channel = self._channel
        header = await channel._get_frame()  # noqa: SLF001 - as the client's own method does
        if not isinstance(header, ContentHeader):
            raise AMQPConnectionError(f"expected the header of a returned message, received {header!r}")
        await channel._read_content(frame, header)  # noqa: SLF001 - as above
        id_ = returned_id(header.properties)
        tag = None if id_ is None else self._returnable.get(id_)
        if tag is None:
            log.error("unknown message returned by the broker", routing_key=frame.routing_key)
        else:
            self._returned[tag] = frame.reply_text or "unroutable"

    def _reason(self) -> BaseException | None:
        return None if self.closing.cancelled() else self.closing.exception()


def unconfirmed(reason: BaseException | None) -> UnconfirmedError:
    """Return the error of messages whose channel was lost for this reason."""
    error = UnconfirmedError("the channel is closed")
    error.__cause__ = reason
    return error


def encode(message: Outgoing, *, channel: int, max_body: int) -> bytes:
    """Return the frames that publish a message on the channel of this number, with at most `max_body` bytes each.

    :raises Exception: AMQP, or the client, cannot encode it: one of `UNENCODABLE`
    """
    body, number, size = message.body, channel, max_body
    method = _method(message.exchange, message.routing_key, message.mandatory, number)
    bodies = [_frame(_BODY, number, body[start : start + size]) for start in range(0, len(body), size)]
    header = _header(message.properties, len(body), number)
    if len(header) > size + _FRAME_OVERHEAD:
        raise ValueError(f"the properties and headers exceed the {size} bytes of a frame")
    return b"".join([method, header, *bodies])


@lru_cache(maxsize=1024)
def _method(exchange: str, routing_key: str, mandatory: bool, number: int) -> bytes:  # noqa: FBT001 - part of the cache's key
    return marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory), number)


def _header(properties: Properties, size: int, number: int) -> bytes:
    if not isinstance(properties, Plain):
        return marshal(ContentHeader(properties=properties, body_size=size), number)
    flags = _CONTENT_TYPE | _DELIVERY_MODE
    encoded = _short_string(properties.content_type) + bytes((PERSISTENT,))
    for flag, text in (
        (_CORRELATION_ID, properties.correlation_id),
        (_MESSAGE_ID, properties.message_id),
        (_TYPE, properties.message_type),
    ):
        if text:
            flags |= flag
            encoded += _short_string(text)
    return _frame(_HEADER, number, _CONTENT_HEADER.pack(Basic.frame_id, 0, size, flags) + encoded)


def _short_string(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > MAX_SHORT_STRING:
        raise ValueError(f"a property is longer than {MAX_SHORT_STRING} bytes")
    return bytes((len(encoded),)) + encoded


def _frame(kind: int, number: int, payload: bytes) -> bytes:
    return b"".join((_FRAME_HEADER.pack(kind, number, len(payload)), payload, _FRAME_END))
