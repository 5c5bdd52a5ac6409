"""What can go wrong in a database, in our words; drivers' errors are translated here and nowhere else.

StorageError
├── Refused         a constraint says no: the command's fault
├── Rejected        a value does not fit its column: the command's fault
├── TooSlow         a statement took longer than it may
├── Transient       a deadlock, a serialization failure, a lock not had in time: the same again may work
├── Away            the database cannot be reached, or cannot write: wait for it
└── Broken          anything else: a fault of ours
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.storage.constraints import Constraint, violated


class StorageError(Exception):
    """Something that a database, its driver or the way to it raised."""


@dataclass
class Refused(StorageError):
    """A constraint of the database does not allow the change."""

    constraint: Constraint


class Rejected(StorageError):
    """A value does not fit where it should go."""


class TooSlow(StorageError):
    """A statement was cancelled for taking too long."""


class Transient(StorageError):
    """The transaction lost to another one; run again, it may win."""


class Away(StorageError):
    """The database is down, unreachable, read-only or full."""


class Broken(StorageError):
    """Nothing that is foreseen."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a database raises as one of ours; what is not a database's passes."""
    try:
        yield
    except Exception as exc:
        found = translate(exc)
        if found is None:
            raise
        raise found from exc


def translate(exc: Exception) -> StorageError | None:
    """Say in our words what a driver, SQLAlchemy or the network said; None where it was none of them."""
    if isinstance(exc, PoolTimeoutError):
        return Transient("no connection was free in time")
    if isinstance(exc, OSError):  # TimeoutError is one
        return Away(f"the database cannot be reached: {str(exc) or type(exc).__name__}")
    if isinstance(exc, DBAPIError):
        if exc.connection_invalidated or isinstance(exc, InterfaceError):
            return Away("the connection to the database was lost")
        return _by_code(exc.orig) or Broken(str(exc.orig))
    # While a connection is made, a driver's errors arrive as they are.
    return _by_code(exc) or (Broken(str(exc)) if isinstance(exc, SQLAlchemyError) else None)


_BY_STATE: dict[str, type[StorageError]] = {
    # https://www.postgresql.org/docs/current/errcodes-appendix.html, the longest prefix counts
    "08": Away,
    "22": Rejected,
    "25006": Away,
    "28": Away,
    "3D000": Away,
    "40": Transient,
    "53": Away,
    "55P03": Transient,
    "57": Away,
    "57014": TooSlow,
}

_BY_SQLITE_NAME: dict[str, type[StorageError]] = {
    # https://www.sqlite.org/rescode.html, the longest prefix counts
    "SQLITE_BUSY": Transient,
    "SQLITE_LOCKED": Transient,
    "SQLITE_INTERRUPT": TooSlow,
    "SQLITE_CANTOPEN": Away,
    "SQLITE_FULL": Away,
    "SQLITE_IOERR": Away,
    "SQLITE_READONLY": Away,
    "SQLITE_MISMATCH": Rejected,
    "SQLITE_TOOBIG": Rejected,
}


def _by_code(error: BaseException | None) -> StorageError | None:
    for attribute, constraint, table in (
        ("sqlstate", "23", _BY_STATE),
        ("sqlite_errorname", "SQLITE_CONSTRAINT", _BY_SQLITE_NAME),
    ):
        code = getattr(error, attribute, None)
        if isinstance(code, str):
            if code.startswith(constraint):
                return Refused(violated(error))
            prefixes = [prefix for prefix in table if code.startswith(prefix)]
            return table[max(prefixes, key=len)](str(error)) if prefixes else None
    return None
