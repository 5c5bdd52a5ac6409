"""A savepoint that cannot be undone."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from crudmq.contract.errors import NotFound, Timeout
from crudmq.storage.errors import StatementTimeout, StorageError, Transient
from crudmq.storage.translation import TransactionAborted, rolling_back

MISSING = OperationalError("ROLLBACK TO SAVEPOINT one", {}, Exception("there is no such savepoint"))


def undo(failed: BaseException) -> None:
    with rolling_back(failed):
        raise MISSING


@pytest.mark.parametrize(
    "reason", [Transient("deadlock"), StatementTimeout("interrupted")], ids=lambda error: type(error).__name__
)
def test_what_failed_first_is_told_and_of_the_whole_transaction(reason: StorageError) -> None:
    with pytest.raises(TransactionAborted) as raised:
        undo(reason)
    assert raised.value.reason is reason


def test_it_is_found_behind_the_error_of_a_command() -> None:
    reason = StatementTimeout("interrupted")
    inner = Timeout()
    inner.__cause__ = reason
    failed = inner.within("commands.2")
    failed.__cause__ = inner
    with pytest.raises(TransactionAborted) as raised:
        undo(failed)
    assert raised.value.reason is reason


def test_where_no_database_failed_before_the_missing_savepoint_is_the_fault() -> None:
    with pytest.raises(OperationalError):
        undo(NotFound())


def test_who_is_cancelled_hears_that() -> None:
    undo(asyncio.CancelledError())
