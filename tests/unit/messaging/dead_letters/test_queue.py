"""Selections of dead letters."""

import pytest

from crudmq.messaging.dead_letters.letter import Letter
from crudmq.messaging.dead_letters.queue import Selection


@pytest.mark.parametrize(
    ("selection", "matches"),
    [
        (Selection(), True),
        (Selection(ids=["a", "b"]), True),
        (Selection(ids=["b"]), False),
        (Selection(codes=["internal"]), True),
        (Selection(codes=["malformed"]), False),
        (Selection(resources=["people"]), True),
        (Selection(resources=["users"]), False),
        (Selection(ids=["a"], codes=["internal"], resources=["people"]), True),
        (Selection(ids=["a"], codes=["malformed"]), False),
    ],
)
def test_a_selection_matches_letters_that_meet_every_criterion(*, selection: Selection, matches: bool) -> None:
    letter = Letter(b"", "people.create", {"message_id": "a"}, {"x-error-code": "internal"})
    assert selection.matches(letter) is matches


def test_a_selection_without_criteria_is_false() -> None:
    assert not Selection()
    assert Selection(codes=["internal"])
