"""Runs jobs: a group shares a transaction, and if that fails, `recover` decides what follows."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from crudmq.contract.errors import CommandError, DatabaseLimitExceeded, IdReused, Internal
from crudmq.execution.conflicts import find_conflicting_jobs
from crudmq.execution.job import Batch, Job, Outcome
from crudmq.execution.publication import Publication
from crudmq.execution.recovery import Attempt, Evidence, jobs_to_isolate, recover
from crudmq.execution.responses import Responses
from crudmq.execution.transaction import Transaction
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.failpoints import Failpoint, reach
from crudmq.storage import journal
from crudmq.storage.database import Database
from crudmq.storage.errors import (
    ConstraintViolation,
    DatabaseFault,
    OutOfResources,
    ResourceLimitExceeded,
    StorageError,
)
from crudmq.storage.retry import OutageGate

_MAX_LOSSES = 3
"""How often a transaction may lose its connection: the server may end its own process because of a statement."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Progress:
    """The progress of the tries of an attempt."""

    commit_was_sent: bool = False


class Executor:
    """Runs jobs against one database: one group at a time, and deferred reads concurrently."""

    def __init__(self, database: Database, gate: OutageGate, publication: Publication, responses: Responses) -> None:
        """Set the database, the outage gate, and the components that create and track outgoing messages."""
        self._database = database
        self._gate = gate
        self._publication = publication
        self._responses = responses

    async def execute(self, jobs: Sequence[Job]) -> AsyncIterator[Batch]:
        """Run a group in one transaction, or in several if the database rejects it as a whole.

        Yields each batch after its commit. Waits while the database is unavailable. Errors of commands are not raised.
        """
        if malformed := [self._refuse(job, job.error) for job in jobs if job.error is not None and job.is_malformed]:
            yield Batch(malformed)
        valid = [job for job in jobs if not job.is_malformed]
        waiting = [Attempt.initial(valid)] if valid else []
        while waiting:
            batch, attempts = await self._try(waiting.pop())
            waiting += reversed(attempts)
            if batch is not None:
                yield batch

    async def read(self, job: Job) -> Batch:
        """Run a deferred read in its own session. An error of the command is not raised."""
        try:
            return Batch([await self._gate.run(lambda: self._read(job), max_losses=_MAX_LOSSES)])
        except Exception as exc:  # noqa: BLE001 - any error becomes the result of the job
            following = recover(Attempt((job,)), exc, Evidence())
            if isinstance(following, Outcome):
                return Batch([self._waits(job, following, exc)])
            return Batch([self._refuse(job, self._logged(job, following[0].verdicts[job], exc))])

    async def _try(self, attempt: Attempt) -> tuple[Batch | None, list[Attempt]]:
        """Run an attempt; return the committed batch, or None and the attempts that follow."""
        progress = _Progress()
        try:
            batch = await self._gate.run(lambda: self._run(attempt, progress), max_losses=_MAX_LOSSES)
        except Exception as exc:  # noqa: BLE001 - any error belongs to a job, which recovery finds
            following = recover(attempt, exc, await self._evidence(attempt, exc, progress))
            if isinstance(following, Outcome):
                return Batch([self._waits(attempt.jobs[0], following, exc)]), []
            return self._answer_unrecorded(following, exc)
        self._publication.begin(batch)
        return batch, []

    async def _run(self, attempt: Attempt, progress: _Progress) -> Batch:
        transaction = Transaction(
            attempt,
            self._responses,
            self._publication.in_flight,
            may_be_committed=attempt.may_be_committed or progress.commit_was_sent,
        )
        if all(job.is_read for job in attempt.jobs):
            async with self._database.reading.begin() as session:
                return await transaction.run(session)
        published = self._publication.due_deletes()
        async with self._database.writing.begin() as session:
            await self._database.set_lock_timeout(session, brief=len(attempt.jobs) > 1)
            batch = await transaction.run(session)
            await journal.delete_published(session, published)
            await reach(Failpoint.IN_TRANSACTION, batch)
            progress.commit_was_sent = True
        self._publication.deleted(published)
        for job, exceeded in transaction.exceeding.items():
            self._logged(job, DatabaseLimitExceeded(), exceeded)
        await reach(Failpoint.COMMITTED, batch)
        return batch

    async def _evidence(self, attempt: Attempt, error: Exception, progress: _Progress) -> Evidence:
        conflicting: frozenset[Job] = frozenset()
        if isinstance(error, ConstraintViolation) and len(attempt.jobs) > 1 and not jobs_to_isolate(attempt, error):
            conflicting = await self._find_conflicting(attempt, error)
        return Evidence(conflicting, progress.commit_was_sent)

    async def _find_conflicting(self, attempt: Attempt, violation: ConstraintViolation) -> frozenset[Job]:
        async def find() -> frozenset[Job]:
            async with self._database.reading.begin() as session:
                return await find_conflicting_jobs(session, attempt.jobs, violation.constraint)

        try:
            return await self._gate.run(find)
        except StorageError as exc:
            log.debug("could not query conflicting values", reason=str(exc))
            return frozenset()

    def _answer_unrecorded(self, attempts: list[Attempt], error: Exception) -> tuple[Batch | None, list[Attempt]]:
        """Return the batch of a job whose error the inbox does not record, without another attempt."""
        attempt = attempts[0]
        job = attempt.jobs[0]
        verdict = attempt.verdicts.get(job)
        if verdict is None or self._logged(job, verdict, error).is_recorded or attempt.may_be_committed:
            # If a commit was sent, the inbox has to be asked whether the command took effect nevertheless.
            return None, attempts
        return Batch([self._refuse(job, verdict)]), []

    async def _read(self, job: Job) -> Outcome:
        assert job.plan is not None  # noqa: S101 - deferred reads have plans
        async with self._database.reading.begin() as session:
            if await journal.lookup(session, [job.id]):
                return self._refuse(job, IdReused())
            try:
                result = await job.plan.run(UnitOfWork(session))
            except CommandError as error:
                return self._refuse(job, error)
        outcome = self._responses.outcome(job, result)
        excess = outcome.excess(self._responses.max_bytes)
        return outcome if excess is None else self._refuse(job, excess)

    def _refuse(self, job: Job, error: CommandError) -> Outcome:
        return self._responses.outcome(job, error)

    @staticmethod
    def _waits(job: Job, outcome: Outcome, error: Exception) -> Outcome:
        """Log why a job waits in a retry queue, if an operator should know; return its outcome."""
        if isinstance(error, DatabaseFault | OutOfResources):
            log.warning("database cannot run a command, will retry", message_id=job.delivery.id, reason=str(error))
        return outcome

    @staticmethod
    def _logged(job: Job, verdict: CommandError, error: Exception) -> CommandError:
        if isinstance(verdict, Internal):
            log.error("command failed with an internal error", message_id=job.delivery.id, exc_info=error)
        if isinstance(error, DatabaseFault | OutOfResources | ResourceLimitExceeded):
            log.error("database cannot run a command", message_id=job.delivery.id, reason=str(error))
        return verdict
