"""Related rows beside rows."""

from dataclasses import dataclass
from typing import Any

from tests.property.reference import order, where
from tests.property.reference.data import dump, names
from tests.property.reference.faults import ANYWHERE, Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.order import Order
from tests.property.reference.schema import RESOURCES, Relationship, Resource, Row
from tests.property.reference.state import State
from tests.property.reference.where import Test

_OPTIONS = frozenset({"where", "order", "limit", "fields", "include"})


@dataclass
class Include:
    """A relationship to load, with what is asked of its rows."""

    relationship: Relationship
    test: Test
    order: Order
    limit: int
    fields: list[str]
    inner: "dict[str, Include]"


def read(resource: Resource, value: Json, path: str = "include", depth: int = 1) -> dict[str, Include]:
    found: dict[str, Include] = {}
    if isinstance(value, dict):
        for name, options in value.items():
            found[name] = _read_one(resource, name, options, f"{path}.{name}", depth)
        return found
    if not isinstance(value, list):
        raise invalid(path)
    for part in value:
        if isinstance(part, str):
            _add_dotted(found, resource, part, path, depth)
        elif isinstance(part, dict):
            found |= read(resource, part, path, depth)
        else:
            raise invalid(path)
    return found


def _add_dotted(found: dict[str, Include], resource: Resource, dotted: str, path: str, depth: int) -> None:
    for name in dotted.split("."):
        path = f"{path}.{name}"
        one = found.setdefault(name, _read_one(resource, name, {}, path, depth))
        resource, depth, found = RESOURCES[one.relationship.target], depth + 1, one.inner


def _read_one(resource: Resource, name: str, options: Json, path: str, depth: int) -> Include:
    if depth > LIMITS.include_depth:
        raise RefusedError("limit_exceeded", (ANYWHERE,))
    relationship = resource.relationships.get(name)
    if relationship is None:
        raise invalid(path)
    given = {} if options is True else options
    if not isinstance(given, dict):
        raise invalid(path)
    check([f"{path}.{word}" for word in given if word not in _OPTIONS])
    target = RESOURCES[relationship.target]
    limit = given.get("limit", LIMITS.default_page)
    if type(limit) is not int or limit < 0:
        raise invalid(f"{path}.limit")
    if limit > LIMITS.page:
        raise RefusedError("limit_exceeded", (f"{path}.limit",))
    return Include(
        relationship,
        where.read(target, given.get("where", {}), f"{path}.where"),
        order.read(target, given.get("order", []), f"{path}.order"),
        limit,
        names(target, given["fields"], f"{path}.fields") if "fields" in given else target.visible,
        read(target, given.get("include", []), f"{path}.include", depth + 1),
    )


def show(state: State, resource: Resource, row: Row, fields: list[str], inner: dict[str, Include]) -> dict[str, Any]:
    """Write a row with what is related to it."""
    found = dump(resource, row, fields)
    for name, one in inner.items():
        target = RESOURCES[one.relationship.target]
        related = [other for other in state.related(resource, row, one.relationship) if one.test(state, other) is True]
        shown = [show(state, target, other, one.fields, one.inner) for other in one.order.sort(related)[: one.limit]]
        found[name] = shown if one.relationship.many else shown[0] if shown else None
    return found
