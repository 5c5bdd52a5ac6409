"""The shape of commands."""

from typing import Any

import pytest

from service.contract import command, parsing
from service.contract.errors import ERRORS, CommandError, Invalid, Malformed, UnknownAction


def refusal(message: dict[str, Any]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parsing.parse(message)
    return caught.value


def test_each_action_has_its_own_fields() -> None:
    found = parsing.parse({"resource": "people", "action": "update", "key": 1, "data": {}, "if_version": 3})
    assert isinstance(found, command.Update)
    assert found.if_version == 3


def test_every_fault_is_told_with_its_path() -> None:
    error = refusal({"resource": 1, "action": "list", "limit": "many", "order": ["a", 2], "sort": "x"})
    assert isinstance(error, Invalid)
    assert {detail.path for detail in error.details} == {"resource", "limit", "order.1", "sort"}


@pytest.mark.parametrize("action", [None, 1, ["create"]])
def test_without_an_action_it_is_no_command(action: object) -> None:
    assert isinstance(refusal({"resource": "people", "action": action}), Malformed)


def test_an_action_that_there_is_not_is_unknown() -> None:
    assert isinstance(refusal({"resource": "people", "action": "fly"}), UnknownAction)


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_numbers_are_strict(value: object) -> None:
    error = refusal({"resource": "people", "action": "delete", "key": 1, "if_version": value})
    assert [detail.path for detail in error.details] == ["if_version"]


def test_names_from_a_message_are_cut_and_made_printable() -> None:
    error = refusal({"resource": "people", "action": "get", "key": 1, "x\n\ud800" + "y" * 500: 1})
    path = error.details[0].path
    assert path.isprintable()
    assert path.isascii()
    assert len(path) == 60


def test_codes_are_those_of_the_contract() -> None:
    assert {error.code for error in ERRORS if error.retryable} == {"timeout", "unavailable"}
    assert {error.code for error in ERRORS if error.kept} == {"malformed", "unavailable", "internal"}
    assert len({error.code for error in ERRORS}) == len(ERRORS) == 13
