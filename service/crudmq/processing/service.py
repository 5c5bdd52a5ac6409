"""One process of the service: its tasks and their shutdown."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from crudmq.aio import cancel, race
from crudmq.http.health import Readiness
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
        reasons = {"database": self.gate.reason, "consumer": self.consumer.reason, "publisher": self.publisher.reason}
        return Readiness(components, {name: reason for name, reason in reasons.items() if reason is not None})

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
            closing_at = self._now() + (self.grace - self._closing).total_seconds()
            self.is_serving = False
            maintaining.cancel()
            try:
                await self._drain(working, closing_at)
                publishing.cancel()
                self.consumer.close()
                # At most half of what is left: connections that do not close in this time are abandoned.
                closes_in = closing_at - self._now() + self._closing.total_seconds()
                await asyncio.wait([consuming], timeout=closes_in / 2)
            finally:
                await cancel(maintaining, publishing, consuming, working)
            log.info("stopped")

    @property
    def _closing(self) -> timedelta:
        """How much of the grace period is reserved for closing connections."""
        return min(_CLOSING, self.grace / 2)

    async def _drain(self, working: asyncio.Task[None], closing_at: float) -> None:
        log.info("draining")
        self.consumer.stop()
        await asyncio.wait([working], timeout=closing_at - self._now())
        if not working.done():
            reason = f"the database is unavailable ({self.gate.reason}): " if self.gate.is_unavailable else ""
            limit, closing = (f"{duration.total_seconds():g} s" for duration in (self.grace, self._closing))
            raise GraceExceededError(
                f"{reason}the commands in flight did not complete within CRUDMQ_SHUTDOWN_GRACE ({limit}, of which "
                f"{closing} are for closing connections); they will be redelivered"
            )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
