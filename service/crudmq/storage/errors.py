"""The errors of the storage layer. `translation` raises them in place of the errors of drivers and SQLAlchemy.

StorageError
├── ConstraintViolation      a constraint, a trigger or a policy rejected the change: the command's fault
├── DataError                a value does not fit its column: the command's fault
├── StatementTimeout         a statement exceeded the statement timeout
├── ResourceLimitExceeded    a statement exceeded a limit that the database sets for each statement
├── AlreadyRecorded          the inbox already has an entry with this key
├── Transient                a deadlock or a serialization failure: a retry may succeed
│   └── RetryLater           an immediate retry is unlikely to succeed
│       ├── LockTimeout      a lock was not granted in time
│       ├── OutOfResources   the database had no memory or no temporary disk space for a statement
│       └── DatabaseFault    a privilege is missing, a sequence is exhausted, a table is damaged: the operator must act
│           └── SchemaMismatch  a table, a column or a function is missing or has another type
├── DatabaseUnavailable      the database is unreachable or rejects all writes: retry until it recovers
│   └── ConnectionLost       … while a statement ran, which may be the cause
├── UnsupportedServer        the server, or a pooler in front of it, cannot be used: found at startup
└── UnexpectedDatabaseError  any other error: a bug in crudmq or in the schema
"""

from dataclasses import dataclass

from crudmq.storage.constraints import Constraint


class StorageError(Exception):
    """An error of the database, of its driver or of the connection."""


@dataclass
class ConstraintViolation(StorageError):
    """A constraint of the database rejected the change, or a trigger or a policy did."""

    constraint: Constraint


class DataError(StorageError):
    """A value does not fit its column."""


class StatementTimeout(StorageError):
    """A statement was cancelled because it exceeded the statement timeout."""


class ResourceLimitExceeded(StorageError):
    """A statement exceeded a limit that the database sets for each statement, such as the size of temporary files."""


class AlreadyRecorded(StorageError):
    """The inbox already has an entry for one of the commands: another transaction recorded it."""


class Transient(StorageError):
    """The transaction conflicted with another one; a retry may succeed."""


class RetryLater(Transient):
    """An immediate retry is unlikely to succeed; a later one may."""


class LockTimeout(RetryLater):
    """Another transaction held a lock for longer than the lock timeout."""


class OutOfResources(RetryLater):
    """The database had no memory or no temporary disk space for a statement; others may still run."""


class DatabaseFault(RetryLater):
    """The database cannot run a statement until its operator acts; others may still run."""


class SchemaMismatch(DatabaseFault):
    """A statement refers to a table, a column or a function that is missing or has another type."""


class DatabaseUnavailable(StorageError):
    """The database is down, unreachable, read-only or full."""


class ConnectionLost(DatabaseUnavailable):
    """The connection was lost while a statement or a commit ran: because of an outage, or of this statement."""


class UnsupportedServer(StorageError):
    """The server, or a pooler in front of it, cannot be used as it is configured; found at startup."""


class UnexpectedDatabaseError(StorageError):
    """An error without a more specific class."""
