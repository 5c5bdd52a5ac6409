"""What MariaDB and MySQL must be told: strictness, the time zone, when to give up; and what is too large for them."""

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.ext.asyncio import AsyncEngine

from service.storage.codes import code
from service.storage.errors import Rejected, TooSlow
from service.storage.lock_waits import BRIEF, LockWaits

_CONNECT_TIMEOUT = 10
_ANSWER_MARGIN = 5
_RECYCLE = timedelta(hours=1)
_SERVER_LOST = 2013
_ENDLESS = 2**32 - 1

_STRICT = (
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_ENGINE_SUBSTITUTION",
    # A key of 0 is a key, as on other databases, and does not ask for the next number.
    "NO_AUTO_VALUE_ON_ZERO",
)
_ESCAPED = str.maketrans({char: "\\" + char for char in "\0\n\r\x1a\"'\\"})
_LONGEST_CHARACTER = 4


def options(statement_timeout: timedelta) -> dict[str, Any]:
    """Give what the engine must be made with."""
    seconds = statement_timeout.total_seconds()
    connect_args = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "charset": "utf8mb4",
        "init_command": _settings(seconds),
        # The server ends a slow statement; this one notices when the server is gone.
        "read_timeout": seconds + _ANSWER_MARGIN,
        "program_name": "crudmq",
    }
    return {
        "connect_args": connect_args,
        # As on PostgreSQL: each statement sees what is committed, and only rows are locked, not the gaps between them.
        "isolation_level": "READ COMMITTED",
        # The server hangs up on connections that are idle for long.
        "pool_recycle": int(_RECYCLE.total_seconds()),
    }


def _settings(seconds: float) -> str:
    always = {
        "time_zone": "'+00:00'",
        "sql_mode": f"'{','.join(_STRICT)}'",
        "innodb_lock_wait_timeout": _lock_wait(seconds),
        "wait_timeout": 2 * int(_RECYCLE.total_seconds()),
    }
    found = ", ".join(f"{name} = {value}" for name, value in always.items())
    # Each reads its own comment. MySQL has a limit for what reads only; MariaDB would silently cut recursion off.
    mariadb = f"/*M! , max_statement_time = {seconds:.3f}, max_recursive_iterations = {_ENDLESS} */"
    mysql = f"/*!50708 , max_execution_time = {math.ceil(seconds * 1000)} */"
    return f"SET {found} {mariadb} {mysql}"


def lock_waits(statement_timeout: timedelta) -> LockWaits:
    """Say how long to wait for a row; it stays with the connection."""
    brief, long = math.ceil(BRIEF.total_seconds()), _lock_wait(statement_timeout.total_seconds())
    return LockWaits(f"SET innodb_lock_wait_timeout = {brief}", f"SET innodb_lock_wait_timeout = {long}")


def _lock_wait(seconds: float) -> int:
    # Longer than a statement may take: where the server can, that ends the waiting first.
    return math.ceil(seconds) + 1


def prepare(engine: AsyncEngine, _statement_timeout: timedelta) -> None:
    """Set every connection of an engine up."""
    sync = engine.sync_engine
    # The driver alone would send one by one those rows that have SQL among their values.
    sync.dialect.use_insertmanyvalues_wo_returning = True

    @event.listens_for(sync, "connect")
    def connect(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
        cursor = connection.cursor()
        cursor.execute("SELECT @@max_allowed_packet")
        record.info["largest"] = cursor.fetchone()[0]
        cursor.close()

    @event.listens_for(sync, "before_cursor_execute")
    def before_cursor_execute(connection: Connection, _cursor: object, statement: str, *rest: Any) -> None:  # noqa: ANN401
        # The server would hang up on it, as if it went down: no second try would ever end that.
        largest = connection.connection.info.get("largest", math.inf)
        if any(_is_larger(statement, row, largest) for row in _rows(rest[0])):
            raise Rejected(f"a statement is larger than max_allowed_packet, which is {largest} bytes")

    @event.listens_for(sync, "handle_error")
    def handle_error(context: ExceptionContext) -> None:
        # MySQL has no limit for statements that write: there it is we who hang up, and the server may be well.
        dialect = context.dialect
        if isinstance(dialect, MySQLDialect) and not dialect.is_mariadb and _is_read_timeout(context):
            raise TooSlow("a statement took longer than it may") from context.original_exception


def _is_read_timeout(context: ExceptionContext) -> bool:
    error = context.original_exception
    return context.statement is not None and code(error) == _SERVER_LOST and "(read timeout)" in str(error)


def _rows(parameters: Any) -> Iterable[Iterable[object]]:  # noqa: ANN401 - as the driver takes them
    """Give the values of each statement: the driver sends the rows of a list one by one, or some at a time."""
    for row in parameters if isinstance(parameters, list) else (parameters,):
        yield row.values() if isinstance(row, dict) else row or ()


def _is_larger(statement: str, values: Iterable[object], largest: float) -> bool:
    texts = [value for value in values if isinstance(value, str | bytes)]
    if (len(statement) + sum(map(len, texts))) * _LONGEST_CHARACTER < largest:
        return False
    return len(statement.encode()) + sum(map(_size, texts)) >= largest


def _size(value: str | bytes) -> int:
    """Say how many bytes a value is at most, quoted in a statement."""
    return 2 * len(value) if isinstance(value, bytes) else len(value.translate(_ESCAPED).encode("utf-8", "replace"))
