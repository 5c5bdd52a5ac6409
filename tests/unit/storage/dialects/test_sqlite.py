"""What each error of SQLite means."""

import sqlite3
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crudmq.storage.constraints import Constraint
from crudmq.storage.database import Database
from crudmq.storage.dialects.sqlite import SQLite
from crudmq.storage.errors import (
    DatabaseFault,
    DatabaseUnavailable,
    DataError,
    OutOfResources,
    ResourceLimitExceeded,
    SchemaMismatch,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)
from crudmq.storage.translation import translate

INSERT = "INSERT INTO people (id) VALUES (1)"


def driver_error(name: str, message: str = "something") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "message", "statement", "error"),
    [
        ("SQLITE_FULL", "database or disk is full", INSERT, DatabaseUnavailable),
        ("SQLITE_FULL", "database or disk is full", "SELECT * FROM people ORDER BY name", OutOfResources),
        ("SQLITE_IOERR_WRITE", "disk I/O error", INSERT, DatabaseUnavailable),
        ("SQLITE_IOERR_NOMEM", "out of memory", INSERT, OutOfResources),
        ("SQLITE_NOMEM", "out of memory", INSERT, OutOfResources),
        ("SQLITE_CORRUPT", "database disk image is malformed", INSERT, DatabaseFault),
        ("SQLITE_READONLY_DBMOVED", "attempt to write a readonly database", INSERT, DatabaseUnavailable),
        ("SQLITE_PROTOCOL", "locking protocol", INSERT, Transient),
        ("SQLITE_CONSTRAINT_DATATYPE", "cannot store TEXT value in INT column", INSERT, DataError),
        ("SQLITE_ERROR", "no such table: people", INSERT, SchemaMismatch),
        ("SQLITE_ERROR", "no such column: nick", INSERT, SchemaMismatch),
        ("SQLITE_ERROR", "table people has no column named nick", INSERT, SchemaMismatch),
        ("SQLITE_ERROR", "cannot modify people because it is a view", INSERT, SchemaMismatch),
        ("SQLITE_ERROR", "Expression tree is too large (maximum depth 1000)", INSERT, ResourceLimitExceeded),
        ("SQLITE_ERROR", "integer overflow", INSERT, DataError),
        ("SQLITE_ERROR", 'near "SELEC": syntax error', INSERT, UnexpectedDatabaseError),
    ],
)
def test_what_a_statement_does_to_itself_is_no_outage(
    name: str, message: str, statement: str, error: type[StorageError]
) -> None:
    assert type(translate(DBAPIError(statement, {}, driver_error(name, message)))) is error


def test_memory_that_python_could_not_get_is_the_statements_own_error() -> None:
    assert type(translate(MemoryError())) is OutOfResources


def test_a_trigger_that_raises_is_a_conflict_with_its_text() -> None:
    error = driver_error("SQLITE_CONSTRAINT_TRIGGER", "too old")
    assert SQLite().violated_constraint(error, INSERT) == Constraint("trigger", message="too old")


async def files_after_a_write(path: Path) -> dict[str, int]:
    """Return the permissions of the files of a database while a connection to it has written."""
    database = Database.open(f"sqlite+aiosqlite:///{path}", statement_timeout=timedelta(seconds=30))
    async with database.writing.begin() as session:
        await session.execute(text("CREATE TABLE notes (id INTEGER)"))
        files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await database.close()
    return files


async def test_only_the_owner_can_read_the_files_of_a_new_database(tmp_path: Path) -> None:
    files = await files_after_a_write(tmp_path / "new.db")
    assert {"new.db", "new.db-wal"} <= set(files)
    assert set(files.values()) == {0o600}


async def test_the_permissions_of_an_existing_database_stay(tmp_path: Path) -> None:
    existing = tmp_path / "old.db"
    existing.touch(0o640)
    assert (await files_after_a_write(existing))["old.db"] == 0o640
