"""Publishing below the client's API: the frames of a group in one write, assembled from constant parts."""

import struct
from asyncio import Future
from functools import cache

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp import frame
from pamqp.commands import Basic

from bench.competitors.ceiling_statements import Event

_HEADER, _BODY, _END = 2, 3, b"\xce"
_CLASS_BASIC = 60
_FLAGS = 1 << 15 | 1 << 12 | 1 << 10 | 1 << 7
"""The properties present: content_type, delivery_mode, correlation_id, message_id."""
_PERSISTENT = b"\x02"


class Publisher:
    """Publishes events to an exchange."""

    def __init__(self, channel: object, exchange: str) -> None:
        """Take a channel with publisher confirms."""
        assert isinstance(channel, Channel)  # noqa: S101 - aiormq has no other implementation
        self._channel = channel
        self._exchange = exchange
        self._method = cache(self._method_frame)

    def send(self, events: list[Event]) -> list[Future[object]]:
        """Write all events at once; return their confirmations."""
        payload = b"".join(map(self._encode, events))
        if not payload:
            return []
        self._channel.write_queue.put_nowait(ChannelFrame(payload=payload, should_close=False))
        return [self._expect() for _ in events]

    def _encode(self, event: Event) -> bytes:
        header = b"".join(
            (
                struct.pack(">HHQH", _CLASS_BASIC, 0, len(event.body), _FLAGS),
                _short("application/cloudevents+json"),
                _PERSISTENT,
                _short(event.command),
                _short(event.id),
            )
        )
        return b"".join((self._method(event.type), self._frame(_HEADER, header), self._frame(_BODY, event.body)))

    def _method_frame(self, routing_key: str) -> bytes:
        return frame.marshal(Basic.Publish(exchange=self._exchange, routing_key=routing_key), self._channel.number)

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return struct.pack(">BHI", kind, self._channel.number, len(payload)) + payload + _END

    def _expect(self) -> Future[object]:
        self._channel.delivery_tag += 1
        confirmed: Future[object] = self._channel.create_future()
        self._channel.confirmations[self._channel.delivery_tag] = confirmed
        return confirmed


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded
