"""How long is waited before the next try."""

import pytest

from service.backoff import pause


@pytest.mark.parametrize("tries", [0, 1, 40, 10_000])
def test_a_pause_is_never_longer_than_the_longest_however_often_it_was_tried(tries: int) -> None:
    assert 0 <= pause(tries, 0.01, 5.0) <= min(0.01 * 2 ** min(tries, 40), 5.0)
