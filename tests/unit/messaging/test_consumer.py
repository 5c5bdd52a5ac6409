"""Acknowledgements, and the crash-loop throttle."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.commands import Basic

from crudmq.messaging.consumer import AckWindow, CrashLoopThrottle

REQUIRED_ACKS = 5


class Channel:
    """Handles `basic.ack` as RabbitMQ does: an unknown tag closes the channel."""

    number = 1

    def __init__(self, delivered: int) -> None:
        self.unacknowledged = set(range(1, delivered + 1))
        self.acks = 0
        self.is_closed = False
        self.write_queue = asyncio.Queue[Any](1)
        self.closing = asyncio.get_running_loop().create_future()

    def receive(self) -> None:
        """Read the frames that were written."""
        while not self.write_queue.empty():
            payload = self.write_queue.get_nowait().payload
            while payload:
                size, _, ack = frame.unmarshal(payload)
                assert isinstance(ack, Basic.Ack)
                self._acknowledge(ack.delivery_tag, multiple=ack.multiple)
                payload = payload[size:]

    def _acknowledge(self, tag: int, *, multiple: bool) -> None:
        assert tag in self.unacknowledged, "PRECONDITION_FAILED - unknown delivery tag"
        self.unacknowledged -= {other for other in self.unacknowledged if other == tag or (multiple and other < tag)}
        self.acks += 1


@given(st.data())
async def test_in_any_order_each_delivery_is_acknowledged_when_it_is_finished_and_not_before(
    data: st.DataObject,
) -> None:
    order = data.draw(st.permutations(range(1, 31)))
    channel = Channel(len(order))
    window = AckWindow(channel)  # type: ignore[arg-type]
    for tag in order:
        window.delivered(tag, f"m{tag}")
    waiting = set(order)
    while waiting:
        size = data.draw(st.integers(1, 5))
        batch, order = order[:size], order[size:]
        await window.ack(batch)
        channel.receive()
        waiting -= set(batch)
        assert channel.unacknowledged == waiting
        assert window.unacknowledged == {f"m{tag}" for tag in waiting}


async def test_a_run_of_deliveries_takes_one_frame() -> None:
    channel = Channel(100)
    window = AckWindow(channel)  # type: ignore[arg-type]
    await window.ack(range(1, 51))
    channel.receive()
    await window.ack(range(51, 101))
    channel.receive()
    assert channel.acks == 2


async def test_nothing_is_acknowledged_on_a_closed_channel() -> None:
    channel = Channel(1)
    channel.is_closed = True
    window = AckWindow(channel)  # type: ignore[arg-type]
    window.delivered(1, "m1")
    await window.ack([1])
    assert channel.unacknowledged == {1}
    assert window.unacknowledged == {"m1"}


async def test_an_acknowledgement_does_not_wait_for_room_on_a_lost_connection() -> None:
    channel = Channel(3)
    window = AckWindow(channel)  # type: ignore[arg-type]
    await window.ack([1])
    waiting = asyncio.create_task(window.ack([2]))
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.closing.set_result(None)
    await asyncio.wait_for(waiting, 10)
    assert channel.write_queue.qsize() == 1


def after(fruitless: int) -> CrashLoopThrottle:
    """Return a throttle after so many connections that ended without an acknowledgement."""
    throttle = CrashLoopThrottle(REQUIRED_ACKS)
    for _ in range(fruitless + 1):
        throttle.connected()
    return throttle


def test_the_first_connections_are_not_throttled() -> None:
    assert not after(0).is_active
    assert not after(2).is_active


def test_after_three_connections_without_progress_it_is_active() -> None:
    assert after(3).is_active
    assert after(7).is_active


def test_a_single_acknowledgement_in_time_is_progress() -> None:
    throttle = after(2)
    assert not throttle.acknowledged(1)
    throttle.connected()
    assert not throttle.is_active


def test_it_is_released_once_the_required_number_of_deliveries_is_acknowledged() -> None:
    throttle = after(3)
    assert not throttle.acknowledged(REQUIRED_ACKS - 1)
    assert throttle.is_active
    assert throttle.acknowledged(1)
    assert not throttle.is_active


def test_a_connection_that_ends_before_that_restarts_the_count() -> None:
    throttle = after(3)
    throttle.acknowledged(REQUIRED_ACKS - 1)
    throttle.connected()
    assert throttle.is_active
    assert not throttle.acknowledged(REQUIRED_ACKS - 1)
