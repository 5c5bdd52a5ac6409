"""Paging by cursor through 100,000 rows: the duration of the last pages relative to the first, PostgreSQL and SQLite.

Run by `make bench-paging`. Exits with 1 if a late page takes more than 1.5 times as long as an early one.
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
from crudmq import admin
from crudmq.contract.command import Limits
from crudmq.examples.models import Person
from crudmq.execution.planner import Planner
from crudmq.execution.query.order import Cursors
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.registry import load
from crudmq.settings import EXAMPLE, Settings
from crudmq.storage.database import Database

ROWS, BATCH, PAGES, MAX_RATIO = 100_000, 5_000, 50, 1.5


async def main() -> int:
    """Measure both databases; return the exit code."""
    ratios = []
    for name, prepared in (("PostgreSQL", _postgres()), ("SQLite", _sqlite())):
        async with prepared as settings:
            early, late = await _measure(settings)
        ratios.append(late / early)
        print(f"{name}: early {early * 1e3:.2f} ms, late {late * 1e3:.2f} ms a page of 100, ratio {late / early:.2f}")
    return int(max(ratios) > MAX_RATIO)


async def _measure(settings: Settings) -> tuple[float, float]:
    """Return the median durations of an early and of a late page."""
    database = admin.open_database(settings)
    try:
        await _fill(database)
        async with database.reading() as session:
            durations = [duration async for duration in _pages(session)]
    finally:
        await database.close()
    assert len(durations) == ROWS // 100  # noqa: S101 - all pages were read
    # The first page includes compiling and preparing the statement.
    return statistics.median(durations[1 : PAGES + 1]), statistics.median(durations[-PAGES:])


async def _pages(session: AsyncSession) -> AsyncIterator[float]:
    planner = Planner(load(EXAMPLE), Limits(), Cursors())
    command: dict[str, Any] = {"resource": "people", "action": "list", "limit": 100}
    while True:
        start_time = time.perf_counter()
        answer = await planner.plan(command).run(UnitOfWork(session))
        yield time.perf_counter() - start_time
        cursor = answer.extra["page"]["next"]
        if cursor is None:
            return
        command = {**command, "after": cursor}


async def _fill(database: Database) -> None:
    async with database.writing.begin() as session:
        for start in range(0, ROWS, BATCH):
            rows = [{"name": f"p{number}", "age": number % 90, "version": 1} for number in range(start, start + BATCH)]
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
        await admin.migrate(settings, create_tables=False)
        yield settings


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
