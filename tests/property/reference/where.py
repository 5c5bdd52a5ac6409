"""Filters with the logic of SQL: true, false, or unknown (None)."""

import re
from collections.abc import Callable

from tests.property.reference.faults import Json, check, invalid
from tests.property.reference.measure import check_size
from tests.property.reference.schema import RESOURCES, Relationship, Resource, Row
from tests.property.reference.state import State
from tests.property.reference.value_types import TEXT, WrongError, text

Truth = bool | None
Test = Callable[[State, Row], Truth]
_ORDER: dict[str, Callable[[Json, Json], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "neq": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "between": lambda left, right: bool(right[0] <= left <= right[1]),
    "in": lambda left, right: left in right,
    "not_in": lambda left, right: left not in right,
    "like": lambda left, right: _like(right, 0).fullmatch(left) is not None,
    "ilike": lambda left, right: _like(right, re.IGNORECASE | re.ASCII).fullmatch(left) is not None,
    "starts_with": lambda left, right: bool(left.startswith(right)),
    "ends_with": lambda left, right: bool(left.endswith(right)),
    "contains": lambda left, right: right in left,
}


def read(resource: Resource, where: Json, path: str = "where") -> Test:
    """Compile a filter."""
    check_size(where, path)
    return _read(resource, where, path)


def _read(resource: Resource, where: Json, path: str) -> Test:
    if not isinstance(where, dict):
        raise invalid(path)
    return _all([_part(resource, name, value, f"{path}.{name}") for name, value in where.items()])


def filter_rows(state: State, resource: Resource, test: Test) -> list[Row]:
    """Return the rows that match a filter, in the order of their keys."""
    return [row for row in state.all(resource) if test(state, row) is True]


def _part(resource: Resource, name: str, value: Json, path: str) -> Test:
    if name in ("and", "or"):
        if not isinstance(value, list) or not value:
            raise invalid(path)
        conditions = [_read(resource, item, f"{path}.{index}") for index, item in enumerate(value)]
        return _all(conditions) if name == "and" else _any(conditions)
    if name == "not":
        inner = _read(resource, value, path)
        return lambda state, row: _not(inner(state, row))
    if name in resource.relationships:
        return _related(resource, resource.relationships[name], value, path)
    check([] if name in resource.visible else [path])
    if not isinstance(value, dict):
        return _compare(resource, name, "eq", value, path)
    check([] if value else [path])
    return _all(
        [_compare(resource, name, operator, operand, f"{path}.{operator}") for operator, operand in value.items()]
    )


def _related(resource: Resource, relationship: Relationship, value: Json, path: str) -> Test:
    if not isinstance(value, dict) or not value:
        raise invalid(path)
    check([f"{path}.{operator}" for operator in value if operator not in ("any", "none", "every")])
    target = RESOURCES[relationship.target]
    inner = {operator: _read(target, where, f"{path}.{operator}") for operator, where in value.items()}

    def holds(state: State, row: Row) -> Truth:
        rows = state.related(resource, row, relationship)
        truths = {
            operator: [test(state, related_row) is True for related_row in rows] for operator, test in inner.items()
        }
        return (
            any(truths.get("any", [True]))
            and not any(truths.get("none", []))
            and all(truths.get("every", []))
        )  # fmt: skip

    return holds


def _compare(resource: Resource, name: str, operator: str, operand: Json, path: str) -> Test:
    value_type = resource.fields[name].value_type
    if operator == "is_null":
        check([] if type(operand) is bool else [path])
        return lambda _, row: (row[name] is None) is operand
    if operator not in value_type.operators:
        raise invalid(path)
    if operand is None and operator in ("eq", "neq"):
        return lambda _, row: (row[name] is None) is (operator == "eq")
    try:
        loaded = _operand(value_type.load, operator, operand)
    except WrongError:
        raise invalid(path) from None
    if operator in ("in", "not_in") and not loaded:
        return lambda *_: operator == "not_in"
    return lambda _, row: None if row[name] is None else _ORDER[operator](row[name], loaded)


def _operand(load: Callable[[Json], Json], operator: str, operand: Json) -> Json:
    if operator in TEXT:
        pattern = text().load(operand)
        if operator.endswith("like") and re.search(r"(?<!\\)(\\\\)*\\$", pattern):
            raise WrongError
        return pattern
    if operator not in ("in", "not_in", "between"):
        return load(operand)
    if not isinstance(operand, list) or (operator == "between" and len(operand) != 2):
        raise WrongError
    return [load(item) for item in operand]


def _like(pattern: str, flags: int) -> re.Pattern[str]:
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    regex = "".join({"%": ".*", "_": "."}.get(piece) or re.escape(piece[-1]) for piece in pieces)
    return re.compile(regex, re.DOTALL | flags)


def _all(tests: list[Test]) -> Test:
    def holds(state: State, row: Row) -> Truth:
        truths = [test(state, row) for test in tests]
        return False if False in truths else None if None in truths else True

    return holds


def _any(tests: list[Test]) -> Test:
    def holds(state: State, row: Row) -> Truth:
        truths = [test(state, row) for test in tests]
        return True if True in truths else None if None in truths else False

    return holds


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth
