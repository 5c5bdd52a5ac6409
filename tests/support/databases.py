"""Databases that a test makes for itself and removes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
from sqlalchemy import make_url

KINDS = ("sqlite", "postgresql")
_POSTGRES = "CRUDMQ_TEST_POSTGRES_URL"
_DEFAULT_POSTGRES = "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres"


@asynccontextmanager
async def fresh(kind: str, directory: Path) -> AsyncIterator[str]:
    """Make an empty database, give its address, and remove it."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{directory / 'test.db'}"
        return
    name = f"crudmq_test_{uuid4().hex}"
    await _execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    finally:
        await _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def postgres_url() -> str:
    """Give the server on which tests make their databases."""
    return os.environ.get(_POSTGRES, _DEFAULT_POSTGRES)


def driver_url(url: str) -> str:
    """Give the address as asyncpg itself reads it."""
    return url.replace("postgresql+asyncpg", "postgresql")


async def _execute(statement: str) -> None:
    async with asyncio.timeout(60):
        connection = await asyncpg.connect(driver_url(postgres_url()))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
