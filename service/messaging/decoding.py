"""How the client reads frames here: many at once, and leniently.

The client reads a frame in three steps, each a task switch or nearly one; here it takes whatever has arrived and cuts
it. And over a delivery that it cannot decode (text that is not UTF-8, a time that there is not, headers too deep)
it would give the connection up, which the broker counts as a try of everything that it had handed over. Here such a
delivery arrives with what can be read of it, and is refused like any other that is no command.
"""

import asyncio
import struct

from aiormq import connection
from aiormq.connection import FrameReceiver, ReceivedFrame
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError, ProtocolSyntaxError
from pamqp import frame
from pamqp.commands import Basic
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

_HEAD = struct.Struct(">BHI")
_SIZES = struct.Struct(">HHQ")
_TAG = struct.Struct(">QB")
_AT_ONCE = 2**17
_FAULT = "fault"
_unmarshal = ContentHeader.unmarshal


class Frames(FrameReceiver):
    """The frames of a connection, cut from what has arrived."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        """Take the connection's stream."""
        super().__init__(reader)
        self._arrived = b""
        self._at = 0

    async def get_frame(self) -> ReceivedFrame:
        """Give the next one.

        :raises AMQPConnectionError: the connection ended, or what came is not AMQP
        """
        while (found := self._cut()) is None:
            self._arrived = self._arrived[self._at :] + await self._more()
            self._at = 0
        try:
            return frame.unmarshal(found)
        except PAMQPException as exc:
            raise InvalidFrameError(str(exc)) from exc

    def _cut(self) -> bytes | None:
        start = self._at
        if len(self._arrived) < start + _HEAD.size:
            return None
        if self._arrived.startswith(b"AMQP", start):
            raise ProtocolSyntaxError("the broker speaks another version of AMQP")
        end = start + _HEAD.size + _HEAD.unpack_from(self._arrived, start)[2] + 1
        if len(self._arrived) < end:
            return None
        self._at = end
        return self._arrived[start:end]

    async def _more(self) -> bytes:
        try:
            found = await self.reader.read(_AT_ONCE)
        except OSError as exc:
            raise AMQPConnectionError(f"the connection was lost: {exc!r}") from exc
        if not found:
            raise AMQPConnectionError("the broker closed the connection")
        return found


def install() -> None:
    """Make the client read so, in the whole process. May be repeated."""
    connection.FrameReceiver = Frames  # type: ignore[misc]
    ContentHeader.unmarshal = _decode_header  # type: ignore[method-assign]
    Basic.Deliver.unmarshal = _decode_deliver  # type: ignore[method-assign, assignment]


def fault(header: ContentHeader) -> str | None:
    """Say why the properties of a delivery could not be read; None where they could."""
    found: str | None = getattr(header, _FAULT, None)
    return found


def _decode_header(self: ContentHeader, data: bytes) -> None:
    """Take properties that cannot be read for absent."""
    try:
        _unmarshal(self, data)
    except Exception as exc:
        if len(data) < _SIZES.size:
            raise
        # The sizes come first: they are there, and with them the way to the next frame.
        self.properties = Basic.Properties()
        setattr(self, _FAULT, type(exc).__name__)


def _decode_deliver(self: Basic.Deliver, data: bytes) -> None:
    """Leave out what is not UTF-8 in a routing key (AMQP 0-9-1, basic.deliver)."""
    self.consumer_tag, data = _short(data)
    self.delivery_tag, redelivered = _TAG.unpack_from(data)
    self.redelivered = bool(redelivered & 1)
    self.exchange, data = _short(data[_TAG.size :])
    self.routing_key, _ = _short(data)


def _short(data: bytes) -> tuple[str, bytes]:
    end = 1 + data[0]
    return data[1:end].decode(errors="ignore"), data[end:]
