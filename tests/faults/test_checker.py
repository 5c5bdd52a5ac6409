"""The checker finds what it is for: in evidence made by hand, and in runs of a service with a bug put in on purpose."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.faults import scenario
from tests.faults.bugs import Bug
from tests.faults.checker import check
from tests.faults.database import digest
from tests.faults.evidence import Evidence, Expected, Heard, Rest
from tests.faults.failpoints import Asked, Step
from tests.faults.fault import Fault, Run
from tests.faults.findings import Kind
from tests.faults.workload import Command

PLAIN = Expected()


def test_a_run_in_which_all_went_well_has_no_findings() -> None:
    verdict = check(GOOD, PLAIN)
    assert verdict.findings == []
    assert (verdict.commands, verdict.confirmed, verdict.ok, verdict.errors, verdict.repeats) == (5, 5, 4, 1, 0)


def test_repeats_with_the_same_bytes_are_counted_and_are_no_fault() -> None:
    verdict = check(replace(GOOD, results=[*GOOD.results, *GOOD.results], events=[*GOOD.events, *GOOD.events]), PLAIN)
    assert verdict.findings == []
    assert verdict.repeats == len(GOOD.results) + len(GOOD.events)


def test_a_command_that_was_not_confirmed_and_is_nowhere_is_no_fault() -> None:
    never = Command("never", b"{}", "people.create", "people/9")
    assert check(replace(GOOD, commands=[*GOOD.commands, never]), PLAIN).findings == []


def test_an_end_that_a_fault_allows_is_no_fault() -> None:
    evidence = replace(
        with_command("more"),
        results=[*GOOD.results, refusal("more", "unavailable")],
        events=[*GOOD.events, failure("more")],
        dead=[dead_letter("more", "unavailable")],
    )
    assert found(evidence) == {Kind.LOST}
    assert check(evidence, Expected(dead=frozenset({"unavailable"}))).findings == []
    untold = replace(evidence, dead=[])
    assert found(untold) == {Kind.LOST}
    assert check(untold, Expected(unstored=frozenset({"unavailable"}))).findings == []


def test_poison_has_to_be_dead_and_alone_in_that() -> None:
    expected = Expected(poison=frozenset({b"poison"}))
    assert found(GOOD, expected) == {Kind.LOST}
    isolated = replace(GOOD, dead=[Heard(None, None, b"poison")])
    assert found(isolated, expected) == set()
    bystander = replace(with_command("more"), dead=[*isolated.dead, Heard("more", "more", b"{}")])
    assert found(bystander, expected) == {Kind.LOST}


Change = Callable[[Evidence], Evidence]


def without(what: str, number: int) -> Change:
    """Leave one out of what was heard."""

    def change(evidence: Evidence) -> Evidence:
        heard = list(getattr(evidence, what))
        del heard[number]
        return replaced(evidence, what, heard)

    return change


def with_more(what: str, heard: Heard) -> Change:
    return lambda evidence: replaced(evidence, what, [*getattr(evidence, what), heard])


def replaced(evidence: Evidence, what: str, heard: Sequence[Heard]) -> Evidence:
    changed: dict[str, Any] = {what: heard}
    return replace(evidence, **changed)


def swapped(first: int, second: int) -> Change:
    """Let two events come in each other's place."""

    def change(evidence: Evidence) -> Evidence:
        events = list(evidence.events)
        events[first], events[second] = events[second], events[first]
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


def at_rest(rest: Rest) -> Change:
    return lambda evidence: replace(evidence, rest=rest)


def message(command: str, body: object, identifier: str, **headers: object) -> Heard:
    return Heard(command, identifier, json.dumps(body).encode(), headers)


def result(command: str, resource: str, action: str, data: object) -> Heard:
    body = {"id": command, "status": "ok", "resource": resource, "action": action, "data": data}
    return message(command, body, f"result-{command}")


def refusal(command: str, code: str) -> Heard:
    body = {"id": command, "status": "error", "action": "update", "error": {"code": code}}
    return message(command, body, f"result-{command}")


