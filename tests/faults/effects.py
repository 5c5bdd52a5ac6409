"""Judges what commands did by what was answered and what the events tell."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.database import digest
from tests.faults.evidence import Evidence, Heard
from tests.faults.findings import Finding, Kind
from tests.faults.told import Told
from tests.faults.workload import Command


def check(evidence: Evidence, results: Mapping[str, Sequence[Heard]], events: Sequence[Told]) -> Iterator[Finding]:
    """Check that each command took effect as often as its answer says: once, or not at all."""
    yield from _same_bytes(events)
    by_command: dict[str, list[Told]] = defaultdict(list)
    for one in events:
        by_command[one.command].append(one)
    for command in evidence.commands:
        found = by_command.pop(command.id, [])
        bodies = [evidence.inbox.get(digest(command.id)), *(result.body for result in results.get(command.id, []))]
        body = next((body for body in bodies if body is not None), None)
        if body is not None:
            yield from _effect(command, json.loads(body), found)
        elif found:
            yield Finding(Kind.DOUBLED, f"events of {command.id}, which has no answer")
    for identifier in by_command:
        yield Finding(Kind.DOUBLED, f"an event of {identifier}, that was never sent")


def _effect(command: Command, result: Mapping[str, Any], events: Sequence[Told]) -> Iterator[Finding]:
    facts = [one for one in events if not one.is_failure]
    failures = len(events) - len(facts)
    least, most = (command.least, command.most) if result["status"] == "ok" else (0, 0)
    if len(facts) < least:
        yield Finding(Kind.LOST, f"{command.id} has {len(facts)} events, not {least}")
    if len(facts) > most:
        yield Finding(Kind.DOUBLED, f"{command.id} has {len(facts)} events, not {most}")
    due = int(result["status"] != "ok")
    if failures != due:
        kind = Kind.LOST if failures < due else Kind.DOUBLED
        yield Finding(kind, f"{command.id} is {result['status']} and has {failures} events of a failure")
    if result["status"] == "ok" and not command.may_be_idle:
        yield from _told_alike(command, result, facts)


def _told_alike(command: Command, result: Mapping[str, Any], facts: Sequence[Told]) -> Iterator[Finding]:
    """Compare the rows of the answer with those of the events."""
    for resource, row in _rows(result):
        if not any(one.resource == resource and one.agrees_with(row) for one in facts):
            yield Finding(Kind.LOST, f"{command.id} was answered {resource} {row}, of which no event tells")


def _rows(result: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = result["data"]
    if result["action"] == "transaction":
        for one in data:
            yield from _rows(one | {"action": one["action"]})
    else:
        for row in data if isinstance(data, list) else [data]:
            yield result["resource"], row


def _same_bytes(events: Sequence[Told]) -> Iterator[Finding]:
    for one in events:
        if len(one.bodies) > 1:
            yield Finding(Kind.DOUBLED, f"the event {one.id} came with different bytes")
