"""The translation of errors of drivers, SQLAlchemy and the network into storage errors."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from crudmq.storage.dialects import dialect_of_error
from crudmq.storage.dialects.error_codes import one_line
from crudmq.storage.errors import (
    ConnectionLost,
    DatabaseFault,
    DatabaseUnavailable,
    DataError,
    OutOfResources,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)

_CONNECTING = "sqlalchemy.pool"
_CONVERTING = (
    "sqlalchemy.sql.type_api",
    "sqlalchemy.sql.sqltypes",
    "sqlalchemy.engine.result",
    "sqlalchemy.engine.row",
    "sqlalchemy.engine._",
    "sqlalchemy.cyextension",
)
"""The modules in which SQLAlchemy converts the values of a result. It raises the errors of types as they are."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the database as storage errors; other errors pass unchanged.

    :raises StorageError: the block raised an error of a driver, of SQLAlchemy or of the network
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as exc:
        translation = translate(exc)
        if translation is None:
            raise
        raise translation from exc


def translate(exc: Exception) -> StorageError | None:
    """Return the storage error for an error of a driver, of SQLAlchemy or of the network; None for any other error."""
    if isinstance(exc, PoolTimeoutError):
        return Transient("connection pool timeout: no connection available")
    if isinstance(exc, OSError):  # includes TimeoutError
        return DatabaseUnavailable(f"database unavailable: {str(exc) or type(exc).__name__}")
    if isinstance(exc, MemoryError):
        return OutOfResources("not enough memory")
    if isinstance(exc, SQLAlchemyError):
        return _from_sqlalchemy(exc)
    # While a connection is being established, SQLAlchemy does not wrap the driver's error.
    return _by_dialect(exc) or _by_origin(exc)


def discard_connections(context: ExceptionContext) -> None:
    """Have SQLAlchemy discard this connection and all of the pool if the database is unavailable.

    A session may keep what makes it unusable: it is read-only since its server was demoted or its database was altered,
    and a proxy would connect a new session to another server. Connections in use are discarded when they are returned.
    """
    error = context.sqlalchemy_exception or context.original_exception
    if context.connection is not None and isinstance(error, Exception):
        if isinstance(error, DBAPIError):
            # SQLAlchemy names no statement at the end of a transaction, either.
            error.statement = error.statement or "COMMIT"
        context.is_disconnect = context.is_disconnect or isinstance(translate(error), DatabaseUnavailable)


class TransactionAborted(Exception):
    """The whole transaction is rolled back; `reason` is the database's first error in it."""

    def __init__(self, reason: StorageError) -> None:
        """Set the reason. It is attributed to no command while several share the transaction."""
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def rolling_back(cause: BaseException) -> Iterator[None]:
    """Roll a savepoint back because of `cause`.

    MySQL rolls back the whole transaction at a deadlock, and SQLite when a statement is interrupted. No savepoint
    remains then, and the resulting error does not have the reason.

    :raises TransactionAborted: the rollback failed, and a database's error is the cause
    """
    try:
        yield
    except SQLAlchemyError as exc:
        if not isinstance(cause, Exception):
            # The caller must see a cancellation.
            return
        reason = _first_storage_error(cause)
        if reason is None:
            raise
        raise TransactionAborted(reason) from exc


def _from_sqlalchemy(exc: SQLAlchemyError) -> StorageError:
    if isinstance(exc, DBAPIError):
        return _from_driver(exc)
    if isinstance(exc, StatementError) and not isinstance(exc.orig, SQLAlchemyError | None):
        return _from_conversion(exc.orig)
    return UnexpectedDatabaseError(one_line(str(exc)))


def _from_driver(exc: DBAPIError) -> StorageError:
    translation = _by_dialect(exc.orig, exc.statement)
    if exc.connection_invalidated and translation is None:
        translation = ConnectionLost("database unavailable: the connection was lost")
    if isinstance(translation, ConnectionLost) and not (exc.connection_invalidated and exc.statement):
        return DatabaseUnavailable(str(translation))
    if translation is None and isinstance(exc, InterfaceError):
        # Usually only this connection is unusable: the next one works, or reports that the database is unavailable.
        return Transient(f"database driver error: {one_line(str(exc.orig))}")
    return translation or UnexpectedDatabaseError(one_line(str(exc.orig)))


def _from_conversion(error: BaseException) -> StorageError:
    """Translate what a column's type raised when it converted a value for the database."""
    if isinstance(error, ValueError | OverflowError):
        return DataError("a type rejected a value")
    return DatabaseFault(f"a value cannot be converted for the database: {_location(error)}")


def _by_origin(error: BaseException) -> StorageError | None:
    """Translate an error by where it was raised: drivers and types also raise errors of Python."""
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    if any(module.startswith(_CONNECTING) for module in modules):
        return DatabaseUnavailable(f"cannot connect to the database: {type(error).__name__}: {one_line(str(error))}")
    if any(module.startswith(_CONVERTING) for module in modules):
        return DatabaseFault(f"a value of the database cannot be converted: {_location(error)}")
    return None


def _location(error: BaseException) -> str:
    """Return the class of an error and where it was raised, without its message, which may contain the value."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + (f" in {frames[-1].filename}:{frames[-1].lineno}" if frames else "")


def _by_dialect(error: BaseException | None, statement: str | None = None) -> StorageError | None:
    dialect = dialect_of_error(error)
    translation = None if dialect is None or error is None else dialect.translate(error, statement)
    if isinstance(translation, ConnectionLost) and statement is None:
        return DatabaseUnavailable(str(translation))
    return translation


def _first_storage_error(cause: BaseException) -> StorageError | None:
    exc: BaseException | None = cause
    while exc is not None:
        error = exc if isinstance(exc, StorageError) else translate(exc) if isinstance(exc, Exception) else None
        if error is not None:
            return error
        exc = exc.__cause__
    return None
