"""The life of commands, from the broker and back to it."""

import asyncio
from dataclasses import dataclass

from service.contract.delivery import Delivery
from service.contract.errors import Internal
from service.contract.result import Subject
from service.execution.attempt import Attempt
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import RETRY_DELAYS, Ack, Batch, DeadLetter, Retry, Settled
from service.execution.suspects import Suspects
from service.messaging import amqp
from service.messaging.amqp import Outgoing
from service.messaging.publisher import Publisher
from service.messaging.source import Source
from service.messaging.topology import Topology

_BATCHES_IN_FLIGHT = 4
_IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class GroupSize:
    """How much shares a transaction."""

    commands: int
    bytes: int


class Consumer:
    """Takes what waits, runs it, publishes what it came to, and only then acknowledges."""

    def __init__(  # noqa: PLR0913 - the steps of a command's life
        self,
        *,
        source: Source,
        intake: Intake,
        executor: Executor,
        suspects: Suspects,
        publisher: Publisher,
        names: Topology,
        size: GroupSize,
        queries: int,
    ) -> None:
        """Take the steps, and how many queries may run at once."""
        self._source = source
        self._intake = intake
        self._executor = executor
        self._suspects = suspects
        self._publisher = publisher
        self._names = names
        self._size = size
        self._queries = asyncio.Semaphore(queries)
        self._room = asyncio.Semaphore(_BATCHES_IN_FLIGHT)

    async def run(self) -> None:
        """Handle one group after the other until the source stops, and all that is in hand then.

        :raises ExceptionGroup: a fault of ours; nothing is acknowledged that was not told
        """
        async with asyncio.TaskGroup() as beside:
            while group := await self._next_group():
                await self._handle(group, beside)
        await self._executor.mark_published()

    async def relay(self) -> None:
        """Publish what somebody committed and did not publish in time."""
        while True:
            batch = await self._executor.take_over(limit=100)
            if not batch.leftovers:
                return
            await self._publish(batch)

    async def _next_group(self) -> list[Delivery]:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    return await self._source.take(self._size.commands, self._size.bytes)
            except TimeoutError:
                # No transaction comes by that marks could ride on, also those that came while we were waiting.
                await self._executor.mark_published()

    async def _handle(self, group: list[Delivery], beside: asyncio.TaskGroup) -> None:
        if group[0].is_suspect:
            await self._handle_suspects(group)
        else:
            await self._run([self._intake.take(delivery) for delivery in group], beside)

    async def _handle_suspects(self, group: list[Delivery]) -> None:
        """Run commands that may end the process, with nothing beside them but their own queries."""
        for part in await self._suspects.parts(group):
            if await self._suspects.accuse(part):
                # Not even read: that may be what ends the process.
                attempts = [Attempt(one, Subject(one.message_id), error=Internal()) for one in part]
            else:
                attempts = [self._intake.take(delivery) for delivery in part]
            async with asyncio.TaskGroup() as beside:
                await self._run(attempts, beside)
            await self._suspects.acquit(part)

    async def _run(self, attempts: list[Attempt], beside: asyncio.TaskGroup) -> None:
        await self._execute(attempts, beside)
        for attempt in attempts:
            if attempt.runs_beside:
                # After the commit of what came before it, beside what comes next.
                beside.create_task(self._read(attempt))

    async def _execute(self, attempts: list[Attempt], beside: asyncio.TaskGroup) -> None:
        together = [attempt for attempt in attempts if not attempt.runs_beside]
        async for batch in self._executor.execute(together):
            await self._room.acquire()
            beside.create_task(self._tell(batch))

    async def _tell(self, batch: Batch) -> None:
        try:
            await self._publish(batch)
            await self._source.acknowledge(settled.delivery for settled in batch.settled)
        finally:
            self._room.release()

    async def _read(self, attempt: Attempt) -> None:
        async with self._queries:
            batch = await self._executor.read(attempt)
        await self._publish(batch)
        await self._source.acknowledge(settled.delivery for settled in batch.settled)

    async def _publish(self, batch: Batch) -> None:
        leftovers = [message for row in batch.leftovers.values() for message in row]
        found = [amqp.outgoing(message, self._names) for message in leftovers]
        for settled in batch.settled:
            found += self._outgoing(settled)
        await self._publisher.publish(found)
        self._executor.published(batch)

    def _outgoing(self, settled: Settled) -> list[Outgoing]:
        found = [amqp.outgoing(message, self._names) for message in settled.messages]
        match settled.outcome:
            case Ack():
                return found
            case Retry(attempts):
                queue = self._names.retry(RETRY_DELAYS[attempts - 1])
                return [*found, amqp.retry(settled.delivery, attempts, queue)]
            case DeadLetter(error):
                return [*found, amqp.dead_letter(settled.delivery, error, self._names)]
