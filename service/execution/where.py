"""Filters as SQL: names come from the mapping, values are bound parameters."""

import operator
from typing import Any

from sqlalchemy import ColumnElement

from service.contract.errors import Detail, Invalid
from service.contract.filters import All, Compare
from service.resources.resource import Field, Resource

_OPERATORS = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def condition(resource: Resource, where: All) -> list[ColumnElement[bool]]:
    """Compile a filter to expressions that must all hold.

    :raises Invalid: with every fault
    """
    faults: list[Detail] = []
    found = []
    for part in where.parts:
        try:
            found.append(_compare(resource, part))
        except ValueError as exc:
            faults.append(Detail(part.path, str(exc)))
    if faults:
        raise Invalid("where is not valid", faults)
    return found


def readable(resource: Resource, name: str) -> Field | None:
    """Find a field that may be seen; a hidden one is as good as none."""
    field = resource.fields.get(name)
    return None if field is None or field.hidden else field


def _compare(resource: Resource, part: Compare) -> ColumnElement[bool]:
    field = readable(resource, part.field)
    if field is None:
        raise ValueError(f"is not a field of {resource.name}")
    equality = part.operator in ("eq", "neq")
    if not (field.kind.comparable if equality else field.kind.ordered):
        raise ValueError(f"{part.operator} is not an operator of {field.kind.name}")
    if part.value is None:
        if not equality:
            raise ValueError("null has no order")
        return field.column.is_(None) if part.operator == "eq" else field.column.is_not(None)
    found: ColumnElement[Any] = _OPERATORS[part.operator](field.column, field.kind.load(part.value))
    return found
