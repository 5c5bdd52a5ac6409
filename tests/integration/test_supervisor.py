"""A supervisor probes its workers."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crudmq.http.health import Readiness
from crudmq.supervisor import Supervisor

QUICK = """
import sys
for request in sys.stdin:
    print(int(request), '{"database": true}', flush=True)
"""
LATE = """
import sys
first, second, third = (int(sys.stdin.readline()) for _ in range(3))
print(first, '{"database": false}')
print(second, '{"database": false}')
print(third, '{"database": true}', flush=True)
sys.stdin.read()
"""

UNAVAILABLE = """
import sys
for request in sys.stdin:
    print(int(request), '{"database": false, "reasons": {"database": "disk full"}}', flush=True)
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
        while not (await supervisor.ready()).is_ready:
            pass


async def test_concurrent_probes_all_succeed() -> None:
    async with supervising(QUICK) as supervisor:
        await until_ready(supervisor)
        probes = await asyncio.gather(*(supervisor.ready() for _ in range(10)))
        assert probes == [Readiness({"worker 1": True})] * 10


async def test_a_late_response_is_not_mistaken_for_the_next_one() -> None:
    async with supervising(LATE) as supervisor:
        await until_ready(supervisor)


async def test_a_worker_says_why_it_is_not_ready() -> None:
    async with supervising(UNAVAILABLE) as supervisor:
        async with asyncio.timeout(20):
            while not (readiness := await supervisor.ready()).reasons:
                pass
        assert readiness.as_json() == {"worker 1": False, "reasons": {"worker 1": "disk full"}}


async def test_workers_stopped_during_start_up_have_not_failed() -> None:
    async with supervising("import signal; signal.pause()"):
        pass
