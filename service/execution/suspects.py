"""Commands that may be what ends the process: each runs alone, and is refused when it was caught often enough.

A command is a suspect when its delivery came back more than once. That it is about to run is noted before it runs: if
the note is still there when it comes again, the process did not live to take it away.
"""

import structlog

from service.contract.delivery import Delivery
from service.execution.patience import Patience
from service.storage import inbox, strikes
from service.storage.engine import Database

log = structlog.get_logger(__name__)

_STRIKES = 3


class Suspects:
    """Notes which command is about to run."""

    def __init__(self, database: Database, patience: Patience) -> None:
        """Take where to note it: it must outlive the process."""
        self._database = database
        self._patience = patience

    async def accuse(self, delivery: Delivery) -> bool:
        """Note that a suspect is about to run; tell whether it has ended the process too often for that."""
        if not delivery.id:
            return False
        number = await self._patience.through(lambda: self._add(delivery))
        if number <= _STRIKES:
            return False
        log.error("a command keeps ending the process", message_id=delivery.id, times=_STRIKES)
        return True

    async def acquit(self, delivery: Delivery) -> None:
        """Note that the process outlived it, or that it will not be run again. May be repeated."""
        await self._patience.through(lambda: self._clear(delivery))

    async def _add(self, delivery: Delivery) -> int:
        async with self._database.writing.begin() as session:
            return await strikes.add(session, inbox.digest(delivery.id.encode()))

    async def _clear(self, delivery: Delivery) -> None:
        async with self._database.writing.begin() as session:
            await strikes.clear(session, inbox.digest(delivery.id.encode()))
