"""A savepoint that cannot be undone: what failed inside it has ended the transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from service.storage.errors import StorageError, translate


class UndoneError(Exception):
    """Not even the commands before are done; `reason` is what the database said first, of the whole transaction."""

    def __init__(self, reason: StorageError) -> None:
        """Take what failed. It is not one command's fault as long as others share the transaction."""
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def undoing(failed: BaseException) -> Iterator[None]:
    """Undo a savepoint because of what failed in it.

    MySQL undoes the whole transaction at a deadlock, and SQLite when a statement is interrupted: there is no savepoint
    left then, and that it is missing says nothing.

    :raises UndoneError: it could not be undone, and a database's error is why
    """
    try:
        yield
    except SQLAlchemyError as exc:
        if not isinstance(failed, Exception):
            # Cancelled: that is what the caller has to hear.
            return
        reason = _first(failed)
        if reason is None:
            raise
        raise UndoneError(reason) from exc


def _first(failed: BaseException) -> StorageError | None:
    one: BaseException | None = failed
    while one is not None:
        found = one if isinstance(one, StorageError) else translate(one) if isinstance(one, Exception) else None
        if found is not None:
            return found
        one = one.__cause__
    return None
