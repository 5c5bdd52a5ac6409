"""The protocol of a dialect: all differences between databases, with portable defaults."""

import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import URL, BigInteger, Column, Insert, Table, Update, bindparam, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects.constructs import now, pad_to_power_of_two
from crudmq.storage.dialects.error_codes import one_line
from crudmq.storage.errors import ConstraintViolation, StorageError

ANSWER_MARGIN = timedelta(seconds=5)
BRIEF_LOCK_TIMEOUT = timedelta(seconds=1)
CONNECT_TIMEOUT = timedelta(seconds=10)
KEEPALIVE_PROBES = 3
_MIN_SILENCE, _MAX_SILENCE = timedelta(seconds=10), timedelta(seconds=60)

Row = Mapping[str, Any]
"""A row by column key."""


def parameter(column: Column[Any]) -> str:
    """Return the parameter name of a column; different from the column's own name, which SQLAlchemy reserves."""
    return f"given_{column.key}"


async def insert_returning(
    session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]
) -> list[tuple[Any, ...]]:
    """Insert rows and return `columns` of each, in the order of `rows`: with one statement where possible."""
    statement = insert(table).returning(*columns, sort_by_parameter_order=True)
    return [tuple(row) for row in await session.execute(statement, [dict(row) for row in rows])]


async def insert_and_select(
    session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]
) -> list[tuple[Any, ...]]:
    """As `insert_returning`, without `RETURNING`: row by row, since only the last generated key is known."""
    key = tuple(table.primary_key)
    if all(column.key in rows[0] for column in key):
        await session.execute(insert(table), [dict(row) for row in rows])
        keys = [tuple(row[column.key] for column in key) for row in rows]
    else:
        keys = [await _insert_one(session, table, row) for row in rows]
    has_key = (
        key[0].in_(pad_to_power_of_two([values[0] for values in keys]))
        if len(key) == 1
        else tuple_(*key).in_(pad_to_power_of_two(keys))
    )
    selected = await session.execute(select(*key, *columns).where(has_key))
    by_key = {tuple(row[: len(key)]): tuple(row[len(key) :]) for row in selected}
    if not by_key.keys() >= set(keys):
        # A key may be read back as another value than it was written: a time loses its offset.
        return [await _select_one(session, key, columns, values) for values in keys]
    return [by_key[values] for values in keys]


