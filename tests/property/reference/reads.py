"""`get`, `list` and `count`."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.property.reference import include, order, where
from tests.property.reference.data import dump, names, read_key
from tests.property.reference.faults import ANYWHERE, Json, RefusedError, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.order import Order
from tests.property.reference.schema import Resource, Row
from tests.property.reference.state import State

Command = dict[str, Json]
_MAX_NUMBER = 2**63


@dataclass
class PageEnd:
    """The end of a page, for its cursor."""

    question: Json
    row: Row


@dataclass
class Reads:
    """The pages so far: a cursor is identified by the page that it came from."""

    page_ends: dict[str, PageEnd | None] = field(default_factory=dict)

    def page(self, state: State, resource: Resource, command: Command, id_: str) -> dict[str, Any]:
        test = where.read(resource, command.get("where", {}))
        sorting = order.read(resource, command.get("order", []))
        limit = _number(command, "limit", LIMITS.default_page)
        offset = _number(command, "offset", 0)
        fields = names(resource, command["fields"], "fields") if "fields" in command else resource.visible
        inner = include.read(resource, command.get("include", []))
        if type(command.get("count", False)) is not bool:
            raise invalid("count")
        if limit > LIMITS.page:
            raise RefusedError("limit_exceeded", ("limit",))
        rows = sorting.sort(where.filter_rows(state, resource, test))
        total = len(rows)
        if "after" in command:
            rows = self._behind(rows, sorting, command)
        shown = rows[offset : offset + limit]
        more = limit > 0 and len(rows) > offset + limit
        self.page_ends[id_] = PageEnd(_question(command), shown[-1]) if more else None
        page = {"limit": limit, "next": more}
        if "offset" in command:
            page["offset"] = offset
        if command.get("count"):
            page["count"] = total
        data = [include.show(state, resource, row, fields, inner) for row in shown]
        include.check_related(data, inner)
        return {"data": data, "page": page}

    def _behind(self, rows: list[Row], sorting: Order, command: Command) -> list[Row]:
        after = command["after"]
        page_end = self.page_ends.get(after["cursor"]) if isinstance(after, dict) else None
        if page_end is None or "offset" in command or page_end.question != _question(command):
            raise invalid("after", "offset")
        return [row for row in rows if sorting.compare(row, page_end.row) > 0]


def get(state: State, resource: Resource, command: Command) -> dict[str, Any]:
    if ("key" in command) == ("where" in command):
        raise invalid(ANYWHERE)
    fields = names(resource, command["fields"], "fields") if "fields" in command else resource.visible
    inner = include.read(resource, command.get("include", []))
    if "key" in command:
        row = state.find(resource, read_key(resource, command["key"]))
        rows = [] if row is None else [row]
    else:
        rows = where.filter_rows(state, resource, where.read(resource, command["where"]))
    if len(rows) != 1:
        raise RefusedError("multiple_found" if rows else "not_found")
    data = include.show(state, resource, rows[0], fields, inner)
    include.check_related([data], inner)
    return {"data": data}


def count(state: State, resource: Resource, command: Command) -> dict[str, Any]:
    test = where.read(resource, command.get("where", {}))
    rows = where.filter_rows(state, resource, test)
    if "by" not in command:
        return {"data": len(rows)}
    sorting = order.read(resource, command["by"], "by")
    by = command["by"]
    row_by_group = {tuple(row[name] for name in by): row for row in rows}
    counts = Counter(tuple(row[name] for name in by) for row in rows)
    groups = Order(sorting.terms[: len(by)]).sort(list(row_by_group.values()))
    return {"data": [dump(resource, row, by) | {"count": counts[tuple(row[name] for name in by)]} for row in groups]}


def _question(command: Command) -> Json:
    return command["resource"], command.get("where", {}), command.get("order", [])


def _number(command: Command, name: str, default: int) -> int:
    number = command.get(name, default)
    if type(number) is not int or not 0 <= number < _MAX_NUMBER:
        raise invalid(name)
    return number
