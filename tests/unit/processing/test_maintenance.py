"""When an inbox entry may be pruned."""

from crudmq.processing.maintenance import STABLE_ROUNDS, EmptyRounds

ENOUGH = STABLE_ROUNDS + 1


def after(*starts: int) -> int | None:
    history = EmptyRounds()
    for start in starts:
        history = history.with_round(start)
    return history.prunable_before


def test_nothing_is_pruned_before_the_queues_were_seen_empty_in_enough_rounds() -> None:
    assert after() is None
    assert after(*range(STABLE_ROUNDS)) is None


def test_entries_older_than_the_last_empty_rounds_are_pruned() -> None:
    assert after(*range(ENOUGH)) == 0
    assert after(*range(0, 10 * ENOUGH, 10), 10_000) == 10


def test_rounds_are_counted_anew_when_the_clock_of_the_database_goes_back() -> None:
    assert after(*range(100, 100 + ENOUGH), 50) is None
    assert after(*range(100, 100 + ENOUGH), *range(50, 50 + ENOUGH)) == 50
