"""What several runs come to, whether that is enough, and how it is written down."""

from pathlib import Path

import pytest

from bench import plot, report, targets
from bench.competitor import Competitor
from bench.competitors import ALL, LIMIT, NODE, OURS, USUAL_WAY
from bench.measure import Findings, Sample, Standings, Summary
from bench.trips import Load, Trips
from bench.workloads import CREATES

RATES = {OURS: 4000.0, USUAL_WAY: 1000.0, LIMIT: 5000.0}


def sample(seconds: float, *, cpu_seconds: float = 1.0, peak_bytes: int | None = None) -> Sample:
    return Sample(1000, seconds, cpu_seconds, peak_bytes)


def standings(rounds: int = 3) -> Standings:
    summaries = {one: Summary(rate, 200, 5000, 1234.5, 80 * 2**20) for one, rate in RATES.items()}
    return Standings(CREATES, 10_000, rounds, summaries, {OURS: None, USUAL_WAY: 8, LIMIT: 100}, {NODE: "no npm"})


def findings() -> Findings:
    loads = [Load(100, Trips(4.0, 9.0)), Load(200, Trips(900.0, 5000.0))]
    backlogs = {20_000: sample(1, peak_bytes=100 * 2**20), 200_000: sample(1, peak_bytes=130 * 2**20)}
    trips = {OURS: Trips(6.0, 9.0), USUAL_WAY: Trips(5.0, 8.0)}
    return Findings([standings()], trips, {OURS: loads}, backlogs)


def row(competitor: Competitor) -> dict[str, str]:
    page = report.throughput(standings())
    return next(dict(zip(page.columns, one, strict=True)) for one in page.rows if one[0] == competitor.name)


def test_a_sample_says_commands_a_second_and_cpu_time_for_each() -> None:
    found = sample(0.5, cpu_seconds=0.3)
    assert found.rate == pytest.approx(2000)
    assert found.cpu_microseconds == pytest.approx(300)


def test_one_odd_round_does_not_move_the_median() -> None:
    found = Summary.of([sample(1.0), sample(0.01), sample(1.25)])
    assert found.rate == pytest.approx(1000)
    assert found.slowest == pytest.approx(800)
    assert found.fastest == pytest.approx(100_000)


def test_the_median_of_memory_takes_the_rounds_that_know_it() -> None:
    assert Summary.of([sample(1, peak_bytes=10), sample(1), sample(1, peak_bytes=30)]).peak_bytes == 20
    assert Summary.of([sample(1)]).peak_bytes is None


def test_a_ratio_says_how_many_times_as_fast() -> None:
    assert standings().ratio(OURS, USUAL_WAY) == pytest.approx(4)
    assert standings().ratio(OURS, NODE) is None


def test_a_row_shows_the_numbers_for_people() -> None:
    assert row(OURS) == {
        "competitor": "crudmq",
        "guarantees": "all",
        "at once": "-",
        "commands/s": "4,000",
        "range": "200-5,000",
        "CPU µs each": "1,234",
        "peak MiB": "80",
        "to the usual way": "4.00",
        "to the limit": "0.80",
    }
    assert row(USUAL_WAY)["at once"] == "8"


def test_who_is_left_out_has_a_row_that_says_why() -> None:
    assert row(NODE)["guarantees"] == "left out: no npm"


def test_the_verdicts_say_which_targets_are_reached() -> None:
    found = {verdict.what: verdict.is_reached for verdict in targets.verdicts(findings())}
    assert found == {
        "creates of one row: times the rate of the usual way": False,
        "creates of one row: times the rate of the limit": True,
        "one at a time: times the median round trip of the usual way": True,
        "peak memory at 200,000 waiting: times that at 20,000": False,
        "peak memory at 200,000 waiting, in MiB": True,
    }


def test_a_load_that_is_not_kept_up_with_has_no_latency() -> None:
    (page,) = (page for page in report.pages(findings()) if page.title.startswith("Latency"))
    assert page.rows[0] == ("crudmq", "100", "4.00", "9.00")
    assert page.rows[1] == ("crudmq", "200", "does not keep up", "-")


def test_the_title_says_how_much_was_run() -> None:
    assert report.throughput(standings()).title == "10,000 waiting creates of one row, median of 3 rounds"
    assert report.throughput(standings(rounds=1)).title.endswith("one round")


def test_the_same_numbers_give_the_same_picture(tmp_path: Path) -> None:
    plot.draw(findings(), tmp_path / "one.svg")
    plot.draw(findings(), tmp_path / "other.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()
    assert {one.name for one in ALL if one.name in (tmp_path / "one.svg").read_text()} >= {OURS.name, LIMIT.name}
