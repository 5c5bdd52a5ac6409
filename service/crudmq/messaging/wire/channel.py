"""Sending and receiving on a channel, below the client's own methods."""

import asyncio
from collections.abc import Callable

from aio_pika.abc import AbstractChannel
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import AMQPConnectionError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from crudmq.aio import race
from crudmq.messaging.wire.compatibility import UnsupportedClientError, check_attributes

_ATTRIBUTES = (
    "_get_frame",
    "_on_confirm_frame",
    "_on_deliver_frame",
    "_on_return_frame",
    "_read_content",
    "lock",
    "max_content_size",
    "number",
    "write_queue",
)


async def underlay(channel: AbstractChannel) -> Channel:
    """Return the aiormq channel of an aio-pika channel that is open.

    :raises UnsupportedClientError: it is a channel of an unsupported client
    """
    underlying = await channel.get_underlay_channel()
    check_attributes(underlying, _ATTRIBUTES)
    if not isinstance(underlying, Channel):
        raise UnsupportedClientError(f"{underlying!r} is not a channel of aiormq")
    return underlying


async def write(channel: Channel, payload: bytes) -> None:
    """Queue whole frames for sending, waiting while the queue is full; silently drop them if the channel is lost.

    Waits neither for the broker nor for the socket.
    """
    frame = ChannelFrame(payload=payload, should_close=False)
    if not channel.write_queue.full():
        channel.write_queue.put_nowait(frame)
        return
    # The queue of a lost connection is never emptied.
    putting = asyncio.ensure_future(channel.write_queue.put(frame))
    try:
        await race(putting, channel.closing)
    finally:
        putting.cancel()


def on_delivery(channel: Channel, receive: Callable[[DeliveredMessage], None]) -> None:
    """Call `receive` with each delivery of the channel, in place of the consumers' own callbacks.

    The channel reads nothing in the meantime. The client itself would start a task per delivery.
    """

    async def deliver(frame: Basic.Deliver) -> None:
        header = await channel._get_frame()  # noqa: SLF001 - as the client's own method does
        if not isinstance(header, ContentHeader):
            raise AMQPConnectionError(f"expected the header of a delivery, received {header!r}")
        receive(await channel._read_content(frame, header))  # noqa: SLF001 - as above

    channel._on_deliver_frame = deliver  # type: ignore[method-assign]  # noqa: SLF001 - no public way
