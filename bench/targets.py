"""What has to be reached, as ratios within one run, and whether it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.competitors import LIMIT, ONE_SESSION_EACH, OURS, USUAL_WAY
from bench.measure import Findings
from bench.workloads import CREATES, FEW_CONFLICTS, MANY_CONFLICTS, MIX, UPDATES

_RATIOS = (
    (CREATES, USUAL_WAY, 6.0),
    (UPDATES, USUAL_WAY, 5.0),
    (MIX, USUAL_WAY, 4.0),
    (FEW_CONFLICTS, USUAL_WAY, 4.0),
    (MANY_CONFLICTS, USUAL_WAY, 2.0),
    (CREATES, LIMIT, 0.75),
    (UPDATES, LIMIT, 0.6),
    (CREATES, ONE_SESSION_EACH, 3.0),
)
_MOST_OF_A_ROUND_TRIP = 1.2
_MOST_GROWTH = 1.2
_MOST_MEBIBYTES = 150.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, and what was found."""

    what: str
    wanted: float
    found: float
    at_most: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether it is as wanted."""
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted

    def cells(self) -> tuple[str, ...]:
        """Write its row."""
        bound = "at most" if self.at_most else "at least"
        return self.what, f"{bound} {self.wanted:g}", f"{self.found:.2f}", "reached" if self.is_reached else "MISSED"


COLUMNS = ("target", "wanted", "found", "")


def verdicts(found: Findings) -> list[Verdict]:
    """Judge what was measured; targets that were not are not there."""
    return [*_of_rates(found), *_of_round_trips(found), *_of_memory(found)]


def _of_rates(found: Findings) -> Iterator[Verdict]:
    for workload, other, wanted in _RATIOS:
        ratio = found.ratio(workload, OURS, other)
        if ratio is not None:
            yield Verdict(f"{workload.title}: times the rate of {other.name}", wanted, ratio)


def _of_round_trips(found: Findings) -> Iterator[Verdict]:
    trips = found.round_trips
    if trips:
        ratio = trips[OURS].median / trips[USUAL_WAY].median
        what = f"one at a time: times the median round trip of {USUAL_WAY.name}"
        yield Verdict(what, _MOST_OF_A_ROUND_TRIP, ratio, at_most=True)


def _of_memory(found: Findings) -> Iterator[Verdict]:
    peaks = {number: sample.peak_bytes for number, sample in found.backlogs.items() if sample.peak_bytes}
    if not peaks:
        return
    few, many = min(peaks), max(peaks)
    growth = peaks[many] / peaks[few]
    yield Verdict(f"peak memory at {many:,} waiting: times that at {few:,}", _MOST_GROWTH, growth, at_most=True)
    mebibytes = peaks[many] / 2**20
    yield Verdict(f"peak memory at {many:,} waiting, in MiB", _MOST_MEBIBYTES, mebibytes, at_most=True)
