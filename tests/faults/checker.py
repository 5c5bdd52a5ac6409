"""Judges a run by its evidence. Implements the contract independently, and shares no code with the service."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.faults import database, effects, events, replay
from tests.faults.evidence import Evidence, Expected, Received
from tests.faults.findings import Category, Finding
from tests.faults.workload import Command

_PROVOKED = frozenset({"invalid", "not_found", "conflict", "version_mismatch"})
"""Errors that the load provokes."""
_DELIVERY_LIMIT = "delivery-limit"
_MAX_SHOWN = 40


class End(StrEnum):
    """Where a command ended."""

    INBOX = "the inbox"
    DEAD_LETTERS = "the dead letters"
    ANSWER = "a result that is not recorded"


@dataclass(frozen=True)
class Verdict:
    """The findings of the checker, and what it counted."""

    commands: int
    confirmed: int
    ok: int
    errors: int
    repeats: int
    findings: Sequence[Finding]

    def count(self, category: Category) -> int:
        return sum(finding.category is category for finding in self.findings)

    @property
    def is_good(self) -> bool:
        return not self.findings


def check(evidence: Evidence, expected: Expected) -> Verdict:
    """Check every guarantee."""
    results, distinct_events = _by_command(evidence.results), events.parse(evidence.events)
    ends = {each.id: _ends(each, evidence, results.get(each.id, []), expected) for each in evidence.commands}
    findings = [
        *_each_ended_once(evidence, ends),
        *_dead_as_expected(evidence, expected),
        *_answered_once(evidence, results, ends, expected),
        *effects.check(evidence, results, distinct_events),
        *replay.check(distinct_events, evidence, has_order=expected.has_order),
        *_drained(evidence, expected),
    ]
    statuses = Counter(_status(received[0].body) for received in results.values())
    return Verdict(
        commands=len(evidence.commands),
        confirmed=len(evidence.confirmed),
        ok=statuses["ok"],
        errors=statuses["error"],
        repeats=_repeats(evidence),
        findings=findings,
    )


def code_of(dead: Received) -> str:
    """Return the error code of a dead letter; the broker's own have none."""
    return str(dead.headers.get("x-error-code", _DELIVERY_LIMIT))


def _ends(command: Command, evidence: Evidence, results: Sequence[Received], expected: Expected) -> set[End]:
    ends = set()
    if database.digest(command.id) in evidence.inbox:
        ends.add(End.INBOX)
    if any(dead.command == command.id for dead in evidence.dead):
        ends.add(End.DEAD_LETTERS)
    is_unstored = any(_code(result.body) in expected.unstored for result in results)
    if not ends and results and (is_unstored or expected.is_inbox_pruned):
        ends.add(End.ANSWER)
    return ends


def _each_ended_once(evidence: Evidence, ends: Mapping[str, set[End]]) -> Iterator[Finding]:
    for identifier, places in ends.items():
        if not places and identifier in evidence.confirmed:
            yield Finding(Category.LOST, f"{identifier} was confirmed and is neither in the inbox nor a dead letter")
        if len(places) > 1:
            yield Finding(Category.DUPLICATED, f"{identifier} ended in {' and in '.join(sorted(places))}")


def _dead_as_expected(evidence: Evidence, expected: Expected) -> Iterator[Finding]:
    known = {command.id for command in evidence.commands}
    for body in expected.poison - {dead.body for dead in evidence.dead}:
        yield Finding(Category.LOST, f"the poison {body[:_MAX_SHOWN]!r} is not among the dead letters")
    for dead in evidence.dead:
        if dead.body in expected.poison:
            continue
        if code_of(dead) not in expected.dead:
            yield Finding(Category.LOST, f"{dead.command} is a dead letter: {code_of(dead)}")
        if dead.command not in known:
            yield Finding(Category.DUPLICATED, f"the dead letter {dead.command} was never sent as a command")


def _answered_once(
    evidence: Evidence, results: Mapping[str, Sequence[Received]], ends: Mapping[str, set[End]], expected: Expected
) -> Iterator[Finding]:
    limited = {dead.command or "" for dead in evidence.dead if code_of(dead) == _DELIVERY_LIMIT}
    for command in evidence.commands:
        bodies = {result.body for result in results.get(command.id, [])}
        is_due = bool(ends[command.id]) and command.id not in limited | evidence.unobserved
        if not bodies and is_due:
            yield Finding(Category.LOST, f"{command.id} has no result")
        if len(bodies) > 1:
            yield Finding(Category.DUPLICATED, f"{command.id} has {len(bodies)} different results")
        for body in bodies:
            recorded = evidence.inbox.get(database.digest(command.id))
            if recorded is not None and recorded != body:
                yield Finding(Category.DUPLICATED, f"{command.id} was answered with another result than the inbox has")
            code = _code(body)
            if code is not None and code not in _PROVOKED | expected.errors | expected.dead | expected.unstored:
                yield Finding(Category.LOST, f"{command.id} was answered {code}")
    for identifier in results.keys() - {command.id for command in evidence.commands}:
        yield Finding(Category.DUPLICATED, f"a result for {identifier}, which was never sent")


def _drained(evidence: Evidence, expected: Expected) -> Iterator[Finding]:
    final = evidence.final
    texts = list(final.failures)
    texts += [f"{depth} messages are left in {queue}" for queue, depth in final.depths.items() if depth]
    texts += [f"{final.outbox} rows are left in the outbox"] if final.outbox else []
    texts += [f"{final.open_transactions} transactions are open"] if final.open_transactions else []
    if final.consumers != expected.consumers:
        texts.append(f"there are {final.consumers} consumers, not {expected.consumers}")
    for text in texts:
        yield Finding(Category.NOT_DRAINED, text)


def _by_command(results: Iterable[Received]) -> dict[str, list[Received]]:
    by_command: dict[str, list[Received]] = defaultdict(list)
    for result in results:
        by_command[result.command or ""].append(result)
    return by_command


def _repeats(evidence: Evidence) -> int:
    results = len(evidence.results) - len({result.command for result in evidence.results})
    return results + len(evidence.events) - len({event.message_id for event in evidence.events})


def _status(body: bytes) -> str:
    return str(json.loads(body)["status"])


def _code(body: bytes) -> str | None:
    result: Mapping[str, Any] = json.loads(body)
    return str(result["error"]["code"]) if result["status"] == "error" else None
