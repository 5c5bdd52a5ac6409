"""What is done now and then: publishing what nobody else will, and forgetting what is old."""

import asyncio
from datetime import timedelta

import structlog

from service.execution.executor import Executor
from service.messaging.consumer import Consumer
from service.messaging.source import Source
from service.storage.errors import StorageError

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 15
_STEADY_ROUNDS = 20


class Housekeeper:
    """Looks at the outbox every few seconds, and forgets what the inbox has kept for long enough.

    A command whose acknowledgement was lost comes again when the connection is back, however long that takes: the
    inbox must still know it. So nothing is forgotten before deliveries have arrived without a break for five minutes,
    by when a broker that missed heartbeats has handed over all that it got back.
    """

    def __init__(self, consumer: Consumer, executor: Executor, source: Source, retention: timedelta) -> None:
        """Take who does it, and how long the inbox keeps a command."""
        self._consumer = consumer
        self._executor = executor
        self._source = source
        self._retention = retention
        self._steady = 0
        self._looked_at = 0.0

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            try:
                # What is published and not marked would be published again by others.
                await self._executor.mark_published()
                await self._consumer.relay()
                while self._is_steady() and await self._executor.forget(self._retention):
                    pass
            except StorageError as exc:
                log.warning("housekeeping failed, it is tried again soon", reason=str(exc))
            await asyncio.sleep(_EVERY_SECONDS)

    def _is_steady(self) -> bool:
        now = asyncio.get_running_loop().time()
        # The process may have been stopped, or have waited for the database.
        was_absent = now - self._looked_at > 2 * _EVERY_SECONDS
        self._looked_at = now
        self._steady = self._steady + 1 if self._source.is_ready and not was_absent else 0
        return self._steady > _STEADY_ROUNDS
