"""The rows and links of the model, and their constraints. Rows are never changed in place."""

from collections.abc import Iterable
from typing import Self

from tests.property.reference.faults import ANYWHERE, Json, RefusedError
from tests.property.reference.schema import RESOURCES, Relationship, Resource, Row

Key = tuple[Json, ...]
LINKED_TAG = "fk_thing_tags_tag_id"


def key_of(resource: Resource, row: Row) -> Key:
    return tuple(row[name] for name in resource.key)


class State:
    """All rows by resource and key, and which thing has which tag."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {name: {} for name in RESOURCES}
        self.links: set[tuple[Json, Json]] = set()

    def copy(self) -> Self:
        copied = type(self)()
        copied.rows = {name: dict(rows) for name, rows in self.rows.items()}
        copied.links = set(self.links)
        return copied

    def find(self, resource: Resource, key: Key) -> Row | None:
        return self.rows[resource.name].get(key)

    def all(self, resource: Resource) -> list[Row]:
        """Return the rows in the order of their keys."""
        return [row for _, row in sorted(self.rows[resource.name].items())]

    def insert(self, resource: Resource, row: Row) -> None:
        self._check_constraints(resource, row, None)
        self.rows[resource.name][key_of(resource, row)] = row

    def replace(self, resource: Resource, row: Row) -> None:
        key = key_of(resource, row)
        self._check_constraints(resource, row, key)
        self.rows[resource.name][key] = row

    def delete(self, resource: Resource, key: Key) -> None:
        del self.rows[resource.name][key]
        violated = {
            reference.name
            for other in RESOURCES.values()
            for reference in other.references
            if reference.target == resource.name
            and any(_refers(row, reference.fields, key) for row in self.rows[other.name].values())
        }
        if resource.name == "tags" and any((tag,) == key for _, tag in self.links):
            violated.add(LINKED_TAG)
        _refuse(violated)
        if resource.name == "things":
            self.links = {(thing, tag) for thing, tag in self.links if (thing,) != key}

    def related(self, resource: Resource, row: Row, relationship: Relationship) -> list[Row]:
        """Return the rows that belong to a row, in the order of their keys."""
        target = RESOURCES[relationship.target]
        if relationship.linked:
            return [candidate for candidate in self.all(target) if self._link(resource, row, candidate) in self.links]
        own = [row[name] for name in relationship.ours]
        if None in own:
            return []
        return [candidate for candidate in self.all(target) if [candidate[name] for name in relationship.theirs] == own]

    def linked(self, resource: Resource, row: Row) -> list[Key]:
        """Return the keys that a row is linked to."""
        if resource.name == "things":
            return sorted((tag,) for thing, tag in self.links if thing == row["id"])
        return sorted((thing,) for thing, tag in self.links if tag == row["id"])

    def link(self, resource: Resource, row: Row, keys: Iterable[Key]) -> None:
        """Link a row to exactly these."""
        wanted = {self._link(resource, row, {"id": key[0]}) for key in keys}
        side = 0 if resource.name == "things" else 1
        others = {link for link in self.links if link[side] != row["id"]}
        if any((thing,) not in self.rows["things"] for thing, _ in wanted):
            _refuse({"fk_thing_tags_thing_id"})
        if any((tag,) not in self.rows["tags"] for _, tag in wanted):
            _refuse({LINKED_TAG})
        self.links = others | wanted

    def _link(self, resource: Resource, row: Row, other: Row) -> tuple[Json, Json]:
        return (row["id"], other["id"]) if resource.name == "things" else (other["id"], row["id"])

    def _check_constraints(self, resource: Resource, row: Row, replaced: Key | None) -> None:
        others = [other for key, other in self.rows[resource.name].items() if key != replaced]
        violated = {name for name, fields in resource.unique_keys.items() if _repeats(row, fields, others)}
        violated |= {name for name, (_, holds) in resource.checks.items() if not holds(row)}
        violated |= {
            reference.name
            for reference in resource.references
            if not self._exists(resource, row, reference.fields, reference.target)
        }
        _refuse(violated)

    def _exists(self, resource: Resource, row: Row, fields: tuple[str, ...], target: str) -> bool:
        wanted = tuple(row[name] for name in fields)
        own = target == resource.name and wanted == key_of(resource, row)
        return None in wanted or own or wanted in self.rows[target]


def _repeats(row: Row, fields: tuple[str, ...], others: list[Row]) -> bool:
    own = [row[name] for name in fields]
    return None not in own and any([other[name] for name in fields] == own for other in others)


def _refers(row: Row, fields: tuple[str, ...], key: Key) -> bool:
    return tuple(row[name] for name in fields) == key


def _refuse(violated: set[str]) -> None:
    if violated:
        raise RefusedError("conflict", (ANYWHERE,), violated=frozenset(violated))
