"""Paging by cursor through 100,000 rows: what the last pages cost against the first, on PostgreSQL and SQLite.

Run by `make bench-paging`. Exit code 1 where a late page costs more than 1.5 times an early one.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.databases import migrated
from bench.servers import Servers
from service import assembly, operations
from service.contract.limits import Limits
from service.examples.models import Person
from service.execution.planner import Planner
from service.execution.rows import Rows
from service.resources.registry import load
from service.settings import EXAMPLE, Settings
from service.storage.engine import Database

ROWS, AT_ONCE, SOME, MOST = 100_000, 5_000, 50, 1.5


async def main() -> int:
    """Page through, and give 0 where no late page costs too much."""
    ratios = []
    for name, settings in (("PostgreSQL", _postgres()), ("SQLite", _sqlite())):
        async with settings as found:
            early, late = await _measure(found)
        ratios.append(late / early)
        print(f"{name}: early {early * 1e3:.2f} ms, late {late * 1e3:.2f} ms a page of 100, ratio {late / early:.2f}")
    return int(max(ratios) > MOST)


async def _measure(settings: Settings) -> tuple[float, float]:
    """Give the median time of an early and of a late page."""
    database = assembly.open_database(settings)
    try:
        await _fill(database)
        async with database.reading() as session:
            times = [one async for one in _pages(session)]
    finally:
        await database.close()
    assert len(times) == ROWS // 100  # noqa: S101 - else something else was measured
    # The very first statement is compiled and prepared.
    return statistics.median(times[1 : SOME + 1]), statistics.median(times[-SOME:])


async def _pages(session: AsyncSession) -> AsyncIterator[float]:
    planner = Planner(load(EXAMPLE), Limits())
    command: dict[str, Any] = {"resource": "people", "action": "list", "limit": 100}
    while True:
        begun = time.perf_counter()
        answer = await planner.plan(command).run(Rows(session))
        yield time.perf_counter() - begun
        following = answer.beside["page"]["next"]
        if following is None:
            return
        command = {**command, "after": following}


async def _fill(database: Database) -> None:
    async with database.writing.begin() as session:
        for start in range(0, ROWS, AT_ONCE):
            rows = [
                {"name": f"p{number}", "age": number % 90, "version": 1} for number in range(start, start + AT_ONCE)
            ]
            await session.execute(insert(Person), rows)


@asynccontextmanager
async def _postgres() -> AsyncIterator[Settings]:
    servers = Servers.from_environment()
    async with migrated(servers) as name:
        yield Settings(database_url=servers.database(name), models=EXAMPLE)


@asynccontextmanager
async def _sqlite() -> AsyncIterator[Settings]:
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(database_url=f"sqlite+aiosqlite:///{directory}/paging.db", models=EXAMPLE)
        await operations.migrate(settings, create_tables=False)
        yield settings


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
