"""A look at a database, and a hand in it, from outside the service."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine


def select(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Give the rows of a query."""

    async def fetch() -> list[tuple[Any, ...]]:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    return asyncio.run(fetch())


def execute(url: str, *statements: str) -> int:
    """Run statements in one transaction, and return how many rows the last of them changed."""

    async def run() -> int:
        engine = create_async_engine(url, poolclass=NullPool)
        rows = 0
        async with engine.begin() as connection:
            for statement in statements:
                rows = (await connection.execute(text(statement))).rowcount
        return rows

    return asyncio.run(run())


@asynccontextmanager
async def holding(url: str, statement: str) -> AsyncIterator[None]:
    """As `open_transaction`, in a running event loop."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(statement))
        yield


@contextmanager
def open_transaction(url: str, statement: str) -> Iterator[None]:
    """Run a statement, and hold its locks for as long as the block runs."""
    engine = create_async_engine(url, poolclass=NullPool)

    async def begin() -> AsyncConnection:
        connection = await engine.connect()
        await connection.execute(text(statement))
        return connection

    with asyncio.Runner() as runner:
        connection = runner.run(begin())
        try:
            yield
        finally:
            runner.run(connection.close())
