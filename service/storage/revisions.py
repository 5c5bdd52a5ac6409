"""Which revision the database is at, and the way to the newest."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect

from service.storage.engine import Database

VERSION_TABLE = "crudmq_revisions"
SERVICE, EXAMPLE = "service", "example"
"""The two independent histories: the service's own tables, and the example's."""


class WrongRevisionError(Exception):
    """The database is not at the revision that this version of the service needs."""


async def upgrade(database: Database, histories: Sequence[str]) -> None:
    """Bring the histories to their newest revisions. May be repeated."""
    async with database.writing_engine.begin() as connection:
        for history in histories:
            await connection.run_sync(_upgrade, history)


async def create_tables(database: Database, tables: Iterable[Table]) -> None:
    """Create those of the tables that do not exist, and what they refer to: for a first try, not for production."""
    async with database.writing_engine.begin() as connection:
        for metadata in {table.metadata for table in tables}:
            await connection.run_sync(metadata.create_all)


async def check(database: Database, histories: Sequence[str], tables: Iterable[Table]) -> None:
    """Check that the service can work on the database.

    :raises WrongRevisionError: it cannot, and what to type
    """
    async with database.engine.connect() as connection:
        current = await connection.run_sync(_current)
        missing = await connection.run_sync(_missing, tables)
    for history in histories:
        needed = await asyncio.to_thread(_newest, history)
        if needed not in current:
            found = ", ".join(sorted(current)) or "none"
            message = f"the database is at revision {found} and needs {needed} of the history `{history}`"
            raise WrongRevisionError(f"{message}: type `crudmq migrate`")
    if missing:
        hint = "migrate your own tables, or type `crudmq migrate --create-tables` for a first try"
        raise WrongRevisionError(f"the database has no table {', '.join(missing)}: {hint}")


def config() -> Config:
    """Give Alembic's configuration: that of `pyproject.toml`, wherever the package is installed."""
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    migrations = installed if installed.is_dir() else package.parent / "migrations"
    found = Config()
    found.set_main_option("script_location", str(migrations))
    found.set_main_option("path_separator", "os")
    histories = os.pathsep.join(str(migrations / history) for history in (SERVICE, EXAMPLE))
    found.set_main_option("version_locations", histories)
    return found


def _upgrade(connection: Connection, history: str) -> None:
    found = config()
    found.attributes["connection"] = connection
    command.upgrade(found, f"{history}@head")


def _current(connection: Connection) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return set(context.get_current_heads())


def _newest(history: str) -> str:
    revision = ScriptDirectory.from_config(config()).get_revision(f"{history}@head")
    assert revision is not None  # noqa: S101 - every history has one
    return revision.revision


def _missing(connection: Connection, tables: Iterable[Table]) -> list[str]:
    found = inspect(connection)
    return [table.name for table in tables if not found.has_table(table.name, schema=table.schema)]
