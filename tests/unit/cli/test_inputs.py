"""Commands on the command line."""

import pytest

from crudmq.cli.inputs import command_from


@pytest.mark.parametrize(
    ("target", "arguments", "command"),
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
def test_arguments_become_a_command(target: str, arguments: list[str], command: dict[str, object]) -> None:
    assert command_from(target, arguments) == command


@pytest.mark.parametrize(
    ("target", "arguments"), [("people", []), ("people.create", ["name"]), ("people.create", ["=1"])]
)
def test_an_incomplete_command_is_rejected_with_an_example(target: str, arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="such as"):
        command_from(target, arguments)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_json_does_not_know_is_text(text: str) -> None:
    assert command_from("people.create", [f"name={text}"])["data"] == {"name": text}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["name=a", "name=b"], "name is given twice"), (["name=\udcff"], "not UTF-8")],
)
def test_an_argument_that_would_be_lost_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        command_from("people.create", arguments)
