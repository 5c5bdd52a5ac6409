"""A database for each run: all are copies of one that has been migrated, and all are removed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from bench.servers import Servers
from service import operations
from service.settings import EXAMPLE, Settings


@asynccontextmanager
async def migrated(servers: Servers) -> AsyncIterator[str]:
    """Give the name of an empty database that has the tables of the service and of the example."""
    async with _database(servers) as name:
        settings = Settings(database_url=servers.database(name), models=EXAMPLE)
        await operations.migrate(settings, create_tables=False)
        yield name


@asynccontextmanager
async def copied(servers: Servers, template: str) -> AsyncIterator[str]:
    """Give the name of a copy that nobody has used."""
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
