"""Acknowledging in runs."""

from hypothesis import given
from hypothesis import strategies as st

from service.messaging.acks import AckWindow


class Channel:
    """Does as RabbitMQ does with `basic.ack`: a tag that it does not know ends the channel."""

    def __init__(self, delivered: int) -> None:
        self.unacknowledged = set(range(1, delivered + 1))
        self.frames = 0
        self.is_closed = False

    async def basic_ack(self, tag: int, *, multiple: bool = False, wait: bool = True) -> None:
        assert not wait
        assert tag in self.unacknowledged, "PRECONDITION_FAILED - unknown delivery tag"
        self.unacknowledged -= {one for one in self.unacknowledged if one == tag or (multiple and one < tag)}
        self.frames += 1


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
        waiting -= set(batch)
        assert channel.unacknowledged == waiting


async def test_a_run_takes_one_frame() -> None:
    channel = Channel(100)
    window = AckWindow(channel)  # type: ignore[arg-type]
    await window.finish(range(1, 51))
    await window.finish(range(51, 101))
    assert channel.frames == 2


async def test_on_a_channel_that_is_closed_nothing_is_acknowledged() -> None:
    channel = Channel(1)
    channel.is_closed = True
    await AckWindow(channel).finish([1])  # type: ignore[arg-type]
    assert channel.unacknowledged == {1}
