"""Three deliberate bugs that the checker must detect, as hand-written services have them."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.contract.delivery import Delivery
from crudmq.contract.result import Message
from crudmq.execution.job import RETRY_DELAYS, Batch
from crudmq.failpoints import Failpoint
from crudmq.messaging import envelopes
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.publisher import Publisher
from crudmq.messaging.topology import Topology
from crudmq.settings import Settings
from crudmq.storage import journal, tables
from crudmq.storage.journal import Entry, OutboxKey
from tests.faults.failpoints import add_handler

_HESITATION = 0.05


class Bug(StrEnum):
    """What is wrong with the service."""

    ACK_BEFORE_COMMIT = "ack before commit"
    CHECK_THEN_INSERT = "check-then-insert inbox"
    PUBLISH_BEFORE_COMMIT = "publish before commit"


def install(bug: str | None) -> None:
    """Put a bug into the service in this process."""
    if bug is not None:
        _INSTALL[Bug(bug)]()


def _ack_before_commit() -> None:
    receive = Consumer.receive

    async def receive_and_acknowledge(self: Consumer, max_commands: int, max_bytes: int) -> list[Delivery]:
        deliveries = await receive(self, max_commands, max_bytes)
        await self.acknowledge(deliveries)
        return deliveries

    Consumer.receive = receive_and_acknowledge  # type: ignore[method-assign]  # this is the bug


def _check_then_insert() -> None:
    record = journal.record

    async def check_then_insert(
        session: AsyncSession, entries: Collection[Entry], messages: Sequence[Message]
    ) -> OutboxKey | None:
        key = await record(session, [], messages)
        rows = [
            {"id": entry.id, "body": entry.body, "result": entry.result, "outbox_id": key and key.id}
            for entry in sorted(entries, key=lambda entry: entry.id)
        ]
        if rows:
            # The primary key decides nothing: whoever comes second has repeated every effect.
            await session.execute(insert(tables.inbox).on_conflict_do_nothing(), rows)
        return key

    async def hesitate(_: object) -> None:
        # Time for another replica to check as well: otherwise it depends on luck whether the bug shows.
        await asyncio.sleep(_HESITATION)

    journal.record = check_then_insert
    add_handler(Failpoint.IN_TRANSACTION, hesitate)


def _publish_before_commit() -> None:
    settings = Settings()
    topology = Topology(settings.prefix, settings.partitions)
    publisher = Publisher(settings.broker_url, topology, RETRY_DELAYS)
    running: list[asyncio.Task[None]] = []

    async def publish(subject: object) -> None:
        assert isinstance(subject, Batch)
        if not running:
            running.append(asyncio.create_task(publisher.run()))
        messages = [message for outcome in subject.outcomes for message in outcome.messages]
        await publisher.publish([envelopes.outgoing(message, topology) for message in messages])

    add_handler(Failpoint.IN_TRANSACTION, publish)


_INSTALL: Mapping[Bug, Callable[[], None]] = {
    Bug.ACK_BEFORE_COMMIT: _ack_before_commit,
    Bug.CHECK_THEN_INSERT: _check_then_insert,
    Bug.PUBLISH_BEFORE_COMMIT: _publish_before_commit,
}
