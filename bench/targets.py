"""The targets: ratios within one benchmark, and whether they are reached."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.competitors import CEILING, FASTSTREAM_BASELINE, OURS, SESSION_PER_MESSAGE
from bench.measure import Measurements
from bench.workloads import CREATES, FEW_CONFLICTS, MANY_CONFLICTS, MIX, UPDATES

_RATIOS = (
    (CREATES, FASTSTREAM_BASELINE, 6.0),
    (UPDATES, FASTSTREAM_BASELINE, 5.0),
    (MIX, FASTSTREAM_BASELINE, 4.0),
    (FEW_CONFLICTS, FASTSTREAM_BASELINE, 4.0),
    (MANY_CONFLICTS, FASTSTREAM_BASELINE, 2.0),
    (CREATES, CEILING, 0.75),
    (UPDATES, CEILING, 0.6),
    (CREATES, SESSION_PER_MESSAGE, 3.0),
)
_MAX_ROUND_TRIP_RATIO = 1.2
_MAX_GROWTH = 1.2
_MAX_MEBIBYTES = 150.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, and the figure that was measured."""

    target: str
    wanted: float
    measured: float
    at_most: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether the target is reached."""
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted

    def cells(self) -> tuple[str, ...]:
        """Return its table row."""
        bound = "at most" if self.at_most else "at least"
        return (
            self.target,
            f"{bound} {self.wanted:g}",
            f"{self.measured:.2f}",
            "reached" if self.is_reached else "MISSED",
        )


COLUMNS = ("target", "wanted", "measured", "")


def verdicts(measurements: Measurements) -> list[Verdict]:
    """Return a verdict for each target that was measured."""
    return [*_of_rates(measurements), *_of_round_trips(measurements), *_of_memory(measurements)]


def _of_rates(measurements: Measurements) -> Iterator[Verdict]:
    for workload, reference, wanted in _RATIOS:
        ratio = measurements.ratio(workload, OURS, reference)
        if ratio is not None:
            yield Verdict(f"{workload.title}: throughput relative to {reference.name}", wanted, ratio)


def _of_round_trips(measurements: Measurements) -> Iterator[Verdict]:
    round_trips = measurements.round_trips
    if round_trips:
        ratio = round_trips[OURS].median / round_trips[FASTSTREAM_BASELINE].median
        target = f"sequential round trips: median relative to {FASTSTREAM_BASELINE.name}"
        yield Verdict(target, _MAX_ROUND_TRIP_RATIO, ratio, at_most=True)


def _of_memory(measurements: Measurements) -> Iterator[Verdict]:
    peaks = {number: sample.peak_bytes for number, sample in measurements.backlogs.items() if sample.peak_bytes}
    if not peaks:
        return
    small, large = min(peaks), max(peaks)
    growth = peaks[large] / peaks[small]
    yield Verdict(f"peak memory at a backlog of {large:,}: relative to {small:,}", _MAX_GROWTH, growth, at_most=True)
    mebibytes = peaks[large] / 2**20
    yield Verdict(f"peak memory at a backlog of {large:,}, in MiB", _MAX_MEBIBYTES, mebibytes, at_most=True)
