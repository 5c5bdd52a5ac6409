"""The `data` of commands: rows to insert, related rows, changes, links."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import GENERATED, REQUIRED, RESOURCES
from tests.property.strategies.values import OFTEN, free_pairs, good, good_pairs, wrong_pairs

Json = Any
TableRows = st.SearchStrategy[dict[str, Json]]
SOME_KEYS = st.lists(st.sampled_from([1, 2, 3]), max_size=3, unique=True)
LINKS = st.one_of(
    st.fixed_dictionaries({"set": SOME_KEYS}),
    st.fixed_dictionaries({"add": SOME_KEYS}),
    st.fixed_dictionaries({"add": st.just([1]), "remove": st.just([2])}),
    st.fixed_dictionaries({"remove": SOME_KEYS}),
)


@cache
def keys(resource: str) -> st.SearchStrategy[Json]:
    """Draw the key of a row."""
    schema = RESOURCES[resource]
    if len(schema.key) == 1:
        return st.sampled_from(good(schema.key[0]))
    return st.fixed_dictionaries({name: st.sampled_from(good(name)) for name in schema.key})


@cache
def wrong_keys(resource: str) -> st.SearchStrategy[Json]:
    """Draw a value that is not a valid key."""
    if len(RESOURCES[resource].key) == 1:
        return st.sampled_from([None, "1", 1.5, True, [1], {"id": 1}, 2**40])
    broken: list[Json] = [
        1,
        None,
        {},
        {"number": 1},
        {"number": "1", "letter": 2},
        {"number": 1, "letter": "a", "x": 1},
    ]
    return st.sampled_from(broken)


@cache
def pairs(resource: str) -> st.SearchStrategy[tuple[str, Json]]:
    """Draw an optional field, and a value."""
    values: dict[str, list[Json]] = {}
    for name, value in good_pairs(resource):
        values.setdefault(name, []).append(value)
    # Draw the field first, so that fields with few values come as often as others.
    names = [name for name in values for _ in range(2 if name in OFTEN else 1)]
    common = st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(values[name])))
    return common if resource != "things" else st.one_of(common, common, common, free_pairs(resource))


@cache
def new_rows(resource: str, *, generated: bool = True) -> TableRows:
    """Draw a row to insert."""
    needed: dict[str, st.SearchStrategy[Json]] = {}
    given: dict[str, st.SearchStrategy[Json]] = {}
    for name, field in RESOURCES[resource].fields.items():
        if field.default is REQUIRED:
            needed[name] = st.sampled_from(good(name))
        elif field.default is GENERATED:
            (given if generated else needed)[name] = st.sampled_from(good(name))
    rest = st.lists(pairs(resource), max_size=5)
    return st.builds(_merged, st.fixed_dictionaries(needed, optional=given), rest)


def _merged(row: dict[str, Json], rest: list[tuple[str, Json]]) -> dict[str, Json]:
    return {**dict(rest), **row}


@cache
def nested_rows(resource: str, *, generated: bool = True) -> TableRows:
    """Draw a row to insert, with related rows and links."""
    schema = RESOURCES[resource]
    optional: dict[str, st.SearchStrategy[Json]] = {}
    for name, relationship in schema.relationships.items():
        if relationship.linked:
            optional[name] = LINKS
        elif relationship.owner:
            rows = st.builds(_without, new_rows(relationship.target, generated=generated), st.just(relationship.theirs))
            optional[name] = st.lists(rows, max_size=2) if relationship.many else rows
    below = st.fixed_dictionaries({}, optional=optional)
    return st.builds(lambda row, more: {**row, **more}, new_rows(resource, generated=generated), below)


def _without(row: dict[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    return {name: value for name, value in row.items() if name not in names}


@cache
def changes(resource: str) -> TableRows:
    """Draw the changes of a row."""
    schema = RESOURCES[resource]
    write_once = [name for name, field in schema.fields.items() if field.write_once]
    return st.builds(lambda given: _without(dict(given), tuple(write_once)), st.lists(pairs(resource), max_size=4))


@cache
def linked_changes(resource: str) -> TableRows:
    """Draw the changes of a row and its links."""
    linked = {name: LINKS for name, relationship in RESOURCES[resource].relationships.items() if relationship.linked}
    return st.builds(lambda row, more: {**row, **more}, changes(resource), st.fixed_dictionaries({}, optional=linked))


@cache
def wrong_values(resource: str) -> TableRows:
    """Draw invalid fields of a row."""
    return st.lists(st.sampled_from(list(wrong_pairs(resource))), min_size=1, max_size=2).map(dict)


def with_keys(command: dict[str, Json]) -> dict[str, Json]:
    """Return a command that inserts rows with keys only: without events, generated keys of a dry run are unknown."""
    if isinstance(command.get("commands"), list):
        return {
            **command,
            "commands": [with_keys(inner) if isinstance(inner, dict) else inner for inner in command["commands"]],
        }
    resource = command.get("resource")
    if command.get("action") not in ("create", "upsert") or not isinstance(resource, str):
        return command
    return {**command, "data": _with_keys(resource, command.get("data"), [4])}


def _with_keys(resource: str, data: Json, used: list[int]) -> Json:
    if isinstance(data, list):
        return [_with_keys(resource, item, used) for item in data]
    if not isinstance(data, dict) or resource not in RESOURCES:
        return data
    row = dict(data)
    if "id" in RESOURCES[resource].fields and "id" not in row:
        used.append(used[-1] + 1)
        row["id"] = used[-1]
    for name, relationship in RESOURCES[resource].relationships.items():
        if name in row and relationship.owner:
            row[name] = _with_keys(relationship.target, row[name], used)
    return row
