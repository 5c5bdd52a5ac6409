"""The whole benchmark: concurrencies are calibrated, then rounds are interleaved, so that noise affects all alike."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console

from bench import databases
from bench.competitor import Competitor
from bench.competitors import FASTSTREAM_BASELINE, OURS
from bench.latency import Latency, Load, closed_loop, open_loop
from bench.measure import Measurements, Sample, Standings, Summary
from bench.servers import Servers
from bench.trial import Trial
from bench.workload import Workload
from bench.workloads import CREATES

ROUND_TRIPS, LOADS, BACKLOGS = "round-trips", "loads", "backlogs"
_MEASURED_FOR_LATENCY = (OURS, FASTSTREAM_BASELINE)
_LATENCY_ROUNDS = 3
"""Rounds of round trips per round of the workloads: they are short, and vary more between processes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run, and how much of it."""

    competitors: tuple[Competitor, ...]
    workloads: tuple[Workload, ...]
    extras: Collection[str]
    """Measurements besides the workloads: `ROUND_TRIPS`, `LOADS`, `BACKLOGS`."""
    commands: int
    rounds: int
    calibration: int
    """Number of commands with which each concurrency is tried."""
    round_trips: int = 500
    """Number of sequential round trips."""
    rates: tuple[int, ...] = (100, 200, 400, 800, 1200, 1600, 2400, 3200)
    """Offered loads, in commands per second."""
    backlogs: tuple[int, ...] = (20_000, 200_000)


async def run(servers: Servers, plan: Plan, progress: Console) -> Measurements:
    """Run a plan, and print each run's figure as it ends.

    :raises TrialError: a competitor did not complete its work
    """
    async with databases.migrated(servers) as template:
        return await _Suite(servers, template, plan, progress).run()


@dataclass(slots=True)
class _Suite:
    servers: Servers
    template: str
    plan: Plan
    progress: Console
    skipped: dict[Competitor, str] = field(default_factory=dict)
    calibrated: dict[Competitor, int | None] = field(default_factory=dict)

    async def run(self) -> Measurements:
        self._prepare()
        standings = [await self._compare(workload) for workload in self.plan.workloads]
        extras = self.plan.extras
        return Measurements(
            standings,
            await self._round_trips() if ROUND_TRIPS in extras else {},
            await self._loads() if LOADS in extras else {},
            await self._backlogs() if BACKLOGS in extras else {},
        )

    def _prepare(self) -> None:
        for competitor in self.plan.competitors:
            if reason := competitor.prepare():
                self.skipped[competitor] = reason
                self._print(f"{competitor.name} skipped: {reason}")

    async def _compare(self, workload: Workload) -> Standings:
        capable = [competitor for competitor in self.plan.competitors if workload in competitor.workloads]
        competitors = [competitor for competitor in capable if competitor not in self.skipped]
        concurrencies = {competitor: await self._concurrency(competitor, workload) for competitor in competitors}
        samples: dict[Competitor, list[Sample]] = {competitor: [] for competitor in competitors}
        for number in range(1, self.plan.rounds + 1):
            for competitor, concurrency in concurrencies.items():
                commands = max(1, int(self.plan.commands * competitor.share))
                sample = await self._try(competitor, concurrency, workload, commands, f"round {number}")
                samples[competitor].append(sample)
        summaries = {competitor: Summary.of(runs) for competitor, runs in samples.items()}
        skipped = {competitor: self.skipped[competitor] for competitor in capable if competitor in self.skipped}
        return Standings(workload, self.plan.commands, self.plan.rounds, summaries, concurrencies, skipped)

    async def _concurrency(self, competitor: Competitor, workload: Workload) -> int | None:
        """Return the best concurrency: each is tried once, with the first workload that is run."""
        if competitor.concurrencies and competitor not in self.calibrated:
            rates = {
                concurrency: (
                    await self._try(competitor, concurrency, workload, self.plan.calibration, "calibration")
                ).rate
                for concurrency in competitor.concurrencies
            }
            self.calibrated[competitor] = max(rates, key=rates.__getitem__)
        return self.calibrated.get(competitor)

    async def _round_trips(self) -> Mapping[Competitor, Latency]:
        rounds: dict[Competitor, list[Latency]] = {competitor: [] for competitor in _MEASURED_FOR_LATENCY}
        for number in range(1, _LATENCY_ROUNDS * self.plan.rounds + 1):
            for competitor, latencies in rounds.items():
                concurrency = await self._concurrency(competitor, CREATES)
                latency = await closed_loop(self.servers, self.template, competitor, concurrency, self.plan.round_trips)
                latencies.append(latency)
                self._print(f"round {number}: {competitor.name}, sequential: {latency.median:.2f} ms")
        return {
            competitor: Latency(
                median(latency.median for latency in latencies), median(latency.p99 for latency in latencies)
            )
            for competitor, latencies in rounds.items()
        }

    async def _loads(self) -> Mapping[Competitor, list[Load]]:
        loads = {}
        for competitor in _MEASURED_FOR_LATENCY:
            concurrency = await self._concurrency(competitor, CREATES)
            loads[competitor] = await open_loop(self.servers, self.template, competitor, concurrency, self.plan.rates)
            self._print(f"loads: {competitor.name}: up to {loads[competitor][-1].offered:,}/s")
        return loads

    async def _backlogs(self) -> Mapping[int, Sample]:
        return {number: await self._try(OURS, None, CREATES, number, "backlog") for number in self.plan.backlogs}

    async def _try(
        self, competitor: Competitor, concurrency: int | None, workload: Workload, commands: int, stage: str
    ) -> Sample:
        sample = await Trial(competitor, concurrency, workload, commands).run(self.servers, self.template)
        setup = "" if concurrency is None else f", concurrency {concurrency}"
        self._print(f"{stage}: {workload.name}: {competitor.name}{setup}: {sample.rate:,.0f}/s")
        return sample

    def _print(self, line: str) -> None:
        self.progress.print(line, style="dim", highlight=False, markup=False)
