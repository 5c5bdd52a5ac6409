"""Translation of storage errors into the error that the publisher of a command receives."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crudmq.contract.errors import (
    CommandError,
    DatabaseLimitExceeded,
    Internal,
    Invalid,
    Timeout,
    Unavailable,
)
from crudmq.execution.actions.plan import Plan
from crudmq.execution.violations import to_conflict
from crudmq.storage.errors import (
    ConstraintViolation,
    DatabaseFault,
    DataError,
    OutOfResources,
    ResourceLimitExceeded,
    StatementTimeout,
    Transient,
)
from crudmq.storage.translation import translated


@contextmanager
def raising_command_errors(plan: Plan) -> Iterator[None]:
    """Raise the storage errors that a command has caused as command errors; others pass unchanged.

    :raises CommandError: see `to_command_error`
    """
    try:
        with translated():
            yield
    except (ConstraintViolation, DataError, StatementTimeout, ResourceLimitExceeded) as exc:
        raise to_command_error(exc, plan) from exc


_BY_CLASS: Mapping[type[Exception], tuple[type[CommandError], str | None]] = {
    # The first class that matches counts.
    DataError: (Invalid, "the database rejected a value"),
    StatementTimeout: (Timeout, "a statement exceeded its time limit"),
    ResourceLimitExceeded: (DatabaseLimitExceeded, "the statement exceeds a resource limit of the database"),
    OutOfResources: (Unavailable, "the database lacks resources for this command, see the log of the service"),
    DatabaseFault: (Unavailable, "the database cannot run this command at the moment, see the log of the service"),
    Transient: (Unavailable, None),
}


def to_command_error(exc: Exception, plan: Plan | None) -> CommandError:
    """Return the error of the only command of a failed transaction."""
    if isinstance(exc, ConstraintViolation):
        return to_conflict(exc.constraint, plan)
    matching = (error for each, error in _BY_CLASS.items() if isinstance(exc, each))
    error, message = next(matching, (Internal, None))
    return error(message)
