"""What the programs that we wrote have in common: where they work, when they begin, when they stop."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service import settings
from service.settings import Settings

Sessions = async_sessionmaker[AsyncSession]
Serve = Callable[[Settings, Sessions, int], Awaitable[None]]


def main(serve: Serve) -> None:
    """Serve at the concurrency that the last argument says, with a database connection for each."""
    uvloop.run(_run(serve, concurrency=int(sys.argv[1])))


async def until_stopped() -> None:
    """Say that it has begun, and wait for SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sys.stderr.write("consuming\n")
    sys.stderr.flush()
    await stopped.wait()


async def _run(serve: Serve, concurrency: int) -> None:
    found = settings.read()
    engine = create_async_engine(found.database_url, pool_size=concurrency, max_overflow=0)
    try:
        await serve(found, async_sessionmaker(engine, expire_on_commit=False), concurrency)
    finally:
        await engine.dispose()
