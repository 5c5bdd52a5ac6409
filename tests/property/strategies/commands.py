"""Commands of every action: most of them valid, some with one fault."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.property.reference.limits import LIMITS
from tests.property.reference.schema import RESOURCES
from tests.property.strategies import questions as ask
from tests.property.strategies import rows

Json = Any
Command = dict[str, Json]
Commands = st.SearchStrategy[Command]
WEIGHTED = ["things"] * 5 + ["parts"] * 2 + ["pairs", "cards"] * 2 + ["tags", "nodes", "words"]
_RETURN = {"return": st.sampled_from(["row", "key", "none"])}
_MAX_ROWS = st.integers(0, LIMITS.rows)
_VERSIONS = st.sampled_from([1, 2, 3])


def _command(action: str, resource: str, needed: Command, optional: Command | None = None) -> Commands:
    head = {"resource": st.just(resource), "action": st.just(action)}
    return st.fixed_dictionaries({**head, **needed}, optional=optional or {})


def _few(drawn: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(drawn, min_size=1, max_size=3)


@cache
def create(resource: str) -> Commands:
    new = rows.new_rows(resource)
    data = st.one_of(new, new, rows.nested_rows(resource), _few(new), _few(rows.nested_rows(resource)))
    return _command("create", resource, {"data": data}, _RETURN)


@cache
def upsert(resource: str) -> Commands:
    new = rows.new_rows(resource)
    unique = [list(fields) for fields in RESOURCES[resource].unique_keys.values()]
    optional = {"on": st.sampled_from(unique), **_RETURN}
    return _command("upsert", resource, {"data": st.one_of(new, _few(new))}, optional)


@cache
def update(resource: str) -> Commands:
    key, changes = rows.keys(resource), rows.linked_changes(resource)
    version = {"if_version": _VERSIONS} if RESOURCES[resource].version else {}
    by_key = _command("update", resource, {"key": key, "data": changes}, {**version, **_RETURN})
    each = st.fixed_dictionaries({"key": key, "data": rows.changes(resource)}, optional=version)
    several = _command("update", resource, {"data": _few(each)}, _RETURN)
    where = {"where": ask.wheres(resource, 1), "max_rows": _MAX_ROWS, "data": rows.changes(resource)}
    return st.one_of(by_key, by_key, several, _command("update", resource, where, _RETURN))


@cache
def delete(resource: str) -> Commands:
    version = {"if_version": _VERSIONS} if RESOURCES[resource].version else {}
    by_key = _command("delete", resource, {"key": rows.keys(resource)}, {**version, **_RETURN})
    where = {"where": ask.wheres(resource, 1), "max_rows": _MAX_ROWS}
    return st.one_of(by_key, by_key, _command("delete", resource, where, _RETURN))


@cache
def get(resource: str) -> Commands:
    optional = {"fields": ask.fields(resource), "include": ask.includes(resource)}
    by_key = _command("get", resource, {"key": rows.keys(resource)}, optional)
    return st.one_of(by_key, _command("get", resource, {"where": ask.wheres(resource)}, optional))


@cache
def list_(resource: str) -> Commands:
    optional = {
        "where": ask.wheres(resource),
        "order": ask.orders(resource),
        "limit": st.integers(0, LIMITS.page),
        "offset": st.integers(0, 3),
        "fields": ask.fields(resource),
        "include": ask.includes(resource),
        "count": st.booleans(),
    }
    pages = {"order": ask.orders(resource), "limit": st.integers(1, 2)}
    return st.one_of(_command("list", resource, {}, optional), _command("list", resource, pages))


@cache
def count(resource: str) -> Commands:
    return _command("count", resource, {}, {"where": ask.wheres(resource), "by": ask.groupings(resource)})


_NUMBERS = st.integers(0, 3)
CALLS: Commands = st.one_of(
    st.fixed_dictionaries(
        {
            "action": st.just("call"),
            "name": st.just("grow"),
            "params": st.fixed_dictionaries({"low": _NUMBERS, "by": _NUMBERS}),
        }
    ),
    st.fixed_dictionaries(
        {"action": st.just("call"), "name": st.just("large_parts"), "params": st.fixed_dictionaries({"low": _NUMBERS})}
    ),
)
_ACTIONS: list[Any] = [create] * 3 + [update] * 4 + [upsert] * 2 + [delete] * 2
_ACTIONS += [get] * 2 + [list_] * 4 + [count]
_RESOURCE = st.sampled_from(WEIGHTED)
VALID: Commands = st.tuples(st.sampled_from(_ACTIONS), _RESOURCE).flatmap(lambda drawn: drawn[0](drawn[1]))
"""Draws a valid command; actions with more forms come more often."""


@cache
def plain(resource: str) -> Commands:
    """Draw a valid command on a resource."""
    return st.sampled_from(_ACTIONS).flatmap(lambda make: make(resource))


def _spoil_data(command: Command, wrong: Command) -> Command:
    data = command["data"]
    if isinstance(data, list):
        last = data[-1]
        spoiled = {**last, "data": {**last["data"], **wrong}} if "key" in last else {**last, **wrong}
        return {**command, "data": [*data[:-1], spoiled]}
    return {**command, "data": {**data, **wrong}}


@cache
def spoiled(resource: str) -> Commands:
    """Draw a command with one fault."""
    writes = st.one_of(create(resource), update(resource), upsert(resource))
    keyed = st.one_of(update(resource), delete(resource), get(resource))
    reads = st.one_of(get(resource), list_(resource), count(resource))
    wrong_parts: list[Command] = [
        {"limit": -1}, {"limit": 1.5}, {"limit": LIMITS.page + 1}, {"offset": -1}, {"offset": 2**63}, {"count": 1},
        {"nosuch": 1}, {"max_rows": 1}, {"if_version": "1"}, {"return": "all"}, {"dry_run": 1}, {"fields": ["nosuch"]},
        {"fields": [1]}, {"order": ["nosuch"]}, {"order": "id"}, {"order": ["-extra"]}, {"order": [1]},
        {"by": ["extra"]},
        {"include": ["nosuch"]}, {"include": {"nosuch": True}}, {"include": [1]}, {"include": {"tags": 1}},
        {"on": ["rank"]},
        {"after": "x"}, {"after": 1}, {"resource": "nosuch"}, {"resource": 1}, {"action": "frob"}, {"action": None},
        {"fields": ["secret"]}, {"order": ["secret"]}, {"by": ["secret"]}, {"data": 1}, {"data": []}, {"data": [1]},
        {"include": {"parts": {"limit": -1}}}, {"include": {"parts": {"nosuch": 1}}}, {"key": 1, "where": {}},
    ]  # fmt: skip
    return st.one_of(
        st.builds(_spoil_data, writes, rows.wrong_values(resource)),
        st.builds(
            lambda command, key: {**command, "key": key},
            keyed.filter(lambda command: "key" in command),
            rows.wrong_keys(resource),
        ),
        st.builds(
            lambda command, where: {**command, "where": where},
            reads.filter(lambda command: "key" not in command),
            ask.wrong_wheres(resource),
        ),
        st.builds(lambda command, part: {**command, **part}, plain(resource), st.sampled_from(wrong_parts)),
        st.builds(_without_one, plain(resource), st.integers(0, 5)),
    )


def _without_one(command: Command, index: int) -> Command:
    gone = list(command)[index % len(command)]
    return {name: value for name, value in command.items() if name != gone}


SPOILED: Commands = _RESOURCE.flatmap(spoiled)
