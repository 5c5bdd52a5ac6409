"""The numbers: what a run took, and what several runs come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from bench.competitor import Competitor
from bench.trips import Load, Trips
from bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run took."""

    commands: int
    seconds: float
    cpu_seconds: float
    """Of the competitor's processes, not of the servers."""
    peak_bytes: int | None
    """The most memory that was resident; None where the platform does not say."""

    @property
    def rate(self) -> float:
        """Commands a second."""
        return self.commands / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU time for each command."""
        return self.cpu_seconds / self.commands * 1e6


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of several runs."""

    rate: float
    slowest: float
    fastest: float
    cpu_microseconds: float
    peak_bytes: float | None

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Self:
        """Sum up; there must be one sample at least."""
        rates = [sample.rate for sample in samples]
        peaks = [sample.peak_bytes for sample in samples if sample.peak_bytes is not None]
        cpu = median(sample.cpu_microseconds for sample in samples)
        return cls(median(rates), min(rates), max(rates), cpu, median(peaks) if peaks else None)


@dataclass(frozen=True, slots=True)
class Standings:
    """What each competitor came to in one workload."""

    workload: Workload
    commands: int
    rounds: int
    summaries: Mapping[Competitor, Summary]
    concurrencies: Mapping[Competitor, int | None]
    """At which concurrency each was at its best; None for those that have none to choose."""
    absent: Mapping[Competitor, str]
    """Why those who could do it did not take part."""

    def ratio(self, one: Competitor, other: Competitor) -> float | None:
        """Say how many times as fast one is as another; None where one of them did not take part."""
        if one not in self.summaries or other not in self.summaries:
            return None
        return self.summaries[one].rate / self.summaries[other].rate


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was measured; what was left out is empty."""

    standings: Sequence[Standings]
    round_trips: Mapping[Competitor, Trips]
    loads: Mapping[Competitor, Sequence[Load]]
    backlogs: Mapping[int, Sample]
    """What so many waiting creates took of ours."""

    def ratio(self, workload: Workload, one: Competitor, other: Competitor) -> float | None:
        """Say how many times as fast one is as another at something; None where that was not measured."""
        found = (standings.ratio(one, other) for standings in self.standings if standings.workload is workload)
        return next(found, None)
