"""The effects of a command on the model: changes of rows, in order, and their events."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.property.reference.data import Links, dump
from tests.property.reference.faults import ANYWHERE, RefusedError
from tests.property.reference.schema import GENERATED, Resource, Row
from tests.property.reference.state import Key, State, key_of

Event = dict[str, Any]


@dataclass
class Work:
    """A state that a command changes, its events, and the keys that the database generates."""

    state: State
    keys: dict[str, Iterator[int]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def insert(self, resource: Resource, row: Row, links: Links) -> Row:
        # The service reports a key for every row that it created; keys given by the command are skipped.
        generated = next(self.keys.get(resource.name, iter(())), -len(self.state.rows[resource.name]) - 1)
        row = {name: generated if value is GENERATED else value for name, value in row.items()}
        self.state.insert(resource, row)
        for change in links.values():
            self.state.link(resource, row, _linked([], change))
        linked = {name: keys(linked_keys) for name in links if (linked_keys := self.state.linked(resource, row))}
        self._record(resource, "created", row, None, shown(resource, row) | linked)
        return row

    def update(self, resource: Resource, row: Row, values: Row, links: Links) -> Row:
        before = {name: keys(self.state.linked(resource, row)) for name in links}
        new = {**row, **values}
        for change in links.values():
            self.state.link(resource, row, _linked(self.state.linked(resource, row), change))
        after = {name: keys(self.state.linked(resource, row)) for name in links}
        moved = [name for name in links if before[name] != after[name]]
        # Whether a hidden value is the same cannot be seen.
        if new == row and not moved and not any(resource.fields[name].hidden for name in values):
            return row
        if resource.version is not None:
            new[resource.version] += 1
        self.state.replace(resource, new)
        old, now = shown(resource, row), shown(resource, new)
        changed = [name for name in now if new[name] != row[name]]
        data = {
            "before": {name: old[name] for name in changed} | {name: before[name] for name in moved},
            "after": now | {name: after[name] for name in moved},
            "changed": sorted([*changed, *moved]),
        }
        self._record(resource, "updated", new, **data)
        return new

    def delete(self, resource: Resource, row: Row) -> None:
        self.state.delete(resource, key_of(resource, row))
        self._record(resource, "deleted", row, shown(resource, row), None)

    def _record(self, resource: Resource, event_kind: str, row: Row, before: Any, after: Any, **rest: Any) -> None:  # noqa: ANN401
        key = dump(resource, row, resource.key)
        data = {"key": key, "before": before, "after": after, **rest}
        event: Event = {"type": f"{resource.name}.{event_kind}", "subject": subject(resource, key), "data": data}
        if resource.version is not None:
            data["version"] = row[resource.version]
            event["sequence"] = str(row[resource.version])
        self.events.append(event)


def get_row(state: State, resource: Resource, key: Key, if_version: int | None = None) -> Row:
    """Return the row that must exist, with that version."""
    row = state.find(resource, key)
    if row is None:
        raise RefusedError("not_found", (ANYWHERE,))
    current = row[resource.version] if resource.version else None
    if if_version is not None and if_version != current:
        raise RefusedError("version_mismatch", ("if_version",), current=current)
    return row


def shown(resource: Resource, row: Row) -> dict[str, Any]:
    return {name: value for name, value in dump(resource, row).items() if name != resource.version}


def keys(linked: list[Key]) -> list[dict[str, Any]]:
    return [{"id": key[0]} for key in linked]


def subject(resource: Resource, key: dict[str, Any]) -> str:
    return "/".join([resource.name, *(quote(str(value), safe="") for value in key.values())])


def _linked(before: list[Key], change: dict[str, list[Key]]) -> set[Key]:
    if "set" in change:
        return set(change["set"])
    return (set(before) | set(change.get("add", []))) - set(change.get("remove", []))