def dead_letter(command: str, code: str) -> Heard:
    return Heard(command, command, b"{}", {"x-error-code": code})


def event(identifier: str, command: str, kind: str, data: object) -> Heard:
    return message(command, {"id": identifier, "commandid": command, "type": kind, "data": data}, identifier)


def failure(command: str) -> Heard:
    return event(f"failure-{command}", command, "people.failed", {"action": "update", "error": {}})


def person(age: int, version: int) -> dict[str, Any]:
    return {"id": 1, "name": "Tom", "age": age, "version": version}


def told(identifier: str, command: str, age: int, version: int) -> Heard:
    """Tell of a version of person 1, which follows from the one before."""
    after = {"id": 1, "name": "Tom", "age": age}
    before = {"age": age - 1} if version > 1 else None
    fact = "updated" if before else "created"
    return event(
        identifier, command, f"people.{fact}", {"key": {"id": 1}, "version": version, "before": before, "after": after}
    )


def user(login: str) -> dict[str, Any]:
    return {"id": 7, "email": "e", "login": login}


def told_user(identifier: str, command: str, before: str | None, after: str | None) -> Heard:
    fact = "created" if before is None else "updated" if after else "deleted"
    told_before = None if before is None else user(before) if after is None else {"login": before}
    data = {"key": {"id": 7, "email": "e"}, "before": told_before, "after": user(after) if after else None}
    return event(identifier, command, f"users.{fact}", data)


def with_command(identifier: str) -> Evidence:
    more = Command(identifier, b"{}", "people.update", "people/1")
    return replace(GOOD, commands=[*GOOD.commands, more], confirmed=GOOD.confirmed | {identifier})


def evidence_of(results: Sequence[Heard], events: Sequence[Heard], **rows: Any) -> Evidence:  # noqa: ANN401
    commands = [Command(str(one.command), b"{}", "", "") for one in results]
    return Evidence(
        commands=commands,
        confirmed=frozenset(one.id for one in commands),
        results=results,
        events=events,
        dead=[],
        inbox={digest(str(one.command)): one.body for one in results},
        rows=rows,
        links=frozenset(),
    )


GOOD = evidence_of(
    [
        result("born", "people", "create", person(1, 1)),
        result("older", "people", "update", person(2, 2)),
        refusal("refused", "version_mismatch"),
        result("user", "users", "create", user("a")),
        result("again", "users", "upsert", user("b")),
    ],
    [
        told("e1", "born", 1, 1),
        told("e2", "older", 2, 2),
        failure("refused"),
        told_user("e3", "user", None, "a"),
        told_user("e4", "again", "a", "b"),
    ],
    people={(1,): person(2, 2)},
    users={(7, "e"): user("b")},
    emails={},
    groups={},
)


