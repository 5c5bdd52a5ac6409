"""The figures: of one run, of several runs, and of the whole benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from bench.competitor import Competitor
from bench.latency import Latency, Load
from bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one run."""

    commands: int
    seconds: float
    cpu_seconds: float
    """Of the competitor's processes, not of the servers."""
    peak_bytes: int | None
    """Peak resident memory; None where the platform does not report it."""

    @property
    def rate(self) -> float:
        """Commands per second."""
        return self.commands / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU time per command."""
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
        """Summarize at least one sample."""
        rates = [sample.rate for sample in samples]
        peaks = [sample.peak_bytes for sample in samples if sample.peak_bytes is not None]
        cpu = median(sample.cpu_microseconds for sample in samples)
        return cls(median(rates), min(rates), max(rates), cpu, median(peaks) if peaks else None)


@dataclass(frozen=True, slots=True)
class Standings:
    """The competitors' results in one workload."""

    workload: Workload
    commands: int
    rounds: int
    summaries: Mapping[Competitor, Summary]
    concurrencies: Mapping[Competitor, int | None]
    """The best concurrency of each competitor; None where it is not configurable."""
    skipped: Mapping[Competitor, str]
    """Why capable competitors did not take part."""

    def ratio(self, competitor: Competitor, reference: Competitor) -> float | None:
        """Return a competitor's rate relative to another's; None if either did not take part."""
        if competitor not in self.summaries or reference not in self.summaries:
            return None
        return self.summaries[competitor].rate / self.summaries[reference].rate


@dataclass(frozen=True, slots=True)
class Measurements:
    """All figures of a benchmark; what was not measured is empty."""

    standings: Sequence[Standings]
    round_trips: Mapping[Competitor, Latency]
    loads: Mapping[Competitor, Sequence[Load]]
    backlogs: Mapping[int, Sample]
    """crudmq's figures with a backlog of that many creates."""

    def ratio(self, workload: Workload, competitor: Competitor, reference: Competitor) -> float | None:
        """Return a competitor's rate relative to another's in a workload; None if that was not measured."""
        ratios = (
            standings.ratio(competitor, reference) for standings in self.standings if standings.workload is workload
        )
        return next(ratios, None)
