"""Encoding of outgoing messages as frames.

The properties of results and events are all known, so their headers are written here; the client's general encoder
takes five times as long. https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5 and 4.2.6
"""

import struct
from functools import lru_cache

from pamqp import frame
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from crudmq.messaging.wire.outgoing import MAX_SHORT_STRING, PERSISTENT, Outgoing, Plain, Properties

_FRAME_HEADER = struct.Struct(">BHI")
_CONTENT_HEADER = struct.Struct(">HHQH")
_HEADER, _BODY, _FRAME_END = 2, 3, b"\xce"
_FRAME_OVERHEAD = _FRAME_HEADER.size + len(_FRAME_END)
_CONTENT_TYPE, _DELIVERY_MODE, _CORRELATION_ID, _MESSAGE_ID, _TYPE = 0x8000, 0x1000, 0x0400, 0x0080, 0x0020


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
    return frame.marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory), number)


def _header(properties: Properties, size: int, number: int) -> bytes:
    if not isinstance(properties, Plain):
        return frame.marshal(ContentHeader(properties=properties, body_size=size), number)
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
