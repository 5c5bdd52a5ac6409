"""The `data` of a command, checked against the fields of its resource; every fault is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.contract.errors import CommandError, Detail, Invalid
from service.contract.path import at
from service.resources.relations import Relation, Side
from service.resources.resource import Field, Key, Resource, Row


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Rows to link a row to, and rows that it shall no longer be linked to."""

    add: frozenset[Key] = frozenset()
    remove: frozenset[Key] = frozenset()
    only: frozenset[Key] | None = None
    """If given: to these, and to no others."""


@dataclass(slots=True)
class RowInput:
    """A row as a command gives it, with what hangs on it."""

    row: Row = field(default_factory=dict)
    children: dict[str, "list[RowInput]"] = field(default_factory=dict)
    links: dict[str, LinkChange] = field(default_factory=dict)

    @property
    def is_nested(self) -> bool:
        """Tell whether there is more than the row."""
        return bool(self.children or self.links)

    def count(self) -> int:
        """Count the rows."""
        return 1 + sum(child.count() for children in self.children.values() for child in children)


def new_row(resource: Resource, data: object, path: str) -> RowInput:
    """Read a row to insert, with related rows inline; nullable fields that it leaves out are null.

    :raises Invalid: with every fault
    """
    reader = _Reader()
    found = reader.new_row(resource, data, path, frozenset())
    reader.finish()
    return found


def new_rows(resource: Resource, data: Sequence[object], path: str) -> list[RowInput]:
    """Read rows to insert.

    :raises Invalid: with every fault of all of them
    """
    reader = _Reader()
    found = [reader.new_row(resource, one, at(path, index), frozenset()) for index, one in enumerate(data)]
    reader.finish()
    return found


def changes(resource: Resource, data: object, path: str) -> RowInput:
    """Read what to change in a row.

    :raises Invalid: with every fault
    """
    reader = _Reader()
    found = reader.changes(resource, data, path)
    reader.finish()
    return found


class _Reader:
    """Collects faults."""

    def __init__(self) -> None:
        self._faults: list[Detail] = []

    def finish(self) -> None:
        if self._faults:
            raise Invalid("the data is not valid", self._faults)

    def new_row(self, resource: Resource, data: object, path: str, given: frozenset[str]) -> RowInput:
        """Read a row; the columns of `given` come from the row that it hangs on."""
        found = self._read(resource, data, path, given, is_new=True)
        named = data if isinstance(data, dict) else resource.fields
        for one in resource.fields.values():
            key = one.column.key
            if one.name in named or key in given:
                continue
            if one.required:
                self._fault(one, path, "is required")
            elif one.column.default is None and one.column.server_default is None and one.column.nullable:
                # Saying null where it would be null anyway lets rows share one statement.
                found.row[key] = None
        if resource.version is not None:
            found.row[resource.version.column.key] = 1
        return found

    def changes(self, resource: Resource, data: object, path: str) -> RowInput:
        return self._read(resource, data, path, frozenset(), is_new=False)

    def _read(self, resource: Resource, data: object, path: str, given: frozenset[str], *, is_new: bool) -> RowInput:
        found = RowInput()
        if not isinstance(data, dict):
            self._faults.append(Detail(path, "is not an object"))
            return found
        for name, value in data.items():
            one, relation = resource.fields.get(name), resource.relations.get(name)
            if one is not None and (why := _unwritable(one, given, is_new=is_new)) is not None:
                self._fault(one, path, why)
            elif one is not None:
                self._field(one, value, path, found.row)
            elif relation is None:
                self._faults.append(Detail(at(path, name), f"is not a field of {resource.name}"))
            elif relation.side is Side.BETWEEN:
                found.links[name] = self._links(relation, value, at(path, name))
            else:
                found.children[name] = self._children(relation, value, at(path, name), is_new=is_new)
        return found

    def _field(self, one: Field, value: object, path: str, row: Row) -> None:
        try:
            row[one.column.key] = one.load(value)
        except ValueError as exc:
            self._fault(one, path, str(exc))

    def _children(self, relation: Relation, value: object, path: str, *, is_new: bool) -> list[RowInput]:
        if relation.side is Side.HERE or not is_new:
            where = "by its foreign key" if relation.side is Side.HERE else "when the row is created"
            self._faults.append(Detail(path, f"can only be written {where}"))
            return []
        if relation.many is not isinstance(value, list) or value is None:
            self._faults.append(Detail(path, "is not an array of objects" if relation.many else "is not an object"))
            return []
        given = frozenset(theirs.key for _, theirs in relation.pairs)
        many = value if isinstance(value, list) else [value]
        paths = [at(path, index) for index in range(len(many))] if relation.many else [path]
        return [self.new_row(relation.target, one, where, given) for one, where in zip(many, paths, strict=True)]

    def _links(self, relation: Relation, value: object, path: str) -> LinkChange:
        if not isinstance(value, dict) or not value or not value.keys() <= {"add", "remove", "set"}:
            self._faults.append(Detail(path, "is not an object of add, remove or set"))
            return LinkChange()
        if "set" in value and len(value) > 1:
            self._faults.append(Detail(at(path, "set"), "does not go with add or remove"))
        keys = {word: self._keys(relation, found, at(path, word)) for word, found in value.items()}
        return LinkChange(keys.get("add", frozenset()), keys.get("remove", frozenset()), keys.get("set"))

    def _keys(self, relation: Relation, value: object, path: str) -> frozenset[Key]:
        if not isinstance(value, list):
            self._faults.append(Detail(path, "is not an array of keys"))
            return frozenset()
        found = set()
        for index, one in enumerate(value):
            try:
                found.add(relation.target.load_key(one, at(path, index)))
            except CommandError as error:
                self._faults += error.details
        return frozenset(found)

    def _fault(self, one: Field, path: str, message: str) -> None:
        if one.hidden:
            # A hidden field is named nowhere, not even in what is wrong with it.
            self._faults.append(Detail(path, "has a field that is not acceptable"))
        else:
            self._faults.append(Detail(at(path, one.name), message))


def _unwritable(one: Field, given: frozenset[str], *, is_new: bool) -> str | None:
    if one.read_only:
        return "is read-only"
    if one.column.key in given:
        return "comes from the row that it belongs to"
    if not is_new and (one.write_once or one.column.primary_key):
        return "can only be written when the row is created"
    return None
