"""The life of a command: receive → decode → run → publish → acknowledge."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import Internal
from crudmq.contract.result import Subject
from crudmq.execution.executor import Executor
from crudmq.execution.job import Batch, Job
from crudmq.execution.publication import Publication
from crudmq.failpoints import Failpoint, reach
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.publisher import Publisher
from crudmq.messaging.topology import Topology
from crudmq.processing.completion import Completion
from crudmq.processing.decoder import Decoder
from crudmq.processing.poison import PoisonDetector, Suspects

_MAX_BATCHES = 4
"""How many batches may still be published while a group runs."""
_IDLE_SECONDS = 1.0
_RELAY_LIMIT = 100


@dataclass(frozen=True, slots=True)
class GroupSize:
    """The maximum size of a group."""

    commands: int
    bytes: int


class Worker:
    """Runs groups of waiting commands, one after the other, and publishes their results concurrently."""

    def __init__(  # noqa: PLR0913 - the steps of a command's life
        self,
        *,
        consumer: Consumer,
        decoder: Decoder,
        executor: Executor,
        publication: Publication,
        publisher: Publisher,
        poison: PoisonDetector,
        topology: Topology,
        group_size: GroupSize,
        concurrent_reads: int,
    ) -> None:
        """Set the component of each step, the group size and the concurrency."""
        self._consumer = consumer
        self._decoder = decoder
        self._executor = executor
        self._publication = publication
        self._completion = Completion(consumer, publication, publisher, topology)
        self._poison = poison
        self._group_size = group_size
        self._reads = asyncio.Semaphore(concurrent_reads)
        self._batches = asyncio.Semaphore(_MAX_BATCHES)

    async def run(self) -> None:
        """Process groups until the consumer stops, and complete the received ones.

        Those whose messages the broker refuses are not waited for: it will redeliver them.

        :raises ExceptionGroup: a bug in the service; only published deliveries are acknowledged
        """
        async with asyncio.TaskGroup() as held:
            holding = held.create_task(self._completion.complete_held())
            async with asyncio.TaskGroup() as tasks:
                while deliveries := await self._receive():
                    if deliveries[0].is_suspect:
                        await self._process_suspects(deliveries, tasks)
                    else:
                        await self._run(await self._decode(deliveries), tasks)
            holding.cancel()
        await self._publication.delete_published()

    async def relay(self) -> None:
        """Publish the committed messages that other processes did not publish in time."""
        while (batch := await self._publication.claim_expired(_RELAY_LIMIT)).unpublished:
            await self._publish_and_acknowledge(batch)

    async def _receive(self) -> list[Delivery]:
        """Wait for deliveries that may share a transaction; return none once the consumer has stopped."""
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    deliveries = await self._consumer.receive(self._group_size.commands, self._group_size.bytes)
            except TimeoutError:
                # No following transaction will delete the published rows soon.
                await self._publication.delete_published()
            else:
                await reach(Failpoint.RECEIVED, deliveries)
                return deliveries

    async def _decode(self, deliveries: Sequence[Delivery]) -> list[Job]:
        jobs = []
        for delivery in deliveries:
            await reach(Failpoint.DECODING, delivery)
            jobs.append(self._decoder.decode(delivery))
        return jobs

    async def _run(self, jobs: Sequence[Job], tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Run jobs in a transaction, and publish each batch while the next group runs; return what is still running."""
        completing = []
        async for batch in self._executor.execute([job for job in jobs if not job.is_deferred_read]):
            # At once, and only then wait: the relay must not publish rows of later transactions before it.
            completing.append(tasks.create_task(self._complete(batch)))
            await self._batches.acquire()
        # After the commit of the preceding commands, concurrently with the following ones.
        return completing + [tasks.create_task(self._read(job)) for job in jobs if job.is_deferred_read]

    async def _complete(self, batch: Batch) -> None:
        try:
            await self._publish_and_acknowledge(batch)
        finally:
            self._batches.release()

    async def _read(self, job: Job) -> None:
        async with self._reads:
            batch = await self._executor.read(job)
        await self._publish_and_acknowledge(batch)

    async def _publish_and_acknowledge(self, batch: Batch) -> None:
        published = await self._completion.publish(batch)
        await self._completion.acknowledge(published)

    async def _process_suspects(self, deliveries: Sequence[Delivery], tasks: asyncio.TaskGroup) -> None:
        """Run commands that may crash the process: those with crashes while no other commands run."""
        clearing: list[asyncio.Task[None]] = []
        for suspects in await self._poison.split(deliveries):
            if suspects.crashes:
                await asyncio.gather(*clearing)
            is_refused = await self._poison.record_start(suspects)
            async with self._poison.watching(suspects):
                completing = await self._run(await self._jobs(suspects, is_refused=is_refused), tasks)
                if suspects.crashes:
                    await asyncio.gather(*completing)
            clearing.append(tasks.create_task(self._clear(suspects, completing)))
            if suspects.crashes:
                # The next command may crash the process, and nobody clears the records of an acknowledged one.
                await clearing[-1]

    async def _jobs(self, suspects: Suspects, *, is_refused: bool) -> list[Job]:
        if not is_refused:
            return await self._decode(suspects.deliveries)
        # Not decoded either: decoding may be what crashes the process.
        return [Job(delivery, Subject(delivery.message_id), error=Internal()) for delivery in suspects.deliveries]

    async def _clear(self, suspects: Suspects, completing: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.gather(*completing)
        await self._poison.clear(suspects)
