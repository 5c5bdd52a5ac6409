"""What several runs come to, and how it is written down."""

import pytest

from bench import report, results
from bench.competitor import Competitor
from bench.competitors import ALL, ONE_SESSION_EACH, OURS, OURS_ALONE, USUAL_WAY
from bench.measure import Sample, Standings, Summary
from bench.workload import CREATES

RATES = {OURS: 4000.0, ONE_SESSION_EACH: 500.0, OURS_ALONE: 250.0, USUAL_WAY: 1000.0}


def sample(seconds: float, *, cpu_seconds: float = 1.0, peak_bytes: int | None = None) -> Sample:
    return Sample(1000, seconds, cpu_seconds, peak_bytes)


def standings(rounds: int = 3) -> Standings:
    summaries = {one: Summary(RATES[one], 200, 5000, 1234.5, 80 * 2**20) for one in ALL}
    chosen = {one: 8 if one.concurrencies else None for one in ALL}
    return Standings(CREATES, 10_000, rounds, summaries, chosen)


def row(competitor: Competitor) -> dict[str, str]:
    return dict(zip(report.COLUMNS, report.cells(standings(), competitor), strict=True))


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
    assert standings().ratio(OURS, ONE_SESSION_EACH) == pytest.approx(8)
    assert standings().ratio(ONE_SESSION_EACH, USUAL_WAY) == pytest.approx(0.5)


def test_a_row_shows_the_numbers_for_people() -> None:
    assert row(OURS) == {
        "competitor": "crudmq",
        "guarantees": "all",
        "at once": "-",
        "commands/s": "4,000",
        "range": "200-5,000",
        "CPU µs each": "1,234",
        "peak MiB": "80",
        "to one session each": "8.00",
        "to the usual way": "4.00",
    }
    assert row(USUAL_WAY)["at once"] == "8"


def test_the_table_has_a_row_for_each_competitor() -> None:
    assert report.table(standings()).row_count == len(ALL)
    assert len(results.markdown(standings()).splitlines()) == 2 + len(ALL)


def test_the_verdict_says_whether_the_target_is_reached() -> None:
    assert report.verdict(3.0, 3.0).startswith("reached: crudmq is 3.00 times")
    assert report.verdict(2.99, 3.0).startswith("MISSED: crudmq is 2.99 times")


def test_the_title_says_how_much_was_run() -> None:
    assert report.title(standings()) == "10,000 waiting creates of one row, median of 3 rounds"
    assert report.title(standings(rounds=1)).endswith("one round")
