"""The revision of the database's schema: checking it, and upgrading to the newest."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from crudmq.storage.database import Database
from crudmq.storage.dialects.base import Dialect
from crudmq.storage.errors import LockTimeout
from crudmq.storage.tables import metadata

log = structlog.get_logger(__name__)

VERSION_TABLE = "crudmq_revisions"
_LOST = "restore what `crudmq migrate` has created"
SERVICE, EXAMPLE = "service", "example"
"""The two independent histories: crudmq's own tables, and the example's."""
PATIENCE = timedelta(minutes=1)
"""How long a migration waits for those of other processes."""
_LOCK_INTERVAL = 0.1


class WrongRevisionError(Exception):
    """The schema of the database does not match this version."""


async def upgrade(database: Database, histories: Sequence[str], *, patience: timedelta = PATIENCE) -> None:
    """Upgrade the histories to their newest revisions, in one transaction. May be repeated.

    Rows that were written before rows had prefixes get the prefix of the database's service.

    :param patience: how long to wait for the migrations of other processes
    :raises LockTimeout: they did not end in time
    """
    async with migrating(database, patience) as connection:
        for history in histories:
            await connection.run_sync(_upgrade, history, database.prefix)


async def create_tables(database: Database, tables: Iterable[Table]) -> None:
    """Create these tables and all tables in their metadata, if missing: for evaluation, not for production.

    :raises LockTimeout: the migration of another process did not end in time
    """
    async with migrating(database) as connection:
        for models in {table.metadata for table in tables}:
            await connection.run_sync(models.create_all)


@asynccontextmanager
async def migrating(database: Database, patience: timedelta = PATIENCE) -> AsyncIterator[AsyncConnection]:
    """Begin a transaction that waits for other migrations of the database, and during which no other one starts.

    :raises LockTimeout: they did not end in time
    """
    async with database.writing_engine.connect() as connection:
        try:
            async with connection.begin():
                await _lock(database.dialect, connection, patience)
                yield connection
        finally:
            # The lock of a broken connection has ended with it.
            with suppress(SQLAlchemyError):
                await database.dialect.unlock_migrations(connection)


async def _lock(dialect: Dialect, connection: AsyncConnection, patience: timedelta) -> None:
    # A statement that waits would be ended by the statement timeout.
    now = asyncio.get_running_loop().time
    deadline = now() + patience.total_seconds()
    while not await dialect.try_lock_migrations(connection):
        if now() > deadline:
            raise LockTimeout(
                f"another migration of this database is running, for more than {patience.total_seconds():g} s: "
                "run `crudmq migrate` again when it has ended"
            )
        await asyncio.sleep(_LOCK_INTERVAL)


async def check(database: Database, histories: Sequence[str], tables: Iterable[Table]) -> None:
    """Check that the database has the revisions, the tables and their columns that this version needs, and its own.

    :raises WrongRevisionError: a revision, a table or a column is missing; the message states what to do
    """
    async with database.engine.connect() as connection:
        current = await connection.run_sync(_current)
        columns = await connection.run_sync(_columns, [*metadata.tables.values(), *tables])
    for history in histories:
        _check_revision(history, current, await asyncio.to_thread(_known, history))
    check_columns(columns)


def check_columns(columns: Mapping[Table, Collection[str] | None]) -> None:
    """Check that each table exists and has the columns of its mapping. Further columns are accepted.

    :param columns: the names of the columns of each table in the database; None if the table does not exist
    :raises WrongRevisionError: a table or a column is missing
    """
    if tables := [table.name for table, names in columns.items() if names is None]:
        is_own = not metadata.tables.keys().isdisjoint(tables)
        hint = _LOST if is_own else "migrate your own tables, or run `crudmq migrate --create-tables` for evaluation"
        raise WrongRevisionError(f"the database has no table {', '.join(tables)}: {hint}")
    missing = [
        f"{table.name}.{column.name}"
        for table, names in columns.items()
        for column in table.columns
        if column.name.casefold() not in map(str.casefold, names or ())
    ]
    if missing:
        is_own = any(name.partition(".")[0] in metadata.tables for name in missing)
        hint = _LOST if is_own else "migrate your own tables"
        raise WrongRevisionError(f"the database has no column {', '.join(missing)}: {hint}")


def config() -> Config:
    """Return Alembic's configuration, which is that of `pyproject.toml` wherever the package is installed."""
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    migrations = installed if installed.is_dir() else package.parents[1] / "migrations"
    alembic = Config()
    alembic.set_main_option("script_location", str(migrations))
    alembic.set_main_option("path_separator", "os")
    histories = os.pathsep.join(str(migrations / history) for history in (SERVICE, EXAMPLE))
    alembic.set_main_option("version_locations", histories)
    return alembic


def _check_revision(history: str, current: set[str], known: Sequence[str]) -> None:
    needed = known[0]
    newer = {revision for revision in current if revision.startswith(f"{history}_")} - set(known)
    if newer:
        # An older replica during an upgrade: migrations are backward compatible.
        log.info("the database has a newer revision", revision=", ".join(newer), needed=needed)
    elif needed not in current:
        revisions = ", ".join(sorted(current)) or "none"
        message = f"the database is at revision {revisions}, but {needed} of the history `{history}` is required"
        raise WrongRevisionError(f"{message}: run `crudmq migrate`")


def _upgrade(connection: Connection, history: str, prefix: str) -> None:
    alembic = config()
    alembic.attributes.update(connection=connection, prefix=prefix)
    command.upgrade(alembic, f"{history}@head")


def _current(connection: Connection) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return set(context.get_current_heads())


def _known(history: str) -> list[str]:
    """Return the revisions of a history, newest first."""
    revisions = ScriptDirectory.from_config(config()).iterate_revisions(f"{history}@head", "base")
    return [revision.revision for revision in revisions]


def _columns(connection: Connection, tables: Sequence[Table]) -> dict[Table, list[str] | None]:
    inspector = inspect(connection)
    with warnings.catch_warnings():
        # The inspector does not know every type; only the names matter.
        warnings.simplefilter("ignore", SAWarning)
        return {
            table: [column["name"] for column in inspector.get_columns(table.name, schema=table.schema)]
            if inspector.has_table(table.name, schema=table.schema)
            else None
            for table in tables
        }
