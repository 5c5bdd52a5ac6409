"""Runs migrations: on the connection of `crudmq migrate`, or on a connection of its own for `alembic`."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from crudmq import settings
from crudmq.examples.models import Base
from crudmq.storage.database import Database
from crudmq.storage.dialects import dialect_for
from crudmq.storage.revisions import VERSION_TABLE
from crudmq.storage.tables import metadata


def run(connection: Connection) -> None:
    """Run the requested migrations in the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=[metadata, Base.metadata],
        version_table=VERSION_TABLE,
        render_as_batch=dialect_for(connection.engine.url).alters_by_copying,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    """Connect to the database of the settings."""
    configured = settings.read()
    context.config.attributes["prefix"] = configured.prefix
    database = Database.open(configured.database_url, statement_timeout=configured.statement_timeout)
    try:
        async with database.writing_engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await database.close()


if (shared := context.config.attributes.get("connection")) is not None:
    run(shared)
else:
    asyncio.run(connect_and_run())
