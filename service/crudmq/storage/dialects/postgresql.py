"""PostgreSQL, with asyncpg."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    Insert,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    Time,
    Update,
    Uuid,
    bindparam,
    column,
    func,
    insert,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from crudmq.resources.resource import unique_constraints
from crudmq.storage.constraints import Constraint, columns_of
from crudmq.storage.dialects.base import (
    BRIEF_LOCK_TIMEOUT,
    CONNECT_TIMEOUT,
    KEEPALIVE_PROBES,
    Dialect,
    Row,
    Timeouts,
    insert_messages,
    insert_returning,
    parameter,
)
from crudmq.storage.dialects.constructs import now
from crudmq.storage.dialects.error_codes import (
    OF_ANOTHER_SERVER,
    SQLSTATE_CONSTRAINTS,
    SQLSTATE_ERRORS,
    by_prefix,
    kind_of_rejection,
    one_line,
    server_error,
    sqlstate,
)
from crudmq.storage.dialects.pgbouncer import check_sessions
from crudmq.storage.errors import (
    DatabaseFault,
    DataError,
    OutOfResources,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)

_SUPPORTED = (Boolean, Date, DateTime, Integer, LargeBinary, Numeric, String, Time, Uuid)
_ORDINAL = "ordinal"


def array_parameters(columns: Iterable[Column[Any]], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the parameters of a statement over these columns."""
    return {parameter(column): [row[column.key] for row in rows] for column in columns}


@lru_cache(maxsize=1024)
def can_insert(table: Table, names: tuple[str, ...]) -> bool:
    """Whether `insert_all` works: arrays hold the values, and the database numbers the rows in their order."""
    number = table.autoincrement_column
    client_defaults = {column.key for column in table.columns if column.default is not None}
    if number is None or number.key in names or len(table.primary_key) > 1 or not names:
        return False
    return client_defaults <= set(names) and _are_supported(table.c[name] for name in names)


@lru_cache(maxsize=1024)
def insert_all(table: Table, names: tuple[str, ...], columns: tuple[Column[Any], ...]) -> Insert:
    """Return an insert of rows in their order; it returns the primary key and `columns`."""
    given = _rows([table.c[name] for name in names])
    rows = select(*(given.c[parameter(table.c[name])] for name in names)).order_by(given.c[_ORDINAL])
    # The database must compute defaults, after the rows were sorted.
    return insert(table).from_select(list(names), rows, include_defaults=False).returning(*table.primary_key, *columns)


@lru_cache(maxsize=1024)
def can_update(table: Table, names: tuple[str, ...]) -> bool:
    """Whether `update_all` works: arrays hold the values, and no known constraint depends on the order of updates."""
    others = [key for key in table.constraints if not isinstance(key, CheckConstraint | ForeignKeyConstraint)]
    compared = {column.key for key in (*unique_constraints(table), *others) for column in columns_of(key)}
    return compared.isdisjoint(names) and _are_supported([*table.primary_key, *(table.c[name] for name in names)])


@lru_cache(maxsize=1024)
def update_all(table: Table, names: tuple[str, ...]) -> Update:
    """Return an update of the columns `names` of rows found by primary key."""
    given = _rows([*table.primary_key, *(table.c[name] for name in names)])
    return (
        update(table)
        .where(*(column == given.c[parameter(column)] for column in table.primary_key))
        .values({name: given.c[parameter(table.c[name])] for name in names})
    )


@lru_cache(maxsize=8)
def record_all(inbox: Table, outbox: Table) -> Insert:
    """Return an insert of an outbox row and of the inbox entries that refer to it; it returns the id of the row.

    Its parameters are those of `insert_messages` and the arrays of `id`, `body` and `result`.
    """
    entries = _rows([inbox.c.id, inbox.c.body, inbox.c.result], ordinal=None)
    row = insert_messages(outbox).returning(outbox.c.id).cte("outbox_row")
    given = [entries.c[parameter(inbox.c[name])] for name in ("id", "body", "result")]
    owner = bindparam("owner", type_=inbox.c.prefix.type)
    values = select(*given, owner, row.c.id, now()).select_from(entries.join(row, true()))
    names = ["id", "body", "result", "prefix", "outbox_id", "stored_at"]
    return insert(inbox).from_select(names, values).returning(inbox.c.outbox_id)


