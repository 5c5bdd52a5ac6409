"""SQLite, with aiosqlite."""

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Column, Connection, ForeignKeyConstraint, Table, event, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.util import await_only

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects.base import Dialect, Row, Timeouts, written_table
from crudmq.storage.dialects.constructs import chunks, pad_to_power_of_two
from crudmq.storage.dialects.error_codes import SQLITE_CONSTRAINTS, SQLITE_ERRORS, SQLITE_MESSAGES, by_prefix, is_read
from crudmq.storage.errors import ConstraintViolation, OutOfResources, StorageError

_BUSY_TIMEOUT = timedelta(seconds=10)
_PAUSE_SECONDS = 0.01
_STEPS_BETWEEN_CHECKS = 100_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "case_sensitive_like=ON")
_MESSAGE = re.compile(r"constraint failed: (?:index '(?P<index>.*)'|(?P<subject>.+))$")
_DATATYPE = 3091
"""SQLITE_CONSTRAINT_DATATYPE, of which Python does not know the name."""
_PERMITTING = ("CASCADE", "SET NULL", "SET DEFAULT")


class SQLite(Dialect):
    """SQLite. A transaction that writes waits for the one lock before it begins, so no lock timeout is set."""

    backends = ("sqlite",)
    drivers = ("sqlite+aiosqlite",)
    error_modules = ("sqlite3",)
    is_single_process = True
    alters_by_copying = True

    def check_url(self, url: URL) -> None:
        """Require a file.

        :raises ValueError: the database is in memory
        """
        if url.database in (None, "", ":memory:"):
            raise ValueError("has no file path: in-memory databases are not supported")

    def engine_options(self, timeouts: Timeouts) -> dict[str, Any]:
        """Return the arguments of the engine."""
        del timeouts
        # `begin` below begins transactions, not the driver.
        return {"connect_args": {"isolation_level": None, "timeout": _BUSY_TIMEOUT.total_seconds()}}

    def prepare(self, engine: AsyncEngine, timeouts: Timeouts) -> None:
        """Set pragmas, the statement timeout and how transactions begin."""
        sync = engine.sync_engine
        statement_timeout = timeouts.statement.total_seconds()

        @event.listens_for(sync, "do_connect")
        def create(_dialect: object, _record: object, arguments: Sequence[str], _options: object) -> None:
            """Create a missing file for its owner alone; SQLite gives its other files the same permissions."""
            if not arguments[0].startswith("file:"):
                with suppress(OSError):
                    os.close(os.open(arguments[0], os.O_CREAT | os.O_EXCL, 0o600))

        @event.listens_for(sync, "connect")
        def connect(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
            cursor = connection.cursor()
            for pragma in _PRAGMAS:
                _execute_when_unlocked(cursor, f"PRAGMA {pragma}")
            cursor.close()
            # SQLite has no statement timeout; it calls a progress handler that may interrupt the statement.
            deadline = record.info["deadline"] = [time.monotonic() + statement_timeout]
            connection.run_async(
                lambda driver: driver.set_progress_handler(
                    lambda: time.monotonic() > deadline[0], _STEPS_BETWEEN_CHECKS
                )
            )

        @event.listens_for(sync, "before_cursor_execute")
        def before_cursor_execute(connection: Connection, *_: object) -> None:
            deadline = connection.connection.info.get("deadline")
            if deadline is not None:
                deadline[0] = time.monotonic() + statement_timeout

        @event.listens_for(sync, "begin")
        def begin(connection: Connection) -> None:
            mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
            connection.exec_driver_sql(f"BEGIN {mode}")

    def writing_engine(self, engine: AsyncEngine) -> AsyncEngine:
        """Take the write lock when a transaction begins: in WAL mode, a reader that starts to write fails at once."""
        return engine.execution_options(sqlite_begin="IMMEDIATE")

    def error_class(self, error: BaseException, statement: str | None) -> type[StorageError] | None:
        """Look up the name of the error, and then its message."""
        name = _error_name(error)
        if name == "SQLITE_FULL" and is_read(statement):
            return OutOfResources  # the disk of temporary files
        if name != "SQLITE_ERROR":
            return by_prefix(name, SQLITE_ERRORS)
        return next((each for pattern, each in SQLITE_MESSAGES.items() if re.search(pattern, str(error))), None)

    def violated_constraint(self, error: BaseException | None, statement: str | None) -> Constraint | None:
        """Read the message and the statement."""
        name = _error_name(error)
        kind = None if name in SQLITE_ERRORS else by_prefix(name, SQLITE_CONSTRAINTS)
        if kind is None:
            return None
        if kind == "trigger":
            return Constraint(kind, message=str(error))
        verb, table = written_table(statement)
        if kind == "foreign_key":
            # A deleted row is referenced by another table, which the message does not name.
            return Constraint(kind, None if verb == "DELETE FROM" else table)
        message = _MESSAGE.search(str(error))
        if message is None:
            return Constraint(kind, table)
        if kind == "check" or message["index"]:
            return Constraint(kind, table, message["index"] or message["subject"])
        columns = [name.partition(".") for name in message["subject"].split(", ")]
        return Constraint(kind, columns[0][0], columns=tuple(column for _, _, column in columns))

    @asynccontextmanager
    async def explaining_foreign_key_violation(
        self, session: AsyncSession, table: Table, rows: Sequence[Row], *, deleting: bool = False
    ) -> AsyncIterator[None]:
        """Query for the violated foreign key: SQLite only reports that there is one."""
        try:
            yield
        except IntegrityError as exc:
            constraint = self.violated_constraint(exc.orig, exc.statement)
            if constraint is None or constraint.kind != "foreign_key":
                raise
            find = _referencing_deleted if deleting else _without_parent
            foreign_key = await find(session, table, rows)
            if foreign_key is None:
                raise
            name = str(foreign_key.name) if isinstance(foreign_key.name, str) else None
            columns = tuple(column.name for column in foreign_key.columns)
            raise ConstraintViolation(Constraint("foreign_key", foreign_key.table.name, name, columns)) from exc

    async def insert_rows(
        self, session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]
    ) -> list[tuple[Any, ...]]:
        """Insert rows; a violated foreign key is named."""
        async with self.explaining_foreign_key_violation(session, table, rows):
            return await super().insert_rows(session, table, columns, rows)

    async def update_rows(
        self, session: AsyncSession, table: Table, names: tuple[str, ...], rows: Sequence[Row]
    ) -> None:
        """Update rows; a violated foreign key is named."""
        changes = [{name: row[name] for name in names} for row in rows]
        async with self.explaining_foreign_key_violation(session, table, changes):
            await super().update_rows(session, table, names, rows)


