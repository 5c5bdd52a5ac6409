"""The limits of a command that need no database: what reaches one passes, one more does not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from crudmq.contract import codec
from crudmq.contract.command import Limits
from crudmq.contract.errors import CommandError, LimitExceeded
from crudmq.contract.filters import MAX_VALUES
from crudmq.execution.planner import Planner
from crudmq.execution.query.order import Cursors
from crudmq.resources.registry import load

Command = dict[str, Any]
LIMITS = Limits()


def listed(**fields: Any) -> Command:  # noqa: ANN401 - JSON
    return {"resource": "people", "action": "list", **fields}


def nested(wrap: Callable[[Any], Command], levels: int) -> Command:
    where: Command = {"id": 1}
    for _ in range(levels):
        where = wrap(where)
    return listed(where=where)


def related(levels: int, quantifier: str) -> Command:
    where: Command = {"id": 1}
    for level in range(levels, 0, -1):
        where = {("emails" if level % 2 else "person"): {quantifier: where}}
    return listed(where=where)


def mixed(levels: int) -> Command:
    where: Command = {"id": 1}
    for level in range(levels):
        where = {"not": where} if level % 2 else {"or": [where]}
    return listed(where=where)


def included(levels: int) -> list[str]:
    return (["emails", "person"] * levels)[:levels]


def included_as_objects(levels: int) -> Command:
    include: Any = None
    for name in reversed(included(levels)):
        include = {name: True if include is None else {"include": include}}
    return listed(include=include)


def lists(count: int) -> Command:
    full, rest = divmod(count, LIMITS.max_in)
    sizes = [LIMITS.max_in] * full + [rest] * bool(rest)
    return listed(where={"or": [{"id": {"in": list(range(size))}} for size in sizes]})


def people(count: int) -> list[Command]:
    return [{"name": "Tom"}] * count


def with_emails(rows: int) -> Command:
    emails = [{"address": str(number)} for number in range(rows - 1)]
    return {"resource": "people", "action": "create", "data": {"name": "Tom", "emails": emails}}


def changes(count: int) -> list[Command]:
    return [{"key": number, "data": {"age": 1}} for number in range(count)]


CASES: dict[str, tuple[int, Callable[[int], Command]]] = {
    "limit of a list": (LIMITS.max_page, lambda n: listed(limit=n)),
    "limit of an include": (LIMITS.max_page, lambda n: listed(include={"emails": {"limit": n}})),
    "include by dots": (LIMITS.max_include_depth, lambda n: listed(include=[".".join(included(n))])),
    "include by objects": (LIMITS.max_include_depth, included_as_objects),
    "not": (LIMITS.max_where_depth, lambda n: nested(lambda inner: {"not": inner}, n)),
    "and": (LIMITS.max_where_depth, lambda n: nested(lambda inner: {"and": [inner]}, n)),
    "or": (LIMITS.max_where_depth, lambda n: nested(lambda inner: {"or": [inner]}, n)),
    "not and or": (LIMITS.max_where_depth, mixed),
    "any": (LIMITS.max_where_depth, lambda n: related(n, "any")),
    "none": (LIMITS.max_where_depth, lambda n: related(n, "none")),
    "every": (LIMITS.max_where_depth, lambda n: related(n, "every")),
    "where of an include": (
        LIMITS.max_where_depth,
        lambda n: listed(include={"emails": {"where": nested(lambda inner: {"not": inner}, n)["where"]}}),
    ),
    "comparisons": (LIMITS.max_conditions, lambda n: listed(where={"or": [{"id": i} for i in range(n)]})),
    "quantifiers": (LIMITS.max_conditions, lambda n: listed(where={"or": [{"emails": {"any": {}}}] * n})),
    "operators": (LIMITS.max_conditions, lambda n: listed(where={"and": [{"id": {"gt": 1}}] * n})),
    "in": (LIMITS.max_in, lambda n: listed(where={"id": {"in": list(range(n))}})),
    "not_in": (LIMITS.max_in, lambda n: listed(where={"id": {"not_in": list(range(n))}})),
    "all lists": (MAX_VALUES, lists),
    "commands": (LIMITS.max_commands, lambda n: {"action": "transaction", "commands": [listed()] * n}),
    "rows of a create": (
        LIMITS.max_rows,
        lambda n: {"resource": "people", "action": "create", "data": people(n)},
    ),
    "inline rows": (LIMITS.max_rows, with_emails),
    "rows of an upsert": (
        LIMITS.max_rows,
        lambda n: {"resource": "people", "action": "upsert", "data": people(n)},
    ),
    "rows of an update": (
        LIMITS.max_rows,
        lambda n: {"resource": "people", "action": "update", "data": changes(n)},
    ),
    "max_rows of an update": (
        LIMITS.max_rows,
        lambda n: {"resource": "people", "action": "update", "where": {}, "data": {"age": 1}, "max_rows": n},
    ),
    "max_rows of a delete": (
        LIMITS.max_rows,
        lambda n: {"resource": "people", "action": "delete", "where": {}, "max_rows": n},
    ),
}


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(load("crudmq.examples.models"), LIMITS, Cursors())


@pytest.mark.parametrize("case", CASES)
def test_a_command_that_reaches_a_limit_passes(planner: Planner, case: str) -> None:
    limit, command = CASES[case]
    planner.plan(command(limit))


@pytest.mark.parametrize("case", CASES)
def test_a_command_one_beyond_a_limit_exceeds_it(planner: Planner, case: str) -> None:
    limit, command = CASES[case]
    with pytest.raises(LimitExceeded) as raised:
        planner.plan(command(limit + 1))
    assert raised.value.details


@pytest.mark.parametrize("include", [["emails"], {"emails": True}, {"emails": {}}], ids=str)
def test_an_include_depth_of_zero_disables_includes(include: object) -> None:
    planner = Planner(load("crudmq.examples.models"), Limits(max_include_depth=0), Cursors())
    planner.plan(listed())
    with pytest.raises(LimitExceeded):
        planner.plan(listed(include=include))


def test_the_deepest_filter_that_a_setting_can_allow_is_within_the_nesting_of_json(planner: Planner) -> None:
    deepest = nested(lambda inner: {"not": inner}, 30)
    message = codec.decode(json.dumps(deepest).encode(), max_bytes=10_000)
    Planner(load("crudmq.examples.models"), Limits(max_where_depth=30), Cursors()).plan(message)
    with pytest.raises(CommandError):
        planner.plan(message)
