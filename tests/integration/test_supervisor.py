"""What a supervisor learns of its workers."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.supervisor import Supervisor

QUICK = """
import sys
for question in sys.stdin:
    print(int(question), '{"database": true}', flush=True)
"""
LATE = """
import sys
first, second, third = (int(sys.stdin.readline()) for _ in range(3))
print(first, '{"database": false}')
print(second, '{"database": false}')
print(third, '{"database": true}', flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def supervising(worker: str) -> AsyncIterator[Supervisor]:
    supervisor, stopping = Supervisor(1, (sys.executable, "-c", worker)), asyncio.Event()
    running = asyncio.create_task(supervisor.run(stopping))
    try:
        yield supervisor
    finally:
        stopping.set()
        await asyncio.wait_for(running, 20)


async def until_ready(supervisor: Supervisor) -> None:
    async with asyncio.timeout(20):
        while not all((await supervisor.ready()).values()):
            pass


async def test_many_may_ask_at_once() -> None:
    async with supervising(QUICK) as supervisor:
        await until_ready(supervisor)
        answers = await asyncio.gather(*(supervisor.ready() for _ in range(10)))
        assert answers == [{"worker 1": True}] * 10


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one() -> None:
    async with supervising(LATE) as supervisor:
        await until_ready(supervisor)


async def test_workers_that_are_told_to_stop_while_they_start_have_not_failed() -> None:
    async with supervising("import signal; signal.pause()"):
        pass
