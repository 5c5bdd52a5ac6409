"""Tracks the outbox rows that this process publishes, and claims those that their writers did not."""

from collections.abc import Collection

import structlog

from crudmq.contract.result import Message
from crudmq.execution.job import Batch
from crudmq.storage import journal
from crudmq.storage.database import Database
from crudmq.storage.errors import StorageError
from crudmq.storage.journal import OutboxKey
from crudmq.storage.retry import OutageGate

log = structlog.get_logger(__name__)

_MAX_DELAYED_DELETES = 8


class Publication:
    """The outbox rows that this process is publishing, and those that it has published and not deleted yet."""

    def __init__(self, database: Database, gate: OutageGate) -> None:
        """Set the database of the outbox."""
        self._database = database
        self._gate = gate
        self._in_flight: set[OutboxKey] = set()
        self._published: set[OutboxKey] = set()
        self._in_flight_before: frozenset[OutboxKey] = frozenset()

    @property
    def in_flight(self) -> frozenset[OutboxKey] | set[OutboxKey]:
        """The rows that this process is publishing: redeliveries and the relay skip them."""
        return self._in_flight

    def begin(self, batch: Batch) -> None:
        """Record that a batch is committed and is about to be published."""
        self._in_flight.update(batch.outbox_keys())

    def confirm(self, keys: Collection[OutboxKey]) -> None:
        """Record that all messages of rows are confirmed; a later transaction deletes them."""
        self._published.update(keys)

    def is_publishing(self, ids: Collection[int]) -> bool:
        """Whether a row with one of these ids is being published and not confirmed."""
        return bool(ids) and any(key.id in ids for key in self._in_flight - self._published)

    def due_deletes(self) -> frozenset[OutboxKey]:
        """Return the rows that the next transaction deletes: none until there are several, to save statements."""
        return frozenset(self._published) if len(self._published) >= _MAX_DELAYED_DELETES else frozenset()

    def deleted(self, keys: frozenset[OutboxKey]) -> None:
        """Record that rows were deleted and the deletion is committed."""
        self._published -= keys
        self._in_flight -= keys

    async def delete_published(self) -> None:
        """Delete the published rows in a separate transaction. May be repeated; a failed delete is left for later."""
        if not self._published:
            return
        try:
            await self._gate.run(self._delete)
        except StorageError as exc:
            log.warning("could not delete published outbox rows, will retry", reason=str(exc))

    async def claim_expired(self, limit: int) -> Batch:
        """Claim messages whose writer has not published them in time, as a batch without outcomes."""
        unpublished = await self._gate.run(lambda: self._claim(limit))
        batch = Batch([], unpublished=unpublished)
        self.begin(batch)
        return batch

    async def renew_leases(self) -> None:
        """Renew the leases of the rows that were in flight at the last call as well: the broker may refuse a message.

        Otherwise, other processes would publish them, too. Call it more often than a lease lasts.
        """
        held = (self._in_flight & self._in_flight_before) - self._published
        self._in_flight_before = frozenset(self._in_flight)
        if held:
            await self._gate.run(lambda: self._renew(held))

    async def _renew(self, keys: Collection[OutboxKey]) -> None:
        async with self._database.writing.begin() as session:
            await journal.renew(session, keys)

    async def _delete(self) -> None:
        keys = frozenset(self._published)
        async with self._database.writing.begin() as session:
            await journal.delete_published(session, keys)
        self.deleted(keys)

    async def _claim(self, limit: int) -> dict[OutboxKey, list[Message]]:
        async with self._database.writing.begin() as session:
            return await journal.claim_expired(session, self._in_flight, limit)
