"""What can go wrong in a database, in our words; drivers' errors are translated here and nowhere else.

StorageError
├── Refused         a constraint says no: the command's fault
├── Rejected        a value does not fit its column: the command's fault
├── TooSlow         a statement took longer than it may
├── Transient       a deadlock, a serialization failure: the same again may work
│   └── Locked      a lock not had in time: it may work later
├── Away            the database cannot be reached, or cannot write: wait for it
└── Broken          anything else: a fault of ours
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.storage.codes import code, state
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


class Locked(Transient):
    """Somebody else held a row for longer than was waited: there is no use in doing the same at once."""


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
        return _from_driver(exc)
    # While a connection is made, a driver's errors arrive as they are.
    return _by_code(exc) or (Broken(str(exc)) if isinstance(exc, SQLAlchemyError) else None)


def _from_driver(exc: DBAPIError) -> StorageError:
    if exc.connection_invalidated:
        return Away("the connection to the database was lost")
    if type(exc.orig).__name__ == "InvalidCachedStatementError":
        # A column's type was changed meanwhile; the driver has cleared its cache by now.
        return Transient("a table was changed while the service ran")
    if isinstance(exc, InterfaceError):
        if exc.orig is not None and type(exc.orig.__cause__).__name__ == "DataError":
            return Rejected(str(exc.orig))
        # Mostly that a connection cannot be used: the next one can, or says that the database is away.
        return Transient(f"the database's driver refused: {exc.orig}")
    return _by_code(exc.orig, exc.statement) or Broken(str(exc.orig))


_BY_STATE: dict[str, type[StorageError]] = {
    # https://www.postgresql.org/docs/current/errcodes-appendix.html, the longest prefix counts
    "08": Away,
    "22": Rejected,
    "25006": Away,
    "28": Away,
    "3D000": Away,
    "40": Transient,
    "53": Away,
    "54": Rejected,  # more than an index or a statement can hold
    "55P03": Locked,
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


_BY_NUMBER: dict[int, type[StorageError]] = {
    # https://mariadb.com/kb/en/mariadb-error-codes and
    # https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
    # Where a number is missing, its SQLSTATE counts.
    1020: Transient,  # a row changed since the transaction's snapshot
    1021: Away,  # the disk is full
    1040: Away,  # too many connections
    1041: Away,  # out of memory
    1044: Away,
    1045: Away,
    1047: Away,  # a node that is not part of its cluster now
    1049: Away,
    1053: Away,  # shutting down
    1114: Away,  # the table is full
    1118: Rejected,  # the row is too large
    1129: Away,
    1130: Away,
    1139: Rejected,  # not a regular expression
    1153: Rejected,  # larger than max_allowed_packet
    1203: Away,
    1205: Locked,  # a lock not had in time: undoes the statement alone, and we the transaction
    1206: Transient,
    1213: Transient,
    1226: Away,
    1264: Rejected,
    1265: Rejected,
    1290: Away,  # read-only
    1292: Rejected,
    1317: TooSlow,
    1366: Rejected,
    1406: Rejected,
    1525: Rejected,
    1637: Transient,
    1690: Rejected,
    1698: Away,
    1792: Away,
    1836: Away,  # read-only
    1927: Away,
    1969: TooSlow,
    2002: Away,
    2003: Away,
    2006: Away,
    2013: Away,
    2014: Away,
    2055: Away,
    3024: TooSlow,
    3140: Rejected,  # not JSON
    3572: Transient,
    3988: Rejected,  # a character that the column's character set does not have
    4031: Away,
}


def _by_code(error: BaseException | None, statement: str | None = None) -> StorageError | None:
    constraint = violated(error, statement)
    if constraint is not None:
        return Refused(constraint)
    found = code(error)
    if isinstance(found, int):
        kind = _BY_NUMBER.get(found) or _by_prefix(state(error), _BY_STATE)
    else:
        kind = _by_prefix(found or "", _BY_SQLITE_NAME) or _by_prefix(found or "", _BY_STATE)
    return None if kind is None else kind(str(error))


def _by_prefix(found: str, table: Mapping[str, type[StorageError]]) -> type[StorageError] | None:
    prefixes = [prefix for prefix in table if found.startswith(prefix)]
    return table[max(prefixes, key=len)] if prefixes else None
