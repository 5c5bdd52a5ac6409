"""A database that answers and cannot be used: what the service does until it can, on the real databases."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from crudmq.aio import race
from crudmq.storage.database import Database
from crudmq.storage.errors import DatabaseUnavailable
from crudmq.storage.retry import OutageGate
from crudmq.storage.translation import translated
from tests.faults.fixtures.proxy import Direction, Proxy
from tests.support.databases import driver_url, postgres_url
from tests.support.waiting import GENEROUS

TIMEOUT = timedelta(seconds=30)
MAX_LOSSES = 3
DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET default_transaction_read_only = ON",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


async def write(database: Database) -> None:
    async with database.writing.begin() as session:
        await session.execute(text("INSERT INTO marks VALUES (1)"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a database with a table and one connection."""
    opened = Database.open(database_url, statement_timeout=TIMEOUT, connections=1)
    async with opened.writing_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE marks (id INTEGER)"))
    yield opened
    await opened.close()


async def test_a_session_that_became_read_only_is_replaced(database: Database, database_kind: str) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text(_READ_ONLY[database_kind]))
        await connection.commit()
    async with asyncio.timeout(GENEROUS):
        await OutageGate().run(lambda: write(database))


@pytest.mark.usefixtures("database")
async def test_idle_sessions_are_replaced_as_well(database_url: str, database_kind: str) -> None:
    several = Database.open(database_url, statement_timeout=TIMEOUT, connections=3)
    async with several.engine.connect() as one, several.engine.connect() as two, several.engine.connect() as three:
        for connection in (one, two, three):
            await connection.execute(text(_READ_ONLY[database_kind]))
            await connection.commit()
    failures = 0

    async def count_failures() -> None:
        nonlocal failures
        try:
            await write(several)
        except Exception:
            failures += 1
            raise

    async with asyncio.timeout(GENEROUS):
        await OutageGate().run(count_failures)
    assert failures == 1
    await several.close()


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_work_continues_when_a_database_is_no_longer_read_only(database: Database) -> None:
    name = make_url(str(database.engine.url)).database
    failed, failures = asyncio.Event(), 0

    async def read() -> None:
        async with database.reading() as session:
            await session.execute(text("SELECT 1"))

    async def try_to_write() -> None:
        nonlocal failures
        try:
            await write(database)
        except DBAPIError:
            failures += 1
            if failures > MAX_LOSSES:
                failed.set()
            raise

    gate = OutageGate(read, longest_pause=0.1)

    await _alter(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await database.close()  # the following sessions are read-only
    waiting = asyncio.create_task(gate.run(try_to_write, max_losses=MAX_LOSSES))
    async with asyncio.timeout(GENEROUS):
        await race(failed.wait(), waiting)
        await _alter(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await waiting


async def _alter(statement: str) -> None:
    connection = await asyncpg.connect(driver_url(postgres_url()))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
async def test_the_locks_of_a_connection_that_died_silently_are_released_within_seconds(
    database: Database, database_url: str
) -> None:
    await write(database)
    url = make_url(database_url)
    with Proxy(url.port or DEFAULT_PORTS[url.get_backend_name()]) as proxy:
        behind = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        silent = Database.open(behind, statement_timeout=TIMEOUT, connections=1)
        async with silent.writing() as session:
            await session.execute(text("UPDATE marks SET id = 2"))
            proxy.hold()
            async with asyncio.timeout(TIMEOUT.total_seconds()), database.writing.begin() as other:
                await other.execute(text("UPDATE marks SET id = 3"))
            proxy.release()
            with pytest.raises(DatabaseUnavailable), translated():
                await session.commit()
        async with silent.writing() as session:
            assert await session.scalar(text("SELECT id FROM marks")) == 3
        await silent.close()


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
async def test_the_kernel_ends_a_connection_to_a_server_that_vanished(database: Database) -> None:
    async with database.engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        link: socket.socket = driver._transport.get_extra_info("socket")  # noqa: SLF001 - the driver's
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 10


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
async def test_a_connection_that_is_closed_while_it_is_opened_is_an_outage(database_url: str) -> None:
    """Drivers raise errors of Python then: of sockets, of a transport, of incomplete packets."""
    url = make_url(database_url)
    with Proxy(url.port or DEFAULT_PORTS[url.get_backend_name()]) as proxy:
        behind = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        for passing in (None, 0, 1, 30):
            if passing is None:
                proxy.refuse()
            else:
                proxy.accept()
                proxy.intercept(partial(_cut_to_client, passing))
            closed = Database.open(behind, statement_timeout=TIMEOUT)
            with pytest.raises(DatabaseUnavailable), translated():
                await write(closed)
            await closed.close()


def _cut_to_client(passing: int, direction: Direction, _chunk: bytes) -> int | None:
    return passing if direction is Direction.TO_CLIENT else None
