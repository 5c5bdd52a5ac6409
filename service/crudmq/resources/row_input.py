"""The `data` of a command, checked against the fields of its resource; all errors are reported at once."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import RelationshipDirection

from crudmq.contract.command import Limits
from crudmq.contract.errors import CommandError, Detail, Faults, at
from crudmq.resources.relations import Relation
from crudmq.resources.resource import Field, Key, Resource, Row


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Changes to the many-to-many links of a row."""

    add: frozenset[Key] = frozenset()
    remove: frozenset[Key] = frozenset()
    only: frozenset[Key] | None = None
    """If set, replaces all links of the row."""


@dataclass(slots=True)
class RowInput:
    """A row of a command, with its related rows and links."""

    row: Row = dataclasses.field(default_factory=dict)
    children: dict[str, "list[RowInput]"] = dataclasses.field(default_factory=dict)
    links: dict[str, LinkChange] = dataclasses.field(default_factory=dict)

    @property
    def is_nested(self) -> bool:
        """Whether the row has related rows or links."""
        return bool(self.children or self.links)

    def count(self) -> tuple[int, int]:
        """Return the number of rows, related rows included, and the number of their links."""
        if not self.is_nested:
            return 1, 0
        below = [child.count() for children in self.children.values() for child in children]
        links = sum(len(change.add) + len(change.remove) + len(change.only or ()) for change in self.links.values())
        return 1 + sum(rows for rows, _ in below), links + sum(links for _, links in below)


def check_size(inputs: Iterable[RowInput], limits: Limits) -> None:
    """Check how many rows and links a command writes.

    :raises LimitExceeded: too many
    """
    counts = [row_input.count() for row_input in inputs]
    limits.check_rows(sum(rows for rows, _ in counts), "data", links=sum(links for _, links in counts))


def new_row(resource: Resource, data: object, path: str) -> RowInput:
    """Return a row to insert, with related rows inline; nullable fields without a value are null.

    :raises Invalid: the data is not valid; the details list all errors
    """
    reader = _Reader()
    row = reader.new_row(resource, data, path, frozenset())
    reader.faults.check()
    return row


def new_rows(resource: Resource, data: Sequence[object], path: str) -> list[RowInput]:
    """Return rows to insert.

    :raises Invalid: the data is not valid; the details list the errors of all rows
    """
    reader = _Reader()
    rows = [reader.new_row(resource, item, at(path, index), frozenset()) for index, item in enumerate(data)]
    reader.faults.check()
    return rows


def changes(resource: Resource, data: object, path: str) -> RowInput:
    """Return the changes of a row.

    :raises Invalid: the data is not valid; the details list all errors
    """
    reader = _Reader()
    row = reader.changes(resource, data, path)
    reader.faults.check()
    return row


class _Reader:
    """Reads rows and links, and collects their faults."""

    def __init__(self) -> None:
        self.faults = Faults(message="the data is not valid")

    def new_row(self, resource: Resource, data: object, path: str, given: frozenset[str]) -> RowInput:
        """Read a new row; the columns in `given` come from its parent row."""
        row_input = self._read(resource, data, path, given, is_new=True)
        names = data if isinstance(data, dict) else resource.fields
        for field in resource.fields.values():
            column = field.column
            if field.name in names or column.key in given:
                continue
            if field.required:
                self._fault(field, path, "is required")
            elif column.default is None and column.server_default is None and column.nullable:
                # An explicit null lets rows with different fields share one statement.
                row_input.row[column.key] = None
        if resource.version is not None:
            row_input.row[resource.version.column.key] = 1
        return row_input

    def changes(self, resource: Resource, data: object, path: str) -> RowInput:
        return self._read(resource, data, path, frozenset(), is_new=False)

    def _read(self, resource: Resource, data: object, path: str, given: frozenset[str], *, is_new: bool) -> RowInput:
        row_input = RowInput()
        if not isinstance(data, dict):
            self.faults.add(Detail(path, "is not an object"))
            return row_input
        for name, value in data.items():
            field, relation = resource.fields.get(name), resource.relations.get(name)
            if field is not None and (reason := _unwritable(field, given, is_new=is_new)) is not None:
                self._fault(field, path, reason)
            elif field is not None:
                self._field(field, value, path, row_input.row)
            elif relation is None:
                self.faults.add(Detail(at(path, name), f"is not a field of {resource.name}"))
            elif relation.direction is RelationshipDirection.MANYTOMANY:
                row_input.links[name] = self._links(relation, value, at(path, name))
            else:
                row_input.children[name] = self._children(relation, value, at(path, name), is_new=is_new)
        return row_input

    def _field(self, field: Field, value: object, path: str, row: Row) -> None:
        try:
            row[field.column.key] = field.load(value)
        except ValueError as exc:
            self._fault(field, path, str(exc))

    def _children(self, relation: Relation, value: object, path: str, *, is_new: bool) -> list[RowInput]:
        is_parent = relation.direction is RelationshipDirection.MANYTOONE
        if is_parent or not is_new:
            how = "through its foreign key" if is_parent else "when the row is created"
            self.faults.add(Detail(path, f"can only be written {how}"))
            return []
        if relation.many is not isinstance(value, list) or value is None:
            self.faults.add(Detail(path, "is not an array of objects" if relation.many else "is not an object"))
            return []
        given = frozenset(theirs.key for _, theirs in relation.pairs)
        if not isinstance(value, list):
            return [self.new_row(relation.target, value, path, given)]
        return [self.new_row(relation.target, item, at(path, index), given) for index, item in enumerate(value)]

    def _links(self, relation: Relation, value: object, path: str) -> LinkChange:
        if not isinstance(value, dict) or not value or not value.keys() <= {"add", "remove", "set"}:
            self.faults.add(Detail(path, "is not an object with `add`, `remove` or `set`"))
            return LinkChange()
        if "set" in value and len(value) > 1:
            self.faults.add(Detail(at(path, "set"), "cannot be combined with `add` or `remove`"))
        keys = {change: self._keys(relation, given, at(path, change)) for change, given in value.items()}
        return LinkChange(keys.get("add", frozenset()), keys.get("remove", frozenset()), keys.get("set"))

    def _keys(self, relation: Relation, value: object, path: str) -> frozenset[Key]:
        if not isinstance(value, list):
            self.faults.add(Detail(path, "is not an array of keys"))
            return frozenset()
        keys = set()
        for index, item in enumerate(value):
            try:
                keys.add(relation.target.load_key(item, at(path, index)))
            except CommandError as error:
                self.faults.add(*error.details)
        return frozenset(keys)

    def _fault(self, field: Field, path: str, message: str) -> None:
        if field.hidden:
            # The names of hidden fields are not disclosed, not even in error details.
            self.faults.add(Detail(path, "has an invalid field"))
        else:
            self.faults.add(Detail(at(path, field.name), message))


def _unwritable(field: Field, given: frozenset[str], *, is_new: bool) -> str | None:
    if field.read_only:
        return "is read-only"
    if field.column.key in given:
        return "is set from the parent row and must be omitted"
    if not is_new and (field.write_once or field.column.primary_key):
        return "can only be written when the row is created"
    return None
