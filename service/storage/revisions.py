"""Which revision the database is at, and the way to the newest."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect

from service.storage.engine import Database

log = structlog.get_logger(__name__)

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
        needed, known = await asyncio.to_thread(_newest, history)
        later = {one for one in current if one.startswith(f"{history}_")} - known
        if later:
            # An older replica during an update: revisions only add to what the version before them uses.
            log.info("the database is ahead", revision=", ".join(later), needed=needed)
        elif needed not in current:
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


def _newest(history: str) -> tuple[str, set[str]]:
    """Give the newest revision of a history, and all that there are."""
    known = ScriptDirectory.from_config(config()).iterate_revisions(f"{history}@head", "base")
    names = [one.revision for one in known]
    return names[0], set(names)


def _missing(connection: Connection, tables: Iterable[Table]) -> list[str]:
    found = inspect(connection)
    return [table.name for table in tables if not found.has_table(table.name, schema=table.schema)]
