"""All runs: first everybody's best concurrency, then the rounds, interleaved, so that noise meets all alike."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console

from bench import databases
from bench.competitor import Competitor
from bench.competitors import OURS, USUAL_WAY
from bench.measure import Findings, Sample, Standings, Summary
from bench.servers import Servers
from bench.trial import Trial
from bench.trips import Load, Trips, closed_loop, offered
from bench.workload import Workload
from bench.workloads import CREATES

ROUND_TRIPS, LOADS, BACKLOGS = "round-trips", "loads", "backlogs"
_TWO = (OURS, USUAL_WAY)
_TRIP_ROUNDS = 3
"""Rounds of trips for each round of the others: they are short, and differ more from process to process."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run."""

    competitors: tuple[Competitor, ...]
    workloads: tuple[Workload, ...]
    others: Collection[str]
    """What is measured besides: `ROUND_TRIPS`, `LOADS`, `BACKLOGS`."""
    commands: int
    rounds: int
    calibration: int
    """How many commands each concurrency is tried with."""
    trips: int = 500
    """How many round trips are made one at a time."""
    rates: tuple[int, ...] = (100, 200, 400, 800, 1200, 1600, 2400, 3200)
    """Commands a second that are offered."""
    backlogs: tuple[int, ...] = (20_000, 200_000)


async def run(servers: Servers, plan: Plan, told: Console) -> Findings:
    """Run everything, and tell of each run as it ends.

    :raises TrialError: a competitor did not do its work
    """
    async with databases.migrated(servers) as template:
        return await _Series(servers, template, plan, told).run()


@dataclass(slots=True)
class _Series:
    servers: Servers
    template: str
    plan: Plan
    told: Console
    absent: dict[Competitor, str] = field(default_factory=dict)
    chosen: dict[Competitor, int | None] = field(default_factory=dict)

    async def run(self) -> Findings:
        self._prepare()
        standings = [await self._work_off(workload) for workload in self.plan.workloads]
        others = self.plan.others
        return Findings(
            standings,
            await self._round_trips() if ROUND_TRIPS in others else {},
            await self._loads() if LOADS in others else {},
            await self._backlogs() if BACKLOGS in others else {},
        )

    def _prepare(self) -> None:
        for one in self.plan.competitors:
            if reason := one.prepare():
                self.absent[one] = reason
                self._say(f"{one.name} is left out: {reason}")

    async def _work_off(self, workload: Workload) -> Standings:
        able = [one for one in self.plan.competitors if workload in one.workloads]
        competitors = [one for one in able if one not in self.absent]
        chosen = {one: await self._best_concurrency(one, workload) for one in competitors}
        samples: dict[Competitor, list[Sample]] = {one: [] for one in competitors}
        for number in range(1, self.plan.rounds + 1):
            for one in competitors:
                commands = max(1, int(self.plan.commands * one.share))
                samples[one].append(await self._try(one, chosen[one], workload, commands, f"round {number}"))
        summaries = {one: Summary.of(found) for one, found in samples.items()}
        absent = {one: self.absent[one] for one in able if one in self.absent}
        return Standings(workload, self.plan.commands, self.plan.rounds, summaries, chosen, absent)

    async def _best_concurrency(self, competitor: Competitor, workload: Workload) -> int | None:
        """Try each once, with the first workload that is run."""
        if competitor.concurrencies and competitor not in self.chosen:
            rates = [
                ((await self._try(competitor, one, workload, self.plan.calibration, "calibration")).rate, one)
                for one in competitor.concurrencies
            ]
            self.chosen[competitor] = max(rates)[1]
        return self.chosen.get(competitor)

    async def _round_trips(self) -> Mapping[Competitor, Trips]:
        found: dict[Competitor, list[Trips]] = {one: [] for one in _TWO}
        for number in range(1, _TRIP_ROUNDS * self.plan.rounds + 1):
            for one, trips in found.items():
                concurrency = await self._best_concurrency(one, CREATES)
                trips.append(await closed_loop(self.servers, self.template, one, concurrency, self.plan.trips))
                self._say(f"round {number}: {one.name}, one at a time: {trips[-1].median:.2f} ms")
        return {
            one: Trips(median(trip.median for trip in trips), median(trip.p99 for trip in trips))
            for one, trips in found.items()
        }

    async def _loads(self) -> Mapping[Competitor, list[Load]]:
        found = {}
        for one in _TWO:
            concurrency = await self._best_concurrency(one, CREATES)
            found[one] = await offered(self.servers, self.template, one, concurrency, self.plan.rates)
            self._say(f"loads: {one.name}: up to {found[one][-1].offered:,}/s")
        return found

    async def _backlogs(self) -> Mapping[int, Sample]:
        return {number: await self._try(OURS, None, CREATES, number, "backlog") for number in self.plan.backlogs}

    async def _try(
        self, competitor: Competitor, concurrency: int | None, workload: Workload, commands: int, stage: str
    ) -> Sample:
        sample = await Trial(competitor, concurrency, workload, commands).run(self.servers, self.template)
        at_once = "" if concurrency is None else f", {concurrency} at once"
        self._say(f"{stage}: {workload.name}: {competitor.name}{at_once}: {sample.rate:,.0f}/s")
        return sample

    def _say(self, line: str) -> None:
        self.told.print(line, style="dim", highlight=False, markup=False)
