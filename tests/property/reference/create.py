"""`create` and `upsert`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.property.reference.data import Links, check_links, dump, new_row, read_links
from tests.property.reference.faults import ANYWHERE, Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.schema import RESOURCES, Resource, Row
from tests.property.reference.work import Work, keys

Command = dict[str, Json]


@dataclass
class New:
    """A row to insert, with the rows to insert below it."""

    row: Row
    links: Links
    inline: "dict[str, list[New]]"


def create(work: Work, resource: Resource, command: Command) -> dict[str, Any]:
    planned, many = _planned(command, lambda data, path: _read(resource, data, path))
    size = sum(_size(new) for new in planned)
    if size > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("data",))
    check_links([links for new in planned for links in _all_links(new)])
    with several(size):
        rows = [_insert(work, resource, new) for new in planned]
    return {"data": rows if many else rows[0]}


def _size(new: New) -> int:
    return 1 + sum(_size(child) for children in new.inline.values() for child in children)


def _all_links(new: New) -> list[Links]:
    return [
        new.links,
        *(links for children in new.inline.values() for child in children for links in _all_links(child)),
    ]


def _read(resource: Resource, data: Json, path: str, given: frozenset[str] = frozenset()) -> New:
    faults: list[str] = []
    if not isinstance(data, dict):
        raise invalid(path)
    row = collected(faults, lambda: new_row(resource, data, path, given=given)) or {}
    links = collected(faults, lambda: read_links(resource, data, path)) or {}
    inline: dict[str, list[New]] = {}
    for name, relationship in resource.relationships.items():
        if name not in data or relationship.linked:
            continue
        location, value = f"{path}.{name}", data[name]
        if not relationship.owner or type(value) is not (list if relationship.many else dict):
            faults.append(location)
            continue
        read = _reader(RESOURCES[relationship.target], frozenset(relationship.theirs))
        items = (
            [(location, value)]
            if not relationship.many
            else [(f"{location}.{n}", item) for n, item in enumerate(value)]
        )
        read_rows = [collected(faults, partial(read, item, at)) for at, item in items]
        inline[name] = [item for item in read_rows if item is not None]
    check(faults)
    return New(row, links, inline)


def _reader(target: Resource, given: frozenset[str]) -> Callable[[Json, str], New]:
    return lambda data, path: _read(target, data, path, given)


def _insert(work: Work, resource: Resource, new: New) -> dict[str, Any]:
    row = work.insert(resource, new.row, new.links)
    shown: dict[str, Any] = dump(resource, row)
    shown |= {name: linked for name in new.links if (linked := keys(work.state.linked(resource, row)))}
    for name, children in new.inline.items():
        relationship = resource.relationships[name]
        target = RESOURCES[relationship.target]
        filled = {theirs: row[ours] for ours, theirs in zip(relationship.ours, relationship.theirs, strict=True)}
        rows = [_insert(work, target, New({**child.row, **filled}, child.links, child.inline)) for child in children]
        shown[name] = rows if relationship.many else rows[0]
    return shown


def upsert(work: Work, resource: Resource, command: Command) -> dict[str, Any]:
    on = command.get("on", list(resource.key))
    if not isinstance(on, list):
        raise invalid("on")
    if all(sorted(on) != sorted(fields) for fields in resource.unique_keys.values()):
        raise invalid("on")
    planned, many = _planned(command, lambda data, path: (data, new_row(resource, data, path)))
    rows: list[Row] = []
    with several(len(planned)):
        created = sum([_upsert(work, resource, on, item, rows) for item in planned])
    shown = [dump(resource, row) for row in rows]
    return {"data": shown if many else shown[0], "created": created}


def _upsert(work: Work, resource: Resource, on: list[str], planned: tuple[Row, Row], rows: list[Row]) -> bool:
    data, row = planned
    same = [
        existing
        for existing in work.state.all(resource)
        if all(row[name] is not None and existing[name] == row[name] for name in on)
    ]
    if not same:
        rows.append(work.insert(resource, row, {}))
        return True
    if any(name in data and row[name] != same[0][name] for name in resource.key):
        # The key of the data belongs to another row.
        raise RefusedError("conflict", (ANYWHERE,), violated=frozenset({f"pk_{resource.name}"}))
    unchanged = {*resource.key, *on, *(name for name, field in resource.fields.items() if field.write_once)}
    values = {name: row[name] for name in data if name not in unchanged}
    rows.append(work.update(resource, same[0], values, {}))
    return False


def _planned(command: Command, read: Callable[[Json, str], Any]) -> tuple[list[Any], bool]:
    data = command["data"]
    if not isinstance(data, list):
        return [read(data, "data")], False
    check([] if data else ["data"])
    if len(data) > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("data",))
    faults: list[str] = []
    planned = [collected(faults, partial(read, item, f"data.{n}")) for n, item in enumerate(data)]
    check(faults)
    return planned, True


@contextmanager
def several(rows: int) -> Iterator[None]:
    """Leave open which constraint is reported if several rows may violate one."""
    try:
        yield
    except RefusedError as error:
        if rows > 1:
            error.violated = frozenset()
        raise


def collected(faults: list[str], read: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `read` gives
    """Read something, and collect its faults instead of raising them."""
    try:
        return read()
    except RefusedError as error:
        faults += error.paths
        return None
