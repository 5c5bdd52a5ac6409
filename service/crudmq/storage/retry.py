"""Retries: several after a conflict with another transaction, and unlimited while the database is unavailable."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import structlog

from crudmq.aio import Backoff
from crudmq.storage.errors import (
    ConnectionLost,
    DatabaseUnavailable,
    OutOfResources,
    RetryLater,
    SchemaMismatch,
    StorageError,
    Transient,
)
from crudmq.storage.translation import translated

T = TypeVar("T")
log = structlog.get_logger(__name__)

CheckSchema = Callable[[], Awaitable[None]]
"""Raises `DatabaseUnavailable` if the database lacks a table or a column that the models need."""

_TRIES = 5


class OutageGate:
    """Retries transactions, and reports whether any of them is waiting for the database."""

    def __init__(
        self, check_schema: CheckSchema | None = None, *, first_pause: float = 0.01, longest_pause: float = 5.0
    ) -> None:
        """Set the shortest and the longest pause between tries, in seconds.

        :param check_schema: decides whether an error of the schema concerns all commands
        """
        self._check_schema = check_schema
        self._pauses = first_pause, longest_pause
        self._waiting = 0
        self._reason = ""

    @property
    def is_unavailable(self) -> bool:
        """Whether a transaction failed because the database is unavailable, and is being retried."""
        return self._waiting > 0

    @property
    def reason(self) -> str | None:
        """Why the database is unavailable; None while it is available."""
        return self._reason if self._waiting else None

    async def run(self, do: Callable[[], Awaitable[T]], *, max_losses: float = math.inf) -> T:
        """Run a transaction, and retry it after errors that a retry may resolve.

        Retries without limit while the database is unavailable: no command fails because of an outage.

        :param max_losses: how often the transaction may lose its connection to a database that is available, or that
            becomes available again without it
        :raises StorageError: any other error; `RetryLater` at once, another `Transient` after several tries
        """
        losses = _Losses(max_losses, self._check_schema)
        conflicts, outage = Backoff(*self._pauses), Backoff(*self._pauses)
        with ExitStack() as waiting:
            while True:
                try:
                    return await self._try(do)
                except DatabaseUnavailable as exc:
                    _check_cancelled(exc)
                    self._reason = str(exc)
                    if await losses.count(exc):
                        continue
                    if not outage.tries:
                        waiting.enter_context(self._counted())
                    # Only the transaction itself shows this: a read-only or full database responds to a probe.
                    await outage.wait()
                    await losses.count()
                except Transient as exc:
                    _check_cancelled(exc)
                    waiting.close()
                    if conflicts.tries == _TRIES - 1 or isinstance(exc, RetryLater):
                        raise
                    outage.reset()
                    await conflicts.wait()

    async def run_until_success(self, do: Callable[[], Awaitable[T]]) -> T:
        """Run a transaction that must succeed: every error of the database counts as an outage."""

        async def run() -> T:
            try:
                with translated():
                    return await do()
            except StorageError as exc:
                raise DatabaseUnavailable(str(exc)) from exc

        return await self.run(run)

    async def _try(self, do: Callable[[], Awaitable[T]]) -> T:
        """Run a transaction once. If it does not match the schema, find out whether other commands can still run.

        :raises DatabaseUnavailable: also if the database lacks a table or a column that the models need
        """
        try:
            with translated():
                return await do()
        except SchemaMismatch:
            if self._check_schema is not None:
                with translated():
                    await self._check_schema()
            raise

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if not self._waiting:
            log.warning("database unavailable, retrying", reason=self._reason)
        self._waiting += 1
        is_over = True
        try:
            yield
        except asyncio.CancelledError:
            is_over = False
            raise
        finally:
            self._waiting -= 1
            if is_over and not self._waiting:
                log.info("database available again")


class _Losses:
    """Counts the connections that a transaction loses although the database is available, or is so again without it."""

    def __init__(self, maximum: float, probe: CheckSchema | None) -> None:
        self._maximum = maximum
        self._probe = probe
        self._number = 0
        self._last: ConnectionLost | None = None
        """The loss that is not counted yet, since the database was not available afterwards."""

    async def count(self, error: DatabaseUnavailable | None = None) -> bool:
        """Count the last loss if the database is available; return whether it is. `error` may be another loss.

        :raises OutOfResources: the transaction has lost its connection too often
        """
        if isinstance(error, ConnectionLost):
            self._last = error
        lost = self._last if error is None else error
        if not isinstance(lost, ConnectionLost) or not await self._is_available():
            return False
        self._number, self._last = self._number + 1, None
        if self._number >= self._maximum:
            raise OutOfResources(f"each time, a statement ends its connection: {lost}") from lost
        return True

    async def _is_available(self) -> bool:
        """Return whether the database runs other statements, on a new connection; if that does not matter, False."""
        if self._probe is None or self._maximum == math.inf:
            return False
        try:
            with translated():
                await self._probe()
        except StorageError as exc:
            _check_cancelled(exc)
            return False
        return True


def _check_cancelled(error: Exception) -> None:
    """Raise `CancelledError` if the task was cancelled: some drivers report a cancellation as a lost connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
