"""MariaDB and MySQL, with asyncmy."""

import importlib.util
import math
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import URL, Connection, ExceptionContext, Table, TextClause, event, text, tuple_, update
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects.base import (
    BRIEF_LOCK_TIMEOUT,
    CONNECT_TIMEOUT,
    Dialect,
    Row,
    Timeouts,
    written_table,
)
from crudmq.storage.dialects.error_codes import (
    MYSQL_CONSTRAINTS,
    MYSQL_ERRORS,
    MYSQL_FULL,
    MYSQL_SQLSTATE_ERRORS,
    by_prefix,
    is_read,
    sqlstate,
)
from crudmq.storage.errors import DatabaseFault, DataError, OutOfResources, StatementTimeout, StorageError

_RECYCLE = timedelta(minutes=1)
_SERVER_LOST = 2013
_NO_PRIVILEGE = 1044
_OPTION_PREVENTS = 1290
_SIGNAL = "45000"
_TEMPORARY_TABLE = "#sql"
_UNLIMITED = 2**32 - 1

# Names are those of the server, and have at most 64 characters.
_MIGRATIONS = "CONCAT('crudmq.migrations.', MD5(DATABASE()))"
_TRY_LOCK_MIGRATIONS = text(f"SELECT GET_LOCK({_MIGRATIONS}, 0)")
_UNLOCK_MIGRATIONS = text(f"SELECT RELEASE_LOCK({_MIGRATIONS})")

_SQL_MODE = (
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_ENGINE_SUBSTITUTION",
    # A key of 0 is a key, as on other databases, instead of a request for the next number.
    "NO_AUTO_VALUE_ON_ZERO",
)
_ESCAPED = str.maketrans({char: "\\" + char for char in "\0\n\r\x1a\"'\\"})
_LONGEST_CHARACTER = 4
# https://mariadb.com/kb/en/mariadb-error-codes and https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_MESSAGES = (
    re.compile(r"for key '(?:(?P<table>[^'.]+)\.)?(?P<name>[^']+)'$"),
    re.compile(r"\(`[^`]+`\.`(?P<table>[^`]+)`, CONSTRAINT `(?P<name>[^`]+)` FOREIGN KEY \((?P<columns>[^)]*)\)"),
    re.compile(r"^CONSTRAINT `(?:[^`]+\.)?(?P<name>[^`.]+)` failed for `[^`]+`\.`(?P<table>[^`]+)`"),
    re.compile(r"^Check constraint '(?P<name>[^']+)' is violated"),
    re.compile(r"^(?:Column|Field) '(?P<columns>[^']+)'"),
)


