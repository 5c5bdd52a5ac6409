"""Messages as bytes: the frames that go out.

Of results and events all properties are known, so their headers are written here; the client's way, for any properties,
takes five times as long. https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3.5 and 4.2.6
"""

import struct
from dataclasses import dataclass
from functools import lru_cache

from pamqp import frame
from pamqp.commands import Basic
from pamqp.header import ContentHeader

PERSISTENT = 2
_FRAME = struct.Struct(">BHI")
_HEAD = struct.Struct(">HHQH")
_HEADER, _BODY, _END = 2, 3, b"\xce"
_CONTENT_TYPE, _DELIVERY_MODE, _CORRELATION_ID, _MESSAGE_ID, _TYPE = 0x8000, 0x1000, 0x0400, 0x0080, 0x0020
LONGEST = 255
"""How many bytes a property, a routing key or a name may have."""


@dataclass(slots=True)
class Plain:
    """The properties of a persistent message without headers."""

    content_type: str
    message_id: str | None
    correlation_id: str | None
    message_type: str | None = None


Properties = Plain | Basic.Properties


def message(  # noqa: PLR0913 - the parts of a message
    exchange: str, routing_key: str, properties: Properties, body: bytes, *, mandatory: bool, number: int, size: int
) -> bytes:
    """Encode a publish on channel `number`, with bodies of at most `size` bytes.

    :raises Exception: AMQP, or the client, cannot say it: one of `amqp.UNENCODABLE`
    """
    method = _method(exchange, routing_key, mandatory, number)
    bodies = [_frame(_BODY, number, body[start : start + size]) for start in range(0, len(body), size)]
    return b"".join([method, _header(properties, len(body), number), *bodies])


@lru_cache(maxsize=1024)
def _method(exchange: str, routing_key: str, mandatory: bool, number: int) -> bytes:  # noqa: FBT001 - part of the cache's key
    return frame.marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory), number)


def _header(properties: Properties, size: int, number: int) -> bytes:
    if not isinstance(properties, Plain):
        return frame.marshal(ContentHeader(properties=properties, body_size=size), number)
    flags = _CONTENT_TYPE | _DELIVERY_MODE
    found = _short(properties.content_type) + bytes((PERSISTENT,))
    for flag, text in (
        (_CORRELATION_ID, properties.correlation_id),
        (_MESSAGE_ID, properties.message_id),
        (_TYPE, properties.message_type),
    ):
        if text:
            flags |= flag
            found += _short(text)
    return _frame(_HEADER, number, _HEAD.pack(Basic.frame_id, 0, size, flags) + found)


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > LONGEST:
        raise ValueError(f"a property is longer than {LONGEST} bytes")
    return bytes((len(encoded),)) + encoded


def _frame(kind: int, number: int, payload: bytes) -> bytes:
    return b"".join((_FRAME.pack(kind, number, len(payload)), payload, _END))
