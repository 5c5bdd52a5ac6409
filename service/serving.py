"""One process at work: its parts, how they run together, and how they drain."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from service.assembly import QUERIES_AT_ONCE, limits_of
from service.execution.answers import Answers
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import RETRY_DELAYS
from service.execution.suspects import Suspects
from service.housekeeping import Housekeeper
from service.messaging.connection import CLOSE_TIMEOUT
from service.messaging.consumer import Consumer, GroupSize
from service.messaging.publisher import Publisher
from service.messaging.source import Source
from service.messaging.topology import Topology
from service.messaging.waiting import first
from service.resources.registry import Registry
from service.settings import Settings
from service.storage.engine import Database

log = structlog.get_logger(__name__)


class GraceExceededError(Exception):
    """What was in hand did not end within the grace period; the broker will deliver it again."""


class Service:
    """The parts of one process, and their life."""

    def __init__(self, settings: Settings, resources: Registry, database: Database) -> None:
        """Build the parts; nothing runs yet."""
        names = Topology(settings.prefix, settings.partitions)
        limits = limits_of(settings)
        self._settings = settings
        self._publisher = Publisher(settings.broker_url, names, RETRY_DELAYS)
        self._source = Source(settings.broker_url, names, prefetch=settings.prefetch, delays=RETRY_DELAYS)
        self._executor = Executor(database, Answers(settings.source))
        self._is_serving = False
        self._consumer = Consumer(
            source=self._source,
            intake=Intake(resources, limits),
            executor=self._executor,
            suspects=Suspects(database, self._executor.patience),
            publisher=self._publisher,
            names=names,
            size=GroupSize(settings.group_size, settings.max_message_bytes),
            queries=QUERIES_AT_ONCE,
        )
        self._housekeeper = Housekeeper(self._consumer, self._executor, self._source, settings.retention)

    async def ready(self) -> Mapping[str, bool]:
        """Say of each part whether it is ready; none is, before the database was found fit and while it drains."""
        return {
            "database": self._is_serving and not self._executor.patience.is_away,
            "consumer": self._is_serving and self._source.is_ready,
            "publisher": self._is_serving and self._publisher.is_ready,
        }

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until told to stop; then finish what is in hand.

        :raises GraceExceededError: what was in hand did not end in time
        """
        self._is_serving = True
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publisher.run())
            consuming = tasks.create_task(self._source.run())
            housekeeping = tasks.create_task(self._housekeeper.run())
            working = tasks.create_task(self._consumer.run())
            await first(stopping.wait(), working)
            self._is_serving = False
            housekeeping.cancel()
            await self._drain(working, self._settings.shutdown_grace)
            publishing.cancel()
            self._source.finish()
            # A consumer that has no connection hears nothing.
            await first(consuming, asyncio.sleep(2 * CLOSE_TIMEOUT))
            consuming.cancel()
            log.info("stopped")

    async def _drain(self, working: asyncio.Task[None], grace: timedelta) -> None:
        log.info("finishing what is in hand")
        self._source.stop()
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await working
        except TimeoutError:
            raise GraceExceededError(f"what was in hand took longer than {grace}") from None
