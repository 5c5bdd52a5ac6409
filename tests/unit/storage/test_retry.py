"""Retries: which failures are retried, and what is logged meanwhile."""

import asyncio
from collections.abc import Iterable

import pytest
from structlog.testing import capture_logs

from crudmq.storage.errors import (
    AlreadyRecorded,
    ConnectionLost,
    DatabaseFault,
    DatabaseUnavailable,
    LockTimeout,
    OutOfResources,
    SchemaMismatch,
    StorageError,
    Transient,
)
from crudmq.storage.retry import OutageGate
from tests.support.waiting import GENEROUS


class Transaction:
    """Raises the given failures, one per run, and then succeeds."""

    def __init__(self, failures: Iterable[Exception]) -> None:
        self.gate = OutageGate(first_pause=0)
        self.was_unavailable: list[bool] = []
        self._failures = iter(failures)

    async def __call__(self) -> str:
        self.was_unavailable.append(self.gate.is_unavailable)
        for failure in self._failures:
            raise failure
        return "done"


async def test_a_transaction_is_retried_for_as_long_as_the_database_is_unavailable() -> None:
    transaction = Transaction([DatabaseUnavailable("full")] * 50)
    with capture_logs() as logs:
        assert await transaction.gate.run(transaction) == "done"
    assert [line["event"] for line in logs] == ["database unavailable, retrying", "database available again"]
    assert transaction.was_unavailable == [False, *[True] * 50]
    assert not transaction.gate.is_unavailable


async def test_the_database_is_unavailable_until_the_last_waiting_transaction_succeeds() -> None:
    gate = OutageGate(first_pause=0)
    recovered = asyncio.Event()
    failures = iter([DatabaseUnavailable("cut")])

    async def slow() -> None:
        for failure in failures:
            raise failure
        await recovered.wait()

    waiting = asyncio.create_task(gate.run(slow))
    await gate.run(Transaction([DatabaseUnavailable("cut")]))
    assert gate.is_unavailable
    recovered.set()
    await waiting
    assert not gate.is_unavailable


async def test_a_conflict_is_retried_a_few_times() -> None:
    transaction = Transaction([Transient("deadlock")] * 4)
    assert await transaction.gate.run(transaction) == "done"
    with pytest.raises(Transient):
        await transaction.gate.run(Transaction([Transient("deadlock")] * 5))


@pytest.mark.parametrize(
    "failure",
    [LockTimeout("a row"), AlreadyRecorded("a command"), StorageError("a fault")],
    ids=lambda failure: type(failure).__name__,
)
async def test_other_failures_are_raised_at_once(failure: Exception) -> None:
    transaction = Transaction([failure])
    with pytest.raises(type(failure)):
        await transaction.gate.run(transaction)


@pytest.mark.parametrize("failure", [Transient("deadlock"), LockTimeout("a row"), StorageError("a fault")])
async def test_a_transaction_that_must_succeed_is_retried_after_every_failure(failure: Exception) -> None:
    transaction = Transaction([failure] * 20)
    assert await transaction.gate.run_until_success(transaction) == "done"
    assert transaction.was_unavailable == [False, *[True] * 20]


@pytest.mark.parametrize("failure", [OutOfResources("memory"), DatabaseFault("no privilege"), SchemaMismatch("gone")])
async def test_what_an_immediate_retry_cannot_resolve_is_raised_at_once(failure: StorageError) -> None:
    transaction = Transaction([failure])
    with pytest.raises(type(failure)):
        await transaction.gate.run(transaction)
    assert transaction.was_unavailable == [False]


async def test_a_database_without_the_tables_of_the_models_is_unavailable_until_it_has_them() -> None:
    checks = iter([DatabaseUnavailable("no column people.nick"), None])

    async def check_schema() -> None:
        if failure := next(checks):
            raise failure

    gate = OutageGate(check_schema, first_pause=0)
    failures = iter([SchemaMismatch("nick"), SchemaMismatch("other")])
    reasons = []

    async def transact() -> None:
        reasons.append(gate.reason)
        raise next(failures)

    with pytest.raises(SchemaMismatch, match="other"):
        await gate.run(transact)
    assert reasons == [None, "no column people.nick"]
    assert gate.reason is None


async def test_a_transaction_that_ends_its_own_connection_is_not_repeated_for_ever() -> None:
    async def is_available() -> None:
        """Respond."""

    gate = OutageGate(is_available, first_pause=0)
    with pytest.raises(OutOfResources):
        await gate.run(Transaction([ConnectionLost("crash")] * 3), max_losses=3)
    assert await gate.run(Transaction([ConnectionLost("crash")] * 20)) == "done"


async def test_a_transaction_that_crashes_the_server_each_time_is_not_repeated_for_ever() -> None:
    probes = iter([DatabaseUnavailable("in recovery"), None] * 3)

    async def check_schema() -> None:
        if failure := next(probes):
            raise failure

    gate = OutageGate(check_schema, first_pause=0)
    with pytest.raises(OutOfResources):
        await gate.run(Transaction([ConnectionLost("crash")] * 3), max_losses=3)
    assert not gate.is_unavailable


async def test_failures_without_a_lost_connection_are_not_counted() -> None:
    async def is_available() -> None:
        """Respond, as a read-only database does."""

    gate = OutageGate(is_available, first_pause=0)
    assert await gate.run(Transaction([DatabaseUnavailable("read-only")] * 20), max_losses=3) == "done"


async def test_connections_that_an_outage_ends_are_not_counted() -> None:
    async def check_schema() -> None:
        raise DatabaseUnavailable("down")

    gate = OutageGate(check_schema, first_pause=0)
    assert await gate.run(Transaction([ConnectionLost("down")] * 20), max_losses=3) == "done"


async def test_a_transaction_that_is_cancelled_does_not_end_the_outage() -> None:
    gate, failed = OutageGate(first_pause=60), asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise DatabaseUnavailable("down")

    with capture_logs() as logs:
        waiting = asyncio.create_task(gate.run(fail))
        await failed.wait()
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert [line["event"] for line in logs] == ["database unavailable, retrying"]


@pytest.mark.parametrize("reported", [DatabaseUnavailable("lost"), LockTimeout("a row")])
async def test_a_cancellation_that_the_driver_reports_as_an_error_is_no_reason_to_retry(reported: Exception) -> None:
    gate, started = OutageGate(first_pause=0), asyncio.Event()

    async def wait_for_the_driver() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise reported from None

    waiting = asyncio.create_task(gate.run(wait_for_the_driver))
    await started.wait()
    waiting.cancel()
    async with asyncio.timeout(GENEROUS):
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_failure_of_another_kind_ends_an_outage() -> None:
    transaction = Transaction([DatabaseUnavailable("cut"), LockTimeout("a row")])
    with pytest.raises(LockTimeout):
        await transaction.gate.run(transaction)
    assert not transaction.gate.is_unavailable
