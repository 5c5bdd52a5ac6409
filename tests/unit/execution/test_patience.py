"""Patience: whose failure is waited out, and what is told meanwhile."""

import asyncio
from collections.abc import Iterable

import pytest
from structlog.testing import capture_logs

from service.execution import patience
from service.execution.patience import Patience
from service.storage.errors import Away, Locked, StorageError, Transient


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0)


class Steps:
    """Fails in given ways, one call after the other, and then comes to something."""

    def __init__(self, failures: Iterable[Exception]) -> None:
        self.patience = Patience()
        self.was_away: list[bool] = []
        self._failures = iter(failures)

    async def __call__(self) -> str:
        self.was_away.append(self.patience.is_away)
        for failure in self._failures:
            raise failure
        return "done"


async def test_a_database_that_is_away_is_waited_for_however_often_it_fails() -> None:
    steps = Steps([Away("full")] * 50)
    with capture_logs() as logs:
        assert await steps.patience.through(steps) == "done"
    assert [line["event"] for line in logs] == ["the database is away, holding", "the database is back"]
    assert steps.was_away == [False, *[True] * 50]
    assert not steps.patience.is_away


async def test_it_is_away_for_as_long_as_anybody_waits_for_it() -> None:
    found = Patience()
    back = asyncio.Event()
    failing = iter([Away("cut")])

    async def slow() -> None:
        for failure in failing:
            raise failure
        await back.wait()

    quick = Steps([Away("cut")])
    waiting = asyncio.create_task(found.through(slow))
    await found.through(quick)
    assert found.is_away
    back.set()
    await waiting
    assert not found.is_away


async def test_a_lost_race_is_run_again_a_few_times() -> None:
    steps = Steps([Transient("deadlock")] * 4)
    assert await steps.patience.through(steps) == "done"
    with pytest.raises(Transient):
        await steps.patience.through(Steps([Transient("deadlock")] * 5))


@pytest.mark.parametrize(
    "failure", [Locked("a row"), StorageError("a fault")], ids=lambda failure: type(failure).__name__
)
async def test_other_failures_are_not_run_again(failure: Exception) -> None:
    with pytest.raises(type(failure)):
        await Patience().through(Steps([failure]))


@pytest.mark.parametrize("failure", [Transient("deadlock"), Locked("a row"), StorageError("a fault")])
async def test_what_nothing_goes_on_without_is_done_whatever_fails(failure: Exception) -> None:
    steps = Steps([failure] * 20)
    assert await steps.patience.surely(steps) == "done"
    assert steps.was_away == [False, *[True] * 20]


async def test_a_failure_after_an_outage_ends_it() -> None:
    steps = Steps([Away("cut"), Locked("a row")])
    with pytest.raises(Locked):
        await steps.patience.through(steps)
    assert not steps.patience.is_away
