"""The numbers: what a run took, and what several runs come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from bench.competitor import Competitor
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

    def ratio(self, one: Competitor, other: Competitor) -> float:
        """Say how many times as fast one is as another."""
        return self.summaries[one].rate / self.summaries[other].rate
