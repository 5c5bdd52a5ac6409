"""A resource: a table that is exposed, and how rows of it are written in commands, results and events.

Rows in memory are dictionaries by column key; in JSON they are objects by field name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Table

from service.contract.codec import same
from service.contract.errors import Detail, Invalid
from service.contract.path import at
from service.resources import traits
from service.resources.relations import Relation
from service.resources.values import Kind

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A column that commands may name."""

    name: str
    column: Column[Any]
    kind: Kind
    required: bool
    """Whether a new row must say it: not nullable, and nothing else gives it a value."""
    read_only: bool = False
    write_once: bool = False
    hidden: bool = False

    def load(self, value: object) -> object:
        """Turn a JSON value into what the column takes.

        :raises ValueError: it is of the wrong type or out of range
        """
        if value is None:
            if not self.column.nullable:
                raise ValueError("may not be null")
            return None
        return self.kind.load(value)

    def dump(self, value: Any) -> Any:  # noqa: ANN401 - any column's value
        """Turn what the column gave into a JSON value."""
        return value if value is None or self.kind.dump is None else self.kind.dump(value)


class Resource:
    """What commands may do with a table, and in which words."""

    def __init__(
        self,
        name: str,
        table: Table,
        fields: Sequence[Field],
        actions: frozenset[str],
        relate: Callable[[], dict[str, Relation]] = dict,
    ) -> None:
        """Take the fields in the order in which they are shown, and what finds the relationships when first needed."""
        self.name = name
        self._relate = relate
        self.table = table
        self.actions = actions
        self.fields = {field.name: field for field in fields}
        self._by_column = {field.column.key: field for field in fields}
        self.key = tuple(self._by_column[column.key] for column in table.primary_key)
        self.version: Field | None = None
        self.columns = tuple(field.column for field in fields)
        self.visible = tuple(field for field in fields if not field.hidden)
        self.changes_itself = traits.changes_itself(table)
        self.refers_to_itself = traits.refers_to_itself(table)
        self.deletes_cascade = traits.deletes_cascade(table)
        self.updates_cascade = traits.updates_cascade(table)
        self.unique_keys = traits.unique_keys(table)
        self._names = tuple(column.key for column in self.columns)
        self._plain_keys = all(field.kind.dump is None for field in self.key)
        self._key_names = tuple(field.column.key for field in self.key)
        self._dumps = tuple((field.name, field.column.key, field.kind.dump) for field in self.visible)

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """The relationships to other resources, by name; known once all resources are exposed."""
        return self._relate()

    def readable(self, name: str) -> Field | None:
        """Find a field that may be seen; a hidden one is as good as none."""
        field = self.fields.get(name)
        return None if field is None or field.hidden else field

    def row(self, found: Sequence[Any]) -> Row:
        """Name the values of a result row that was selected as `columns`."""
        return dict(zip(self._names, found, strict=True))

    def key_of(self, row: Mapping[str, Any]) -> Key:
        """Give the primary key of a row."""
        return tuple([row[name] for name in self._key_names])

    def identity(self, key: Key) -> Key:
        """Give what tells keys apart: some databases give values back in another form than they got them."""
        return key if self._plain_keys else tuple(field.dump(value) for field, value in zip(self.key, key, strict=True))

    def dump(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Write a row as JSON, without the hidden fields."""
        return {
            name: value if (value := row[key]) is None or dump is None else dump(value)
            for name, key, dump in self._dumps
        }

    def differences(self, row: Row, values: Row) -> Row:
        """Give those of the values that the row does not have yet."""
        return {name: value for name, value in values.items() if self._differ(name, row[name], value)}

    def _differ(self, name: str, before: object, after: object) -> bool:
        if before is None or after is None:
            return before is not after
        dump = self._by_column[name].dump
        # As they are written: a time is the same with and without its zone, and in JSON `true` is not 1.
        return not same(dump(before), dump(after))

    def dump_key(self, key: Key) -> dict[str, Any]:
        """Write a key as a JSON object of its fields."""
        return {field.name: field.dump(value) for field, value in zip(self.key, key, strict=True)}

    def version_of(self, row: Mapping[str, Any]) -> int | None:
        """Give the version of a row, None where the resource has none."""
        return None if self.version is None else row[self.version.column.key]

    def load_key(self, value: object, path: str = "key") -> Key:
        """Read a key: the value, or an object of its fields where it has several.

        :raises Invalid: with every fault
        """
        if len(self.key) == 1:
            value = {self.key[0].name: value}
        elif not isinstance(value, dict):
            names = ", ".join(field.name for field in self.key)
            raise Invalid("the key is not valid", [Detail(path, f"is not an object of {names}")])
        faults = [Detail(at(path, name), "is not part of the key") for name in value if not self._is_key(name)]
        found = [self._load_key_part(field, value, path, faults) for field in self.key]
        if faults:
            raise Invalid("the key is not valid", faults)
        return tuple(found)

    def _is_key(self, name: str) -> bool:
        return any(field.name == name for field in self.key)

    def _load_key_part(self, field: Field, value: Mapping[str, Any], path: str, faults: list[Detail]) -> object:
        where = path if len(self.key) == 1 else at(path, field.name)
        if field.name not in value:
            faults.append(Detail(where, "is required"))
            return None
        try:
            return field.load(value[field.name])
        except ValueError as exc:
            faults.append(Detail(where, str(exc)))
            return None
