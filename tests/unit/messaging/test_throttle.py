"""The crash-loop throttle."""

from crudmq.messaging.consumer import CrashLoopThrottle

REQUIRED_ACKS = 5


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
