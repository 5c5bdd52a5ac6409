"""Includes: rows with their related rows."""

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
    """A relationship to load, with its options."""

    relationship: Relationship
    test: Test
    order: Order
    limit: int
    fields: list[str]
    inner: "dict[str, Include]"


def read(resource: Resource, value: Json, path: str = "include", depth: int = 1) -> dict[str, Include]:
    tree: dict[str, Include] = {}
    if isinstance(value, dict):
        for name, options in value.items():
            tree[name] = _read_node(resource, name, options, f"{path}.{name}", depth)
        return tree
    if not isinstance(value, list):
        raise invalid(path)
    for part in value:
        if isinstance(part, str):
            _add_dotted(tree, resource, part, path, depth)
        elif isinstance(part, dict):
            tree |= read(resource, part, path, depth)
        else:
            raise invalid(path)
    return tree


def _add_dotted(tree: dict[str, Include], resource: Resource, dotted: str, path: str, depth: int) -> None:
    for name in dotted.split("."):
        path = f"{path}.{name}"
        node = tree.setdefault(name, _read_node(resource, name, {}, path, depth))
        resource, depth, tree = RESOURCES[node.relationship.target], depth + 1, node.inner


def _read_node(resource: Resource, name: str, options: Json, path: str, depth: int) -> Include:
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
    """Return a row as JSON, with its related rows."""
    shown = dump(resource, row, fields)
    for name, node in inner.items():
        target = RESOURCES[node.relationship.target]
        related = [
            other for other in state.related(resource, row, node.relationship) if node.test(state, other) is True
        ]
        inner_rows = [
            show(state, target, other, node.fields, node.inner) for other in node.order.sort(related)[: node.limit]
        ]
        shown[name] = inner_rows if node.relationship.many else inner_rows[0] if inner_rows else None
    return shown


def check_related(rows: list[dict[str, Any]], inner: dict[str, Include]) -> None:
    """Reject an answer with too many related rows."""
    if _related(rows, inner) > 20 * LIMITS.page:
        raise RefusedError("limit_exceeded", (ANYWHERE,))


def _related(rows: list[dict[str, Any]], inner: dict[str, Include]) -> int:
    count = 0
    for name, node in inner.items():
        for row in rows:
            value = row[name]
            below = value if isinstance(value, list) else [] if value is None else [value]
            count += len(below) + _related(below, node.inner)
    return count
