"""Runs a sequence on a service and on the model, and compares."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import note

from tests.property.comparison import by_subject, differences
from tests.property.messages import Sent
from tests.property.reference.kinds import EXTRA
from tests.property.reference.model import Model
from tests.property.reference.schema import RESOURCES
from tests.property.running import Reply, Runner
from tests.property.strategies.seeds import MOST

_NO_CURSOR = "bm8gY3Vyc29yIGF0IGFsbA=="


async def judge(service: Runner, messages: list[Sent], sizes: list[int]) -> None:
    await service.clear()
    model = Model()
    cursors: dict[str, str | None] = {}
    theirs: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    for group in groups(messages, sizes):
        replies = await service.run([with_cursor(message, cursors) for message in group])
        for message, reply in zip(group, replies, strict=True):
            told = model.apply(message, generated(reply))
            note(f"{'replayed ' if reply.replayed else ''}{message} -> {reply.result} {reply.events}")
            found = differences(told, reply.result, reply.events)
            assert not found, "\n".join([f"{message}", *found])
            assert reply.replayed == (told.replayed and reply.result is not None)
            ours += told.events
            theirs += reply.events
            if reply.result is not None and message.id is not None:
                cursors[message.id] = reply.result.get("page", {}).get("next")
    assert {name: len(found) for name, found in by_subject(theirs).items()} == {
        name: len(found) for name, found in by_subject(ours).items()
    }
    await compare_rows(service, model)


async def compare_rows(service: Runner, model: Model) -> None:
    rows = await service.rows()
    for resource in RESOURCES.values():
        theirs = [{**row, "extra": EXTRA.load(row["extra"])} if "extra" in row else row for row in rows[resource.name]]
        ours = [
            {**row, "extra": row["extra"] or "null"} if "extra" in row else row for row in model.state.all(resource)
        ]
        assert theirs == ours, resource.name
    assert {(one["thing_id"], one["tag_id"]) for one in rows["links"]} == model.state.links


def groups(messages: list[Sent], sizes: list[int]) -> Iterator[list[Sent]]:
    """Cut a sequence: what needs an answer to what is before it comes later than that."""
    group: list[Sent] = []
    left = MOST
    for message in messages:
        if group and (not left or _wants_cursor(message)):
            yield group
            group, sizes = [], [*sizes[1:], sizes[0]]
            left = sizes[-1]
        group.append(message)
        left -= 1
    yield group


def _wants_cursor(message: Sent) -> bool:
    return isinstance(message.body, dict) and isinstance(message.body.get("after"), dict)


def with_cursor(message: Sent, cursors: dict[str, str | None]) -> Sent:
    if not _wants_cursor(message):
        return message
    assert isinstance(message.body, dict)
    after = cursors.get(message.body["after"]["cursor"]) or _NO_CURSOR
    return replace(message, body={**message.body, "after": after})


def generated(reply: Reply) -> Mapping[str, Iterable[int]]:
    """Give the keys of the rows that a message created, by resource."""
    found: dict[str, list[int]] = {}
    for event in reply.events:
        resource, _, fact = event["type"].partition(".")
        if fact == "created" and "id" in event["data"]["key"]:
            found.setdefault(resource, []).append(event["data"]["key"]["id"])
    return found
