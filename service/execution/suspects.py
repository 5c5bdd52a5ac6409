"""Commands that may be what ends the process: the one that does is found, and refused when it was caught often enough.

A command is a suspect when its delivery came back more than once. That suspects are about to run is noted before they
run: if the note is still there when one comes again, the process did not live to take it away. Suspects that were never
caught share a group, as after a process that was killed from outside; one that was is alone.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import structlog

from service.contract.delivery import Delivery
from service.execution.patience import Patience
from service.storage import inbox, strikes
from service.storage.engine import Database

log = structlog.get_logger(__name__)

_STRIKES = 3


class Suspects:
    """Notes which commands are about to run."""

    def __init__(self, database: Database, patience: Patience) -> None:
        """Take where to note it: it must outlive the process."""
        self._database = database
        self._patience = patience

    async def parts(self, deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
        """Split suspects, in their order, into those that may run together."""
        caught = await self._patience.surely(lambda: self._caught(deliveries))
        found: list[list[Delivery]] = []
        for is_caught, together in groupby(deliveries, key=lambda one: _digest(one) in caught):
            some = list(together)
            found += [[one] for one in some] if is_caught else [some]
        return found

    async def accuse(self, part: Sequence[Delivery]) -> bool:
        """Note that a part is about to run; tell whether it has ended the process too often for that."""
        number = await self._patience.surely(lambda: self._add(part))
        if number <= _STRIKES:
            return False
        log.error("a command keeps ending the process", message_id=part[0].id, times=_STRIKES)
        return True

    async def acquit(self, part: Sequence[Delivery]) -> None:
        """Note that the process outlived a part, or that it will not be run again. May be repeated."""
        await self._patience.surely(lambda: self._clear(part))

    async def _caught(self, deliveries: Iterable[Delivery]) -> set[bytes]:
        async with self._database.reading.begin() as session:
            return set(await strikes.numbers(session, _digests(deliveries)))

    async def _add(self, part: Iterable[Delivery]) -> int:
        async with self._database.writing.begin() as session:
            return await strikes.add(session, _digests(part))

    async def _clear(self, part: Iterable[Delivery]) -> None:
        async with self._database.writing.begin() as session:
            await strikes.clear(session, _digests(part))


def _digest(delivery: Delivery) -> bytes:
    # What has no id is refused for that, if the process lives to read it.
    return inbox.digest(delivery.id.encode() or delivery.body)


def _digests(deliveries: Iterable[Delivery]) -> set[bytes]:
    return {_digest(one) for one in deliveries}
