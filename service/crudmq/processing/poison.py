"""Poison detection: commands that crash the process are detected, and rejected after several crashes.

A command that was redelivered more than once is a suspect. Before it runs, its start is recorded in the database; the
record is cleared when the process has survived. A record that still exists at the next redelivery counts as a crash.
Suspects without crashes share a group, because most were redelivered after the process was killed from outside. With
each crash they run in smaller groups, and finally alone.

The process may be killed from outside while a suspect waits for a lock, however often. So it counts what the process
was doing when it died: as soon as it does nothing but wait, the records of suspects with crashes are cleared, and they
are written again before it continues with what the database has returned. What crashes the process is always recorded:
decoding, Python code of the operator, binding values and reading results keep it busy. So does receiving more rows than
fit in memory, which takes long enough to be noticed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

import structlog

from crudmq.aio import cancel
from crudmq.contract.delivery import Delivery
from crudmq.storage import crashes, journal
from crudmq.storage.database import Database
from crudmq.storage.errors import StorageError
from crudmq.storage.retry import OutageGate
from crudmq.storage.translation import translated

log = structlog.get_logger(__name__)

_MAX_CRASHES = 4
_GROUP_AFTER_CRASH = 14
"""The size of a group with one crash: with more, commands run alone."""
_TICK_SECONDS = 0.02
_MAX_IDLE_LOAD = 0.2
"""The share of a processor up to which the process counts as waiting."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Suspects that run together."""

    deliveries: list[Delivery]
    crashes: int = 0
    """How often the process crashed while it ran them."""

    @property
    def ids(self) -> set[bytes]:
        """Their ids in the crash counts."""
        return {_digest(delivery) for delivery in self.deliveries}


class PoisonDetector:
    """Counts the crashes of commands. Each method waits until the database has answered."""

    def __init__(self, database: Database, gate: OutageGate) -> None:
        """Set the database, in which the counts survive a crash."""
        self._database = database
        self._statements = crashes.StatementObserver(database)
        self._gate = gate

    async def split(self, deliveries: Sequence[Delivery]) -> list[Suspects]:
        """Split deliveries into groups that may run together, keeping their order."""
        counts = await self._gate.run_until_success(lambda: self._counts(deliveries))
        groups: list[Suspects] = []
        for number, run in groupby(deliveries, key=lambda delivery: counts.get(_digest(delivery), 0)):
            together = list(run)
            size = len(together) if number == 0 else _GROUP_AFTER_CRASH if number == 1 else 1
            groups += [Suspects(together[at : at + size], number) for at in range(0, len(together), size)]
        return groups

    async def record_start(self, suspects: Suspects) -> bool:
        """Count a crash of suspects in advance, unless they have crashed too often to run; return whether they have."""
        if suspects.crashes < _MAX_CRASHES:
            await self._gate.run_until_success(lambda: self._record_start(suspects))
            return False
        log.error("command refused after repeated crashes", message_id=suspects.deliveries[0].id, crashes=_MAX_CRASHES)
        return True

    async def clear(self, suspects: Suspects) -> None:
        """Clear the counts of suspects that the process survived. May be repeated."""
        await self._gate.run_until_success(lambda: self._clear(suspects))

    @asynccontextmanager
    async def watching(self, suspects: Suspects) -> AsyncIterator[None]:
        """Keep the records of suspects with crashes cleared whenever the process only waits.

        Not where one process uses the database: nobody else holds locks there, and no other connection can write.
        """
        if not suspects.crashes or self._database.dialect.is_single_process:
            yield
            return
        watch = _Watch(self._database, suspects)
        with self._statements.observing(watch.on_statement):
            ticking = asyncio.create_task(watch.run())
            try:
                yield
            finally:
                await watch.finish(ticking)

    async def _counts(self, deliveries: Iterable[Delivery]) -> dict[bytes, int]:
        async with self._database.reading.begin() as session:
            return await crashes.counts(session, {_digest(delivery) for delivery in deliveries})

    async def _record_start(self, suspects: Suspects) -> None:
        async with self._database.writing.begin() as session:
            await crashes.record(session, suspects.ids, suspects.crashes + 1)

    async def _clear(self, suspects: Suspects) -> None:
        async with self._database.writing.begin() as session:
            await crashes.clear(session, suspects.ids)


class _Watch:
    """Clears the records of suspects while the process is idle, and writes them again when it is not."""

    def __init__(self, database: Database, suspects: Suspects) -> None:
        self._database = database
        self._suspects = suspects
        self._is_recorded = True
        self._changing = asyncio.Lock()
        self._changer: asyncio.Task[object] | None = None

    async def run(self) -> None:
        """Observe the load of the process until cancelled."""
        while True:
            before, load_before = time.perf_counter(), time.process_time()
            await asyncio.sleep(_TICK_SECONDS)
            elapsed, load = time.perf_counter() - before, time.process_time() - load_before
            # A process that is busy, or that other processes keep waiting, wakes up late.
            is_idle = elapsed < 2 * _TICK_SECONDS and load < _MAX_IDLE_LOAD * elapsed
            await self._set(is_recorded=not is_idle)

    async def on_statement(self) -> None:
        """Write the records before the process continues with a statement or its rows."""
        # The statements that change the records are observed as well.
        if self._changer is not asyncio.current_task():
            await self._set(is_recorded=True)

    async def finish(self, running: asyncio.Task[None]) -> None:
        """End the task of `run`, but not within a transaction: it might be committed after the final clearing."""
        async with self._changing:
            await cancel(running)

    async def _set(self, *, is_recorded: bool) -> None:
        if is_recorded is self._is_recorded and not self._changing.locked():
            return
        async with self._changing:
            if is_recorded is self._is_recorded:
                return
            self._changer, self._is_recorded = asyncio.current_task(), is_recorded
            try:
                with translated():
                    await self._write()
            except StorageError as exc:
                self._is_recorded = not is_recorded
                log.warning("could not record the start of a command", reason=str(exc))
            finally:
                self._changer = None

    async def _write(self) -> None:
        async with self._database.writing.begin() as session:
            if self._is_recorded:
                await crashes.record(session, self._suspects.ids, self._suspects.crashes + 1)
            else:
                await crashes.clear(session, self._suspects.ids)


def _digest(delivery: Delivery) -> bytes:
    # A message without a message_id is rejected, unless it crashes the process first.
    return journal.digest(delivery.id.encode() or delivery.body)
