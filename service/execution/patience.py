"""Trying again: at once where another transaction was in the way, and for as long as the database is away."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy import text

from service.storage.engine import Database
from service.storage.errors import Away, Locked, StorageError, Transient, translated

T = TypeVar("T")
log = structlog.get_logger(__name__)

_TRIES = 5
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 5.0


class Patience:
    """Knows whether the database is there."""

    def __init__(self, database: Database) -> None:
        """Take the database to wait for; it is believed to be there."""
        self._database = database
        self.is_away = False

    async def through(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do something in a transaction, again while that may help.

        Waits without end for a database that is away: an outage is no command's fault.

        :raises StorageError: it failed for good; after several tries where it was `Transient`, unless that took long
        """
        tries = 1
        while True:
            try:
                with translated():
                    return await do()
            except Away as exc:
                await self._wait_for_database(exc)
            except Transient as exc:
                if tries == _TRIES or isinstance(exc, Locked):
                    raise
                await asyncio.sleep(_pause(tries))
                tries += 1

    async def _wait_for_database(self, exc: Away) -> None:
        self.is_away = True
        log.warning("the database is away, holding", reason=str(exc))
        tries = 1
        while not await self._answers():
            await asyncio.sleep(_pause(tries))
            tries += 1
        self.is_away = False
        log.info("the database is back")

    async def _answers(self) -> bool:
        try:
            with translated():
                async with self._database.writing.begin() as session:
                    await session.execute(text("SELECT 1"))
        except StorageError:
            return False
        return True


def _pause(tries: int) -> float:
    """Wait twice as long each time, with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter)."""
    return random.uniform(0, min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE))  # noqa: S311 - not for secrets