async def update_each(session: AsyncSession, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Set the columns `names` of rows found by primary key, one by one in their order."""
    written = [*table.primary_key, *(table.c[name] for name in names)]
    parameters = [{parameter(column): row[column.key] for column in written} for row in rows]
    await session.execute(_update_one(table, names), parameters)


def keep_alive(silence: timedelta, connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter
    """Have the kernel end a connection whose server does not respond for this long. Its options vary by platform."""
    transport = getattr(connection.driver_connection, "_transport", None)
    link: socket.socket | None = None if transport is None else transport.get_extra_info("socket")
    if link is None or link.family not in (socket.AF_INET, socket.AF_INET6):
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(int(silence.total_seconds()) // KEEPALIVE_PROBES, 1)
    options = {
        "TCP_KEEPIDLE": seconds,
        "TCP_KEEPINTVL": seconds,
        "TCP_KEEPCNT": KEEPALIVE_PROBES,
        "TCP_USER_TIMEOUT": silence // timedelta(milliseconds=1),
    }
    for name, value in options.items():
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@lru_cache(maxsize=8)
def insert_messages(outbox: Table) -> Insert:
    """Return the insert of an outbox row; its parameters are `owner`, `token`, `messages` and `lease`, in seconds."""
    return insert(outbox).values(
        prefix=bindparam("owner"),
        token=bindparam("token"),
        messages=bindparam("messages"),
        leased_until=now() + bindparam("lease", type_=BigInteger),
    )


@lru_cache(maxsize=1024)
def _update_one(table: Table, names: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(*(column == bindparam(parameter(column), type_=column.type) for column in table.primary_key))
        .values({name: bindparam(parameter(table.c[name]), type_=table.c[name].type) for name in names})
    )


async def _select_one(
    session: AsyncSession, key: Sequence[Column[Any]], columns: Sequence[Column[Any]], values: tuple[Any, ...]
) -> tuple[Any, ...]:
    has_key = (column == value for column, value in zip(key, values, strict=True))
    return tuple((await session.execute(select(*columns).where(*has_key))).one())


async def _insert_one(session: AsyncSession, table: Table, row: Row) -> tuple[Any, ...]:
    result = await session.execute(insert(table), dict(row))
    return tuple(result.inserted_primary_key)  # type: ignore[attr-defined]  # an insert's result has it


_WRITE = re.compile(r"\s*(?P<verb>INSERT INTO|UPDATE|DELETE FROM)\s+(?:[`\"]?\w+[`\"]?\.)?[`\"]?(?P<table>\w+)")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection waits."""

    statement: timedelta
    answer_margin: timedelta = ANSWER_MARGIN
    """How long the client waits after the statement timeout before it treats the server as unavailable."""

    @property
    def silence(self) -> timedelta:
        """How long either end keeps a connection on which the other one stays silent within a transaction.

        Shorter than a statement waits for a lock: the locks of a process that vanished must not fail its neighbours.
        """
        return min(max(self.statement / 3, _MIN_SILENCE), _MAX_SILENCE)


class Dialect(ABC):
    """A kind of database. Stateless: there is one object for each kind, shared by all engines."""

    backends: tuple[str, ...]
    """The backend name in SQLAlchemy URLs."""
    drivers: tuple[str, ...]
    """The supported drivers, as URLs begin."""
    error_modules: tuple[str, ...]
    """The packages whose exceptions are errors of this database."""
    is_single_process = False
    """Whether only one process may use a database."""
    alters_by_copying = False
    """Whether migrations must copy a table to alter it."""

    # ---- connections ----

    def check_url(self, url: URL) -> None:
        """Check that a URL with one of the drivers is complete and that the driver is installed.

        :raises ValueError: it is not; the message gives the reason
        """
        del url

    @abstractmethod
    def engine_options(self, timeouts: Timeouts) -> dict[str, Any]:
        """Return the arguments of `create_async_engine` for this database."""

    def prepare(self, engine: AsyncEngine, timeouts: Timeouts) -> None:
        """Install what an engine does for each of its connections and statements. Does not connect."""
        del engine, timeouts

    async def check_server(self, engine: AsyncEngine, timeouts: Timeouts) -> None:
        """Check that sessions are as `engine_options` requested.

        :raises UnsupportedServer: they are not, because of a connection pooler; the message gives the reason
        """
        del engine, timeouts

    def writing_engine(self, engine: AsyncEngine) -> AsyncEngine:
        """Return an engine on the same connections whose transactions begin as transactions that write."""
        return engine

    async def set_lock_timeout(self, session: AsyncSession, statement_timeout: timedelta, *, brief: bool) -> None:
        """Limit how long the session's transaction waits for a lock.

        :param brief: at most about `BRIEF_LOCK_TIMEOUT`, instead of as long as a statement may take
        """
        del session, statement_timeout, brief

    async def try_lock_migrations(self, connection: AsyncConnection) -> bool:
        """Try to take the database's lock of migrations, without waiting; return whether it was taken.

        It is held at least until the connection's transaction ends. By default, that transaction waits by itself.
        """
        del connection
        return True

    async def unlock_migrations(self, connection: AsyncConnection) -> None:
        """Release the lock after the transaction, unless that has released it."""
        del connection

    # ---- errors ----

    def translate(self, error: BaseException, statement: str | None = None) -> StorageError | None:
        """Return the storage error for an error of the driver; None if its code is unknown.

        :param statement: the executed SQL: some databases do not repeat its table
        """
        constraint = self.violated_constraint(error, statement)
        if constraint is not None:
            return ConstraintViolation(constraint)
        error_class = self.error_class(error, statement)
        return None if error_class is None else error_class(self.reason(error))

    @abstractmethod
    def error_class(self, error: BaseException, statement: str | None) -> type[StorageError] | None:
        """Return the class of storage error for the code of a driver's error, constraint violations aside.

        :param statement: the executed SQL; None while connecting
        """

    def reason(self, error: BaseException) -> str:
        """Return the message of a driver's error for the log: one short line, without values of rows."""
        return one_line(str(error))

    @abstractmethod
    def violated_constraint(self, error: BaseException | None, statement: str | None) -> Constraint | None:
        """Return the violated constraint, as far as the database names it; None for other errors."""

    def explaining_foreign_key_violation(
        self, session: AsyncSession, table: Table, rows: Sequence[Row], *, deleting: bool = False
    ) -> AbstractAsyncContextManager[None]:
        """Return a context that names the foreign key violated by a write of `rows`, if the database does not.

        `insert_rows` and `update_rows` do so themselves.

        :param rows: the written rows, or the deleted ones where `deleting`
        :raises ConstraintViolation: from the context; the transaction can only be rolled back
        """
        del session, table, rows, deleting
        return nullcontext()

    # ---- writes ----

    async def insert_rows(
        self, session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]
    ) -> list[tuple[Any, ...]]:
        """Insert rows that have the same column keys; return `columns` of each as stored, in the order of `rows`.

        :raises sqlalchemy.exc.SQLAlchemyError: the database rejects a row
        """
        if not rows:
            return []
        if (await session.connection()).dialect.insert_returning:
            return await insert_returning(session, table, columns, rows)
        return await insert_and_select(session, table, columns, rows)

    async def update_rows(
        self, session: AsyncSession, table: Table, names: tuple[str, ...], rows: Sequence[Row]
    ) -> None:
        """Set the columns `names` of the rows with these primary keys, as if one by one in their order.

        :raises sqlalchemy.exc.SQLAlchemyError: the database rejects a row
        """
        await update_each(session, table, names, rows)

    async def detach_from_themselves(self, session: AsyncSession, table: Table, rows: Sequence[Row]) -> None:
        """Prepare the delete of rows whose foreign keys refer to themselves, if the database would reject it."""
        del session, table, rows

    async def record(  # noqa: PLR0913, PLR0917 - two tables, and what is inserted into them
        self, session: AsyncSession, inbox: Table, outbox: Table, owner: str, entries: Sequence[Row], row: Row | None
    ) -> int | None:
        """Insert an outbox row and the inbox entries that refer to it.

        :param owner: the prefix of the service
        :param entries: in the order of their keys, so that concurrent transactions cannot deadlock
        :param row: the other parameters of `insert_messages`; None for no outbox row
        :returns: the id of the outbox row
        :raises sqlalchemy.exc.IntegrityError: the inbox has one of the entries already
        """
        outbox_id: int | None = None
        if row is not None:
            result = await session.execute(insert_messages(outbox), {**row, "owner": owner})
            outbox_id = result.inserted_primary_key[0]  # type: ignore[attr-defined]  # an insert's result has it
        if entries:
            shared = {"prefix": owner, "outbox_id": outbox_id}
            await session.execute(insert(inbox), [{**entry, **shared} for entry in entries])
        return outbox_id


def written_table(statement: str | None) -> tuple[str | None, str | None]:
    """Return the verb and the table of a statement that writes; None for both if it does not."""
    write = _WRITE.match(statement or "")
    return (write["verb"], write["table"]) if write else (None, None)
