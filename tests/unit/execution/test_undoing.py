"""A savepoint that cannot be undone."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from service.contract.errors import NotFound, Timeout
from service.execution.undoing import UndoneError, undoing
from service.storage.errors import StorageError, TooSlow, Transient

MISSING = OperationalError("ROLLBACK TO SAVEPOINT one", {}, Exception("there is no such savepoint"))


def undo(failed: BaseException) -> None:
    with undoing(failed):
        raise MISSING


@pytest.mark.parametrize("reason", [Transient("deadlock"), TooSlow("interrupted")], ids=lambda one: type(one).__name__)
def test_what_failed_first_is_told_and_of_the_whole_transaction(reason: StorageError) -> None:
    with pytest.raises(UndoneError) as told:
        undo(reason)
    assert told.value.reason is reason


def test_it_is_found_behind_the_error_of_a_command() -> None:
    reason = TooSlow("interrupted")
    inner = Timeout()
    inner.__cause__ = reason
    failed = inner.within("commands.2")
    failed.__cause__ = inner
    with pytest.raises(UndoneError) as told:
        undo(failed)
    assert told.value.reason is reason


def test_where_no_database_failed_before_the_missing_savepoint_is_the_fault() -> None:
    with pytest.raises(OperationalError):
        undo(NotFound())


def test_who_is_cancelled_hears_that() -> None:
    undo(asyncio.CancelledError())
