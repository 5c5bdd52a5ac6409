"""One run of one competitor, from filling its queue to checking what it did."""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection

from bench import databases, queues
from bench.competitor import Competitor
from bench.measure import Sample
from bench.process import Clock, ProcessError, started
from bench.servers import Servers
from bench.workload import Workload
from service.messaging.topology import Topology

_GRACE = 60
_SLOWEST = 25
"""Commands a second: who is slower than that hangs."""


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
            return await self._run(servers, template)
        except (ProcessError, TrialError) as exc:
            raise TrialError(f"{self.competitor.name}, {self.workload.name}: {exc}") from exc

    async def _run(self, servers: Servers, template: str) -> Sample:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(await servers.connect())
            database = await stack.enter_async_context(databases.copied(servers, template))
            names = await stack.enter_async_context(queues.topology(connection))
            await queues.fill(connection, names, self.workload.commands(self.commands))
            environment = self._environment(servers, database, names)
            sample = await self._measure(connection, names, environment)
            await self._check_queues(connection, names)
            await self._check_rows(servers, database)
            return sample

    async def _measure(self, connection: AbstractConnection, names: Topology, environment: dict[str, str]) -> Sample:
        command = self.competitor.command(self.concurrency)
        events = self.workload.events(self.commands)
        async with queues.finish_line(connection, names, events) as crossed, started(command, environment) as process:
            await process.consuming()
            clock = Clock(process)
            await process.unless_it_ends(crossed.wait(), _GRACE + self.commands / _SLOWEST)
            seconds, cpu_seconds = clock.read()
            peak = process.peak_bytes()
            # The last acknowledgements follow the last event at once; stopping it makes sure that they are in.
            await process.stop()
        return Sample(self.commands, seconds, cpu_seconds, peak)

    def _environment(self, servers: Servers, database: str, names: Topology) -> dict[str, str]:
        # No setting of ours may leak in: the defaults are measured.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CRUDMQ_")}
        return inherited | {
            "CRUDMQ_BROKER_URL": servers.broker,
            "CRUDMQ_DATABASE_URL": servers.database(database),
            "CRUDMQ_PREFIX": names.prefix,
            **dict(self.competitor.settings),
        }

    async def _check_queues(self, connection: AbstractConnection, names: Topology) -> None:
        # Nobody consumes any more: what was not acknowledged waits again.
        for queue in (names.commands, names.dead_letters):
            if left := await queues.waiting(connection, queue):
                raise TrialError(f"{left} messages are left in {queue}")

    async def _check_rows(self, servers: Servers, database: str) -> None:
        expected = {"people": self.workload.rows(self.commands)}
        if self.competitor.has_inbox:
            expected |= {"crudmq_inbox": self.commands, "crudmq_outbox": 0}
        connection = await servers.connect_to(database)
        try:
            for table, rows in expected.items():
                found = await connection.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names of ours
                if found != rows:
                    raise TrialError(f"{table} has {found} rows and not {rows}")
        finally:
            await connection.close()