def _rows(columns: Sequence[Column[Any]], ordinal: str | None = _ORDINAL) -> TableValuedAlias:
    """Return a table of the given rows, each column under its parameter name, with their position as `ordinal`."""
    return (
        func.unnest(*(bindparam(parameter(each), type_=ARRAY(_element_type(each))) for each in columns))
        .table_valued(
            *(column(parameter(each), _element_type(each)) for each in columns), with_ordinality=ordinal, name="given"
        )
        .render_derived()
    )


def _are_supported(columns: Iterable[Column[Any]]) -> bool:
    return all(isinstance(each.type, _SUPPORTED) and not isinstance(each.type, Enum) for each in columns)


def _element_type(column: Column[Any]) -> TypeEngine[Any]:
    # A cast to a length would silently truncate; the column itself rejects what is too long.
    return Text() if isinstance(column.type, String) else column.type


_SET_BRIEF_LOCK_TIMEOUT = text(f"SET LOCAL lock_timeout = {BRIEF_LOCK_TIMEOUT // timedelta(milliseconds=1)}")
# The number has no meaning: it must only differ from those of other applications.
_TRY_LOCK_MIGRATIONS = text("SELECT pg_try_advisory_xact_lock(7163540188254)")
_DISK_FULL, _TEMPORARY_FILES = "53100", "pgsql_tmp"
_KEY = re.compile(r"^Key \((?P<columns>[^)]*)\)=")


