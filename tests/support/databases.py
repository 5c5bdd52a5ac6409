"""Databases that a test makes for itself and removes."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncmy
import asyncpg
from sqlalchemy import make_url

from tests.support.waiting import GENEROUS

KINDS = ("sqlite", "postgresql", "mariadb")
_POSTGRES = "CRUDMQ_TEST_POSTGRES_URL"
_DEFAULT_POSTGRES = "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres"
_MARIADB = "CRUDMQ_TEST_MARIADB_URL"
_DEFAULT_MARIADB = "mysql+asyncmy://root@127.0.0.1:3306/"
# Text is compared byte by byte, as SQLite does.
_ENCODING = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"
_COLLATION = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"


@asynccontextmanager
async def fresh(kind: str, directory: Path) -> AsyncIterator[str]:
    """Make an empty database, give its address, and remove it."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{directory / 'test.db'}"
        return
    name = f"crudmq_test_{uuid4().hex}"
    server, create, drop = _SERVERS[kind]
    await create(name)
    try:
        yield make_url(server()).set(database=name).render_as_string(hide_password=False)
    finally:
        await drop(name)


def postgres_url() -> str:
    """Give the server on which tests make their databases."""
    return os.environ.get(_POSTGRES, _DEFAULT_POSTGRES)


def mariadb_url() -> str:
    """Give the MariaDB on which tests make their databases."""
    return os.environ.get(_MARIADB, _DEFAULT_MARIADB)


def driver_url(url: str) -> str:
    """Give the address as asyncpg itself reads it."""
    return url.replace("postgresql+asyncpg", "postgresql")


async def _create_on_postgres(name: str) -> None:
    try:
        await _on_postgres(f"CREATE DATABASE \"{name}\" {_ENCODING} LC_CTYPE 'C.UTF-8'")
    except asyncpg.PostgresError:  # the system has no such locale
        await _on_postgres(f"CREATE DATABASE \"{name}\" {_ENCODING} LC_CTYPE 'C'")


async def _drop_on_postgres(name: str) -> None:
    await _on_postgres(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _on_postgres(statement: str) -> None:
    async with asyncio.timeout(GENEROUS):
        connection = await asyncpg.connect(driver_url(postgres_url()))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _create_on_mariadb(name: str) -> None:
    await _on_mariadb(f"CREATE DATABASE `{name}` {_COLLATION}")


async def _drop_on_mariadb(name: str) -> None:
    await _on_mariadb(f"DROP DATABASE IF EXISTS `{name}`")


async def _on_mariadb(statement: str) -> None:
    server = make_url(mariadb_url())
    async with asyncio.timeout(GENEROUS):
        connection = await asyncmy.connect(
            host=server.host, port=server.port or 3306, user=server.username, password=server.password or ""
        )
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
        finally:
            await connection.ensure_closed()


_Execute = Callable[[str], Awaitable[None]]
_SERVERS: Mapping[str, tuple[Callable[[], str], _Execute, _Execute]] = {
    "postgresql": (postgres_url, _create_on_postgres, _drop_on_postgres),
    "mariadb": (mariadb_url, _create_on_mariadb, _drop_on_mariadb),
}
