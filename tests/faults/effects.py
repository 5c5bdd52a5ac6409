"""Judges the effects of commands by their results and their events."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.database import digest
from tests.faults.events import Event
from tests.faults.evidence import Evidence, Received
from tests.faults.findings import Category, Finding
from tests.faults.workload import Command


def check(evidence: Evidence, results: Mapping[str, Sequence[Received]], events: Sequence[Event]) -> Iterator[Finding]:
    """Check that each command took effect as its result says: once, or not at all."""
    yield from _same_bytes(events)
    by_command: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_command[event.command].append(event)
    for command in evidence.commands:
        own_events = by_command.pop(command.id, [])
        bodies = [evidence.inbox.get(digest(command.id)), *(result.body for result in results.get(command.id, []))]
        body = next((body for body in bodies if body is not None), None)
        if body is not None:
            yield from _effect(command, json.loads(body), own_events)
        elif own_events:
            yield Finding(Category.DUPLICATED, f"events of {command.id}, which has no result")
    for identifier in by_command:
        yield Finding(Category.DUPLICATED, f"an event of {identifier}, which was never sent")


def _effect(command: Command, result: Mapping[str, Any], events: Sequence[Event]) -> Iterator[Finding]:
    changes = [event for event in events if not event.is_failure]
    failures = len(events) - len(changes)
    fewest, limit = (command.min_events, command.max_events) if result["status"] == "ok" else (0, 0)
    if len(changes) < fewest:
        yield Finding(Category.LOST, f"{command.id} has {len(changes)} events, not {fewest}")
    if len(changes) > limit:
        yield Finding(Category.DUPLICATED, f"{command.id} has {len(changes)} events, not {limit}")
    due = int(result["status"] != "ok")
    if failures != due:
        category = Category.LOST if failures < due else Category.DUPLICATED
        yield Finding(category, f"{command.id} is {result['status']} and has {failures} failure events")
    if result["status"] == "ok" and not command.may_be_idle:
        yield from _reported(command, result, changes)


def _reported(command: Command, result: Mapping[str, Any], changes: Sequence[Event]) -> Iterator[Finding]:
    """Compare the rows of the result with those of the events."""
    for resource, row in _rows(result):
        if not any(event.resource == resource and event.agrees_with(row) for event in changes):
            yield Finding(Category.LOST, f"{command.id} was answered with {resource} {row}, which no event reports")


def _rows(result: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = result["data"]
    if result["action"] == "transaction":
        for part in data:
            yield from _rows(part)
    else:
        for row in data if isinstance(data, list) else [data]:
            yield result["resource"], row


def _same_bytes(events: Sequence[Event]) -> Iterator[Finding]:
    for event in events:
        if len(event.bodies) > 1:
            yield Finding(Category.DUPLICATED, f"the event {event.id} arrived with different bytes")