class MySQL(Dialect):
    """MariaDB and MySQL."""

    backends = ("mysql", "mariadb")
    drivers = ("mysql+asyncmy", "mariadb+asyncmy")
    error_modules = ("asyncmy",)

    def check_url(self, url: URL) -> None:
        """Require a database and the driver, which is not installed by default.

        :raises ValueError: one of them is missing
        """
        if not url.database:
            raise ValueError("has no database name: must be a URL such as mysql+asyncmy://user:password@host/database")
        if importlib.util.find_spec("asyncmy") is None:
            raise ValueError('needs a driver that is not installed: run `pip install "crudmq[server,mysql]"`')

    def engine_options(self, timeouts: Timeouts) -> dict[str, Any]:
        """Return the arguments of the engine: strictness, time zone and timeouts."""
        connect_args = {
            "connect_timeout": int(CONNECT_TIMEOUT.total_seconds()),
            "charset": "utf8mb4",
            "init_command": _init_command(timeouts),
            # The server cancels a slow statement; the driver's timeout detects a server that no longer responds.
            "read_timeout": (timeouts.statement + timeouts.answer_margin).total_seconds(),
            "program_name": "crudmq",
        }
        return {
            "connect_args": connect_args,
            # As on PostgreSQL: each statement sees what is committed, and locks rows but not the gaps between them.
            "isolation_level": "READ COMMITTED",
            # The server closes connections that are idle for long: MySQL has no other limit on an idle transaction.
            "pool_recycle": int(_RECYCLE.total_seconds()),
        }

    def prepare(self, engine: AsyncEngine, timeouts: Timeouts) -> None:
        """Reject statements that the server cannot receive, and detect its missing statement timeout."""
        del timeouts
        sync = engine.sync_engine
        # Otherwise the driver sends rows one by one if their values contain SQL expressions.
        sync.dialect.use_insertmanyvalues_wo_returning = True

        @event.listens_for(sync, "connect")
        def connect(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
            cursor = connection.cursor()
            cursor.execute("SELECT @@max_allowed_packet")
            record.info["max_allowed_packet"] = cursor.fetchone()[0]
            cursor.close()

        @event.listens_for(sync, "before_cursor_execute")
        def before_cursor_execute(connection: Connection, _cursor: object, statement: str, *rest: Any) -> None:  # noqa: ANN401
            # The server would close the connection, as in a shutdown, and again at each retry.
            max_bytes = connection.connection.info.get("max_allowed_packet", math.inf)
            if any(exceeds_packet(statement, values, max_bytes) for values in _sent_values(rest[0])):
                raise DataError(f"a statement exceeds max_allowed_packet ({max_bytes} bytes)")

        @event.listens_for(sync, "handle_error")
        def handle_error(context: ExceptionContext) -> None:
            # MySQL limits no statements that write: the driver's timeout ends them, and the server may be available.
            dialect = context.dialect
            if isinstance(dialect, MySQLDialect) and not dialect.is_mariadb and _is_read_timeout(context):
                raise StatementTimeout("statement timeout exceeded") from context.original_exception

    async def set_lock_timeout(self, session: AsyncSession, statement_timeout: timedelta, *, brief: bool) -> None:
        """Set `innodb_lock_wait_timeout`: always, since it outlives the transaction."""
        seconds = math.ceil(BRIEF_LOCK_TIMEOUT.total_seconds()) if brief else _lock_timeout(statement_timeout)
        await session.execute(_set_lock_timeout(seconds))

    async def detach_from_themselves(self, session: AsyncSession, table: Table, rows: Sequence[Row]) -> None:
        """Set foreign keys that refer to their own rows to null: InnoDB deletes no row that refers to itself."""
        for constraint in table.foreign_key_constraints:
            pairs = [(element.parent, element.column) for element in constraint.elements]
            detached = {ours: None for ours, _ in pairs if ours.nullable}
            own = [row for row in rows if all(row[ours.key] == row.get(theirs.key) for ours, theirs in pairs)]
            if constraint.referred_table is table and detached and own:
                key = list(table.primary_key)
                keys = [tuple(row[column.key] for column in key) for row in own]
                await session.execute(update(table).where(tuple_(*key).in_(keys)).values(detached))

    async def try_lock_migrations(self, connection: AsyncConnection) -> bool:
        """Take a named lock of the session: the server commits at each change of the schema."""
        return bool(await connection.scalar(_TRY_LOCK_MIGRATIONS))

    async def unlock_migrations(self, connection: AsyncConnection) -> None:
        """Release the named lock."""
        await connection.execute(_UNLOCK_MIGRATIONS)

    def error_class(self, error: BaseException, statement: str | None) -> type[StorageError] | None:
        """Look up the error number, and then the SQLSTATE."""
        number, message = _error_number(error), str(error)
        if number is None:
            return None
        if number in MYSQL_FULL and (is_read(statement) or _TEMPORARY_TABLE in message):
            return OutOfResources
        if (number == _NO_PRIVILEGE and statement) or (number == _OPTION_PREVENTS and "read" not in message):
            return DatabaseFault
        return MYSQL_ERRORS.get(number) or by_prefix(sqlstate(error), MYSQL_SQLSTATE_ERRORS)

    def violated_constraint(self, error: BaseException | None, statement: str | None) -> Constraint | None:
        """Read the message and the statement."""
        number = _error_number(error)
        # SIGNAL may set any number.
        is_signal = number is not None and sqlstate(error) == _SIGNAL
        kind = "trigger" if is_signal else MYSQL_CONSTRAINTS.get(number or 0)
        if error is None or kind is None:
            return None
        if kind == "trigger":
            return Constraint(kind, message=str(error.args[-1]))
        matches = (pattern.search(str(error.args[-1])) for pattern in _MESSAGES)
        groups = next((match.groupdict() for match in matches if match), {})
        table = groups.get("table") or written_table(statement)[1]
        columns = groups.get("columns")
        names = tuple(name.strip().strip("`") for name in columns.split(",")) if columns else ()
        return Constraint(kind, table, groups.get("name"), names)


def exceeds_packet(statement: str, values: Iterable[object], max_bytes: float) -> bool:
    """Whether a statement with these values may have `max_bytes` or more when the driver sends it."""
    texts = [value for value in values if isinstance(value, str | bytes)]
    if (len(statement) + sum(map(len, texts))) * _LONGEST_CHARACTER < max_bytes:
        return False
    return len(statement.encode()) + sum(map(_quoted_size, texts)) >= max_bytes


def _quoted_size(value: str | bytes) -> int:
    """Return the maximum number of bytes of a value when it is quoted in a statement."""
    return 2 * len(value) if isinstance(value, bytes) else len(value.translate(_ESCAPED).encode("utf-8", "replace"))


def _sent_values(parameters: Any) -> Iterable[Iterable[object]]:  # noqa: ANN401 - as the driver takes them
    """Return the values of each statement: the driver sends the rows of a list one by one, or several at a time."""
    for row in parameters if isinstance(parameters, list) else (parameters,):
        yield row.values() if isinstance(row, dict) else row or ()


def _init_command(timeouts: Timeouts) -> str:
    seconds = timeouts.statement.total_seconds()
    variables = {
        "time_zone": "'+00:00'",
        "sql_mode": f"'{','.join(_SQL_MODE)}'",
        "innodb_lock_wait_timeout": _lock_timeout(timeouts.statement),
        "wait_timeout": 2 * int(_RECYCLE.total_seconds()),
    }
    common = ", ".join(f"{name} = {value}" for name, value in variables.items())
    # Each server executes its own comment. MySQL limits only reads; MariaDB would silently cut recursion off.
    mariadb = f"/*M! , max_statement_time = {seconds:.3f}, max_recursive_iterations = {_UNLIMITED} */"
    # The server ends the transaction of a client that vanished, and thereby releases its locks.
    mariadb += f" /*M!100300 , idle_transaction_timeout = {math.ceil(timeouts.silence.total_seconds())} */"
    mysql = f"/*!50708 , max_execution_time = {math.ceil(seconds * 1000)} */"
    return f"SET {common} {mariadb} {mysql}"


def _lock_timeout(statement_timeout: timedelta) -> int:
    # Longer than the statement timeout, which ends the wait first if the server supports it.
    return math.ceil(statement_timeout.total_seconds()) + 1


@lru_cache(maxsize=64)
def _set_lock_timeout(seconds: int) -> TextClause:
    return text(f"SET innodb_lock_wait_timeout = {seconds}")


def _error_number(error: BaseException | None) -> int | None:
    number = error.args[0] if error is not None and error.args else None
    return number if isinstance(number, int) else None


def _is_read_timeout(context: ExceptionContext) -> bool:
    error = context.original_exception
    return context.statement is not None and _error_number(error) == _SERVER_LOST and "(read timeout)" in str(error)
