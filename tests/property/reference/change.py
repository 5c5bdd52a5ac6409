"""`update` and `delete`: by key, by filter, and of several rows with separate changes."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.property.reference import where
from tests.property.reference.create import collected, several
from tests.property.reference.data import Links, changes, check_links, dump, read_key, read_links
from tests.property.reference.faults import ANYWHERE, Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.schema import Resource, Row
from tests.property.reference.state import Key, State
from tests.property.reference.work import Work, get_row

Command = dict[str, Json]
_CHANGE_FIELDS = frozenset({"key", "data", "if_version"})


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
        change = _read(resource, command, "")
        check_links([change.links])
        row = get_row(work.state, resource, change.key, change.if_version)
        return {"data": dump(resource, work.update(resource, row, change.values, change.links))}
    values, links = changes(resource, data, "data"), read_links(resource, data, "data")
    targets = _target_rows(work.state, resource, command)
    with several(len(targets)):
        rows = [work.update(resource, row, values, links) for row in targets]
    return {"data": [dump(resource, row) for row in rows]}


def _update_each(work: Work, resource: Resource, data: list[Json]) -> list[dict[str, Any]]:
    check([] if data else ["data"])
    if len(data) > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("data",))
    faults: list[str] = []
    planned = [collected(faults, partial(_read, resource, item, f"data.{n}.")) for n, item in enumerate(data)]
    check(faults)
    check_links([change.links for change in planned])
    before = work.state.copy()
    done = []
    for change in planned:
        try:
            row = get_row(work.state, resource, change.key, change.if_version)
            done.append(dump(resource, work.update(resource, row, change.values, change.links)))
        except RefusedError as error:
            error.instead, error.violated = _others(before, resource, planned), frozenset()
            # A database may check constraints at the end only, when the row is unknown.
            raise error if error.code == "conflict" else error.below(change.path) from None
    return done


def _others(state: State, resource: Resource, planned: list[Change]) -> frozenset[str]:
    """Return the codes of other faults of the rows: the contract does not define which one is reported."""
    codes = set()
    for number, change in enumerate(planned):
        if change.if_version is not None and change.key in [before.key for before in planned[:number]]:
            # An earlier change to the row counts, although a constraint may reject it later.
            codes.add("version_mismatch")
        try:
            get_row(state, resource, change.key, change.if_version)
        except RefusedError as error:
            codes.add(error.code)
    return frozenset(codes)


def _read(resource: Resource, given: Json, prefix: str) -> Change:
    path = prefix.removesuffix(".")
    if not isinstance(given, dict):
        raise invalid(path)
    faults = [f"{prefix}{name}" for name in given if path and name not in _CHANGE_FIELDS]
    faults += [f"{prefix}{name}" for name in ("key", "data") if name not in given]
    check(faults)
    data = given["data"]
    key = collected(faults, lambda: read_key(resource, given["key"], f"{prefix}key"))
    values = collected(faults, lambda: changes(resource, data, f"{prefix}data"))
    if isinstance(data, dict):
        links = collected(faults, lambda: read_links(resource, data, f"{prefix}data"))
        faults += [
            f"{prefix}data.{name}"
            for name, relationship in resource.relationships.items()
            if name in data and not relationship.linked
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
        rows = [get_row(work.state, resource, key, version)]
    else:
        rows = _target_rows(work.state, resource, command)
    with several(len(rows)):
        for row in rows:
            work.delete(resource, row)
    shown = [dump(resource, row) for row in rows]
    return {"data": shown if "where" in command else shown[0]}


def _target_rows(state: State, resource: Resource, command: Command) -> list[Row]:
    if "if_version" in command:
        raise invalid("if_version")
    max_rows = command.get("max_rows")
    if type(max_rows) is not int or max_rows < 0:
        raise invalid("max_rows")
    test = where.read(resource, command["where"])
    if max_rows > LIMITS.rows:
        raise RefusedError("limit_exceeded", ("max_rows",))
    rows = where.filter_rows(state, resource, test)
    if len(rows) > max_rows:
        raise RefusedError("limit_exceeded", (ANYWHERE,))
    return rows


def _version(resource: Resource, given: Command, path: str) -> int | None:
    version = given.get("if_version")
    if "if_version" in given and (type(version) is not int or resource.version is None):
        raise invalid(path)
    return version
