"""The oracle: run a sequence on a service and on the model, and compare."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import note

from tests.property.comparison import by_subject, differences
from tests.property.messages import Sent
from tests.property.reference.model import Model
from tests.property.reference.schema import RESOURCES
from tests.property.reference.value_types import EXTRA
from tests.property.running import Outcome, Runner
from tests.property.strategies.seeds import MAX_SEEDS

_NO_CURSOR = "bm8gY3Vyc29yIGF0IGFsbA=="


async def check_against_model(service: Runner, messages: list[Sent], sizes: list[int]) -> None:
    await service.clear()
    model = Model()
    cursors: dict[str, str | None] = {}
    actual: list[dict[str, Any]] = []
    wanted: list[dict[str, Any]] = []
    for group in groups(messages, sizes):
        outcomes = await service.run([with_cursor(message, cursors) for message in group])
        for message, outcome in zip(group, outcomes, strict=True):
            expected = model.apply(message, generated(outcome))
            note(f"{'replayed ' if outcome.replayed else ''}{message} -> {outcome.result} {outcome.events}")
            differing = differences(expected, outcome.result, outcome.events)
            assert not differing, "\n".join([f"{message}", *differing])
            assert outcome.replayed == (expected.replayed and outcome.result is not None)
            wanted += expected.events
            actual += outcome.events
            if outcome.result is not None and message.id is not None and "page" in outcome.result:
                cursors[message.id] = outcome.result["page"]["next"]
    assert {name: len(events) for name, events in by_subject(actual).items()} == {
        name: len(events) for name, events in by_subject(wanted).items()
    }
    await compare_rows(service, model)


async def compare_rows(service: Runner, model: Model) -> None:
    rows = await service.rows()
    for resource in RESOURCES.values():
        actual = [{**row, "extra": EXTRA.load(row["extra"])} if "extra" in row else row for row in rows[resource.name]]
        wanted = [
            {**row, "extra": row["extra"] or "null"} if "extra" in row else row for row in model.state.all(resource)
        ]
        assert actual == wanted, resource.name
    assert {(link["thing_id"], link["tag_id"]) for link in rows["links"]} == model.state.links


def groups(messages: list[Sent], sizes: list[int]) -> Iterator[list[Sent]]:
    """Split a sequence into groups; a message that needs an earlier result starts a new group."""
    group: list[Sent] = []
    remaining = MAX_SEEDS
    for message in messages:
        if group and (not remaining or _wants_cursor(message)):
            yield group
            group, sizes = [], [*sizes[1:], sizes[0]]
            remaining = sizes[-1]
        group.append(message)
        remaining -= 1
    yield group


def _wants_cursor(message: Sent) -> bool:
    return isinstance(message.body, dict) and isinstance(message.body.get("after"), dict)


def with_cursor(message: Sent, cursors: dict[str, str | None]) -> Sent:
    if not _wants_cursor(message):
        return message
    assert isinstance(message.body, dict)
    after = cursors.get(message.body["after"]["cursor"]) or _NO_CURSOR
    return replace(message, body={**message.body, "after": after})


def generated(outcome: Outcome) -> Mapping[str, Iterable[int]]:
    """Return the keys of the rows that a message created, by resource."""
    keys: dict[str, list[int]] = {}
    for event in outcome.events:
        resource, _, event_kind = event["type"].partition(".")
        if event_kind == "created" and "id" in event["data"]["key"]:
            keys.setdefault(resource, []).append(event["data"]["key"]["id"])
    return keys
