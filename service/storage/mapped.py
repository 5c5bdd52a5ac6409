"""Which constraint of the mapping was violated: the same on every database, whatever it is called there."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CheckConstraint, Column, Constraint, Index, Table, UniqueConstraint

from service.storage.constraints import Constraint as Violated

_Candidate = Constraint | Index


def mapped(violated: Violated, tables: Iterable[Table]) -> Violated:
    """Name the constraint and its columns as the mapping does; what the mapping does not name has no name.

    What the mapping does not know at all stays as the database calls it.
    """
    table = next((table for table in tables if table.name == violated.table), None)
    if table is None:
        return violated
    candidates = _candidates(violated.kind, table)
    found = _find(violated, table, candidates)
    if found is not None:
        return Violated(violated.kind, table.name, _name(found), tuple(column.name for column in _columns(found)))
    columns = tuple(name for name in violated.columns if name in {column.name for column in table.columns})
    if violated.kind == "not_null" or any(_name(one) is None for one in candidates):
        # It may be one that has another name on each database.
        return Violated(violated.kind, table.name, None, columns)
    return replace(violated, columns=columns)


def _candidates(kind: str, table: Table) -> list[_Candidate]:
    if kind == "unique":
        unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
        indexes = [index for index in table.indexes if index.unique]
        return [table.primary_key, *unique, *indexes]
    if kind == "foreign_key":
        return list(table.foreign_key_constraints)
    if kind == "check":
        return [one for one in table.constraints if isinstance(one, CheckConstraint)]
    return [one for one in table.constraints if _name(one) is not None]


def _find(violated: Violated, table: Table, candidates: Sequence[_Candidate]) -> _Candidate | None:
    named = [one for one in candidates if violated.name is not None and _name(one) == violated.name]
    if named:
        return named[0]
    if violated.columns:
        same = [one for one in candidates if {column.name for column in _columns(one)} == set(violated.columns)]
        return same[0] if same else None
    unnamed = [one for one in candidates if _name(one) is None]
    if violated.name is None:
        return candidates[0] if len(candidates) == 1 else None
    if violated.kind == "check":
        return unnamed[0] if len(unnamed) == 1 else None
    # The primary key's name is not kept everywhere, so it counts as well where the mapping names it.
    usual = [one for one in {*unnamed, table.primary_key} & {*candidates} if _is_usual(violated.name, one, table)]
    return usual[0] if len(usual) == 1 else None


def _is_usual(name: str, constraint: _Candidate, table: Table) -> bool:
    """Tell whether PostgreSQL or MySQL would call it that, had nobody said a name."""
    columns = [column.name for column in _columns(constraint)]
    if constraint is table.primary_key:
        return name in ("PRIMARY", f"{table.name}_pkey")
    if name in ("_".join((table.name, *columns, ending)) for ending in ("key", "fkey")):
        return True
    return bool(columns) and re.fullmatch(rf"{re.escape(columns[0])}(?:_\d+)?", name) is not None


def _name(constraint: _Candidate) -> str | None:
    return str(constraint.name) if isinstance(constraint.name, str) else None


def _columns(constraint: _Candidate) -> Sequence[Column[Any]]:
    return tuple(getattr(constraint, "columns", ()))
