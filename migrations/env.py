"""Runs revisions: for `crudmq migrate` on the connection that it has, for `alembic` on one of our own."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from service import settings
from service.examples.models import Base
from service.storage.engine import Database
from service.storage.revisions import VERSION_TABLE
from service.storage.tables import metadata


def run(connection: Connection) -> None:
    """Run what was asked for, in the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=[metadata, Base.metadata],
        version_table=VERSION_TABLE,
        # SQLite cannot alter most things: tables are copied there.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    """Connect to the database of the settings."""
    found = settings.read()
    database = Database.open(found.database_url, statement_timeout=found.statement_timeout)
    try:
        async with database.writing_engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await database.close()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(connect_and_run())
