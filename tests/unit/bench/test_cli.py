"""What can be typed."""

import pytest

from bench.cli import parse, plan
from bench.competitors import ALL, OURS, USUAL_WAY
from bench.series import BACKLOGS
from bench.workloads import ALL as WORKLOADS
from bench.workloads import CREATES


def test_everything_is_measured_in_three_rounds_of_ten_thousand() -> None:
    found = plan(parse([]))
    assert (found.competitors, found.workloads, found.rounds, found.commands) == (ALL, WORKLOADS, 3, 10_000)
    assert len(found.others) == 3


def test_a_quick_run_compares_creates_with_the_usual_way_alone() -> None:
    found = plan(parse(["--quick"]))
    assert (found.competitors, found.workloads) == ((OURS, USUAL_WAY), (CREATES,))
    assert not found.others


def test_only_what_is_named_is_measured() -> None:
    found = plan(parse(["--only", "creates", "--only", "backlogs"]))
    assert (found.workloads, found.others) == ((CREATES,), (BACKLOGS,))


def test_what_is_typed_wins() -> None:
    found = plan(parse(["--quick", "--commands", "4000", "--rounds", "2"]))
    assert (found.commands, found.rounds) == (4000, 2)


def test_calibration_never_takes_more_than_the_runs() -> None:
    assert plan(parse(["--commands", "50"])).calibration == 50


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_makes_no_sense_is_refused(number: str) -> None:
    with pytest.raises(SystemExit):
        parse(["--commands", number])
