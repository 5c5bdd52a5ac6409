"""Properties of a table's definition that determine how its rows may be written."""

from collections.abc import Iterator
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


def changes_itself(table: Table) -> bool:
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


def refers_to_itself(table: Table) -> bool:
    """Return whether rows of the table may refer to each other."""
    return any(constraint.referred_table is table for constraint in table.foreign_key_constraints)


def deletes_cascade(table: Table) -> bool:
    """Return whether deleting a row may change other rows."""
    return any(constraint.ondelete is not None for constraint in _referring(table))


def updates_cascade(table: Table) -> bool:
    """Return whether updating a row may change other rows."""
    return any(constraint.onupdate is not None for constraint in _referring(table))


def _referring(table: Table) -> Iterator[ForeignKeyConstraint]:
    for other in table.metadata.tables.values():
        yield from (constraint for constraint in other.foreign_key_constraints if constraint.referred_table is table)
