"""One process of the service: its tasks and their shutdown."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from crudmq.aio import cancel, race
from crudmq.http.health import Readiness
from crudmq.messaging.connection import CLOSE_TIMEOUT
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.publisher import Publisher
from crudmq.processing.maintenance import Maintenance
from crudmq.processing.worker import Worker
from crudmq.storage.retry import OutageGate

_CLOSING = timedelta(seconds=5)
"""How much of the grace period, and at most half of it, is reserved for closing connections."""

log = structlog.get_logger(__name__)


class GraceExceededError(Exception):
    """The commands in flight did not complete within the grace period; the broker will redeliver them."""


@dataclass(slots=True)
class Service:
    """The parts of one process, composed by `crudmq.app`."""

    publisher: Publisher
    consumer: Consumer
    worker: Worker
    maintenance: Maintenance
    gate: OutageGate
    grace: timedelta
    """The maximum duration of a shutdown."""
    is_serving: bool = False

    async def ready(self) -> Readiness:
        """Return whether each part is ready. None is ready before the database is checked, nor while draining."""
        components = {
            "database": self.is_serving and not self.gate.is_unavailable,
            "consumer": self.is_serving and self.consumer.is_ready,
            "publisher": self.is_serving and self.publisher.is_ready,
        }
        reason = self.gate.reason
        return Readiness(components, {} if reason is None else {"database": reason})

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then complete the commands in flight.

        :raises GraceExceededError: they did not complete in time
        """
        self.is_serving = True
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self.publisher.run())
            consuming = tasks.create_task(self.consumer.run())
            maintaining = tasks.create_task(self.maintenance.run())
            working = tasks.create_task(self.worker.run())
            await race(stopping.wait(), working)
            self.is_serving = False
            maintaining.cancel()
            await self._drain(working)
            publishing.cancel()
            self.consumer.close()
            # A consumer without a connection is not notified.
            await race(consuming, asyncio.sleep(2 * CLOSE_TIMEOUT))
            await cancel(maintaining, publishing, consuming)
            log.info("stopped")

    async def _drain(self, working: asyncio.Task[None]) -> None:
        log.info("draining")
        self.consumer.stop()
        limit = self.grace - min(_CLOSING, self.grace / 2)
        await asyncio.wait([working], timeout=limit.total_seconds())
        if not working.done():
            reason = f"the database is unavailable ({self.gate.reason}): " if self.gate.is_unavailable else ""
            raise GraceExceededError(
                f"{reason}the commands in flight did not complete within {limit}; they will be redelivered"
            )
