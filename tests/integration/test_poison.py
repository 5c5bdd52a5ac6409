"""Suspects: who runs with whom, who has ended the process too often, and who only waited."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from crudmq.contract.delivery import Delivery
from crudmq.processing.poison import PoisonDetector, Suspects
from crudmq.storage.crashes import StatementObserver
from tests.integration.conftest import Bench
from tests.support import sql
from tests.support.waiting import GENEROUS

ONE, TWO, THREE, FOUR = (Delivery(b"{}", message_id=name) for name in ("one", "two", "three", "four"))
NAMELESS, NAMELESS_TOO = Delivery(b"[1]"), Delivery(b"[2]")
BUSY_SECONDS = 0.2


@pytest.fixture
def poison(bench: Bench) -> PoisonDetector:
    return PoisonDetector(bench.database, bench.execution.gate)


async def start(poison: PoisonDetector, *deliveries: Delivery) -> bool:
    """Record the start of deliveries that run together, and return whether it is refused."""
    (suspects,) = await poison.split(deliveries)
    return await poison.record_start(suspects)


async def groups(poison: PoisonDetector, *deliveries: Delivery) -> list[list[Delivery]]:
    return [suspects.deliveries for suspects in await poison.split(deliveries)]


async def test_those_that_were_never_caught_run_together(poison: PoisonDetector) -> None:
    assert await groups(poison, ONE, TWO, THREE) == [[ONE, TWO, THREE]]


async def test_those_that_were_caught_once_run_in_small_groups_in_their_place(poison: PoisonDetector) -> None:
    caught = [Delivery(b"{}", message_id=str(number)) for number in range(100)]
    await poison.record_start(Suspects(caught))
    split = await groups(poison, ONE, *caught, TWO)
    assert split[0] == [ONE]
    assert split[-1] == [TWO]
    assert [delivery for group in split for delivery in group] == [ONE, *caught, TWO]
    assert max(map(len, split)) < 20


async def test_one_that_was_caught_twice_runs_alone_in_its_place(poison: PoisonDetector) -> None:
    for each in (TWO, THREE, TWO, THREE):
        await start(poison, each)
    assert await groups(poison, ONE, TWO, THREE, FOUR, ONE) == [[ONE], [TWO], [THREE], [FOUR, ONE]]


async def test_one_that_the_process_outlived_is_no_longer_caught(poison: PoisonDetector) -> None:
    await start(poison, ONE, TWO)
    for _ in range(2):
        await poison.clear(Suspects([ONE, TWO]))
    assert await groups(poison, ONE, TWO) == [[ONE, TWO]]


async def test_four_crashes_are_enough(poison: PoisonDetector) -> None:
    parts = [(ONE, TWO), (ONE,), (ONE,), (ONE,), (ONE,)]
    assert [await start(poison, *part) for part in parts] == [False] * 4 + [True]
    assert not await start(poison, TWO)


async def test_copies_of_a_command_count_once(poison: PoisonDetector) -> None:
    await poison.record_start(Suspects([ONE, ONE]))
    assert await poison.split([ONE]) == [Suspects([ONE], 1)]


async def test_what_has_no_id_is_known_by_its_body(poison: PoisonDetector) -> None:
    for _ in range(2):
        await start(poison, NAMELESS)
    assert await groups(poison, NAMELESS, NAMELESS_TOO) == [[NAMELESS], [NAMELESS_TOO]]


def records(bench: Bench) -> list[int]:
    """Return the crash counts that a process started now would find; this one can change nothing in the meantime."""
    with ThreadPoolExecutor() as pool:
        rows = pool.submit(sql.select, bench.url, "SELECT number FROM crudmq_strikes").result()
    return [number for (number,) in rows]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not condition():  # noqa: ASYNC110 - another connection sees it
            await asyncio.sleep(BUSY_SECONDS)


async def caught_once(poison: PoisonDetector) -> Suspects:
    """Return a suspect that crashed the process once, and is started."""
    await start(poison, ONE)
    (suspects,) = await poison.split([ONE])
    await poison.record_start(suspects)
    return suspects


async def test_one_that_waits_for_a_lock_has_no_record_until_it_continues(bench: Bench, poison: PoisonDetector) -> None:
    if bench.database.dialect.is_single_process:
        pytest.skip("nobody else holds locks")
    await bench.ask({"resource": "people", "action": "create", "data": {"id": 1, "name": "Tom"}})
    lock = text("SELECT id FROM people WHERE id = 1 FOR UPDATE")
    suspects = await caught_once(poison)
    assert records(bench) == [2]

    async def wait_for_lock() -> list[int]:
        async with bench.database.writing.begin() as session:
            await session.execute(lock)
            return records(bench)

    async with bench.database.writing() as holder:
        await holder.execute(lock)
        async with poison.watching(suspects):
            waiting = asyncio.create_task(wait_for_lock())
            await until(lambda: not records(bench))
            await holder.rollback()
            assert await waiting == [2]
            await until(lambda: not records(bench))


async def test_one_that_keeps_the_process_busy_has_a_record(bench: Bench, poison: PoisonDetector) -> None:
    if bench.database.dialect.is_single_process:
        pytest.skip("nobody else holds locks")
    async with poison.watching(await caught_once(poison)):
        await until(lambda: not records(bench))
        end = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < end or not records(bench):
            # As while rows arrive: the event loop runs, and does not rest.
            for _ in range(10_000):
                await asyncio.sleep(0)
        assert records(bench) == [2]


async def test_a_record_that_is_being_changed_at_the_end_is_changed_before_the_end(
    bench: Bench, poison: PoisonDetector
) -> None:
    if bench.database.dialect.is_single_process:
        pytest.skip("nobody else holds locks")
    suspects, is_changing = await caught_once(poison), asyncio.Event()

    async def watch() -> None:
        async with poison.watching(suspects):
            await is_changing.wait()

    async with bench.database.writing() as holder:
        await holder.execute(text("SELECT id FROM crudmq_strikes FOR UPDATE"))
        event.listen(bench.database.engine.sync_engine, "before_cursor_execute", lambda *_: is_changing.set())
        watching = asyncio.create_task(watch())
        _, waiting = await asyncio.wait([watching], timeout=BUSY_SECONDS)
        assert waiting
        await holder.rollback()
    await watching
    assert records(bench) == []


async def test_an_observation_may_end_while_a_statement_waits_in_it(bench: Bench) -> None:
    statements, is_waiting, may_go_on = StatementObserver(bench.database), asyncio.Event(), asyncio.Event()

    async def observe() -> None:
        is_waiting.set()
        await may_go_on.wait()

    async def execute() -> None:
        async with bench.database.reading.begin() as session:
            await session.execute(text("SELECT 1"))

    with statements.observing(observe):
        executing = asyncio.create_task(execute())
        await is_waiting.wait()
    may_go_on.set()
    await executing
