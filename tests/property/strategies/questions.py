"""Filters, orders, fields and includes."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import RESOURCES
from tests.property.reference.value_types import TOKEN
from tests.property.strategies.values import good, wrong

Json = Any
Drawn = st.SearchStrategy[Json]
Conditions = Callable[[str], Iterator[Json]]
"""Returns conditions on the fields of a resource."""
_COMPARED = ("eq", "neq", "gt", "gte", "lt", "lte")
_PATTERNS = ["a", "A", "%", "_", "a%", "%a%", r"\%", "", "é", r"a\_b", "'", "a_b"]


def conditions(resource: str) -> Iterator[Json]:
    """Return every field with every operator that its type has, and some values."""
    for name, field in RESOURCES[resource].fields.items():
        if field.hidden:
            continue
        yield {name: {"is_null": True}}
        yield {name: {"is_null": False}}
        operators, values = field.value_type.operators, [0, 1] if field.read_only else good(name)
        if not operators:
            continue
        yield from ({name: value} for value in [*values, None])
        yield {name: {"neq": None}}
        yield from ({name: {operator: value}} for operator in _COMPARED if operator in operators for value in values)
        yield from (
            {name: {operator: items}} for operator in ("in", "not_in") for items in ([], values[:1], values[:3])
        )
        if "between" in operators:
            yield {name: {"between": [values[0], values[-1]]}}
            yield {name: {"gte": values[0], "lt": values[-1]}}
        if "like" in operators:
            yield from (
                {name: {operator: pattern}}
                for operator in ("like", "starts_with", "ends_with", "contains")
                for pattern in _PATTERNS
            )
            yield from ({name: {"ilike": pattern}} for pattern in _PATTERNS if pattern.isascii())


_NO_RELATED: list[Json] = [1, {}, {"some": {}}, {"any": 1}, {"any": {"nosuch": 1}}]


def _wrong_conditions(resource: str) -> Iterator[Json]:
    yield from [1, [], "x", None, {"nosuch": 1}, {"and": []}, {"or": {}}, {"not": []}, {"": {"eq": 1}}]
    for name, field in RESOURCES[resource].fields.items():
        if field.hidden:
            yield {name: "hush"}
            continue
        yield {name: {}}
        yield {name: {"frob": 1}}
        yield {name: {"is_null": 1}}
        if not field.read_only and field.value_type.operators:
            yield from ({name: {"eq": value}} for value in wrong(resource, name) if value is not None)
            yield from ({name: {operator: [None]}} for operator in ("in", "not_in"))
        broken: list[Json] = [("gt", None), ("between", [1]), ("between", 1), ("in", 1), ("like", 1), ("like", "a\\")]
        yield from ({name: {operator: value}} for operator, value in broken)
    for name in RESOURCES[resource].relationships:
        yield from ({name: value} for value in _NO_RELATED)


@cache
def wheres(resource: str, depth: int = 2, conditions: Conditions = conditions) -> Drawn:
    """Draw a filter."""
    plain = st.sampled_from(list(conditions(resource)))
    if depth == 0:
        return plain
    inner = wheres(resource, depth - 1, conditions)
    related = [
        st.builds(
            _related,
            st.just(name),
            st.sampled_from(["any", "none", "every"]),
            wheres(relationship.target, depth - 1, conditions),
        )
        for name, relationship in RESOURCES[resource].relationships.items()
    ]
    groups = st.builds(
        lambda operator, conditions_: {operator: conditions_},
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    return st.one_of(
        plain,
        st.builds(lambda left, right: {**left, **right}, plain, plain),
        groups,
        inner.map(lambda condition: {"not": condition}),
        *related,
        st.just({}),
    )


def _related(name: str, quantifier: str, where: Json) -> Json:
    return {name: {quantifier: where}}


@cache
def wrong_wheres(resource: str) -> Drawn:
    """Draw a value that is not a valid filter."""
    return st.sampled_from(list(_wrong_conditions(resource)))


def _sortable(resource: str) -> list[str]:
    """Return the fields to sort by. MariaDB sorts UUIDs in its own way."""
    fields = RESOURCES[resource].fields
    return [
        name
        for name in RESOURCES[resource].visible
        if fields[name].value_type.sortable and fields[name].value_type is not TOKEN
    ]


@cache
def orders(resource: str) -> Drawn:
    """Draw an order."""
    names = _sortable(resource)
    terms = st.sampled_from([*names, *(f"-{name}" for name in names)])
    return st.lists(terms, max_size=3, unique_by=lambda term: term.removeprefix("-"))


@cache
def fields(resource: str) -> Drawn:
    """Draw which fields to show."""
    return st.lists(st.sampled_from(RESOURCES[resource].visible), min_size=1, max_size=4, unique=True)


@cache
def groupings(resource: str) -> Drawn:
    """Draw fields to count by."""
    names = _sortable(resource)
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


@cache
def includes(resource: str, depth: int = 2, conditions: Conditions = conditions) -> Drawn:
    """Draw an include."""
    names = list(RESOURCES[resource].relationships)
    if not names:
        return st.just([])
    dotted = [
        f"{name}.{inner}"
        for name in names
        for inner in RESOURCES[RESOURCES[resource].relationships[name].target].relationships
    ]
    objects = st.fixed_dictionaries({}, optional={name: _options(resource, name, depth, conditions) for name in names})
    lists = st.lists(st.sampled_from([*names, *dotted]), max_size=2, unique=True)
    return st.one_of(lists, objects, st.tuples(st.sampled_from(names)).map(list))


def _options(resource: str, name: str, depth: int, conditions: Conditions) -> Drawn:
    relationship = RESOURCES[resource].relationships[name]
    optional: dict[str, Drawn] = {"fields": fields(relationship.target)}
    if relationship.many:
        optional |= {
            "where": wheres(relationship.target, 0, conditions),
            "order": orders(relationship.target),
            "limit": st.integers(0, 3),
        }
    if depth > 1:
        optional["include"] = includes(relationship.target, depth - 1, conditions)
    return st.one_of(st.just(True), st.fixed_dictionaries({}, optional=optional))  # noqa: FBT003 - JSON
