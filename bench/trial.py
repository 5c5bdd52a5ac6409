"""One run of one competitor, from filling its queue to checking what it did."""

from dataclasses import dataclass

from bench import queues
from bench.competitor import Competitor
from bench.measure import Sample
from bench.place import Place, prepared
from bench.process import Clock, ProcessError, started
from bench.servers import Servers
from bench.workload import Expected, Workload

_GRACE = 60
_SLOWEST = 25
"""Commands a second: who is slower than that hangs."""
_PEOPLE = """
    INSERT INTO people (name, age, version)
    SELECT 'Person ' || number, number % 100, 1 FROM generate_series(1, $1::int) AS number
"""
_UPDATES = "SELECT coalesce(sum(version - 1), 0) FROM people"


class TrialError(Exception):
    """A run that does not count: the competitor failed, or did not do all of its work."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Who has to do what."""

    competitor: Competitor
    concurrency: int | None
    workload: Workload
    commands: int

    async def run(self, servers: Servers, template: str) -> Sample:
        """Run it on a database and on queues of its own.

        :raises TrialError: it does not count
        """
        try:
            async with prepared(servers, template, self.competitor) as place:
                return await self._run(servers, place)
        except (ProcessError, TrialError) as exc:
            raise TrialError(f"{self.competitor.name}, {self.workload.name}: {exc}") from exc

    async def _run(self, servers: Servers, place: Place) -> Sample:
        expected = self.workload.expected(self.commands)
        await self._settle(servers, place)
        commands = self.workload.commands(self.commands)
        await queues.fill(place.connection, place.names, commands, self.competitor.envelope)
        sample = await self._measure(place, expected)
        await self._check_queues(place)
        await self._check_rows(servers, place, expected)
        return sample

    async def _settle(self, servers: Servers, place: Place) -> None:
        """Insert the people who are there beforehand."""
        if number := self.workload.people(self.commands):
            async with servers.connected_to(place.database) as connection:
                await connection.execute(_PEOPLE, number)
                await connection.execute("VACUUM ANALYZE people")

    async def _measure(self, place: Place, expected: Expected) -> Sample:
        command = self.competitor.command(self.concurrency)
        async with (
            queues.finish_line(place.connection, place.names, expected.told) as crossed,
            started(command, place.environment) as process,
        ):
            await process.consuming()
            clock = Clock(process)
            await process.unless_it_ends(crossed.wait(), _GRACE + self.commands / _SLOWEST)
            seconds, cpu_seconds = clock.read()
            peak = process.peak_bytes()
            # The last acknowledgements follow the last event at once; stopping it makes sure that they are in.
            await process.stop()
        return Sample(self.commands, seconds, cpu_seconds, peak)

    async def _check_queues(self, place: Place) -> None:
        # Nobody consumes any more: what was not acknowledged waits again.
        for queue in (place.names.commands, place.names.dead_letters):
            if left := await queues.waiting(place.connection, queue):
                raise TrialError(f"{left} messages are left in {queue}")

    async def _check_rows(self, servers: Servers, place: Place, expected: Expected) -> None:
        rows = dict(expected.rows)
        if self.competitor.has_inbox:
            rows |= {"crudmq_inbox": expected.stored, "crudmq_outbox": 0}
        async with servers.connected_to(place.database) as connection:
            for table, number in rows.items():
                found = await connection.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names of ours
                if found != number:
                    raise TrialError(f"{table} has {found} rows and not {number}")
            updates = await connection.fetchval(_UPDATES)
            if updates != expected.updates:
                raise TrialError(f"people were updated {updates} times and not {expected.updates}")
