"""Acknowledging in runs."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.commands import Basic

from service.messaging.acks import AckWindow


class Channel:
    """Does as RabbitMQ does with `basic.ack`: a tag that it does not know ends the channel."""

    number = 1

    def __init__(self, delivered: int) -> None:
        self.unacknowledged = set(range(1, delivered + 1))
        self.acks = 0
        self.is_closed = False
        self.write_queue = asyncio.Queue[Any](1)
        self.closing = asyncio.get_running_loop().create_future()

    def receive(self) -> None:
        """Read what was written."""
        while not self.write_queue.empty():
            left = self.write_queue.get_nowait().payload
            while left:
                size, _, found = frame.unmarshal(left)
                assert isinstance(found, Basic.Ack)
                self._acknowledge(found.delivery_tag, multiple=found.multiple)
                left = left[size:]

    def _acknowledge(self, tag: int, *, multiple: bool) -> None:
        assert tag in self.unacknowledged, "PRECONDITION_FAILED - unknown delivery tag"
        self.unacknowledged -= {one for one in self.unacknowledged if one == tag or (multiple and one < tag)}
        self.acks += 1


@given(st.data())
async def test_whatever_the_order_each_delivery_is_acknowledged_when_it_is_finished_and_not_before(
    data: st.DataObject,
) -> None:
    order = data.draw(st.permutations(range(1, 31)))
    channel = Channel(len(order))
    window = AckWindow(channel)  # type: ignore[arg-type]
    waiting = set(order)
    while waiting:
        size = data.draw(st.integers(1, 5))
        batch, order = order[:size], order[size:]
        await window.finish(batch)
        channel.receive()
        waiting -= set(batch)
        assert channel.unacknowledged == waiting


async def test_a_run_takes_one_frame() -> None:
    channel = Channel(100)
    window = AckWindow(channel)  # type: ignore[arg-type]
    await window.finish(range(1, 51))
    channel.receive()
    await window.finish(range(51, 101))
    channel.receive()
    assert channel.acks == 2


async def test_on_a_channel_that_is_closed_nothing_is_acknowledged() -> None:
    channel = Channel(1)
    channel.is_closed = True
    await AckWindow(channel).finish([1])  # type: ignore[arg-type]
    assert channel.unacknowledged == {1}


async def test_on_a_connection_that_is_lost_nobody_waits_for_room() -> None:
    channel = Channel(3)
    window = AckWindow(channel)  # type: ignore[arg-type]
    await window.finish([1])
    waiting = asyncio.create_task(window.finish([2]))
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.closing.set_result(None)
    await asyncio.wait_for(waiting, 10)
    assert channel.write_queue.qsize() == 1
