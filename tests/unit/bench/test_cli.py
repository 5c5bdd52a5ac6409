"""The command line of the benchmark."""

import pytest

from bench.cli import parse, plan
from bench.competitors import ALL, FASTSTREAM_BASELINE, OURS
from bench.suite import BACKLOGS
from bench.workloads import ALL as WORKLOADS
from bench.workloads import CREATES


def test_by_default_everything_is_measured_in_three_rounds_of_ten_thousand() -> None:
    chosen = plan(parse([]))
    assert (chosen.competitors, chosen.workloads, chosen.rounds, chosen.commands) == (ALL, WORKLOADS, 3, 10_000)
    assert len(chosen.extras) == 3


def test_a_quick_run_compares_creates_with_the_faststream_baseline_only() -> None:
    chosen = plan(parse(["--quick"]))
    assert (chosen.competitors, chosen.workloads) == ((OURS, FASTSTREAM_BASELINE), (CREATES,))
    assert not chosen.extras


def test_only_selected_measurements_are_made() -> None:
    chosen = plan(parse(["--only", "creates", "--only", "backlogs"]))
    assert (chosen.workloads, chosen.extras) == ((CREATES,), (BACKLOGS,))


def test_options_override_the_preset() -> None:
    chosen = plan(parse(["--quick", "--commands", "4000", "--rounds", "2"]))
    assert (chosen.commands, chosen.rounds) == (4000, 2)


def test_calibration_is_never_longer_than_a_run() -> None:
    assert plan(parse(["--commands", "50"])).calibration == 50


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_an_invalid_number_is_rejected(number: str) -> None:
    with pytest.raises(SystemExit):
        parse(["--commands", number])
