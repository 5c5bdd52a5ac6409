"""Recovery: determines, without side effects, the next step after the transaction of a group failed.

| error | attempt | what follows |
| --- | --- | --- |
| the inbox already has the key | any | the same, inbox checked, immediately |
| any | inbox not checked | the same, inbox checked |
| an answer is too large | any | the same, with the error recorded as the result of its job |
| any but a transient one | jobs that can fail midway, without savepoints | the same, with savepoints for such jobs |
| a constraint violation | evidence names jobs | the same, with savepoints for the named jobs |
| any | several jobs | two halves |
| transient | one job, retries left | the job waits in a retry queue |
| any | one job | the same, with the error recorded as the job's result |

Each row makes progress: the following attempt checks more, isolates more, or runs fewer jobs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from crudmq.contract.errors import CommandError, Internal
from crudmq.execution.actions.plan import Savepoint
from crudmq.execution.error_mapping import to_command_error
from crudmq.execution.job import RETRY_DELAYS, AnswerTooLarge, Job, Outcome, Retry
from crudmq.storage.errors import (
    AlreadyRecorded,
    ConstraintViolation,
    ResourceLimitExceeded,
    StatementTimeout,
    Transient,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to run jobs in one transaction."""

    jobs: tuple[Job, ...]
    check_inbox: bool = True
    """Whether the inbox is queried first. Otherwise its primary key rejects a command that was already run."""
    savepoints: frozenset[Job] = frozenset()
    """The jobs that run in their own savepoints, in addition to those that always do."""
    verdicts: Mapping[Job, CommandError] = field(default_factory=dict)
    """The jobs that are not run again, since an earlier attempt found their errors."""
    may_be_committed: bool = False
    """Whether an earlier attempt may have been committed without its reply being received."""

    @classmethod
    def initial(cls, jobs: Sequence[Job]) -> Self:
        """Return the first attempt at a group.

        A single job that is probably new does not check the inbox first: this saves a round trip.
        """
        return cls(tuple(jobs), check_inbox=len(jobs) > 1 or not _is_probably_new(jobs[0]))

    def error_of(self, job: Job) -> CommandError | None:
        """Return why a job is not run; None if it is."""
        return self.verdicts.get(job, job.error)

    def of(self, jobs: Sequence[Job]) -> "Attempt":
        """Return the same attempt for some of its jobs."""
        return replace(self, jobs=tuple(jobs), savepoints=self.savepoints.intersection(jobs))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Information about a failure in addition to its error."""

    conflicting: frozenset[Job] = frozenset()
    """The jobs that may violate the constraint, found by querying the values that they write."""
    commit_was_sent: bool = False
    """Whether a commit was sent and its reply was not received."""


def recover(attempt: Attempt, error: Exception, evidence: Evidence) -> list[Attempt] | Outcome:
    """Return the attempts that follow, in the order of their jobs, or the outcome of the only job."""
    attempt = replace(attempt, may_be_committed=attempt.may_be_committed or evidence.commit_was_sent)
    job = attempt.jobs[0]
    if isinstance(error, AlreadyRecorded) or not attempt.check_inbox:
        return [replace(attempt, check_inbox=True)]
    if isolated := jobs_to_isolate(attempt, error):
        return [_isolating(attempt, isolated)]
    if isinstance(error, ConstraintViolation) and (conflicting := evidence.conflicting - attempt.savepoints):
        return [_isolating(attempt, conflicting)]
    if len(attempt.jobs) > 1 and not isinstance(error, AnswerTooLarge):
        half = len(attempt.jobs) // 2
        return [attempt.of(attempt.jobs[:half]), attempt.of(attempt.jobs[half:])]
    if isinstance(error, Transient) and _may_wait(job):
        return Outcome(job.delivery, Retry(job.delivery.attempts + 1), [])
    culprit = error.job if isinstance(error, AnswerTooLarge) else job
    return [replace(attempt, verdicts={**attempt.verdicts, culprit: _verdict(attempt, culprit, error)})]


def jobs_to_isolate(attempt: Attempt, error: Exception) -> frozenset[Job]:
    """Return the jobs that can fail midway and had no savepoint; none where savepoints would not change the result."""
    too_large = isinstance(error, StatementTimeout | ResourceLimitExceeded)
    if isinstance(error, Transient | AnswerTooLarge) or (too_large and len(attempt.jobs) == 1):
        return frozenset()
    midway = (job for job in attempt.jobs if job.plan is not None and job.plan.savepoint is Savepoint.ON_FAILURE)
    return frozenset(midway) - attempt.savepoints - attempt.verdicts.keys()


def _isolating(attempt: Attempt, jobs: Collection[Job]) -> Attempt:
    return replace(attempt, savepoints=attempt.savepoints.union(jobs))


def _verdict(attempt: Attempt, job: Job, error: Exception) -> CommandError:
    if isinstance(error, AnswerTooLarge):
        return error.error
    # The error cannot be recorded as the result either, so the publisher did not cause it.
    if job in attempt.verdicts and not isinstance(error, Transient):
        return Internal()
    return to_command_error(error, job.plan)


def _is_probably_new(job: Job) -> bool:
    # Not all effects of the operator's SQL can be rolled back: it must not run again for a repeat.
    runs_sql = job.plan is not None and job.plan.savepoint is Savepoint.ALWAYS
    return not runs_sql and job.is_recorded(job.error) and not job.delivery.redelivered and not job.delivery.attempts


def _may_wait(job: Job) -> bool:
    # RabbitMQ rejects messages in another user's name: in a retry queue, the command would lose its actor.
    return job.delivery.attempts < len(RETRY_DELAYS) and not job.delivery.user_id
