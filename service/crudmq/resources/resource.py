"""Resources: exposed tables, and the form of their rows in commands, results and events.

Rows in memory are dictionaries by column key; in JSON they are objects by field name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UnaryExpression,
    UniqueConstraint,
)
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from crudmq.contract.codec import same
from crudmq.contract.errors import Detail, Invalid, at
from crudmq.resources.relations import Relation
from crudmq.resources.types import ValueType

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A column that commands may name."""

    name: str
    column: Column[Any]
    value_type: ValueType
    required: bool
    """Whether a new row needs a value for it: it is not nullable and has no default."""
    read_only: bool = False
    write_once: bool = False
    hidden: bool = False

    def load(self, value: object) -> object:
        """Convert a JSON value to a column value.

        :raises ValueError: the value has the wrong type or is out of range
        """
        if value is None:
            if not self.column.nullable:
                raise ValueError("must not be null")
            return None
        return self.value_type.load(value)

    def dump(self, value: Any) -> Any:  # noqa: ANN401 - any column's value
        """Convert a column value to JSON."""
        return value if value is None or self.value_type.dump is None else self.value_type.dump(value)


class Resource:
    """An exposed table: its fields, keys, actions and relations."""

    def __init__(
        self,
        name: str,
        table: Table,
        fields: Sequence[Field],
        actions: frozenset[str],
        relate: Callable[[], dict[str, Relation]] = dict,
    ) -> None:
        """Set the fields in output order; `relate` is called when the relations are first needed."""
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
        self.changes_itself = _changes_itself(table)
        self.refers_to_itself = _refers_to_itself(table)
        self.deletes_cascade = _deletes_cascade(table)
        self.updates_cascade = _updates_cascade(table)
        self.unique_keys = unique_keys(table)
        self._names = tuple(column.key for column in self.columns)
        self._plain_keys = all(field.value_type.dump is None for field in self.key)
        self._key_names = tuple(field.column.key for field in self.key)
        self._dumps = tuple((field.name, field.column.key, field.value_type.dump) for field in self.visible)

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """The relations to other resources, by name; complete once all resources are exposed."""
        return self._relate()

    def readable(self, name: str) -> Field | None:
        """Return a field that clients may read, None for a hidden or unknown one."""
        field = self.fields.get(name)
        return None if field is None or field.hidden else field

    def row(self, values: Sequence[Any]) -> Row:
        """Return the row whose `columns` have these values."""
        return dict(zip(self._names, values, strict=True))

    def key_of(self, row: Mapping[str, Any]) -> Key:
        """Return the primary key of a row."""
        return tuple([row[name] for name in self._key_names])

    def identity(self, key: Key) -> Key:
        """Return a key in comparable form: some databases return values in a different form than stored."""
        return key if self._plain_keys else tuple(field.dump(value) for field, value in zip(self.key, key, strict=True))

    def dump(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row as a JSON object, without the hidden fields."""
        return {
            name: value if (value := row[key]) is None or dump is None else dump(value)
            for name, key, dump in self._dumps
        }

    def differences(self, row: Row, values: Row) -> Row:
        """Return the values that differ from those of the row, and all of hidden fields: a guess must not show."""
        return {
            name: value
            for name, value in values.items()
            if self._by_column[name].hidden or self._differ(name, row[name], value)
        }

    def _differ(self, name: str, before: object, after: object) -> bool:
        if before is None or after is None:
            return before is not after
        dump = self._by_column[name].dump
        # Compared as JSON: a datetime is the same with and without its zone, and `true` differs from 1.
        return not same(dump(before), dump(after))

    def dump_key(self, key: Key) -> dict[str, Any]:
        """Return a key as a JSON object of its fields."""
        return {field.name: field.dump(value) for field, value in zip(self.key, key, strict=True)}

    def version_of(self, row: Mapping[str, Any]) -> int | None:
        """Return the version of a row, None if the resource has no version field."""
        return None if self.version is None else row[self.version.column.key]

    def load_key(self, value: object, path: str = "key") -> Key:
        """Return the key for a JSON value: a scalar, or an object of the key's fields if it has several.

        :raises Invalid: the key is not valid; the details list all errors
        """
        if len(self.key) == 1:
            value = {self.key[0].name: value}
        elif not isinstance(value, dict):
            names = ", ".join(field.name for field in self.key)
            raise Invalid("the key is not valid", [Detail(path, f"is not an object with the fields {names}")])
        faults = [Detail(at(path, name), "is not part of the key") for name in value if not self._is_key(name)]
        key = [self._load_key_part(field, value, path, faults) for field in self.key]
        if faults:
            raise Invalid("the key is not valid", faults)
        return tuple(key)

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


def _changes_itself(table: Table) -> bool:
    """Return whether an update may store values other than the given ones."""
    return any(
        column.onupdate is not None
        or column.server_onupdate is not None
        or column.computed is not None
        or (isinstance(column.type, TypeDecorator) and type(column.type).__module__ != "sqlalchemy.sql.sqltypes")
        for column in table.columns
    )


def unique_constraints(table: Table) -> list[PrimaryKeyConstraint | UniqueConstraint | Index]:
    """Return all constraints and indexes that a duplicate may violate, the primary key first."""
    constraints = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return [table.primary_key, *constraints, *(index for index in table.indexes if index.unique)]


def unique_keys(table: Table) -> frozenset[frozenset[str]]:
    """Return the sets of columns whose values identify a row: all unique constraints that cover every row."""
    return frozenset(
        frozenset(column.key for column in constraint.columns)
        for constraint in unique_constraints(table)
        if not isinstance(constraint, Index) or _covers_rows(constraint)
    )


def _covers_rows(index: Index) -> bool:
    # A partial index, or one over expressions, compares some rows or parts of values only.
    is_partial = any(name.endswith("_where") and value is not None for name, value in index.dialect_kwargs.items())
    return not is_partial and all(isinstance(_unordered(part), Column) for part in index.expressions)


def _unordered(part: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's parts of an index
    is_ordered = isinstance(part, UnaryExpression) and part.modifier in (operators.asc_op, operators.desc_op)
    return part.element if is_ordered else part


def _refers_to_itself(table: Table) -> bool:
    """Return whether rows of the table may refer to each other."""
    return any(constraint.referred_table is table for constraint in table.foreign_key_constraints)


def _deletes_cascade(table: Table) -> bool:
    """Return whether deleting a row may change other rows."""
    return any(constraint.ondelete is not None for constraint in _referring(table))


def _updates_cascade(table: Table) -> bool:
    """Return whether updating a row may change other rows."""
    return any(constraint.onupdate is not None for constraint in _referring(table))


def _referring(table: Table) -> Iterator[ForeignKeyConstraint]:
    for other in table.metadata.tables.values():
        yield from (constraint for constraint in other.foreign_key_constraints if constraint.referred_table is table)
