"""A comparison with another revision."""

import subprocess
from pathlib import Path

import pytest

from bench.compare import Comparison, alternating
from bench.competitors import OURS
from bench.versions import ROOT, Version, checked_out, competitor_of


def tree_with(directory: Path, package: str) -> Path:
    (directory / package).mkdir(parents=True)
    return directory


def test_the_package_is_found_in_its_source_root(tmp_path: Path) -> None:
    competitor = competitor_of(tree_with(tmp_path, "service/crudmq"), "new")
    assert competitor.argv[1:] == ("-m", "crudmq", "run")
    assert dict(competitor.settings)["PYTHONPATH"] == str(tmp_path / "service")


def test_the_package_of_early_revisions_is_found(tmp_path: Path) -> None:
    competitor = competitor_of(tree_with(tmp_path, "service"), "base")
    assert competitor.argv[1:] == ("-m", "service", "run")
    assert dict(competitor.settings)["PYTHONPATH"] == str(tmp_path)


def test_both_versions_come_first_equally_often() -> None:
    base, new = Version(OURS, "base"), Version(OURS, "new")
    assert list(alternating(base, new, 2)) == [(base, new), (new, base)] * 2


def test_a_higher_throughput_gives_a_higher_ratio() -> None:
    comparison = Comparison("creates", [(1000.0, 1100.0), (1000.0, 900.0), (2000.0, 2100.0)])
    assert comparison.ratio == pytest.approx(1.05)
    assert comparison.cells(0.97) == ("creates", "1,000 /s", "1,100 /s", "1.050", "0.900-1.100", "ok")


def test_a_shorter_round_trip_gives_a_higher_ratio() -> None:
    comparison = Comparison("round trip", [(4.0, 5.0)], lower_is_better=True)
    assert comparison.cells(0.97) == ("round trip", "4.00 ms", "5.00 ms", "0.800", "0.800-0.800", "SLOWER")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source distribution has no revisions")
def test_a_revision_is_checked_out_and_removed() -> None:
    with checked_out("HEAD") as tree:
        assert (tree / "pyproject.toml").is_file()
    assert not tree.exists()


@pytest.mark.parametrize("revision", ["no-such-revision", "--output=/tmp/x"])
def test_an_unknown_revision_is_an_error(revision: str) -> None:
    with pytest.raises(subprocess.CalledProcessError), checked_out(revision):
        pass
