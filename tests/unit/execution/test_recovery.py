"""What follows when a transaction failed: each row of the table in `crudmq.execution.recovery`."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import Conflict, Internal, Invalid, LimitExceeded, Malformed, NotFound, Timeout, Unavailable
from crudmq.contract.result import Subject
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.job import RETRY_DELAYS, AnswerTooLarge, Job, Outcome, Retry
from crudmq.execution.recovery import Attempt, Evidence, recover
from crudmq.execution.transaction import InboxNotChecked, PartialFailure
from crudmq.storage.constraints import Constraint
from crudmq.storage.errors import (
    AlreadyRecorded,
    ConstraintViolation,
    DataError,
    LockTimeout,
    StatementTimeout,
    Transient,
    UnexpectedDatabaseError,
)

VIOLATION = ConstraintViolation(Constraint("unique", "people", "uq_people_name", ("name",)))
ANY_ERROR = [
    VIOLATION,
    DataError("too long"),
    StatementTimeout("slow"),
    Transient("deadlock"),
    LockTimeout("a row"),
    UnexpectedDatabaseError("no such table"),
    InboxNotChecked(),
    PartialFailure(),
    ZeroDivisionError("a bug"),
]
NO_EVIDENCE = Evidence()

any_error = pytest.mark.parametrize("error", ANY_ERROR, ids=lambda error: type(error).__name__)


@dataclass(frozen=True)
class Step(Plan):
    savepoint: Savepoint = Savepoint.NEVER

    async def run(self, uow: object) -> Any:  # noqa: ANN401 - it is never run
        raise NotImplementedError


def job(savepoint: Savepoint = Savepoint.NEVER, **properties: Any) -> Job:  # noqa: ANN401 - of a delivery
    delivery = Delivery(b"{}", message_id="m", reply_to="replies", **properties)
    return Job(delivery, Subject("m", "people", "create"), Step(savepoint))


def attempt(*jobs: Job, **rest: Any) -> Attempt:  # noqa: ANN401 - of an attempt
    return Attempt(jobs, **rest)


def test_an_inbox_that_has_the_key_already_is_asked_at_once() -> None:
    lone = attempt(job(), check_inbox=False)
    assert recover(lone, AlreadyRecorded(), NO_EVIDENCE) == [replace(lone, check_inbox=True)]


def test_a_lost_race_for_a_key_asks_the_inbox_again() -> None:
    group = attempt(job(), job())
    assert recover(group, AlreadyRecorded(), NO_EVIDENCE) == [group]


@any_error
def test_any_failure_without_asking_the_inbox_is_repeated_with_asking_it(error: Exception) -> None:
    lone = attempt(job(Savepoint.ON_FAILURE), check_inbox=False)
    assert recover(lone, error, NO_EVIDENCE) == [replace(lone, check_inbox=True)]


@pytest.mark.parametrize("error", [error for error in ANY_ERROR if not isinstance(error, Transient)])
def test_jobs_that_can_fail_midway_get_savepoints_all_at_once(error: Exception) -> None:
    plain, earlier, later = job(), job(Savepoint.ON_FAILURE), job(Savepoint.ON_FAILURE)
    group = attempt(plain, earlier, later)
    assert recover(group, error, NO_EVIDENCE) == [replace(group, savepoints=frozenset({earlier, later}))]


@pytest.mark.parametrize("error", [Transient("deadlock"), LockTimeout("a row")])
def test_a_transient_failure_is_not_worth_savepoints(error: Exception) -> None:
    earlier, later = job(Savepoint.ON_FAILURE), job(Savepoint.ON_FAILURE)
    assert recover(attempt(earlier, later), error, NO_EVIDENCE) == [attempt(earlier), attempt(later)]


def test_a_lone_statement_that_is_too_slow_is_not_run_again_in_a_savepoint() -> None:
    (following,) = attempts_after(attempt(job(Savepoint.ON_FAILURE)), StatementTimeout("slow"))
    assert isinstance(following.verdicts[following.jobs[0]], Timeout)


def test_jobs_that_the_evidence_names_get_savepoints_besides_those_that_have_them() -> None:
    saved, culprit, other = job(Savepoint.ON_FAILURE), job(), job()
    group = attempt(saved, culprit, other, savepoints=frozenset({saved}))
    following = recover(group, VIOLATION, Evidence(frozenset({saved, culprit})))
    assert following == [replace(group, savepoints=frozenset({saved, culprit}))]


def test_evidence_that_names_nobody_new_is_none() -> None:
    culprit, other = job(), job()
    group = attempt(culprit, other, savepoints=frozenset({culprit}))
    following = recover(group, VIOLATION, Evidence(frozenset({culprit})))
    assert following == [attempt(culprit, savepoints=frozenset({culprit})), attempt(other)]


@any_error
def test_several_jobs_are_split_into_halves_in_their_order(error: Exception) -> None:
    jobs = [job() for _ in range(5)]
    assert recover(attempt(*jobs), error, NO_EVIDENCE) == [attempt(*jobs[:2]), attempt(*jobs[2:])]


def test_halves_keep_the_savepoints_of_their_jobs() -> None:
    earlier, later = job(Savepoint.ON_FAILURE), job(Savepoint.ON_FAILURE)
    group = attempt(earlier, later, savepoints=frozenset({earlier, later}))
    halves = attempts_after(group, VIOLATION)
    assert [half.savepoints for half in halves] == [{earlier}, {later}]


@pytest.mark.parametrize("error", [Transient("deadlock"), LockTimeout("a row")])
@pytest.mark.parametrize("waited", range(len(RETRY_DELAYS)))
def test_a_lone_job_that_failed_transiently_waits_in_a_retry_queue(error: Exception, waited: int) -> None:
    lone = job(attempts=waited)
    assert recover(attempt(lone), error, NO_EVIDENCE) == Outcome(lone.delivery, Retry(waited + 1), [])


@pytest.mark.parametrize("properties", [{"attempts": len(RETRY_DELAYS)}, {"user_id": "ann"}])
def test_it_is_unavailable_once_its_retries_are_used_up_or_it_has_an_actor(properties: dict[str, Any]) -> None:
    (following,) = attempts_after(attempt(job(**properties)), Transient("deadlock"))
    assert isinstance(following.verdicts[following.jobs[0]], Unavailable)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (VIOLATION, Conflict),
        (DataError("too long"), Invalid),
        (StatementTimeout("slow"), Timeout),
        (UnexpectedDatabaseError("no such table"), Internal),
        (ZeroDivisionError("a bug"), Internal),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_lone_job_gets_the_error_as_its_result(error: Exception, verdict: type[Exception]) -> None:
    lone = job()
    (following,) = attempts_after(attempt(lone), error)
    assert following.jobs == (lone,)
    assert type(following.verdicts[lone]) is verdict
    assert following.error_of(lone) is following.verdicts[lone]


@pytest.mark.parametrize("error", [VIOLATION, DataError("the result"), ZeroDivisionError("a bug")])
def test_an_error_that_cannot_be_recorded_either_is_internal(error: Exception) -> None:
    lone = job()
    judged = attempt(lone, verdicts={lone: Invalid()})
    (following,) = attempts_after(judged, error)
    assert isinstance(following.verdicts[lone], Internal)


@any_error
def test_a_commit_without_a_reply_is_remembered_by_all_that_follows(error: Exception) -> None:
    group = attempt(job(), job(Savepoint.ON_FAILURE))
    assert all(following.may_be_committed for following in attempts_after(group, error, Evidence(commit_was_sent=True)))
    assert not any(following.may_be_committed for following in attempts_after(group, error))


@any_error
def test_recovery_comes_to_an_end(error: Exception) -> None:
    jobs = [job(Savepoint.ON_FAILURE if number % 3 else Savepoint.NEVER, user_id="ann") for number in range(8)]
    waiting, tries = [attempt(*jobs, check_inbox=False)], 0
    while waiting:
        current = waiting.pop()
        tries += 1
        if not any(isinstance(verdict, Internal | Timeout | Unavailable) for verdict in current.verdicts.values()):
            waiting += attempts_after(current, error, Evidence(frozenset(jobs[:2])))
    assert tries < 8 * len(jobs)


def test_a_lone_new_job_does_not_ask_the_inbox() -> None:
    assert not Attempt.initial([job()]).check_inbox
    assert not Attempt.initial([job(Savepoint.ON_FAILURE)]).check_inbox
    assert Attempt.initial([job(), job()]).check_inbox


@pytest.mark.parametrize("properties", [{"redelivered": True}, {"attempts": 1}])
def test_a_lone_job_that_may_have_run_before_asks_the_inbox(properties: dict[str, Any]) -> None:
    assert Attempt.initial([job(**properties)]).check_inbox


@pytest.mark.parametrize("error", [Timeout(), Malformed(), NotFound()], ids=lambda error: type(error).__name__)
def test_a_lone_job_whose_result_no_key_judges_asks_the_inbox(error: Any) -> None:  # noqa: ANN401 - a command's error
    refused = replace_error(job(), error)
    assert Attempt.initial([refused]).check_inbox is not error.is_recorded


def replace_error(refused: Job, error: Any) -> Job:  # noqa: ANN401 - a command's error
    return Job(refused.delivery, refused.subject, error=error)


def attempts_after(failed: Attempt, error: Exception, evidence: Evidence = NO_EVIDENCE) -> list[Attempt]:
    following = recover(failed, error, evidence)
    assert isinstance(following, list)
    return following


def test_a_command_that_runs_the_operators_sql_asks_the_inbox_first() -> None:
    assert Attempt.initial([job(Savepoint.ALWAYS)]).check_inbox


def test_a_job_whose_answer_is_too_large_gets_the_error_and_the_others_run_again_with_it() -> None:
    jobs = [job(), job(Savepoint.ON_FAILURE), job()]
    (following,) = attempts_after(attempt(*jobs), AnswerTooLarge(jobs[1], LimitExceeded("too large")))
    assert following.jobs == tuple(jobs)
    assert not following.savepoints
    assert {each: str(error) for each, error in following.verdicts.items()} == {jobs[1]: "too large"}


def test_answers_that_are_too_large_are_found_one_after_the_other() -> None:
    first, second = job(), job()
    error = LimitExceeded("too large")
    (following,) = attempts_after(attempt(first, second), AnswerTooLarge(first, error))
    (last,) = attempts_after(following, AnswerTooLarge(second, error))
    assert set(last.verdicts) == {first, second}
