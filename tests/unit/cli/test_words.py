"""Commands as they are typed."""

import pytest

from service.cli.words import command_from


@pytest.mark.parametrize(
    ("target", "words", "command"),
    [
        (
            "people.create",
            ["name=Tom", "age=38"],
            {"resource": "people", "action": "create", "data": {"name": "Tom", "age": 38}},
        ),
        (
            "transaction",
            ['commands=[{"action": "count"}]', "dry_run=true"],
            {"action": "transaction", "commands": [{"action": "count"}], "dry_run": True},
        ),
        ("people.get", ["key=1"], {"resource": "people", "action": "get", "key": 1}),
        (
            "people.update",
            ["key=1", "if_version=2", "name=a=b", 'age="38"'],
            {
                "resource": "people",
                "action": "update",
                "key": 1,
                "if_version": 2,
                "data": {"name": "a=b", "age": "38"},
            },
        ),
        (
            "people.list",
            ['where={"age":{"gt":3}}', "limit=2"],
            {"resource": "people", "action": "list", "where": {"age": {"gt": 3}}, "limit": 2},
        ),
        (
            "things.update",
            ["key=1", "data.key=2"],
            {"resource": "things", "action": "update", "key": 1, "data": {"key": 2}},
        ),
    ],
)
def test_words_become_a_command(target: str, words: list[str], command: dict[str, object]) -> None:
    assert command_from(target, words) == command


@pytest.mark.parametrize(("target", "words"), [("people", []), ("people.create", ["name"]), ("people.create", ["=1"])])
def test_what_is_no_command_is_refused(target: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match="such as"):
        command_from(target, words)
