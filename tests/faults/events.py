"""Events, parsed: each once, in the order of first arrival, with every body that arrived under its id."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.database import TABLES, Key
from tests.faults.evidence import Received

_LINKS = "groups"


@dataclass
class Event:
    """One event, however often it arrived."""

    id: str
    command: str
    resource: str
    kind: str
    data: Mapping[str, Any]
    bodies: set[bytes] = field(default_factory=set)

    @property
    def is_failure(self) -> bool:
        return self.kind == "failed"

    @property
    def key(self) -> Key:
        return tuple(self.data["key"][column] for column in TABLES[self.resource].key)

    @property
    def version(self) -> int:
        """The row's version; 0 if the table has none."""
        return int(self.data.get("version", 0))

    @property
    def position(self) -> tuple[int, bool]:
        """The position among the events of its key: a delete repeats the last version."""
        return self.version, self.kind == "deleted"

    def agrees_with(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a result is the one that this event reports."""
        reported = {**(self.data["after"] or self.data["before"]), "version": self.version}
        shared = reported.keys() & row.keys() - {_LINKS}
        return all(reported[name] == row[name] for name in shared)


def parse(received: Sequence[Received]) -> list[Event]:
    """Return the distinct events."""
    events: dict[str, Event] = {}
    for message in received:
        content: Mapping[str, Any] = json.loads(message.body)
        resource, _, kind = content["type"].rpartition(".")
        event = Event(content["id"], content["commandid"], resource, kind, content["data"])
        events.setdefault(event.id, event).bodies.add(message.body)
    return list(events.values())
