"""Suspects: who runs with whom, and who has ended the process too often."""

import pytest

from service.contract.delivery import Delivery
from service.execution.suspects import Suspects
from tests.integration.conftest import Bench

ONE, TWO, THREE, FOUR = (Delivery(b"{}", message_id=name) for name in ("one", "two", "three", "four"))
NAMELESS, NAMELESS_TOO = Delivery(b"[1]"), Delivery(b"[2]")


@pytest.fixture
def suspects(bench: Bench) -> Suspects:
    return Suspects(bench.database, bench.executor.patience)


async def test_those_that_were_never_caught_run_together(suspects: Suspects) -> None:
    assert await suspects.parts([ONE, TWO, THREE]) == [[ONE, TWO, THREE]]


async def test_one_that_was_caught_runs_alone_in_its_place(suspects: Suspects) -> None:
    await suspects.accuse([TWO, THREE])
    assert await suspects.parts([ONE, TWO, THREE, FOUR, ONE]) == [[ONE], [TWO], [THREE], [FOUR, ONE]]


async def test_one_that_the_process_outlived_is_no_longer_caught(suspects: Suspects) -> None:
    await suspects.accuse([ONE, TWO])
    await suspects.acquit([ONE, TWO])
    await suspects.acquit([ONE, TWO])
    assert await suspects.parts([ONE, TWO]) == [[ONE, TWO]]


async def test_three_strikes_are_enough(suspects: Suspects) -> None:
    assert [await suspects.accuse(part) for part in ([ONE, TWO], [ONE], [ONE], [ONE])] == [False, False, False, True]
    assert not await suspects.accuse([TWO])


async def test_copies_of_a_command_count_once(suspects: Suspects) -> None:
    assert [await suspects.accuse([ONE, ONE]) for _ in range(4)] == [False, False, False, True]


async def test_what_has_no_id_is_known_by_its_body(suspects: Suspects) -> None:
    await suspects.accuse([NAMELESS])
    assert await suspects.parts([NAMELESS, NAMELESS_TOO]) == [[NAMELESS], [NAMELESS_TOO]]
