"""Being careful after connections that died before anything was done."""

from service.messaging.caution import Caution

ENOUGH = 5


def after(barren: int) -> Caution:
    found = Caution(ENOUGH)
    for _ in range(barren + 1):
        found.connected()
    return found


def test_the_first_connections_take_as_much_as_they_may() -> None:
    assert not after(0).is_due
    assert not after(2).is_due


def test_after_three_connections_without_progress_it_is_due() -> None:
    assert after(3).is_due
    assert after(7).is_due


def test_a_single_acknowledgement_in_time_is_progress() -> None:
    found = after(2)
    assert not found.acknowledged(1)
    found.connected()
    assert not found.is_due


def test_it_is_over_when_enough_was_acknowledged_one_by_one() -> None:
    found = after(3)
    assert not found.acknowledged(ENOUGH - 1)
    assert found.is_due
    assert found.acknowledged(1)
    assert not found.is_due


def test_another_connection_that_dies_before_that_begins_the_count_anew() -> None:
    found = after(3)
    found.acknowledged(ENOUGH - 1)
    found.connected()
    assert found.is_due
    assert not found.acknowledged(ENOUGH - 1)
