"""Dead letters as they are shown."""

import json

import pytest

from service.cli.letters import escaped, lines, show_list, summary
from service.contract.dead_letter import Letter


def test_a_body_of_json_is_shown_with_a_line_for_each_value() -> None:
    assert list(lines(Letter(b'{"a":[1]}')))[-1] == json.dumps({"a": [1]}, indent=2)


def test_any_other_body_is_shown_as_text_that_does_nothing_to_the_terminal() -> None:
    assert list(lines(Letter(b"a\x1b[2J\nb\xff")))[-1] == "a\\x1b[2J\nb\\xff"


def test_nothing_that_somebody_sent_does_anything_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b[2J\u009b"
    letter = Letter(
        evil.encode(), evil, {"message_id": evil, "user_id": evil}, {"x-error-code": evil, evil: {evil: evil}}
    )
    assert "\x1b" not in "".join(lines(letter))
    assert "\u009b" not in "".join(lines(letter))
    assert escaped("a\tb[red]") == "a\\tb[red]"
    show_list([summary(letter)])
    assert not {"\x1b", "\u009b"} & {*capsys.readouterr().out}
