"""Lenient decoding of frames, many at once.

The client reads a frame in three steps, most of which switch tasks. This module reads all received data at once and
splits it into frames. If the client cannot decode a delivery (text that is not UTF-8, a timestamp out of range, headers
nested too deeply), it closes the connection, which the broker counts as a delivery attempt of every unacknowledged
message. This module passes on such a delivery with the parts that can be decoded, so that it is rejected as malformed.
"""

import asyncio
import struct

from aiormq import connection
from aiormq.connection import FrameReceiver, ReceivedFrame
from aiormq.exceptions import AMQPConnectionError, ConnectionClosed, InvalidFrameError, ProtocolSyntaxError
from pamqp import frame
from pamqp.commands import Basic, Connection
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

from crudmq.messaging.wire.compatibility import check_attributes, check_versions

_FRAME_HEADER = struct.Struct(">BHI")
_SIZES = struct.Struct(">HHQ")
_TAG = struct.Struct(">QB")
_READ_BYTES = 2**17
_ERROR = "decoding_error"
_unmarshal = ContentHeader.unmarshal


class Frames(FrameReceiver):
    """The frames of a connection, split from the received bytes."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        """Set the connection's stream."""
        super().__init__(reader)
        self._buffer = b""
        self._position = 0
        self._is_open = False

    async def get_frame(self) -> ReceivedFrame:
        """Wait for the next frame and return it.

        :raises AMQPConnectionError: the connection ended or was refused, or the bytes are not AMQP
        """
        while (payload := self._cut()) is None:
            self._buffer = self._buffer[self._position :] + await self._read()
            self._position = 0
        try:
            received = frame.unmarshal(payload)
        except PAMQPException as exc:
            raise InvalidFrameError(str(exc)) from exc
        if not self._is_open:
            self._check_opening(received[2])
        return received

    def _check_opening(self, received: object) -> None:
        """Raise the reason for which the broker refuses the connection; the client itself hides some of them."""
        self._is_open = isinstance(received, Connection.OpenOk)
        if isinstance(received, Connection.Close):
            raise ConnectionClosed(received.reply_code, received.reply_text)

    def _cut(self) -> bytes | None:
        start = self._position
        if len(self._buffer) < start + _FRAME_HEADER.size:
            return None
        if self._buffer.startswith(b"AMQP", start):
            raise ProtocolSyntaxError("the broker uses an unsupported version of AMQP")
        end = start + _FRAME_HEADER.size + _FRAME_HEADER.unpack_from(self._buffer, start)[2] + 1
        if len(self._buffer) < end:
            return None
        self._position = end
        return self._buffer[start:end]

    async def _read(self) -> bytes:
        try:
            arrived = await self.reader.read(_READ_BYTES)
        except OSError as exc:
            raise AMQPConnectionError(f"the connection was lost: {exc!r}") from exc
        if not arrived:
            raise AMQPConnectionError("the broker closed the connection")
        return arrived


def install() -> None:
    """Install this decoding into the client, for the whole process. May be repeated.

    :raises UnsupportedClientError: the installed client is not supported
    """
    if connection.FrameReceiver is Frames:
        return
    check_versions()
    check_attributes(FrameReceiver, ["__anext__", "get_frame"])
    check_attributes(ContentHeader, ["unmarshal"])
    check_attributes(Basic.Deliver, ["unmarshal"])
    ContentHeader.unmarshal = _decode_header  # type: ignore[method-assign]
    Basic.Deliver.unmarshal = _decode_deliver  # type: ignore[method-assign, assignment]
    connection.FrameReceiver = Frames  # type: ignore[misc]


def decoding_error(header: ContentHeader) -> str | None:
    """Return why the properties of a delivery could not be decoded, None if they could."""
    error: str | None = getattr(header, _ERROR, None)
    return error


def _decode_header(self: ContentHeader, data: bytes) -> None:
    """Decode a header; properties that cannot be decoded count as absent."""
    try:
        _unmarshal(self, data)
    except Exception as exc:
        if len(data) < _SIZES.size:
            raise
        # The sizes precede the properties and were decoded, so the next frame can be found.
        self.properties = Basic.Properties()
        setattr(self, _ERROR, type(exc).__name__)


def _decode_deliver(self: Basic.Deliver, data: bytes) -> None:
    """Decode a delivery, without the bytes of its routing key that are not UTF-8 (AMQP 0-9-1, basic.deliver)."""
    self.consumer_tag, data = _short_string(data)
    self.delivery_tag, redelivered = _TAG.unpack_from(data)
    self.redelivered = bool(redelivered & 1)
    self.exchange, data = _short_string(data[_TAG.size :])
    self.routing_key, _ = _short_string(data)


def _short_string(data: bytes) -> tuple[str, bytes]:
    end = 1 + data[0]
    return data[1:end].decode(errors="ignore"), data[end:]
