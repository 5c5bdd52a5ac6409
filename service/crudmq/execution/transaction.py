"""The statements of a group's transaction, from the inbox to the outbox."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.contract.errors import CommandError, Conflict, IdReused
from crudmq.contract.result import Message
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.changes import Result
from crudmq.execution.error_mapping import raising_command_errors
from crudmq.execution.job import Ack, AnswerTooLarge, Batch, Job, Outcome
from crudmq.execution.recovery import Attempt
from crudmq.execution.responses import Responses, reply
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource
from crudmq.storage import journal
from crudmq.storage.errors import ResourceLimitExceeded
from crudmq.storage.translation import TransactionAborted


class PartialFailure(Exception):
    """A command failed midway without a savepoint, so its changes can only be rolled back with the whole group."""


class InboxNotChecked(Exception):
    """The inbox was not checked, and no entry is inserted whose key could detect a repeat."""


class Transaction:
    """One run of an attempt in a session's transaction. Created for each run."""

    def __init__(
        self,
        attempt: Attempt,
        responses: Responses,
        in_flight: Collection[journal.OutboxKey],
        *,
        may_be_committed: bool,
    ) -> None:
        """Set the attempt.

        :param in_flight: outbox rows that this process is publishing
        :param may_be_committed: whether an earlier run may have been committed without its reply being received
        """
        self._attempt = attempt
        self._responses = responses
        self._in_flight = in_flight
        self._may_be_committed = may_be_committed
        self._entries: dict[bytes, journal.Entry] = {}
        self._messages: list[Message] = []
        self._earlier: set[int] = set()
        self.exceeding: dict[Job, ResourceLimitExceeded] = {}
        """The jobs that failed in a savepoint because they exceed a limit of the database."""

    async def run(self, session: AsyncSession) -> Batch:
        """Execute everything up to the commit.

        :raises PartialFailure: a job failed midway; roll back
        :raises AnswerTooLarge: a job's result or event cannot be published; roll back
        :raises InboxNotChecked: the attempt has to check the inbox; roll back
        :raises StorageError: the database rejected a statement; roll back
        """
        jobs = self._attempt.jobs
        known = await journal.lookup(session, {job.id for job in jobs}) if self._attempt.check_inbox else {}
        results = await self._run_in_order(session, self._new_jobs(known))
        outcomes = [self._outcome(job, results.get(job), known) for job in jobs]
        if not self._attempt.check_inbox and not self._entries:
            raise InboxNotChecked
        outbox_key = await journal.record(session, list(self._entries.values()), self._messages)
        return Batch(outcomes, outbox_key, await self._unpublished(session), self._earlier)

    def _new_jobs(self, known: Collection[bytes]) -> list[Job]:
        """Exclude the jobs with an inbox entry, and repeats within the group."""
        seen = set(known)
        new = []
        for job in self._attempt.jobs:
            if job.id not in seen:
                new.append(job)
                if job.is_recorded(self._attempt.error_of(job)):
                    seen.add(job.id)
        return new

    async def _run_in_order(self, session: AsyncSession, jobs: Sequence[Job]) -> dict[Job, Result | CommandError]:
        uow = UnitOfWork(session)
        for resource, keys, lock in _named_rows(jobs):
            await uow.load(resource, keys, lock=lock)
        results = {job: await self._run_job(job, uow) for job in jobs}
        await uow.flush()
        return results

    async def _run_job(self, job: Job, uow: UnitOfWork) -> Result | CommandError:
        refusal = self._attempt.error_of(job)
        if refusal is not None:
            return refusal
        plan = job.plan
        assert plan is not None  # noqa: S101 - a job without an error has a plan
        dry_run = job.subject.dry_run
        needs_savepoint = dry_run or plan.savepoint is Savepoint.ALWAYS or job in self._attempt.savepoints
        try:
            return await (_run_in_savepoint(plan, uow, commit=not dry_run) if needs_savepoint else plan.run(uow))
        except CommandError as error:
            if plan.savepoint is Savepoint.ON_FAILURE and not needs_savepoint:
                raise PartialFailure from error
            if exceeded := _exceeded_limit(error):
                self.exceeding[job] = exceeded
            return error

    def _outcome(self, job: Job, result: Result | CommandError | None, known: Mapping[bytes, journal.Entry]) -> Outcome:
        if result is None:
            return self._repeated(job, known.get(job.id) or self._entries[job.id])
        body = self._responses.body(job, result)
        outcome = self._responses.outcome(job, result, body)
        if excess := outcome.excess(self._responses.max_bytes):
            if not (job.is_read or job.subject.dry_run or isinstance(result, CommandError)):
                raise AnswerTooLarge(job, excess)
            return self._outcome(job, excess, known)
        if job.is_recorded(result if isinstance(result, CommandError) else None):
            self._entries[job.id] = journal.Entry(job.id, job.body, body.decode())
            self._messages += outcome.messages
        return outcome

    def _repeated(self, job: Job, entry: journal.Entry) -> Outcome:
        if entry.body != job.body:
            return self._responses.outcome(job, IdReused())
        outbox_id = entry.outbox_id if self._may_be_unpublished(job) else None
        if outbox_id is not None:
            self._earlier.add(outbox_id)
        return Outcome(job.delivery, Ack(), reply(job, entry.result.encode(), replayed=True), outbox_id)

    async def _unpublished(self, session: AsyncSession) -> dict[journal.OutboxKey, list[Message]]:
        """Return the messages that earlier transactions stored for these jobs and may not have published."""
        return await journal.unpublished(session, self._earlier, self._in_flight)

    def _may_be_unpublished(self, job: Job) -> bool:
        """Whether the messages that an earlier transaction stored for a job may not have been published.

        Only for redeliveries, and for attempts after a commit whose reply was lost. If the publisher repeats a
        command, the process that ran it first may still be publishing its messages.
        """
        return self._may_be_committed or job.delivery.redelivered


async def _run_in_savepoint(plan: Plan, uow: UnitOfWork, *, commit: bool) -> Result:
    try:
        return await _run_once_in_savepoint(plan, uow, commit=commit)
    except Conflict:
        if not plan.retry_on_conflict:
            raise
        return await _run_once_in_savepoint(plan, uow, commit=commit)


async def _run_once_in_savepoint(plan: Plan, uow: UnitOfWork, *, commit: bool) -> Result:
    # A rejected write of an earlier command fails the group, not this command.
    await uow.flush()
    try:
        with raising_command_errors(plan):
            async with uow.savepoint(commit=commit):
                return await plan.run(uow)
    except TransactionAborted as exc:
        raise exc.reason from exc


def _exceeded_limit(error: BaseException) -> ResourceLimitExceeded | None:
    """Return the limit of the database that caused an error; within a transaction, several errors lead to it."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, ResourceLimitExceeded):
        cause = cause.__cause__
    return cause


def _named_rows(jobs: Sequence[Job]) -> list[tuple[Resource, set[Key], bool]]:
    """Return the keys of the jobs, by resource, and whether any of the rows may be written."""
    keys: dict[Resource, set[Key]] = {}
    written: set[Resource] = set()
    for job in jobs:
        for resource, key in () if job.plan is None else job.plan.keys:
            keys.setdefault(resource, set()).add(key)
            if job.is_write:
                written.add(resource)
    return [(resource, of_resource, resource in written) for resource, of_resource in keys.items()]
