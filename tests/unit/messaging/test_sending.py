"""Messages on their way to the broker."""

from crudmq.messaging.sending import EventOrder, Pending, Sending, State
from crudmq.messaging.wire.outgoing import Kind, Outgoing, Plain


def sending(*rows: str | None, kind: Kind = Kind.EVENT) -> Sending:
    """Return a sending of one message per given row."""
    properties = Plain("application/json", None, None)
    return Sending([Outgoing("events", "a", b"", properties, False, kind, row) for row in rows])  # noqa: FBT003


def added(order: EventOrder, made: Sending) -> list[Pending]:
    for pending in made.pending:
        order.add(pending)
    return made.pending


def test_events_are_released_in_order_up_to_one_whose_row_has_an_unconfirmed_event() -> None:
    order = EventOrder()
    one, other, again, free, last = added(order, sending("1", "2", "1", None, "3"))
    assert order.release(strict=True) == [one, other]
    assert order.release(strict=True) == []
    assert order.finish(other) == []
    assert order.release(strict=True) == []
    assert order.finish(one) == []
    assert order.release(strict=True) == [again, free, last]


def test_other_messages_wait_for_nothing() -> None:
    order = EventOrder()
    added(order, sending("1", "1"))
    order.release(strict=True)
    (result,) = added(order, sending(None, kind=Kind.RESULT))
    assert result.state is State.RELEASED


def test_a_sending_is_settled_and_complete_when_all_messages_are_confirmed() -> None:
    order, made = EventOrder(), sending("1", "2")
    added(order, made)
    for pending in order.release(strict=True):
        assert not made.settled.is_set()
        order.finish(pending)
    assert made.settled.is_set()
    assert made.is_complete
    assert not made.unfinished


def test_an_event_that_is_sent_apart_holds_the_later_ones_of_its_row_only() -> None:
    order, first, second = EventOrder(), sending("1", "2"), sending("1", "3", "1")
    one, other = added(order, first)
    assert order.release(strict=True) == [one, other]
    two, free, three = added(order, second)
    assert order.set_apart(one)
    assert order.release(strict=True) == [free]
    order.finish(other)
    assert first.settled.is_set()
    order.finish(free)
    assert second.settled.is_set()
    assert not first.is_complete
    assert not second.is_complete
    assert order.finish(one) == [two]
    (four,) = added(order, sending("1"))
    assert order.release(strict=True) == []
    assert order.finish(two) == [three]
    assert order.finish(three) == []
    assert order.release(strict=True) == [four]
    assert not first.unfinished
    assert not second.unfinished


async def test_a_held_message_can_be_waited_for() -> None:
    order, made = EventOrder(), sending("1")
    (pending,) = added(order, made)
    order.release(strict=True)
    assert order.set_apart(pending)
    order.finish(pending, "too large")
    await pending.done()
    assert pending.failure == "too large"
    assert not pending.is_confirmed


async def test_a_message_that_is_done_is_not_waited_for() -> None:
    order, made = EventOrder(), sending("1")
    (pending,) = added(order, made)
    order.release(strict=True)
    order.finish(pending)
    await pending.done()
    assert pending.is_confirmed


def test_events_need_not_wait_for_confirms_unless_the_order_is_strict() -> None:
    order = EventOrder()
    one, two = added(order, sending("1", "1"))
    assert order.release(strict=False) == [one, two]
    (three,) = added(order, sending("1"))
    assert order.release(strict=True) == [three]


def test_later_events_wait_for_a_refused_one_in_any_order() -> None:
    order = EventOrder()
    one, two, other = added(order, sending("1", "1", "2"))
    assert order.release(strict=False) == [one, two, other]
    assert order.set_apart(one)
    (three,) = added(order, sending("1"))
    assert order.release(strict=False) == []
    assert not order.set_apart(two)
    assert order.finish(other) == []
    assert order.finish(one) == [two]
    assert order.finish(two) == [three]


def test_an_event_that_was_sent_with_a_refused_one_does_not_release_the_later_ones() -> None:
    order = EventOrder()
    one, two = added(order, sending("1", "1"))
    order.release(strict=False)
    order.set_apart(one)
    (three,) = added(order, sending("1"))
    order.release(strict=False)
    assert order.finish(two) == []
    assert order.finish(one) == [three]
