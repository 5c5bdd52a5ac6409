"""The checker detects broken guarantees: in evidence made by hand, and in runs of a service with a deliberate bug."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from crudmq.failpoints import Failpoint
from tests.faults import scenario
from tests.faults.bugs import Bug
from tests.faults.checker import check
from tests.faults.database import digest
from tests.faults.evidence import Evidence, Expected, FinalState, Received
from tests.faults.fault import Fault, NotInjectedError, Run
from tests.faults.findings import Category
from tests.faults.injection import Injection
from tests.faults.workload import OF_HOT_KEYS, Command, Workload

PLAIN = Expected()


def test_a_run_without_faults_has_no_findings() -> None:
    verdict = check(GOOD, PLAIN)
    assert verdict.findings == []
    assert (verdict.commands, verdict.confirmed, verdict.ok, verdict.errors, verdict.repeats) == (5, 5, 4, 1, 0)


def test_repeats_with_the_same_bytes_are_counted_and_are_no_finding() -> None:
    verdict = check(replace(GOOD, results=[*GOOD.results, *GOOD.results], events=[*GOOD.events, *GOOD.events]), PLAIN)
    assert verdict.findings == []
    assert verdict.repeats == len(GOOD.results) + len(GOOD.events)


def test_an_unconfirmed_command_without_a_trace_is_no_finding() -> None:
    never = Command("never", b"{}", "people.create", "people/9")
    assert check(replace(GOOD, commands=[*GOOD.commands, never]), PLAIN).findings == []


def test_an_error_that_a_fault_allows_is_no_finding() -> None:
    evidence = replace(
        with_command("new"),
        results=[*GOOD.results, refusal("new", "unavailable")],
        events=[*GOOD.events, failure("new")],
        dead=[dead_letter("new", "unavailable")],
    )
    assert categories(evidence) == {Category.LOST}
    assert check(evidence, Expected(dead=frozenset({"unavailable"}))).findings == []
    without_dead_letter = replace(evidence, dead=[])
    assert categories(without_dead_letter) == {Category.LOST}
    assert check(without_dead_letter, Expected(unstored=frozenset({"unavailable"}))).findings == []


def test_poison_has_to_be_dead_lettered_alone() -> None:
    expected = Expected(poison=frozenset({b"poison"}))
    assert categories(GOOD, expected) == {Category.LOST}
    isolated = replace(GOOD, dead=[Received(None, None, b"poison")])
    assert categories(isolated, expected) == set()
    bystander = replace(with_command("new"), dead=[*isolated.dead, Received("new", "new", b"{}")])
    assert categories(bystander, expected) == {Category.LOST}


Change = Callable[[Evidence], Evidence]


def without(field: str, number: int) -> Change:
    """Remove one received message."""

    def change(evidence: Evidence) -> Evidence:
        messages = list(getattr(evidence, field))
        del messages[number]
        return replaced(evidence, field, messages)

    return change


def with_more(field: str, message: Received) -> Change:
    return lambda evidence: replaced(evidence, field, [*getattr(evidence, field), message])


def replaced(evidence: Evidence, field: str, messages: Sequence[Received]) -> Evidence:
    changed: dict[str, Any] = {field: messages}
    return replace(evidence, **changed)


def swapped(number: int, other: int) -> Change:
    """Swap the positions of two events."""

    def change(evidence: Evidence) -> Evidence:
        events = list(evidence.events)
        events[number], events[other] = events[other], events[number]
        return replace(evidence, events=events)

    return change


def with_rows(resource: str, **rows: Any) -> Change:  # noqa: ANN401 - rows by name
    return lambda evidence: replace(
        evidence,
        rows={**evidence.rows, resource: {tuple(row.values())[: width(resource)]: row for row in rows.values()}},
    )


def width(resource: str) -> int:
    return 2 if resource == "users" else 1


def not_in_inbox(identifier: str) -> Change:
    return lambda evidence: replace(
        evidence, inbox={key: body for key, body in evidence.inbox.items() if key != digest(identifier)}
    )


def drained_to(final: FinalState) -> Change:
    return lambda evidence: replace(evidence, final=final)


def message(command: str, body: object, identifier: str, **headers: object) -> Received:
    return Received(command, identifier, json.dumps(body).encode(), headers)


def result(command: str, resource: str, action: str, data: object) -> Received:
    body = {"id": command, "status": "ok", "resource": resource, "action": action, "data": data}
    return message(command, body, f"result-{command}")


def refusal(command: str, code: str) -> Received:
    body = {"id": command, "status": "error", "action": "update", "error": {"code": code}}
    return message(command, body, f"result-{command}")


def dead_letter(command: str, code: str) -> Received:
    return Received(command, command, b"{}", {"x-error-code": code})


def event(identifier: str, command: str, kind: str, data: object) -> Received:
    return message(command, {"id": identifier, "commandid": command, "type": kind, "data": data}, identifier)


def failure(command: str) -> Received:
    return event(f"failure-{command}", command, "people.failed", {"action": "update", "error": {}})


def person(age: int, version: int) -> dict[str, Any]:
    return {"id": 1, "name": "Tom", "age": age, "version": version}


def person_event(identifier: str, command: str, age: int, version: int) -> Received:
    """Return the event of a version of person 1, which follows from the version before."""
    after = {"id": 1, "name": "Tom", "age": age}
    before = {"age": age - 1} if version > 1 else None
    kind = "updated" if before else "created"
    return event(
        identifier, command, f"people.{kind}", {"key": {"id": 1}, "version": version, "before": before, "after": after}
    )


def user(login: str) -> dict[str, Any]:
    return {"id": 7, "email": "e", "login": login}


def user_event(identifier: str, command: str, before: str | None, after: str | None) -> Received:
    kind = "created" if before is None else "updated" if after else "deleted"
    changed = None if before is None else user(before) if after is None else {"login": before}
    data = {"key": {"id": 7, "email": "e"}, "before": changed, "after": user(after) if after else None}
    return event(identifier, command, f"users.{kind}", data)


def with_command(identifier: str) -> Evidence:
    command = Command(identifier, b"{}", "people.update", "people/1")
    return replace(GOOD, commands=[*GOOD.commands, command], confirmed=GOOD.confirmed | {identifier})


def evidence_of(results: Sequence[Received], events: Sequence[Received], **rows: Any) -> Evidence:  # noqa: ANN401
    commands = [Command(str(each.command), b"{}", "", "") for each in results]
    return Evidence(
        commands=commands,
        confirmed=frozenset(command.id for command in commands),
        results=results,
        events=events,
        dead=[],
        inbox={digest(str(each.command)): each.body for each in results},
        rows=rows,
        links=frozenset(),
    )


GOOD = evidence_of(
    [
        result("created", "people", "create", person(1, 1)),
        result("older", "people", "update", person(2, 2)),
        refusal("refused", "version_mismatch"),
        result("user", "users", "create", user("a")),
        result("again", "users", "upsert", user("b")),
    ],
    [
        person_event("e1", "created", 1, 1),
        person_event("e2", "older", 2, 2),
        failure("refused"),
        user_event("e3", "user", None, "a"),
        user_event("e4", "again", "a", "b"),
    ],
    people={(1,): person(2, 2)},
    users={(7, "e"): user("b")},
    emails={},
    groups={},
)


def categories(evidence: Evidence, expected: Expected = PLAIN) -> set[Category]:
    return {finding.category for finding in check(evidence, expected).findings}


@pytest.mark.parametrize(
    ("change", "category"),
    [
        pytest.param(not_in_inbox("older"), Category.LOST, id="a confirmed command without a trace"),
        pytest.param(without("results", 0), Category.LOST, id="a missing result"),
        pytest.param(without("events", 1), Category.LOST, id="a version without an event"),
        pytest.param(without("events", 3), Category.LOST, id="a missing event of a row without versions"),
        pytest.param(without("events", 2), Category.LOST, id="a failure without an event"),
        pytest.param(with_rows("people", row=person(3, 3)), Category.LOST, id="a row newer than its events"),
        pytest.param(with_rows("people", row=person(9, 2)), Category.LOST, id="a row that differs from its events"),
        pytest.param(with_rows("users", row=user("c")), Category.LOST, id="a user that differs from its events"),
        pytest.param(
            with_more("dead", dead_letter("older", "internal")), Category.DUPLICATED, id="in inbox and dead letters"
        ),
        pytest.param(with_more("dead", Received("older", None, b"")), Category.LOST, id="dead-lettered by the broker"),
        pytest.param(
            with_more("results", refusal("older", "conflict")), Category.DUPLICATED, id="two different results"
        ),
        pytest.param(
            with_more("results", refusal("who", "conflict")), Category.DUPLICATED, id="a result of an unknown command"
        ),
        pytest.param(
            with_more("events", person_event("e5", "older", 2, 2)),
            Category.DUPLICATED,
            id="a version reported under two ids",
        ),
        pytest.param(
            with_more("events", person_event("e5", "older", 3, 3)), Category.DUPLICATED, id="an event without a commit"
        ),
        pytest.param(
            with_more("events", person_event("e2", "older", 7, 2)), Category.DUPLICATED, id="an event with other bytes"
        ),
        pytest.param(
            with_more("events", person_event("e5", "who", 3, 3)),
            Category.DUPLICATED,
            id="an event of an unknown command",
        ),
        pytest.param(
            with_more("events", failure("older")), Category.DUPLICATED, id="a success that is reported as a failure"
        ),
        pytest.param(
            with_more("events", person_event("e5", "refused", 3, 3)), Category.DUPLICATED, id="an error with an effect"
        ),
        pytest.param(
            with_more("events", user_event("e5", "user", None, "c")), Category.DUPLICATED, id="a user created twice"
        ),
        pytest.param(with_rows("people"), Category.DUPLICATED, id="events of a row that does not exist"),
        pytest.param(swapped(0, 1), Category.OUT_OF_ORDER, id="versions out of order"),
        pytest.param(swapped(3, 4), Category.OUT_OF_ORDER, id="changes without versions out of order"),
        pytest.param(
            lambda evidence: replace(evidence, links=frozenset({(1, 2)})), Category.LOST, id="a link without an event"
        ),
        pytest.param(
            drained_to(FinalState(depths={"commands": 1})), Category.NOT_DRAINED, id="a command left in the queue"
        ),
        pytest.param(drained_to(FinalState(outbox=1)), Category.NOT_DRAINED, id="an outbox that is not empty"),
        pytest.param(drained_to(FinalState(open_transactions=1)), Category.NOT_DRAINED, id="an open transaction"),
        pytest.param(drained_to(FinalState(consumers=2)), Category.NOT_DRAINED, id="a superfluous consumer"),
        pytest.param(
            drained_to(FinalState(failures=["it hangs"])), Category.NOT_DRAINED, id="a service that did not drain"
        ),
    ],
)
def test_a_broken_guarantee_is_found(change: Change, category: Category) -> None:
    assert category in categories(change(GOOD))


def test_no_order_is_required_of_several_consumers() -> None:
    assert categories(swapped(0, 1)(GOOD), Expected(has_order=False)) == set()
    assert categories(swapped(3, 4)(GOOD), Expected(has_order=False)) == set()


def test_a_result_that_differs_from_the_inbox_is_found() -> None:
    recorded = {**GOOD.inbox, digest("older"): refusal("older", "conflict").body}
    assert Category.DUPLICATED in categories(replace(GOOD, inbox=recorded))


def _killed_once(run: Run) -> None:
    run.prove(run.replica.wait_died())
    run.end_fault()
    run.replica.inject(replace(run.fault.injection, kill_at=None))
    run.replica.start()


def _copies(run: Run) -> None:
    run.add_replica(run.fault.injection)
    run.wait_answered(run.fault.commands)
    run.prove("every command is sent in copies", holds=run.fault.copies > 1)


def _nothing(_: Run) -> None:
    """Inject nothing, and prove nothing."""


_KILLED = Injection(kill_at=Failpoint.IN_TRANSACTION)
_CONFLICTING = (*OF_HOT_KEYS, Workload.create_inline)
"""Operations on unique values: a second copy of one is refused, its group runs again, and finds all of it done."""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("bug", "fault", "category"),
    [
        (Bug.ACK_BEFORE_COMMIT, Fault("a kill", _killed_once, injection=_KILLED), Category.LOST),
        (Bug.PUBLISH_BEFORE_COMMIT, Fault("a kill", _killed_once, injection=_KILLED), Category.DUPLICATED),
        (
            Bug.CHECK_THEN_INSERT,
            Fault("copies", _copies, copies=10, without=_CONFLICTING, expected=Expected(has_order=False, consumers=2)),
            Category.DUPLICATED,
        ),
    ],
)
def test_a_deliberate_bug_is_detected(bug: Bug, fault: Fault, category: Category) -> None:
    small = replace(fault, commands=200, commands_after=100)
    # What the bug loses is never answered: there is nothing to wait for.
    with_bug = replace(small, injection=replace(fault.injection, bug=bug), drain_seconds=8)
    assert scenario.execute(with_bug).verdict.count(category) > 0
    # Without the bug the same fault causes no finding.
    assert scenario.execute(small).verdict.findings == []


@pytest.mark.timeout(1200)
def test_a_fault_that_proves_nothing_was_not_injected() -> None:
    with pytest.raises(NotInjectedError, match="was not injected"):
        scenario.execute(Fault("nothing", _nothing))


@pytest.mark.timeout(1200)
def test_a_fault_whose_proof_does_not_hold_was_not_injected() -> None:
    with pytest.raises(NotInjectedError, match="was not injected: not so: the broker is down"):
        scenario.execute(Fault("nothing", lambda run: run.prove("the broker is down", holds=False)))
