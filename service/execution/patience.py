"""Trying again: at once where another transaction was in the way, and for as long as the database is away."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import structlog

from service.backoff import pause
from service.storage.errors import Away, Locked, StorageError, Transient, translated

T = TypeVar("T")
log = structlog.get_logger(__name__)

_TRIES = 5
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 5.0


class Patience:
    """Knows whether the database is there: it is away for as long as somebody waits for it."""

    def __init__(self) -> None:
        """Believe that it is there."""
        self._waiting = 0

    @property
    def is_away(self) -> bool:
        """Tell whether something could not be done for want of the database, and is tried again."""
        return self._waiting > 0

    async def through(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do something in a transaction, again while that may help.

        Waits without end for a database that is away: an outage is no command's fault.

        :raises StorageError: it failed for good; after several tries where it was `Transient`, unless that took long
        """
        tries, waits = 1, 0
        with ExitStack() as hold:
            while True:
                try:
                    with translated():
                        return await do()
                except Away as exc:
                    if not waits:
                        hold.enter_context(self._held(exc))
                    waits += 1
                    # It is not asked whether it answers: it may, and be read-only or full.
                    await asyncio.sleep(pause(waits, _FIRST_PAUSE, _LONGEST_PAUSE))
                except Transient as exc:
                    hold.close()
                    if tries == _TRIES or isinstance(exc, Locked):
                        raise
                    waits = 0
                    await asyncio.sleep(pause(tries, _FIRST_PAUSE, _LONGEST_PAUSE))
                    tries += 1

    async def surely(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do something that nothing goes on without: whatever the database says against it, again until it is done."""

        async def held() -> T:
            try:
                with translated():
                    return await do()
            except StorageError as exc:
                raise Away(str(exc)) from exc

        return await self.through(held)

    @contextmanager
    def _held(self, exc: Away) -> Iterator[None]:
        if not self._waiting:
            log.warning("the database is away, holding", reason=str(exc))
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                log.info("the database is back")
