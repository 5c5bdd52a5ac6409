"""Judges a run by what was asked, heard and stored. Knows the contract, and shares no code with the service."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.faults import database, effects, replay
from tests.faults.evidence import Evidence, Expected, Heard
from tests.faults.findings import Finding, Kind
from tests.faults.told import told
from tests.faults.workload import Command

_LOADS_OWN = frozenset({"invalid", "not_found", "conflict", "version_mismatch"})
"""Errors that the load asks for."""
_BROKERS = "delivery-limit"
_SHOWN = 40


class End(StrEnum):
    """Where a command ended."""

    INBOX = "the inbox"
    DEAD_LETTERS = "the dead letters"
    ANSWER = "an answer that is not kept"


@dataclass(frozen=True)
class Verdict:
    """What the checker found."""

    commands: int
    confirmed: int
    ok: int
    errors: int
    repeats: int
    findings: Sequence[Finding]

    def count(self, kind: Kind) -> int:
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def is_good(self) -> bool:
        return not self.findings


def check(evidence: Evidence, expected: Expected) -> Verdict:
    """Check all that is promised."""
    results, events = _by_command(evidence.results), told(evidence.events)
    ends = {one.id: _ends(one, evidence, results.get(one.id, []), expected) for one in evidence.commands}
    findings = [
        *_each_ended_once(evidence, ends),
        *_dead_as_expected(evidence, expected),
        *_answered_once(evidence, results, ends, expected),
        *effects.check(evidence, results, events),
        *replay.check(events, evidence, has_order=expected.has_order),
        *_at_rest(evidence, expected),
    ]
    statuses = Counter(_status(found[0].body) for found in results.values())
    return Verdict(
        commands=len(evidence.commands),
        confirmed=len(evidence.confirmed),
        ok=statuses["ok"],
        errors=statuses["error"],
        repeats=_repeats(evidence),
        findings=findings,
    )


def code_of(dead: Heard) -> str:
    """Give what a dead letter died of; the broker's own reasons have no code."""
    return str(dead.headers.get("x-error-code", _BROKERS))


def _ends(command: Command, evidence: Evidence, results: Sequence[Heard], expected: Expected) -> set[End]:
    ends = set()
    if database.digest(command.id) in evidence.inbox:
        ends.add(End.INBOX)
    if any(dead.command == command.id for dead in evidence.dead):
        ends.add(End.DEAD_LETTERS)
    is_unstored = any(_code(result.body) in expected.unstored for result in results)
    if not ends and results and (is_unstored or expected.forgotten):
        ends.add(End.ANSWER)
    return ends


def _each_ended_once(evidence: Evidence, ends: Mapping[str, set[End]]) -> Iterator[Finding]:
    for identifier, found in ends.items():
        if not found and identifier in evidence.confirmed:
            yield Finding(Kind.LOST, f"{identifier} was confirmed and is nowhere")
        if len(found) > 1:
            yield Finding(Kind.DOUBLED, f"{identifier} ended in {' and in '.join(sorted(found))}")


def _dead_as_expected(evidence: Evidence, expected: Expected) -> Iterator[Finding]:
    known = {command.id for command in evidence.commands}
    for body in expected.poison - {dead.body for dead in evidence.dead}:
        yield Finding(Kind.LOST, f"the poison {body[:_SHOWN]!r} is not among the dead letters")
    for dead in evidence.dead:
        if dead.body in expected.poison:
            continue
        if code_of(dead) not in expected.dead:
            yield Finding(Kind.LOST, f"{dead.command} is a dead letter: {code_of(dead)}")
        if dead.command not in known:
            yield Finding(Kind.DOUBLED, f"the dead letter {dead.command} was never sent")


def _answered_once(
    evidence: Evidence, results: Mapping[str, Sequence[Heard]], ends: Mapping[str, set[End]], expected: Expected
) -> Iterator[Finding]:
    brokers = {dead.command or "" for dead in evidence.dead if code_of(dead) == _BROKERS}
    for command in evidence.commands:
        bodies = {result.body for result in results.get(command.id, [])}
        is_due = bool(ends[command.id]) and command.id not in brokers | evidence.unheard
        if not bodies and is_due:
            yield Finding(Kind.LOST, f"{command.id} has no result")
        if len(bodies) > 1:
            yield Finding(Kind.DOUBLED, f"{command.id} has {len(bodies)} different results")
        for body in bodies:
            stored = evidence.inbox.get(database.digest(command.id))
            if stored is not None and stored != body:
                yield Finding(Kind.DOUBLED, f"{command.id} was told another result than the inbox has")
            code = _code(body)
            if code is not None and code not in _LOADS_OWN | expected.errors | expected.dead | expected.unstored:
                yield Finding(Kind.LOST, f"{command.id} was answered {code}")
    for identifier in results.keys() - {command.id for command in evidence.commands}:
        yield Finding(Kind.DOUBLED, f"a result for {identifier}, that was never sent")


def _at_rest(evidence: Evidence, expected: Expected) -> Iterator[Finding]:
    rest = evidence.rest
    texts = list(rest.faults)
    texts += [f"{depth} messages are left in {queue}" for queue, depth in rest.depths.items() if depth]
    texts += [f"{rest.outbox} rows are left in the outbox"] if rest.outbox else []
    texts += [f"{rest.open_transactions} transactions are open"] if rest.open_transactions else []
    if rest.consumers != expected.consumers:
        texts.append(f"there are {rest.consumers} consumers, not {expected.consumers}")
    for text in texts:
        yield Finding(Kind.UNREST, text)


def _by_command(results: Iterable[Heard]) -> dict[str, list[Heard]]:
    found: dict[str, list[Heard]] = defaultdict(list)
    for result in results:
        found[result.command or ""].append(result)
    return found


def _repeats(evidence: Evidence) -> int:
    results = len(evidence.results) - len({result.command for result in evidence.results})
    return results + len(evidence.events) - len({event.message_id for event in evidence.events})


def _status(body: bytes) -> str:
    return str(json.loads(body)["status"])


def _code(body: bytes) -> str | None:
    found: Mapping[str, Any] = json.loads(body)
    return str(found["error"]["code"]) if found["status"] == "error" else None
