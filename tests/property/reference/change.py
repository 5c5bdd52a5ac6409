"""`update` and `delete`: by key, by filter, and of several rows each in its own way."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.property.reference import where
from tests.property.reference.create import collected, several
from tests.property.reference.data import Links, changes, dump, read_key, read_links
from tests.property.reference.faults import ANYWHERE, Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.schema import Resource, Row
from tests.property.reference.state import Key, State
from tests.property.reference.work import Work, found

Command = dict[str, Json]
_PARTS = frozenset({"key", "data", "if_version"})


@dataclass
class Change:
    """A row to change."""

    path: str
    key: Key
    values: Row
    links: Links
    if_version: int | None


def update(work: Work, resource: Resource, command: Command) -> dict[str, Any]:
    data = command["data"]
    if isinstance(data, list):
        if "key" in command or "where" in command or "if_version" in command or "max_rows" in command:
            raise invalid(ANYWHERE)
        return {"data": _update_each(work, resource, data)}
    if ("key" in command) == ("where" in command):
        raise invalid(ANYWHERE)
    if "key" in command:
        if "max_rows" in command:
            raise invalid("max_rows")
        one = _read(resource, command, "")
        row = found(work.state, resource, one.key, one.if_version)
        return {"data": dump(resource, work.update(resource, row, one.values, one.links))}
    values, links = changes(resource, data, "data"), read_links(resource, data, "data")
    matching = _matching(work.state, resource, command)
    with several(len(matching)):
        rows = [work.update(resource, row, values, links) for row in matching]
    return {"data": [dump(resource, row) for row in rows]}


def _update_each(work: Work, resource: Resource, data: list[Json]) -> list[dict[str, Any]]:
    check([] if data else ["data"])
    if len(data) > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("data",))
    faults: list[str] = []
    planned = [collected(faults, partial(_read, resource, one, f"data.{n}.")) for n, one in enumerate(data)]
    check(faults)
    before = work.state.copy()
    done = []
    for one in planned:
        try:
            row = found(work.state, resource, one.key, one.if_version)
            done.append(dump(resource, work.update(resource, row, one.values, one.links)))
        except RefusedError as error:
            error.instead, error.violated = _others(before, resource, planned), frozenset()
            # Which of the rows violates a constraint, a database may find only in the end.
            raise error if error.code == "conflict" else error.below(one.path) from None
    return done


def _others(state: State, resource: Resource, planned: list[Change]) -> frozenset[str]:
    """Name what else is wrong with the rows: the order in which it is found is not laid down."""
    codes = set()
    for number, one in enumerate(planned):
        if one.if_version is not None and one.key in [before.key for before in planned[:number]]:
            # The change before it counts, which a constraint may refuse only later.
            codes.add("version_mismatch")
        try:
            found(state, resource, one.key, one.if_version)
        except RefusedError as error:
            codes.add(error.code)
    return frozenset(codes)


def _read(resource: Resource, given: Json, prefix: str) -> Change:
    path = prefix.removesuffix(".")
    if not isinstance(given, dict):
        raise invalid(path)
    faults = [f"{prefix}{name}" for name in given if path and name not in _PARTS]
    faults += [f"{prefix}{name}" for name in ("key", "data") if name not in given]
    check(faults)
    data = given["data"]
    key = collected(faults, lambda: read_key(resource, given["key"], f"{prefix}key"))
    values = collected(faults, lambda: changes(resource, data, f"{prefix}data"))
    if isinstance(data, dict):
        links = collected(faults, lambda: read_links(resource, data, f"{prefix}data"))
        faults += [
            f"{prefix}data.{name}" for name, one in resource.relationships.items() if name in data and not one.linked
        ]
    version = collected(faults, lambda: _version(resource, given, f"{prefix}if_version"))
    check(faults)
    return Change(path, key, values, links, version)


def delete(work: Work, resource: Resource, command: Command) -> dict[str, Any]:
    if ("key" in command) == ("where" in command):
        raise invalid(ANYWHERE)
    if "key" in command:
        if "max_rows" in command:
            raise invalid("max_rows")
        key, version = read_key(resource, command["key"]), _version(resource, command, "if_version")
        rows = [found(work.state, resource, key, version)]
    else:
        rows = _matching(work.state, resource, command)
    with several(len(rows)):
        for row in rows:
            work.delete(resource, row)
    shown = [dump(resource, row) for row in rows]
    return {"data": shown if "where" in command else shown[0]}


def _matching(state: State, resource: Resource, command: Command) -> list[Row]:
    if "if_version" in command:
        raise invalid("if_version")
    most = command.get("max_rows")
    if type(most) is not int or most < 0:
        raise invalid("max_rows")
    test = where.read(resource, command["where"])
    if most > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("max_rows",))
    rows = where.matching(state, resource, test)
    if len(rows) > most:
        raise RefusedError("limit_exceeded", (ANYWHERE,))
    return rows


def _version(resource: Resource, given: Command, path: str) -> int | None:
    version = given.get("if_version")
    if "if_version" in given and (type(version) is not int or resource.version is None):
        raise invalid(path)
    return version
