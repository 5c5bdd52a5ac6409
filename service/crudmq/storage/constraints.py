"""Constraints: which one was violated, as the database and as the mapping name it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Table
from sqlalchemy import Constraint as SchemaConstraint

from crudmq.resources.resource import unique_constraints


@dataclass(frozen=True, slots=True)
class Constraint:
    """A violated constraint, as the database names it, or as the mapping does."""

    kind: str
    """`unique`, `foreign_key`, `check`, `not_null`, `exclusion`, `trigger`, `policy` or `constraint`."""
    table: str | None = None
    """The table that has the constraint; for a foreign key, the referencing table."""
    name: str | None = None
    columns: tuple[str, ...] = ()
    message: str | None = None
    """The text with which a trigger rejected the change: its author wrote it for those who cause it."""


def columns_of(constraint: SchemaConstraint | Index) -> tuple[Column[Any], ...]:
    """Return the columns of a constraint; none for a check."""
    return tuple(getattr(constraint, "columns", ()))


def as_mapped(violated: Constraint, tables: Iterable[Table]) -> Constraint:
    """Return a violated constraint as the mapping names it: the same on all databases.

    A constraint without a name in the mapping has no name. A constraint of an unmapped table is returned unchanged.
    """
    table = next((table for table in tables if table.name == violated.table), None)
    if table is None:
        return violated
    candidates = _candidates(violated.kind, table)
    match = _match(violated, table, candidates)
    if match is not None:
        columns = tuple(column.name for column in columns_of(match))
        return Constraint(violated.kind, table.name, _name(match), columns)
    columns = tuple(name for name in violated.columns if name in {column.name for column in table.columns})
    if violated.kind == "not_null" or any(_name(candidate) is None for candidate in candidates):
        # It may be one of the unnamed constraints, which each database names differently.
        return Constraint(violated.kind, table.name, None, columns)
    return replace(violated, columns=columns)


def _candidates(kind: str, table: Table) -> list[SchemaConstraint | Index]:
    if kind == "unique":
        return list(unique_constraints(table))
    if kind == "foreign_key":
        return list(table.foreign_key_constraints)
    if kind == "check":
        return [constraint for constraint in table.constraints if isinstance(constraint, CheckConstraint)]
    return [constraint for constraint in table.constraints if _name(constraint) is not None]


def _match(
    violated: Constraint, table: Table, candidates: Sequence[SchemaConstraint | Index]
) -> SchemaConstraint | Index | None:
    for candidate in candidates:
        if violated.name is not None and _name(candidate) == violated.name:
            return candidate
    if violated.columns:
        names = set(violated.columns)
        same = (candidate for candidate in candidates if {column.name for column in columns_of(candidate)} == names)
        return next(same, None)
    if violated.name is None:
        return _only(candidates)
    unnamed = [candidate for candidate in candidates if _name(candidate) is None]
    if violated.kind == "check":
        return _only(unnamed)
    # Not every database keeps the primary key's name, so it counts even if the mapping names it.
    eligible = {*unnamed, table.primary_key} & {*candidates}
    return _only([candidate for candidate in eligible if _is_default_name(violated.name, candidate, table)])


def _only(candidates: Sequence[SchemaConstraint | Index]) -> SchemaConstraint | Index | None:
    return candidates[0] if len(candidates) == 1 else None


def _is_default_name(name: str, constraint: SchemaConstraint | Index, table: Table) -> bool:
    """Whether PostgreSQL or MySQL gives this name to the constraint if the schema gives none."""
    columns = [column.name for column in columns_of(constraint)]
    if constraint is table.primary_key:
        return name in ("PRIMARY", f"{table.name}_pkey")
    if name in ("_".join((table.name, *columns, suffix)) for suffix in ("key", "fkey")):
        return True
    return bool(columns) and re.fullmatch(rf"{re.escape(columns[0])}(?:_\d+)?", name) is not None


def _name(constraint: SchemaConstraint | Index) -> str | None:
    return str(constraint.name) if isinstance(constraint.name, str) else None
