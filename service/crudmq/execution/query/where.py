"""Filters as SQL conditions."""

import operator
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, and_, cast, false, func, literal, not_, or_, select, true

from crudmq.contract.errors import Detail, Invalid
from crudmq.contract.filters import And, Compare, Not, Or, Related, Where
from crudmq.execution.query.keys import is_related, join_target
from crudmq.resources.resource import Field, Resource
from crudmq.resources.types import JSON, text
from crudmq.storage.dialects.constructs import pad_to_power_of_two

Clause = ColumnElement[bool]
_TEXT = text()


def condition(resource: Resource, where: And, rows: FromClause | None = None) -> Clause:
    """Return a filter as an SQL condition.

    :param rows: the table to filter, the resource's by default; an alias of it in a subquery
    :raises Invalid: the details list all errors
    """
    compiler = _Compiler()
    compiler.faults += where.faults
    clause = compiler.clause(resource, resource.table if rows is None else rows, where)
    if compiler.faults:
        raise Invalid("`where` is not valid", compiler.faults)
    return clause


class _Compiler:
    def __init__(self) -> None:
        self.faults: list[Detail] = []

    def clause(self, resource: Resource, rows: FromClause, where: Where) -> Clause:
        match where:
            case And(operands, _):
                return and_(true(), *(self.clause(resource, rows, operand) for operand in operands))
            case Or(operands):
                return or_(false(), *(self.clause(resource, rows, operand) for operand in operands))
            case Not(operand):
                return not_(self.clause(resource, rows, operand))
            case Related():
                return self._related(resource, rows, where)
            case Compare():
                return self._compare(resource, rows, where)

    def _compare(self, resource: Resource, rows: FromClause, compare: Compare) -> Clause:
        field = resource.readable(compare.field)
        if field is None:
            return self._fault(compare.path, f"is not a field of {resource.name}")
        try:
            return _comparison(field, rows.c[field.column.key], compare)
        except ValueError as exc:
            return self._fault(compare.path, str(exc))

    def _related(self, resource: Resource, rows: FromClause, related: Related) -> Clause:
        relation = resource.relations.get(related.relationship)
        if relation is None:
            return self._fault(related.path, f"is not a relationship of {resource.name}")
        target = relation.target.table.alias()
        matches = self.clause(relation.target, target, related.where)
        if related.quantifier == "every":
            # A related row for which the filter is unknown (SQL null) does not match.
            matches = not_(func.coalesce(matches, false()))
        source, link = join_target(relation, target)
        exists = select(1).select_from(source).where(is_related(relation, rows, link), matches).exists()
        return exists if related.quantifier == "any" else not_(exists)

    def _fault(self, path: str, message: str) -> Clause:
        self.faults.append(Detail(path, message))
        return true()


def _comparison(field: Field, column: ColumnElement[Any], compare: Compare) -> Clause:
    name, value = compare.operator, compare.value
    if name == "is_null" or value is None:
        return _null(field, column, name, value)
    if name not in field.value_type.operators:
        raise ValueError(f"operator {name} is not supported for {field.value_type.name}")
    if name in _LISTS:
        return _LISTS[name](column, _load_list(field, value))
    if name == "between":
        return column.between(*_load_pair(field, value))
    if name in _SCALARS:
        # Always bound: SQLAlchemy would write a plain True into the statement's text.
        return _SCALARS[name](column, literal(field.value_type.load(value), column.type))
    return _TEXTS[name](column, _load_text(value, is_pattern=name.endswith("like")))


def _null(field: Field, column: ColumnElement[Any], name: str, value: object) -> Clause:
    if name == "is_null" and type(value) is not bool:
        raise ValueError("is neither true nor false")
    if name not in ("is_null", "eq", "neq"):
        raise ValueError(f"operator {name} cannot be used with null")
    is_null: Clause = column.is_(None)
    if field.value_type is JSON:
        # Unless the mapping says `none_as_null`, SQLAlchemy stores null as a JSON null, which is not an SQL NULL.
        is_null = or_(is_null, cast(column, Text) == "null")
    return is_null if value is True or (value is None and name == "eq") else not_(is_null)


def _load_list(field: Field, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("is not an array")  # noqa: TRY004 - a fault of the command, like every other of a value
    return [field.value_type.load(element) for element in value]


def _load_pair(field: Field, value: object) -> list[Any]:
    pair = _load_list(field, value)
    if len(pair) != len(("low", "high")):
        raise ValueError("is not an array `[low, high]`")
    return pair


def _load_text(value: object, *, is_pattern: bool) -> str:
    loaded: str = _TEXT.load(value)
    if is_pattern and (len(loaded) - len(loaded.rstrip("\\"))) % 2:
        raise ValueError("ends with an incomplete escape sequence")
    return loaded


_SCALARS: dict[str, Callable[[Any, Any], Clause]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_LISTS: dict[str, Callable[[Any, list[Any]], Clause]] = {
    "in": lambda column, values: column.in_(pad_to_power_of_two(values)) if values else false(),
    "not_in": lambda column, values: column.not_in(pad_to_power_of_two(values)) if values else true(),
}
_TEXTS: dict[str, Callable[[Any, str], Clause]] = {
    "like": lambda column, text: column.like(text, escape="\\"),
    "ilike": lambda column, text: column.ilike(text, escape="\\"),
    "starts_with": lambda column, text: column.startswith(text, autoescape=True),
    "ends_with": lambda column, text: column.endswith(text, autoescape=True),
    "contains": lambda column, text: column.contains(text, autoescape=True),
}
