"""All runs: first everybody's best concurrency, then the rounds, interleaved, so that noise meets all alike."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console

from bench import databases
from bench.competitor import Competitor
from bench.competitors import ALL
from bench.measure import Sample, Standings, Summary
from bench.servers import Servers
from bench.trial import Trial
from bench.workload import ALL as WORKLOADS
from bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run."""

    commands: int
    rounds: int
    calibration: int
    """How many commands each concurrency is tried with."""
    tries: int
    """How often each is tried; its best counts, since noise only slows down."""


async def run(servers: Servers, plan: Plan, told: Console) -> list[Standings]:
    """Run every workload, and tell of each run as it ends.

    :raises TrialError: a competitor did not do its work
    """
    async with databases.migrated(servers) as template:
        return [await _Series(servers, template, plan, one, told).run(ALL) for one in WORKLOADS]


@dataclass(frozen=True, slots=True)
class _Series:
    """The runs of one workload."""

    servers: Servers
    template: str
    plan: Plan
    workload: Workload
    told: Console

    async def run(self, competitors: Iterable[Competitor]) -> Standings:
        chosen = {one: await self._best_concurrency(one) for one in competitors}
        samples: dict[Competitor, list[Sample]] = {one: [] for one in chosen}
        for number in range(1, self.plan.rounds + 1):
            for one, concurrency in chosen.items():
                sample = await self._try(one, concurrency, self.plan.commands, f"round {number}")
                samples[one].append(sample)
        summaries = {one: Summary.of(found) for one, found in samples.items()}
        return Standings(self.workload, self.plan.commands, self.plan.rounds, summaries, chosen)

    async def _best_concurrency(self, competitor: Competitor) -> int | None:
        rates = [
            ((await self._try(competitor, concurrency, self.plan.calibration, "calibration")).rate, concurrency)
            for _ in range(self.plan.tries)
            for concurrency in competitor.concurrencies
        ]
        return max(rates)[1] if rates else None

    async def _try(self, competitor: Competitor, concurrency: int | None, commands: int, stage: str) -> Sample:
        sample = await Trial(competitor, concurrency, self.workload, commands).run(self.servers, self.template)
        at_once = "" if concurrency is None else f", {concurrency} at once"
        self.told.print(f"{stage}: {competitor.name}{at_once}: {sample.rate:,.0f}/s", style="dim", highlight=False)
        return sample
