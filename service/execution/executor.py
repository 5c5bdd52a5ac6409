"""Runs commands: shares transactions among them, and finds the one to blame when the database refuses a group."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import structlog

from service.contract.errors import CommandError, IdReused, Unavailable
from service.contract.message import Message
from service.execution.answers import Answers
from service.execution.attempt import Attempt
from service.execution.contest import contested
from service.execution.failures import failed, guarded, retried
from service.execution.group import Group
from service.execution.outcome import Ack, Batch, Settled
from service.execution.patience import Patience
from service.execution.rows import Rows
from service.storage import inbox, outbox, strikes
from service.storage.engine import Database
from service.storage.errors import Refused, StorageError

log = structlog.get_logger(__name__)
_FORGET_AT_ONCE = 500
_MARKS_AT_ONCE = 8


class Executor:
    """Runs attempts against one database, one group at a time; queries may run beside."""

    def __init__(self, database: Database, answers: Answers) -> None:
        """Take where to run commands, and how to tell what they came to."""
        self._database = database
        self._answers = answers
        self.patience = Patience()
        self._in_flight: set[int] = set()
        self._published: set[int] = set()

    async def execute(self, attempts: Sequence[Attempt]) -> AsyncIterator[Batch]:
        """Run a group in one transaction, or in several where the database refuses it as a whole.

        Each batch is committed when it is given. Never raises for a command's sake.
        """
        waiting = [list(attempts)]
        while waiting:
            group = waiting.pop()
            lost = [self._answers.settle(one, one.error) for one in group if one.error and not one.needs_database]
            group = [one for one in group if one.needs_database]
            if lost:
                yield Batch(lost)
            if not group:
                continue
            try:
                yield await self._commit(group)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is somebody's: found by halving
                if guarded(group, exc):
                    waiting.append(group)
                elif len(group) > 1:
                    waiting += await self._parts(group, exc)
                elif await self._is_known(group[0]):
                    waiting.append(group)
                elif (retry := retried(group[0], exc)) is not None:
                    yield Batch([retry])
                else:
                    waiting.append([failed(group[0], exc)])

    async def read(self, attempt: Attempt) -> Batch:
        """Run a query on a session of its own. Never raises for a command's sake."""
        try:
            return Batch([await self.patience.through(lambda: self._query(attempt))])
        except Exception as exc:  # noqa: BLE001 - whatever it is, the publisher must be told
            retry = retried(attempt, exc)
            if retry is not None:
                return Batch([retry])
            error = failed(attempt, exc).error or Unavailable()
            return Batch([self._answers.settle(attempt, error)])

    def published(self, batch: Batch) -> None:
        """Note that all messages of a batch are confirmed; the next transaction marks it."""
        self._published.update(batch.outbox_ids())

    async def mark_published(self) -> None:
        """Mark what waits for a next transaction, when there is none. May be repeated: what fails is left to that."""
        if not self._published:
            return
        try:
            await self.patience.through(self._mark)
        except StorageError as exc:
            log.warning("what was published cannot be marked, it is tried again soon", reason=str(exc))

    async def take_over(self, limit: int) -> Batch:
        """Claim messages that somebody committed and then did not publish in time; none is an empty batch."""
        leftovers = await self.patience.through(lambda: self._claim(limit))
        self._in_flight.update(leftovers)
        return Batch([], leftovers=leftovers)

    async def forget(self, retention: timedelta) -> int:
        """Delete some of what the inbox has kept for longer than `retention`; give how much, 0 where none is left."""
        return await self.patience.through(lambda: self._forget(retention))

    async def _parts(self, group: list[Attempt], exc: Exception) -> list[list[Attempt]]:
        """Say how a group that was refused is run again, the last part first."""
        if isinstance(exc, Refused) and (found := await self._contested(group, exc)):
            for attempt in found:
                attempt.is_guarded = True
            return [group]
        half = len(group) // 2
        return [group[half:], group[:half]]

    async def _contested(self, group: list[Attempt], refused: Refused) -> list[Attempt]:
        async def look() -> list[Attempt]:
            async with self._database.reading.begin() as session:
                return await contested(session, group, refused.constraint)

        try:
            return await self.patience.through(look)
        except StorageError as exc:
            log.debug("who is to blame cannot be looked up", reason=str(exc))
            return []

    async def _is_known(self, attempt: Attempt) -> bool:
        """Ask the inbox about one that failed and was run without asking: it may have taken effect before."""
        if not attempt.guessed or attempt.asked:
            return False
        attempt.asked = True

        async def ask() -> bool:
            async with self._database.reading.begin() as session:
                return bool(await inbox.lookup(session, [attempt.id]))

        return await self.patience.surely(ask)

    async def _commit(self, attempts: list[Attempt]) -> Batch:
        batch = await self.patience.through(lambda: self._transaction(attempts))
        self._in_flight.update(batch.outbox_ids())
        return batch

    async def _transaction(self, attempts: list[Attempt]) -> Batch:
        group = Group(attempts, self._answers)
        if all(attempt.is_read for attempt in attempts):
            async with self._database.reading.begin() as session:
                return await group.run(session, self._in_flight)
        marks = set(self._published) if len(self._published) >= _MARKS_AT_ONCE else set()
        async with self._database.writing.begin() as session:
            await self._database.lock_waits.choose(session, brief=len(attempts) > 1)
            batch = await group.run(session, self._in_flight)
            await outbox.published(session, marks)
            for attempt in attempts:
                attempt.tried = True
        self._marked(marks)
        return batch

    async def _mark(self) -> None:
        marks = set(self._published)
        async with self._database.writing.begin() as session:
            await outbox.published(session, marks)
        self._marked(marks)

    async def _claim(self, limit: int) -> dict[int, list[Message]]:
        async with self._database.writing.begin() as session:
            return await outbox.claim(session, self._in_flight, limit)

    async def _forget(self, retention: timedelta) -> int:
        async with self._database.writing.begin() as session:
            await strikes.forget(session, retention)
            return await inbox.forget(session, retention, _FORGET_AT_ONCE)

    def _marked(self, marks: set[int]) -> None:
        self._published -= marks
        self._in_flight -= marks

    async def _query(self, attempt: Attempt) -> Settled:
        assert attempt.plan is not None  # noqa: S101 - the caller saw that it runs beside
        async with self._database.reading.begin() as session:
            if await inbox.lookup(session, [attempt.id]):
                return self._answers.settle(attempt, IdReused())
            try:
                answer = await attempt.plan.run(Rows(session))
            except CommandError as error:
                return self._answers.settle(attempt, error)
        body = self._answers.body(attempt, answer)
        return Settled(attempt.delivery, Ack(), self._answers.messages(attempt, answer, body))
