"""One run of one competitor: fill its queue, measure, and verify its work."""

from dataclasses import dataclass

from bench import queues
from bench.competitor import Competitor
from bench.environment import Environment, prepared
from bench.measure import Sample
from bench.process import Clock, ProcessError, started
from bench.servers import Servers
from bench.workload import Expected, Workload

_GRACE = 60
_MIN_RATE = 25
"""Commands per second below which a competitor is considered to hang."""
_INSERT_PEOPLE = """
    INSERT INTO people (name, age, version)
    SELECT 'Person ' || number, number % 100, 1 FROM generate_series(1, $1::int) AS number
"""
_COUNT_UPDATES = "SELECT coalesce(sum(version - 1), 0) FROM people"


class TrialError(Exception):
    """An invalid run: the competitor failed or did not complete its work."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A competitor with a workload."""

    competitor: Competitor
    concurrency: int | None
    workload: Workload
    commands: int

    async def run(self, servers: Servers, template: str) -> Sample:
        """Run on a database and queues of its own.

        :raises TrialError: the run is invalid
        """
        try:
            async with prepared(servers, template, self.competitor) as environment:
                return await self._run(servers, environment)
        except (ProcessError, TrialError) as exc:
            raise TrialError(f"{self.competitor.name}, {self.workload.name}: {exc}") from exc

    async def _run(self, servers: Servers, environment: Environment) -> Sample:
        expected = self.workload.expected(self.commands)
        await self._insert_people(servers, environment)
        commands = self.workload.commands(self.commands)
        await queues.fill(environment.connection, environment.topology, commands, self.competitor.envelope)
        sample = await self._measure(environment, expected)
        await self._check_queues(environment)
        await self._check_rows(servers, environment, expected)
        return sample

    async def _insert_people(self, servers: Servers, environment: Environment) -> None:
        if number := self.workload.people(self.commands):
            async with servers.connected_to(environment.database) as connection:
                await connection.execute(_INSERT_PEOPLE, number)
                await connection.execute("VACUUM ANALYZE people")

    async def _measure(self, environment: Environment, expected: Expected) -> Sample:
        command = self.competitor.command(self.concurrency)
        async with (
            queues.finish_line(environment.connection, environment.topology, expected.messages) as crossed,
            started(command, environment.variables) as process,
        ):
            await process.consuming()
            clock = Clock(process)
            await process.unless_it_ends(crossed.wait(), _GRACE + self.commands / _MIN_RATE)
            seconds, cpu_seconds = clock.read()
            peak = process.peak_bytes()
            # The last acknowledgements follow the last event; they are sent before it stops.
            await process.stop()
        return Sample(self.commands, seconds, cpu_seconds, peak)

    async def _check_queues(self, environment: Environment) -> None:
        # The consumer has gone: unacknowledged messages are back in the queue.
        for queue in (environment.topology.commands, environment.topology.dead_letters):
            if depth := await queues.depth(environment.connection, queue):
                raise TrialError(f"{depth} messages are left in {queue}")

    async def _check_rows(self, servers: Servers, environment: Environment, expected: Expected) -> None:
        rows = dict(expected.rows)
        if self.competitor.has_inbox:
            rows |= {"crudmq_inbox": expected.inbox_rows, "crudmq_outbox": 0}
        async with servers.connected_to(environment.database) as connection:
            for table, number in rows.items():
                actual = await connection.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - constant names
                if actual != number:
                    raise TrialError(f"{table} has {actual} rows, expected {number}")
            updates = await connection.fetchval(_COUNT_UPDATES)
            if updates != expected.updates:
                raise TrialError(f"people were updated {updates} times, expected {expected.updates}")
