"""Pauses between tries, and cancellation."""

import asyncio
import gc
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from crudmq import aio
from crudmq.aio import Backoff
from tests.support.waiting import GENEROUS


@pytest.mark.parametrize("tries", [0, 1, 5, 40, 10_000])
def test_a_pause_doubles_with_each_try_up_to_the_longest(tries: int) -> None:
    backoff = Backoff(0.01, 5.0)
    backoff.tries = tries
    assert 0 <= backoff.next_pause() <= min(0.01 * 2 ** min(tries, 40), 5.0)


def test_after_a_reset_the_pauses_start_again_from_the_shortest() -> None:
    backoff = Backoff(0.01, 5.0)
    for _ in range(20):
        backoff.next_pause()
    backoff.reset()
    assert backoff.next_pause() <= 0.01


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 2:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            swallowed += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await aio.cancel(task)
    assert task.cancelled()
    assert swallowed == 2


@pytest.mark.parametrize("steps", [1, 2], ids=["while", "before"])
async def test_the_error_of_a_task_that_fails_when_it_is_cancelled_is_not_reported_as_lost(steps: int) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))

    async def fail() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            raise ConnectionError

    task = asyncio.create_task(fail())
    for _ in range(steps):
        await asyncio.sleep(0)
    await aio.cancel(task)
    await asyncio.sleep(0)
    del task
    gc.collect()
    assert reported == []


def test_a_task_that_is_left_and_swallows_a_cancellation_does_not_keep_the_process_running() -> None:
    program = """
import asyncio
from crudmq import aio

async def stubborn() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(3600)

async def work() -> None:
    asyncio.create_task(stubborn())
    await asyncio.sleep(0)

aio.run(work())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=GENEROUS)
