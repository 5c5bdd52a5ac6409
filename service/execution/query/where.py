"""Filters as SQL expressions."""

import operator
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, func, literal, not_, or_, select, true

from service.contract.errors import Detail, Invalid
from service.contract.filters import All, Compare, Either, Not, Through, Where
from service.execution.query.join import joined, related
from service.resources.resource import Field, Resource
from service.resources.values import text
from service.storage.padding import padded

Clause = ColumnElement[bool]
_TEXT = text()


def condition(resource: Resource, where: All, rows: FromClause | None = None) -> Clause:
    """Compile a filter.

    :param rows: what holds the rows, the resource's table by default; an alias of it in a subquery
    :raises Invalid: with every fault
    """
    compiler = _Compiler()
    compiler.faults += where.faults
    found = compiler.clause(resource, resource.table if rows is None else rows, where)
    if compiler.faults:
        raise Invalid("where is not valid", compiler.faults)
    return found


class _Compiler:
    def __init__(self) -> None:
        self.faults: list[Detail] = []

    def clause(self, resource: Resource, rows: FromClause, where: Where) -> Clause:
        match where:
            case All(parts, _):
                return and_(true(), *(self.clause(resource, rows, part) for part in parts))
            case Either(parts):
                return or_(false(), *(self.clause(resource, rows, part) for part in parts))
            case Not(part):
                return not_(self.clause(resource, rows, part))
            case Through():
                return self._through(resource, rows, where)
            case Compare():
                return self._compare(resource, rows, where)

    def _compare(self, resource: Resource, rows: FromClause, part: Compare) -> Clause:
        field = resource.readable(part.field)
        if field is None:
            return self._fault(part.path, f"is not a field of {resource.name}")
        try:
            return _comparison(field, rows.c[field.column.key], part)
        except ValueError as exc:
            return self._fault(part.path, str(exc))

    def _through(self, resource: Resource, rows: FromClause, part: Through) -> Clause:
        relation = resource.relations.get(part.relationship)
        if relation is None:
            return self._fault(part.path, f"is not a relationship of {resource.name}")
        target = relation.target.table.alias()
        matches = self.clause(relation.target, target, part.where)
        if part.quantifier == "every":
            # A row of which it is not known whether it matches is one that does not.
            matches = not_(func.coalesce(matches, false()))
        source, link = joined(relation, target)
        exists = select(1).select_from(source).where(related(relation, rows, link), matches).exists()
        return exists if part.quantifier == "any" else not_(exists)

    def _fault(self, path: str, message: str) -> Clause:
        self.faults.append(Detail(path, message))
        return true()


def _comparison(field: Field, column: ColumnElement[Any], part: Compare) -> Clause:
    word, value = part.operator, part.value
    if word == "is_null" or value is None:
        return _null(column, word, value)
    if word not in field.kind.operators:
        raise ValueError(f"{word} is not an operator of {field.kind.name}")
    if word in _LISTS:
        return _LISTS[word](column, _loaded_list(field, value))
    if word == "between":
        return column.between(*_loaded_pair(field, value))
    if word in _SCALARS:
        # Bound whatever it is: a plain True would stand in the statement's text.
        return _SCALARS[word](column, literal(field.kind.load(value), column.type))
    return _TEXTS[word](column, _loaded_text(value, is_pattern=word.endswith("like")))


def _null(column: ColumnElement[Any], word: str, value: object) -> Clause:
    if word == "is_null" and type(value) is not bool:
        raise ValueError("is not true or false")
    if word not in ("is_null", "eq", "neq"):
        raise ValueError(f"{word} does not compare with null")
    return column.is_(None) if value is True or (value is None and word == "eq") else column.is_not(None)


def _loaded_list(field: Field, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("is not an array")  # noqa: TRY004 - the publisher's fault, as all of a value's
    return [field.kind.load(one) for one in value]


def _loaded_pair(field: Field, value: object) -> list[Any]:
    found = _loaded_list(field, value)
    if len(found) != len(("low", "high")):
        raise ValueError("is not an array of the lowest and the highest")
    return found


def _loaded_text(value: object, *, is_pattern: bool) -> str:
    found: str = _TEXT.load(value)
    if is_pattern and (len(found) - len(found.rstrip("\\"))) % 2:
        raise ValueError("ends in the middle of an escape")
    return found


_SCALARS: dict[str, Callable[[Any, Any], Clause]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_LISTS: dict[str, Callable[[Any, list[Any]], Clause]] = {
    "in": lambda column, values: column.in_(padded(values)) if values else false(),
    "not_in": lambda column, values: column.not_in(padded(values)) if values else true(),
}
_TEXTS: dict[str, Callable[[Any, str], Clause]] = {
    "like": lambda column, text: column.like(text, escape="\\"),
    "ilike": lambda column, text: column.ilike(text, escape="\\"),
    "starts_with": lambda column, text: column.startswith(text, autoescape=True),
    "ends_with": lambda column, text: column.endswith(text, autoescape=True),
    "contains": lambda column, text: column.contains(text, autoescape=True),
}