class PostgreSQL(Dialect):
    """PostgreSQL. Groups of rows are sent as arrays."""

    backends = ("postgresql",)
    drivers = ("postgresql+asyncpg",)
    # SQLAlchemy wraps the driver's errors in its own, except while it connects.
    error_modules = ("asyncpg", "sqlalchemy.dialects.postgresql")

    def engine_options(self, timeouts: Timeouts) -> dict[str, Any]:
        """Return the arguments of the engine: time zone and timeouts."""
        silence = timeouts.silence // timedelta(milliseconds=1)
        probe_seconds = str(silence // 1000 // KEEPALIVE_PROBES)
        connect_args = {
            "timeout": CONNECT_TIMEOUT.total_seconds(),
            # The server cancels a slow statement; the driver's timeout detects a server that no longer responds.
            "command_timeout": (timeouts.statement + timeouts.answer_margin).total_seconds(),
            "server_settings": {
                "application_name": "crudmq",
                "statement_timeout": str(timeouts.statement // timedelta(milliseconds=1)),
                # The server ends the transaction of a client that vanished, and thereby releases its locks.
                "idle_in_transaction_session_timeout": str(silence),
                "tcp_keepalives_idle": probe_seconds,
                "tcp_keepalives_interval": probe_seconds,
                "tcp_keepalives_count": str(KEEPALIVE_PROBES),
                "tcp_user_timeout": str(silence),
                "timezone": "UTC",
            },
        }
        return {"connect_args": connect_args}

    async def check_server(self, engine: AsyncEngine, timeouts: Timeouts) -> None:
        """Check that PgBouncer, if used, passes on settings and keeps prepared statements."""
        await check_sessions(engine, timeouts)

    async def set_lock_timeout(self, session: AsyncSession, statement_timeout: timedelta, *, brief: bool) -> None:
        """Set the transaction's `lock_timeout`; without it, the statement timeout ends the wait."""
        del statement_timeout
        if brief:
            await session.execute(_SET_BRIEF_LOCK_TIMEOUT)

    async def try_lock_migrations(self, connection: AsyncConnection) -> bool:
        """Take an advisory lock, which ends with the transaction."""
        return bool(await connection.scalar(_TRY_LOCK_MIGRATIONS))

    def translate(self, error: BaseException, statement: str | None = None) -> StorageError | None:
        """Translate the driver's own errors as well."""
        if type(error).__name__ == "InvalidCachedStatementError":
            # The type of a column was altered; the driver has cleared its cache of statements.
            return Transient("a table was altered while the service was running")
        if type(error.__cause__).__name__ == "DataError":
            # The driver cannot encode a value.
            return DataError(str(error))
        return super().translate(error, statement)

    def error_class(self, error: BaseException, statement: str | None) -> type[StorageError] | None:
        """Look up the SQLSTATE."""
        del statement
        state, server = sqlstate(error), server_error(error)
        if state == _DISK_FULL and _TEMPORARY_FILES in str(error):
            return OutOfResources
        if state.startswith(OF_ANOTHER_SERVER) and getattr(server, "severity_en", None) == "ERROR":
            return DatabaseFault
        return by_prefix(state, SQLSTATE_ERRORS)

    def reason(self, error: BaseException) -> str:
        """Return the server's message only: its details may contain a row."""
        server = server_error(error)
        return one_line(getattr(server, "message", None) or str(server))

    def violated_constraint(self, error: BaseException | None, statement: str | None) -> Constraint | None:
        """Read the fields of the driver's error."""
        del statement
        cause = server_error(error)
        kind = kind_of_rejection(cause) or by_prefix(sqlstate(error), SQLSTATE_CONSTRAINTS)
        if kind is None:
            return None
        if kind in ("trigger", "policy"):
            return Constraint(kind, message=getattr(cause, "message", None) if kind == "trigger" else None)
        table, name = getattr(cause, "table_name", None), getattr(cause, "constraint_name", None)
        column = getattr(cause, "column_name", None)
        return Constraint(kind, table, name, (column,) if column else _key_columns(cause))

    async def insert_rows(
        self, session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]
    ) -> list[tuple[Any, ...]]:
        """Insert several rows as arrays if the table allows it."""
        names = tuple(rows[0]) if rows else ()
        if len(rows) > 1 and can_insert(table, names):
            parameters = array_parameters([table.c[name] for name in names], rows)
            result = await session.execute(insert_all(table, names, tuple(columns)), parameters)
            return _without_numbers(result.all())
        return await insert_returning(session, table, columns, rows) if rows else []

    async def update_rows(
        self, session: AsyncSession, table: Table, names: tuple[str, ...], rows: Sequence[Row]
    ) -> None:
        """Update several rows as arrays if no unique key must hold after each of them."""
        if len(rows) > 1 and can_update(table, names):
            columns = [*table.primary_key, *(table.c[name] for name in names)]
            await session.execute(update_all(table, names), array_parameters(columns, rows))
        else:
            await super().update_rows(session, table, names, rows)

    async def record(  # noqa: PLR0913, PLR0917 - see the base class
        self, session: AsyncSession, inbox: Table, outbox: Table, owner: str, entries: Sequence[Row], row: Row | None
    ) -> int | None:
        """Insert the outbox row and the entries with one statement."""
        if not entries or row is None:
            return await super().record(session, inbox, outbox, owner, entries, row)
        columns = (inbox.c.id, inbox.c.body, inbox.c.result)
        parameters = {**array_parameters(columns, entries), **row, "owner": owner}
        outbox_ids = await session.scalars(record_all(inbox, outbox), parameters)
        outbox_id: int = outbox_ids.all()[0]
        return outbox_id


def _key_columns(cause: BaseException | None) -> tuple[str, ...]:
    detail = getattr(cause, "detail", None) or ""
    key = _KEY.match(detail)
    # For a row that is still referenced, these are the referenced columns and not those of the constraint.
    if key is None or "is still referenced from table" in detail:
        return ()
    return tuple(name.strip().strip('"') for name in key["columns"].split(","))


def _without_numbers(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Strip the generated keys, which come first.

    :raises UnexpectedDatabaseError: they are not ascending, so that rows cannot be matched; single rows still can
    """
    if any(row[0] >= following[0] for row, following in pairwise(rows)):
        raise UnexpectedDatabaseError("the database did not return generated keys in ascending order")
    return [tuple(row[1:]) for row in rows]
