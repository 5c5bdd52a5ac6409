"""Maintenance: relaying unpublished messages, and pruning the inbox.

The inbox must have the entry of a command until the command is acknowledged, however short the retention and however
long that takes: otherwise a redelivery would run it again. An unacknowledged command is either with a consumer or
waits in its queue.

- A consumer refreshes the entries of the commands that it has had for a round, in each round. So no entry of a command
  that stays with a live process is older than two rounds.
- While a queue is empty, none of its commands waits. An entry is pruned only if, since it was stored or refreshed, all
  queues were seen empty in more than `STABLE_ROUNDS` rounds, which are five minutes or longer. If its command were
  unacknowledged, it was with a consumer in each of these rounds, and was never refreshed. A live process refreshes it
  within two rounds, and the broker notices a dead one within two more. So at least five processes would have received
  it and died, one after the other, each within 30 seconds.
- Once this holds for a time, it holds for ever: commands that are committed later have later entries. So neither lost
  connections nor a backlog make it invalid; while a queue is never empty, the time just does not advance.
- An entry whose messages are not known to be published is never pruned.

All times are those of the database. If its clock goes back, as in a failover, the rounds are counted anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from crudmq.aio import cancel
from crudmq.execution.publication import Publication
from crudmq.messaging.consumer import Consumer
from crudmq.processing.worker import Worker
from crudmq.storage import crashes, journal
from crudmq.storage.database import Database
from crudmq.storage.errors import StorageError
from crudmq.storage.retry import OutageGate

log = structlog.get_logger(__name__)

INTERVAL = timedelta(seconds=15)
STABLE_ROUNDS = 20
_PRUNE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class EmptyRounds:
    """The starts of the last rounds in which all queues were seen empty, by the clock of the database."""

    starts: tuple[int, ...] = ()

    def with_round(self, start: int) -> "EmptyRounds":
        """Return the history including another round."""
        has_clock_gone_back = bool(self.starts) and start < self.starts[-1]
        earlier = () if has_clock_gone_back else self.starts
        return EmptyRounds((*earlier, start)[-STABLE_ROUNDS - 1 :])

    @property
    def prunable_before(self) -> int | None:
        """The time before which the entries of all unacknowledged commands are not older; None if not known."""
        return self.starts[0] if len(self.starts) > STABLE_ROUNDS else None


@dataclass(frozen=True, slots=True)
class _Round:
    """A round, in which the queues may be seen empty later."""

    start: int
    """By the clock of the database."""
    loop_time: float
    unacknowledged: frozenset[str]


class Maintenance:
    """Relays messages from the outbox, and refreshes and prunes the inbox, every few seconds."""

    def __init__(  # noqa: PLR0913 - the components to maintain
        self,
        *,
        database: Database,
        gate: OutageGate,
        publication: Publication,
        consumer: Consumer,
        worker: Worker,
        retention: timedelta,
    ) -> None:
        """Set the components to maintain, and the retention of the inbox."""
        self._database = database
        self._gate = gate
        self._publication = publication
        self._consumer = consumer
        self._worker = worker
        self._retention = retention
        self._empty_rounds = EmptyRounds()
        self._last_round: _Round | None = None

    async def run(self) -> None:
        """Run both tasks every few seconds until cancelled. Relaying waits while the broker accepts no messages."""
        tasks = [asyncio.create_task(_repeat(step)) for step in (self.relay, self.maintain_inbox)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # A task group would cancel them once only.
            await cancel(*tasks)

    async def relay(self) -> None:
        """Publish the committed messages that other processes did not publish in time."""
        # Other processes would publish these rows again.
        await self._publication.delete_published()
        await self._worker.relay()

    async def maintain_inbox(self) -> None:
        """Run a round: refresh the entries and the leases of unacknowledged commands, then prune old entries."""
        await self._publication.renew_leases()
        this_round = _Round(await self._gate.run(self._current_time), _loop_time(), self._consumer.unacknowledged)
        last_round, self._last_round = self._last_round, this_round
        if last_round is None:
            return
        await self._refresh(this_round.unacknowledged & last_round.unacknowledged)
        if self._consumer.emptied_at > last_round.loop_time:
            self._empty_rounds = self._empty_rounds.with_round(last_round.start)
        if (before := self._empty_rounds.prunable_before) is not None:
            while await self._prune(before):
                pass

    async def _current_time(self) -> int:
        async with self._database.reading.begin() as session:
            return await journal.current_time(session)

    async def _refresh(self, message_ids: frozenset[str]) -> None:
        async def refresh() -> None:
            async with self._database.writing.begin() as session:
                await journal.refresh(session, {journal.digest(message_id.encode()) for message_id in message_ids})

        if message_ids:
            await self._gate.run(refresh)

    async def _prune(self, before: int) -> int:
        async def prune() -> int:
            async with self._database.writing.begin() as session:
                await crashes.prune(session, self._retention, before)
                return await journal.prune(session, self._retention, before, _PRUNE_LIMIT)

        return await self._gate.run(prune)


async def _repeat(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except StorageError as exc:
            log.warning("maintenance failed, will retry", reason=str(exc))
        await asyncio.sleep(INTERVAL.total_seconds())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
