"""Parsing commands."""

import re
from typing import Any

import pytest

from crudmq.contract import command, include
from crudmq.contract.command import Limits
from crudmq.contract.errors import ERRORS, CommandError, Invalid, Malformed, UnknownAction
from crudmq.examples.models import Person
from crudmq.execution.planner import Planner
from crudmq.execution.query.order import Cursors
from crudmq.resources.registry import Registry


def error_of(message: dict[str, Any]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        command.parse(message)
    return caught.value


def test_each_action_has_its_own_fields() -> None:
    parsed = command.parse({"resource": "people", "action": "update", "key": 1, "data": {}, "if_version": 3})
    assert isinstance(parsed, command.Update)
    assert parsed.if_version == 3


def test_every_fault_is_reported_with_its_path() -> None:
    error = error_of({"resource": 1, "action": "list", "limit": "many", "order": ["a", 2], "sort": "x"})
    assert isinstance(error, Invalid)
    assert {detail.path for detail in error.details} == {"resource", "limit", "order.1", "sort"}


def test_a_message_without_an_action_is_malformed() -> None:
    error = error_of({"resource": "people"})
    assert isinstance(error, Malformed)
    assert error.message == "the command has no action"


@pytest.mark.parametrize("action", [None, 1, ["create"]])
def test_an_action_that_is_not_a_string_is_malformed(action: object) -> None:
    error = error_of({"resource": "people", "action": action})
    assert isinstance(error, Malformed)
    assert error.message == "the action is not a string"


def test_an_unknown_action_is_rejected() -> None:
    assert isinstance(error_of({"resource": "people", "action": "fly"}), UnknownAction)


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_numbers_are_strict(value: object) -> None:
    error = error_of({"resource": "people", "action": "delete", "key": 1, "if_version": value})
    assert [detail.path for detail in error.details] == ["if_version"]


def test_names_from_a_message_are_shortened_and_printable() -> None:
    error = error_of({"resource": "people", "action": "get", "key": 1, "x\n\ud800" + "y" * 500: 1})
    path = error.details[0].path
    assert path.isprintable()
    assert path.isascii()
    assert len(path) == 60


def test_codes_follow_the_contract() -> None:
    assert {error.code for error in ERRORS if error.retryable} == {"timeout", "unavailable"}
    assert {error.code for error in ERRORS if error.dead_lettered} == {"malformed", "unavailable", "internal"}
    assert len({error.code for error in ERRORS}) == len(ERRORS) == 13


# One value of each JSON type, and those that only some types refuse.
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    2**70,
    1.5,
    "x",
    "\ud800",
    [],
    [1],
    ["\ud800"],
    [None],
    {},
    {"x": 1},
    {"\ud800": 1},
]
REQUIRED: dict[str, Any] = {"resource": "people", "data": {}, "name": "x", "commands": [{}]}
FIELDS = [(action, name) for action in command.MODELS for name in sorted(command.field_names(action) - {"action"})]
PLAIN = re.compile(
    r"is (required|not an option|not a string|neither true nor false|not an integer|not an array|not an object"
    r"|not one of 'row', 'key' or 'none'|less than 0|not less than 9223372036854775808)|contains a lone surrogate"
)


@pytest.mark.parametrize(("action", "field"), FIELDS)
def test_every_field_has_plain_words_for_every_wrong_value(action: str, field: str) -> None:
    required = {name: value for name, value in REQUIRED.items() if name in command.field_names(action)}
    for value in VALUES:
        try:
            command.parse({"action": action, **required, field: value})
        except Invalid as error:
            for detail in error.details:
                assert PLAIN.fullmatch(detail.message), (value, detail)
                assert detail.path.partition(".")[0] == field


@pytest.mark.parametrize("option", sorted(include.Options.model_fields))
def test_every_option_of_an_include_has_plain_words_for_every_wrong_value(option: str) -> None:
    for value in VALUES:
        try:
            include.parse({"emails": {option: value}}, Limits())
        except Invalid as error:
            for detail in error.details:
                assert PLAIN.fullmatch(detail.message) or detail.message.startswith("is neither"), (value, detail)


def test_a_missing_field_is_required() -> None:
    error = error_of({"resource": "people", "action": "create"})
    assert [(detail.path, detail.message) for detail in error.details] == [("data", "is required")]


@pytest.mark.parametrize(
    ("message", "details"),
    [
        (
            {"action": "call", "name": "x", "params": []},
            [("params", "is not an object")],
        ),
        (
            {"resource": "people", "action": "delete", "where": {}, "max_rows": "5"},
            [("max_rows", "is not an integer")],
        ),
        (
            {"resource": "people", "action": "list", "order": "name", "limit": "5", "where": {"nmae": 1}},
            [("order", "is not an array"), ("limit", "is not an integer"), ("where.nmae", "is not a field of people")],
        ),
        (
            {"resource": "people", "action": "update", "key": "x", "data": {"nmae": 1}, "return": "all"},
            [
                ("return", "is not one of 'row', 'key' or 'none'"),
                ("data.nmae", "is not a field of people"),
                ("key", "is not an integer"),
            ],
        ),
    ],
    ids=lambda value: value["action"] if isinstance(value, dict) else "",
)
def test_a_faulty_field_is_reported_once(message: dict[str, Any], details: list[tuple[str, str]]) -> None:
    registry = Registry()
    registry.expose(Person)
    registry.register_statement("x", "SELECT :age", age=int)
    with pytest.raises(Invalid) as raised:
        Planner(registry, Limits(), Cursors()).plan(message)
    assert sorted((detail.path, detail.message) for detail in raised.value.details) == sorted(details)