def found(evidence: Evidence, expected: Expected = PLAIN) -> set[Kind]:
    return {finding.kind for finding in check(evidence, expected).findings}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(not_in_inbox("older"), Kind.LOST, id="a confirmed command that is nowhere"),
        pytest.param(without("results", 0), Kind.LOST, id="a result that nobody heard"),
        pytest.param(without("events", 1), Kind.LOST, id="a version that no event tells of"),
        pytest.param(without("events", 3), Kind.LOST, id="a row without versions of which an event is missing"),
        pytest.param(without("events", 2), Kind.LOST, id="a failure that no event tells of"),
        pytest.param(with_rows("people", one=person(3, 3)), Kind.LOST, id="a row further than its events"),
        pytest.param(with_rows("people", one=person(9, 2)), Kind.LOST, id="a row that is not what its events say"),
        pytest.param(with_rows("users", one=user("c")), Kind.LOST, id="a user that is not what its events say"),
        pytest.param(with_more("dead", dead_letter("older", "internal")), Kind.DOUBLED, id="in inbox and dead letters"),
        pytest.param(with_more("dead", Heard("older", None, b"")), Kind.LOST, id="dead-lettered by the broker"),
        pytest.param(with_more("results", refusal("older", "conflict")), Kind.DOUBLED, id="two different results"),
        pytest.param(with_more("results", refusal("who", "conflict")), Kind.DOUBLED, id="a result of what never was"),
        pytest.param(with_more("events", told("e5", "older", 2, 2)), Kind.DOUBLED, id="a version told under two ids"),
        pytest.param(with_more("events", told("e5", "older", 3, 3)), Kind.DOUBLED, id="an event without a commit"),
        pytest.param(with_more("events", told("e2", "older", 7, 2)), Kind.DOUBLED, id="an event with other bytes"),
        pytest.param(with_more("events", told("e5", "who", 3, 3)), Kind.DOUBLED, id="an event of what never was"),
        pytest.param(with_more("events", failure("older")), Kind.DOUBLED, id="an ok that is told as a failure"),
        pytest.param(with_more("events", told("e5", "refused", 3, 3)), Kind.DOUBLED, id="an error with an effect"),
        pytest.param(with_more("events", told_user("e5", "user", None, "c")), Kind.DOUBLED, id="a user born twice"),
        pytest.param(with_rows("people"), Kind.DOUBLED, id="events of a row that is not there"),
        pytest.param(swapped(0, 1), Kind.DISORDER, id="versions in another order"),
        pytest.param(swapped(3, 4), Kind.DISORDER, id="changes without versions in another order"),
        pytest.param(lambda one: replace(one, links=frozenset({(1, 2)})), Kind.LOST, id="a link that nothing tells of"),
        pytest.param(at_rest(Rest(depths={"commands": 1})), Kind.UNREST, id="a command that is left"),
        pytest.param(at_rest(Rest(outbox=1)), Kind.UNREST, id="an outbox that is not empty"),
        pytest.param(at_rest(Rest(open_transactions=1)), Kind.UNREST, id="a transaction that is open"),
        pytest.param(at_rest(Rest(consumers=2)), Kind.UNREST, id="a consumer too many"),
        pytest.param(at_rest(Rest(faults=["it hangs"])), Kind.UNREST, id="what did not come to rest"),
    ],
)
def test_what_is_wrong_is_found(change: Change, kind: Kind) -> None:
    assert kind in found(change(GOOD))


def test_an_order_is_not_asked_of_several_consumers() -> None:
    assert found(swapped(0, 1)(GOOD), Expected(has_order=False)) == set()
    assert found(swapped(3, 4)(GOOD), Expected(has_order=False)) == set()


def test_a_result_that_the_inbox_has_otherwise_is_found() -> None:
    stored = {**GOOD.inbox, digest("older"): refusal("older", "conflict").body}
    assert Kind.DOUBLED in found(replace(GOOD, inbox=stored))


def _killed_once(run: Run) -> None:
    run.replica.died()
    run.over()
    run.replica.ask(replace(run.fault.asked, die=None))
    run.replica.start()


def _copies(run: Run) -> None:
    run.add_replica(run.fault.asked)
    run.answered(run.fault.commands, seconds=100)


@pytest.mark.parametrize(
    ("bug", "fault", "kind"),
    [
        (Bug.ACK_BEFORE_COMMIT, Fault("a kill", _killed_once, asked=Asked(die=Step.IN_TRANSACTION)), Kind.LOST),
        (Bug.PUBLISH_BEFORE_COMMIT, Fault("a kill", _killed_once, asked=Asked(die=Step.IN_TRANSACTION)), Kind.DOUBLED),
        (
            Bug.CHECK_THEN_INSERT,
            Fault("copies", _copies, copies=10, expected=Expected(has_order=False, consumers=2)),
            Kind.DOUBLED,
        ),
    ],
)
def test_a_bug_that_is_put_in_on_purpose_is_found(bug: Bug, fault: Fault, kind: Kind) -> None:
    with_bug = replace(fault, asked=replace(fault.asked, bug=bug), commands=200, after=100, quiet_seconds=8)
    assert scenario.run(with_bug).verdict.count(kind) > 0
    # The same without the bug is good: it is not the fault that is found.
    good = replace(fault, commands=200, after=100)
    assert scenario.run(good).verdict.findings == []
