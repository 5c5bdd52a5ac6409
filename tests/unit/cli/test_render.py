"""Dead letters as they are shown."""

import json

import pytest

from crudmq.cli.render import detail_lines, print_dead_letters, print_settings, summarize
from crudmq.contract.errors import escaped
from crudmq.messaging.dead_letters.letter import Letter


def test_a_json_body_is_indented() -> None:
    assert list(detail_lines(Letter(b'{"a":[1]}')))[-1] == json.dumps({"a": [1]}, indent=2)


def test_a_body_that_json_would_change_is_shown_as_it_is() -> None:
    assert list(detail_lines(Letter(b'{"a":1,"a":2}')))[-1] == '{"a":1,"a":2}'


def test_a_pipe_receives_settings_and_ids_of_any_length_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_settings([("CRUDMQ_SOURCE", long, "environment")])
    print_dead_letters([summarize(Letter(b"", "", {"message_id": long}))])
    assert capsys.readouterr().out.count(long) == 2


def test_any_other_body_is_shown_as_escaped_text() -> None:
    assert list(detail_lines(Letter(b"a\x1b[2J\nb\xff")))[-1] == "a\\x1b[2J\nb\\xff"


def test_no_control_character_of_a_message_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\u009b"
    letter = Letter(
        evil.encode(), evil, {"message_id": evil, "user_id": evil}, {"x-error-code": evil, evil: {evil: evil}}
    )
    assert "\x1b" not in "".join(detail_lines(letter))
    assert "\u009b" not in "".join(detail_lines(letter))
    assert escaped("a\tb[red]") == "a\\tb[red]"
    print_dead_letters([summarize(letter)])
    assert not {"\x1b", "\u009b"} & {*capsys.readouterr().out}
