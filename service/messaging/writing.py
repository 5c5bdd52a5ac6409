"""Handing frames to a connection, a step below the client's own ways to send."""

import asyncio

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel

from service.messaging.waiting import first


async def write(channel: Channel, payload: bytes) -> None:
    """Hand whole frames over, waiting for room; on a channel that is lost they are lost, and nothing is said.

    Does not wait for the broker, nor for the socket.
    """
    frame = ChannelFrame(payload=payload, should_close=False)
    if not channel.write_queue.full():
        channel.write_queue.put_nowait(frame)
        return
    # Nobody empties the queue of a connection that is lost.
    putting = asyncio.ensure_future(channel.write_queue.put(frame))
    try:
        await first(putting, channel.closing)
    finally:
        putting.cancel()