def _execute_when_unlocked(cursor: Any, statement: str) -> None:  # noqa: ANN401 - SQLAlchemy's adapter
    """Execute a statement, and repeat it while the database is locked: SQLite may not wait to change the journal mode.

    :raises sqlite3.OperationalError: the database stays locked, or another error
    """
    end = time.monotonic() + _BUSY_TIMEOUT.total_seconds()
    while True:
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as exc:
            if _error_name(exc) != "SQLITE_BUSY" or time.monotonic() > end:
                raise
            await_only(asyncio.sleep(_PAUSE_SECONDS))
        else:
            return


def _error_name(error: BaseException | None) -> str:
    if getattr(error, "sqlite_errorcode", None) == _DATATYPE:
        return "SQLITE_CONSTRAINT_DATATYPE"
    name = getattr(error, "sqlite_errorname", None)
    return name if isinstance(name, str) else ""


async def _without_parent(session: AsyncSession, table: Table, rows: Sequence[Row]) -> ForeignKeyConstraint | None:
    for foreign_key in _in_order(table):
        children = [element.parent for element in foreign_key.elements]
        parents = [element.column for element in foreign_key.elements]
        references = {tuple(row.get(column.key) for column in children) for row in rows}
        references = {values for values in references if None not in values}
        for chunk in chunks(references, len(parents)):
            query = select(*parents).where(tuple_(*parents).in_(pad_to_power_of_two(chunk)))
            if set(chunk) - {tuple(row) for row in await session.execute(query)}:
                return foreign_key
    return None


async def _referencing_deleted(session: AsyncSession, table: Table, rows: Sequence[Row]) -> ForeignKeyConstraint | None:
    for foreign_key in _referencing(table):
        children = [element.parent for element in foreign_key.elements]
        deleted = {tuple(row[element.column.key] for element in foreign_key.elements) for row in rows}
        for chunk in chunks(deleted, len(children)):
            query = select(*children).where(tuple_(*children).in_(pad_to_power_of_two(chunk))).limit(1)
            if (await session.execute(query)).first() is not None:
                return foreign_key
    return None


def _referencing(table: Table) -> Iterable[ForeignKeyConstraint]:
    for other in table.metadata.tables.values():
        for foreign_key in _in_order(other):
            if foreign_key.referred_table is table and (foreign_key.ondelete or "").upper() not in _PERMITTING:
                yield foreign_key


def _in_order(table: Table) -> list[ForeignKeyConstraint]:
    """Return the foreign keys in the order of their columns, in which databases usually check them."""
    positions = {column: position for position, column in enumerate(table.columns)}
    return sorted(table.foreign_key_constraints, key=lambda key: [positions[column] for column in key.columns])
