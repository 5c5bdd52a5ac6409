"""References to earlier results."""

from typing import Any

import pytest

from crudmq.contract.command import Limits
from crudmq.contract.errors import Invalid, LimitExceeded
from crudmq.execution.actions.transaction import find_references, resolve_references
from crudmq.execution.planner import Planner
from crudmq.execution.query.order import Cursors
from crudmq.resources.registry import load

PLANNER = Planner(load("crudmq.examples.models"), Limits(), Cursors())
NAMED: dict[str, Any] = {"tom": {"id": 7, "emails": [{"address": "a"}, {"address": "b"}]}}

# Forms that Python accepts as integers, or as indexes of a list.
INDEXES = [
    f"tom.emails.{index}" for index in ["-1", "01", "00", "+1", " 1", "1 ", "1_0", "1.0", "\u0661", "²", "9" * 5000]
]


def test_each_is_replaced_by_the_value_that_it_names() -> None:
    message = {"key": {"$ref": "tom.id"}, "data": [{"address": {"$ref": "tom.emails.1.address"}}, {"$ref": "tom"}]}
    assert resolve_references(message, NAMED, 1000) == {"key": 7, "data": [{"address": "b"}, NAMED["tom"]]}
    assert [path for path, _ in find_references(message)] == ["key", "data.0.address", "data.1"]


@pytest.mark.parametrize("reference", ["tom.name", "tom.emails.2", "tom.emails.x", "tom.id.x", "tom.", *INDEXES])
def test_one_that_leads_nowhere_is_invalid(reference: str) -> None:
    with pytest.raises(Invalid) as raised:
        resolve_references({"key": {"$ref": reference}}, NAMED, 1000)
    assert [detail.path for detail in raised.value.details] == ["key"]


def test_they_cannot_bring_more_than_a_message_may_have() -> None:
    named = {"long": "x" * 98}
    assert resolve_references({"data": [{"$ref": "long"}] * 3}, named, 300)["data"] == ["x" * 98] * 3
    with pytest.raises(LimitExceeded):
        resolve_references({"data": [{"$ref": "long"}] * 4}, named, 300)


def test_they_cannot_nest_deeper_than_a_message_may() -> None:
    deep: Any = 1
    for _ in range(31):
        deep = [deep]
    resolve_references({"data": {"$ref": "deep"}}, {"deep": deep}, 1000)
    with pytest.raises(LimitExceeded):
        resolve_references({"data": [{"$ref": "deep"}]}, {"deep": deep}, 1000)


@pytest.mark.parametrize("field", ["action", "resource"])
def test_they_cannot_say_what_a_command_does(field: str) -> None:
    later = {"resource": "people", "action": "get", "key": 1, field: {"$ref": "tom.name"}}
    first = {"as": "tom", "resource": "people", "action": "create", "data": {"name": "Tom"}}
    with pytest.raises(Invalid) as raised:
        PLANNER.plan({"action": "transaction", "commands": [first, later]})
    assert [(detail.path, detail.message) for detail in raised.value.details] == [
        (f"commands.1.{field}", "must not be a reference")
    ]


@pytest.mark.parametrize(
    ("command", "message"),
    [({}, "is required"), ({"action": 5}, "is not a string"), ({"action": None}, "is not a string")],
    ids=str,
)
def test_a_command_of_a_transaction_needs_an_action(command: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as raised:
        PLANNER.plan({"action": "transaction", "commands": [command]})
    assert [(detail.path, detail.message) for detail in raised.value.details] == [("commands.0.action", message)]
