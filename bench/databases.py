"""A database for each run, copied from a migrated template and dropped afterwards."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

from bench.servers import Servers
from crudmq import admin
from crudmq.settings import EXAMPLE, Settings


@asynccontextmanager
async def migrated(servers: Servers) -> AsyncIterator[str]:
    """Create an empty database with the tables of the service and the example; yield its name."""
    async with empty(servers) as name:
        settings = Settings(database_url=servers.database(name), models=EXAMPLE)
        await admin.migrate(settings, create_tables=False)
        yield name


def empty(servers: Servers) -> AbstractAsyncContextManager[str]:
    """Create a database without tables; yield its name."""
    return _database(servers)


@asynccontextmanager
async def copied(servers: Servers, template: str) -> AsyncIterator[str]:
    """Create a copy of a template; yield its name."""
    async with _database(servers, template) as name:
        yield name


@asynccontextmanager
async def _database(servers: Servers, template: str = "template1") -> AsyncIterator[str]:
    name = f"crudmq_bench_{uuid4().hex}"
    try:
        await _execute(servers, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield name
    finally:
        await _execute(servers, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _execute(servers: Servers, statement: str) -> None:
    async with servers.connected_to() as connection:
        await connection.execute(statement)
