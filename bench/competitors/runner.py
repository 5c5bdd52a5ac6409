"""Entry point of the competitors written for this benchmark: settings, database pool, start and stop."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from crudmq import settings
from crudmq.settings import Settings

Sessions = async_sessionmaker[AsyncSession]
Serve = Callable[[Settings, Sessions, int], Awaitable[None]]


def main(serve: Serve) -> None:
    """Run with the concurrency of the last argument, and as many database connections."""
    uvloop.run(_run(serve, concurrency=int(sys.argv[1])))


async def until_stopped() -> None:
    """Report that it consumes, and wait for SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sys.stderr.write("consuming\n")
    sys.stderr.flush()
    await stopped.wait()


async def _run(serve: Serve, concurrency: int) -> None:
    configured = settings.read()
    engine = create_async_engine(configured.database_url, pool_size=concurrency, max_overflow=0)
    try:
        await serve(configured, async_sessionmaker(engine, expire_on_commit=False), concurrency)
    finally:
        await engine.dispose()
