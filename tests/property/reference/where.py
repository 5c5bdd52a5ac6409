"""Filters, as SQL means them: true, false, or unknown (None)."""

import re
from collections.abc import Callable

from tests.property.reference.faults import Json, check, invalid
from tests.property.reference.kinds import TEXT, WrongError, text
from tests.property.reference.measure import check_size
from tests.property.reference.schema import RESOURCES, Relationship, Resource, Row
from tests.property.reference.state import State

Truth = bool | None
Test = Callable[[State, Row], Truth]
_ORDER: dict[str, Callable[[Json, Json], bool]] = {
    "eq": lambda one, other: bool(one == other),
    "neq": lambda one, other: bool(one != other),
    "gt": lambda one, other: bool(one > other),
    "gte": lambda one, other: bool(one >= other),
    "lt": lambda one, other: bool(one < other),
    "lte": lambda one, other: bool(one <= other),
    "between": lambda one, other: bool(other[0] <= one <= other[1]),
    "in": lambda one, other: one in other,
    "not_in": lambda one, other: one not in other,
    "like": lambda one, other: _like(other, 0).fullmatch(one) is not None,
    "ilike": lambda one, other: _like(other, re.IGNORECASE | re.ASCII).fullmatch(one) is not None,
    "starts_with": lambda one, other: bool(one.startswith(other)),
    "ends_with": lambda one, other: bool(one.endswith(other)),
    "contains": lambda one, other: other in one,
}


def read(resource: Resource, where: Json, path: str = "where") -> Test:
    """Compile a filter."""
    check_size(where, path)
    return _read(resource, where, path)


def _read(resource: Resource, where: Json, path: str) -> Test:
    if not isinstance(where, dict):
        raise invalid(path)
    return _all([_part(resource, name, value, f"{path}.{name}") for name, value in where.items()])


def matching(state: State, resource: Resource, test: Test) -> list[Row]:
    """Give the rows that a filter holds for, in the order of their keys."""
    return [row for row in state.all(resource) if test(state, row) is True]


def _part(resource: Resource, name: str, value: Json, path: str) -> Test:
    if name in ("and", "or"):
        if not isinstance(value, list) or not value:
            raise invalid(path)
        parts = [_read(resource, one, f"{path}.{index}") for index, one in enumerate(value)]
        return _all(parts) if name == "and" else _any(parts)
    if name == "not":
        inner = _read(resource, value, path)
        return lambda state, row: _not(inner(state, row))
    if name in resource.relationships:
        return _through(resource, resource.relationships[name], value, path)
    check([] if name in resource.visible else [path])
    if not isinstance(value, dict):
        return _compare(resource, name, "eq", value, path)
    check([] if value else [path])
    return _all([_compare(resource, name, word, operand, f"{path}.{word}") for word, operand in value.items()])


def _through(resource: Resource, relationship: Relationship, value: Json, path: str) -> Test:
    if not isinstance(value, dict) or not value:
        raise invalid(path)
    check([f"{path}.{word}" for word in value if word not in ("any", "none", "every")])
    target = RESOURCES[relationship.target]
    inner = {word: _read(target, where, f"{path}.{word}") for word, where in value.items()}

    def holds(state: State, row: Row) -> Truth:
        found = state.related(resource, row, relationship)
        truths = {word: [test(state, one) is True for one in found] for word, test in inner.items()}
        return (
            any(truths.get("any", [True]))
            and not any(truths.get("none", []))
            and all(truths.get("every", []))
        )  # fmt: skip

    return holds


def _compare(resource: Resource, name: str, word: str, operand: Json, path: str) -> Test:
    kind = resource.fields[name].kind
    if word == "is_null":
        check([] if type(operand) is bool else [path])
        return lambda _, row: (row[name] is None) is operand
    if word not in kind.operators:
        raise invalid(path)
    if operand is None and word in ("eq", "neq"):
        return lambda _, row: (row[name] is None) is (word == "eq")
    try:
        loaded = _operand(kind.load, word, operand)
    except WrongError:
        raise invalid(path) from None
    if word in ("in", "not_in") and not loaded:
        return lambda *_: word == "not_in"
    return lambda _, row: None if row[name] is None else _ORDER[word](row[name], loaded)


def _operand(load: Callable[[Json], Json], word: str, operand: Json) -> Json:
    if word in TEXT:
        found = text().load(operand)
        if word.endswith("like") and re.search(r"(?<!\\)(\\\\)*\\$", found):
            raise WrongError
        return found
    if word not in ("in", "not_in", "between"):
        return load(operand)
    if not isinstance(operand, list) or (word == "between" and len(operand) != 2):
        raise WrongError
    return [load(one) for one in operand]


def _like(pattern: str, flags: int) -> re.Pattern[str]:
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    found = "".join({"%": ".*", "_": "."}.get(one) or re.escape(one[-1]) for one in pieces)
    return re.compile(found, re.DOTALL | flags)


def _all(parts: list[Test]) -> Test:
    def holds(state: State, row: Row) -> Truth:
        found = [part(state, row) for part in parts]
        return False if False in found else None if None in found else True

    return holds


def _any(parts: list[Test]) -> Test:
    def holds(state: State, row: Row) -> Truth:
        found = [part(state, row) for part in parts]
        return True if True in found else None if None in found else False

    return holds


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth
