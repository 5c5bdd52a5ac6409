"""Summaries, targets and tables."""

from pathlib import Path

import pytest

from bench import plot, report, targets
from bench.competitor import Competitor
from bench.competitors import ALL, CEILING, FASTSTREAM_BASELINE, NODE, OURS
from bench.latency import Latency, Load
from bench.measure import Measurements, Sample, Standings, Summary
from bench.workloads import CREATES

RATES = {OURS: 4000.0, FASTSTREAM_BASELINE: 1000.0, CEILING: 5000.0}


def sample(seconds: float, *, cpu_seconds: float = 1.0, peak_bytes: int | None = None) -> Sample:
    return Sample(1000, seconds, cpu_seconds, peak_bytes)


def standings(rounds: int = 3) -> Standings:
    summaries = {competitor: Summary(rate, 200, 5000, 1234.5, 80 * 2**20) for competitor, rate in RATES.items()}
    return Standings(
        CREATES, 10_000, rounds, summaries, {OURS: None, FASTSTREAM_BASELINE: 8, CEILING: 100}, {NODE: "no npm"}
    )


def measurements() -> Measurements:
    loads = [Load(100, Latency(4.0, 9.0)), Load(200, Latency(900.0, 5000.0))]
    backlogs = {20_000: sample(1, peak_bytes=100 * 2**20), 200_000: sample(1, peak_bytes=130 * 2**20)}
    latency = {OURS: Latency(6.0, 9.0), FASTSTREAM_BASELINE: Latency(5.0, 8.0)}
    return Measurements([standings()], latency, {OURS: loads}, backlogs)


def row(competitor: Competitor) -> dict[str, str]:
    page = report.throughput(standings())
    return next(dict(zip(page.columns, cells, strict=True)) for cells in page.rows if cells[0] == competitor.name)


def test_a_sample_has_a_rate_and_cpu_time_per_command() -> None:
    run = sample(0.5, cpu_seconds=0.3)
    assert run.rate == pytest.approx(2000)
    assert run.cpu_microseconds == pytest.approx(300)


def test_an_outlier_does_not_move_the_median() -> None:
    summary = Summary.of([sample(1.0), sample(0.01), sample(1.25)])
    assert summary.rate == pytest.approx(1000)
    assert summary.slowest == pytest.approx(800)
    assert summary.fastest == pytest.approx(100_000)


def test_rounds_without_a_peak_do_not_count_in_the_median_of_memory() -> None:
    assert Summary.of([sample(1, peak_bytes=10), sample(1), sample(1, peak_bytes=30)]).peak_bytes == 20
    assert Summary.of([sample(1)]).peak_bytes is None


def test_a_ratio_compares_two_rates() -> None:
    assert standings().ratio(OURS, FASTSTREAM_BASELINE) == pytest.approx(4)
    assert standings().ratio(OURS, NODE) is None


def test_a_row_shows_formatted_figures() -> None:
    assert row(OURS) == {
        "competitor": "crudmq",
        "guarantees": "all",
        "concurrency": "-",
        "commands/s": "4,000",
        "range": "200-5,000",
        "CPU µs/command": "1,234",
        "peak MiB": "80",
        "to FastStream baseline": "4.00",
        "to ceiling": "0.80",
    }
    assert row(FASTSTREAM_BASELINE)["concurrency"] == "8"


def test_a_skipped_competitor_has_a_row_with_the_reason() -> None:
    assert row(NODE)["guarantees"] == "skipped: no npm"


def test_verdicts_show_which_targets_are_reached() -> None:
    reached = {verdict.target: verdict.is_reached for verdict in targets.verdicts(measurements())}
    assert reached == {
        "creates of one row: throughput relative to FastStream baseline": False,
        "creates of one row: throughput relative to ceiling": True,
        "sequential round trips: median relative to FastStream baseline": True,
        "peak memory at a backlog of 200,000: relative to 20,000": False,
        "peak memory at a backlog of 200,000, in MiB": True,
    }


def test_a_load_that_is_not_sustained_has_no_latency() -> None:
    (page,) = (page for page in report.pages(measurements()) if page.title.startswith("Latency"))
    assert page.rows[0] == ("crudmq", "100", "4.00", "9.00")
    assert page.rows[1] == ("crudmq", "200", "not sustained", "-")


def test_a_title_shows_commands_and_rounds() -> None:
    assert report.throughput(standings()).title == "10,000 queued creates of one row, median of 3 rounds"
    assert report.throughput(standings(rounds=1)).title.endswith("one round")


def test_the_same_measurements_give_the_same_plot(tmp_path: Path) -> None:
    plot.draw(measurements(), tmp_path / "a.svg")
    plot.draw(measurements(), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert {competitor.name for competitor in ALL if competitor.name in (tmp_path / "a.svg").read_text()} >= {
        OURS.name,
        CEILING.name,
    }
