"""What can be typed."""

import pytest

from bench.cli import parse, plan
from bench.series import Plan


def test_ten_thousand_commands_in_three_rounds_are_the_default() -> None:
    assert plan(parse([])) == Plan(commands=10_000, rounds=3, calibration=1_000, tries=2)


def test_a_quick_run_has_one_round_of_fewer_commands() -> None:
    found = plan(parse(["--quick"]))
    assert found.rounds == 1
    assert found.commands < 10_000


def test_what_is_typed_wins() -> None:
    assert plan(parse(["--quick", "--commands", "5000", "--rounds", "2"])) == Plan(5000, 2, 300, 1)


def test_calibration_never_takes_more_than_the_runs() -> None:
    assert plan(parse(["--commands", "50"])).calibration == 50


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_makes_no_sense_is_refused(number: str) -> None:
    with pytest.raises(SystemExit):
        parse(["--commands", number])
