"""Events as they are read: each once, in the order of first arrival, with every body that came under its id."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.database import TABLES, Key
from tests.faults.evidence import Heard

_LINKS = "groups"


@dataclass
class Told:
    """One event, however often it came."""

    id: str
    command: str
    resource: str
    fact: str
    data: Mapping[str, Any]
    bodies: set[bytes] = field(default_factory=set)

    @property
    def is_failure(self) -> bool:
        return self.fact == "failed"

    @property
    def key(self) -> Key:
        return tuple(self.data["key"][part] for part in TABLES[self.resource].key)

    @property
    def version(self) -> int:
        """Give the row's version; 0 where it has none."""
        return int(self.data.get("version", 0))

    @property
    def place(self) -> tuple[int, bool]:
        """Say where it stands among those of its key: a delete has the last version once more."""
        return self.version, self.fact == "deleted"

    def agrees_with(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row of an answer is the one that this tells of."""
        told = {**(self.data["after"] or self.data["before"]), "version": self.version}
        shared = told.keys() & row.keys() - {_LINKS}
        return all(told[name] == row[name] for name in shared)


def told(events: Sequence[Heard]) -> list[Told]:
    """Read events."""
    found: dict[str, Told] = {}
    for heard in events:
        content: Mapping[str, Any] = json.loads(heard.body)
        resource, _, fact = content["type"].rpartition(".")
        new = Told(content["id"], content["commandid"], resource, fact, content["data"])
        found.setdefault(new.id, new).bodies.add(heard.body)
    return list(found.values())
