"""Publishing many messages with one write, a step below the client's own `basic_publish`.

That gives each message a write, a lock and a timer of its own, measured as a third of all that the service does for a
command. Here they share them; each still has its own confirmation.
"""

import asyncio
import struct
from collections.abc import Sequence

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.messaging.amqp import Outgoing

_UNENCODABLE = (TypeError, ValueError, OverflowError, struct.error)


class UnencodableError(Exception):
    """A message that AMQP cannot carry: sending it again would not help."""


async def publish(channel: Channel, messages: Sequence[Outgoing], limit: float) -> list[BaseException | None]:
    """Publish messages in order and wait for their confirmations; say for each what went wrong, None for nothing.

    :param limit: how many seconds the broker has to confirm all of them
    :raises Exception: nothing of it may have been sent, or all; the channel is of no more use
    """
    encoded = [_encode(channel, one) for one in messages]
    waiting: list[asyncio.Future[object]] = []
    async with asyncio.timeout(limit):
        async with channel.lock:
            payload = b"".join(one for one in encoded if isinstance(one, bytes))
            waiting = [
                _expect(channel, one) for one, told in zip(messages, encoded, strict=True) if isinstance(told, bytes)
            ]
            if waiting:
                await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
        ends = iter(await asyncio.gather(*waiting, return_exceptions=True))
    found = [one if isinstance(one, UnencodableError) else next(ends) for one in encoded]
    return [one if isinstance(one, BaseException) else None for one in found]


def _encode(channel: Channel, message: Outgoing) -> bytes | UnencodableError:
    size = channel.max_content_size
    bodies = [ContentBody(message.body[start : start + size]) for start in range(0, len(message.body), size)]
    try:
        parts: list[Basic.Publish | ContentHeader | ContentBody] = [
            Basic.Publish(exchange=message.exchange, routing_key=message.routing_key, mandatory=message.mandatory),
            ContentHeader(properties=message.properties, body_size=len(message.body)),
            *bodies,
        ]
        return b"".join(frame.marshal(part, channel.number) for part in parts)
    except _UNENCODABLE as exc:
        return UnencodableError(f"{type(exc).__name__}: {exc}")


def _expect(channel: Channel, message: Outgoing) -> "asyncio.Future[object]":
    """Expect a confirmation. The channel is locked: the broker counts as we do."""
    channel.delivery_tag += 1
    tag = channel.delivery_tag
    confirmed: asyncio.Future[object] = channel.create_future()
    channel.confirmations[tag] = confirmed
    message_id = message.properties.message_id
    if message.mandatory and message_id is not None:
        # A message that comes back is known by its id, until its confirmation is there.
        channel.message_id_delivery_tag[message_id] = tag
        confirmed.add_done_callback(lambda _: channel.message_id_delivery_tag.pop(message_id, None))
    return confirmed
