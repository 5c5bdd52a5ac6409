"""Completes commands: publishes their messages, then acknowledges their deliveries."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from crudmq.execution.job import RETRY_DELAYS, Ack, Batch, DeadLetter, Outcome, Retry
from crudmq.execution.publication import Publication
from crudmq.failpoints import Failpoint, reach
from crudmq.messaging import envelopes, republishing
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.publisher import Publisher
from crudmq.messaging.sending import Pending, Sending
from crudmq.messaging.topology import Topology
from crudmq.messaging.wire.outgoing import Outgoing
from crudmq.storage.journal import OutboxKey

log = structlog.get_logger(__name__)

_Part = tuple[OutboxKey | Outcome, Sequence[Pending]]
"""An outbox row of an earlier transaction, or an outcome, and its messages."""


@dataclass(frozen=True, slots=True)
class Published:
    """A batch whose messages are sent."""

    batch: Batch
    sending: Sending
    sizes: Sequence[int]
    """The number of messages of each outbox row of earlier transactions, and then of each outcome."""

    def parts(self) -> list[_Part]:
        """Return each outbox row of earlier transactions, and then each outcome, with its messages."""
        pending = iter(self.sending.pending)
        sent = [list(islice(pending, size)) for size in self.sizes]
        return list(zip([*self.batch.unpublished, *self.batch.outcomes], sent, strict=True))


class Completion:
    """Publishes batches and acknowledges their deliveries."""

    def __init__(self, consumer: Consumer, publication: Publication, publisher: Publisher, topology: Topology) -> None:
        """Set the component of each step."""
        self._consumer = consumer
        self._publication = publication
        self._publisher = publisher
        self._topology = topology
        self._held: asyncio.Queue[Published] = asyncio.Queue()
        self._confirmations: dict[int, asyncio.Event] = {}

    async def publish(self, batch: Batch) -> Published:
        """Publish the messages of a batch, and wait until the broker has confirmed them.

        Does not wait for messages that the broker refuses.
        """
        parts = [[envelopes.outgoing(message, self._topology) for message in row] for row in batch.unpublished.values()]
        parts += [self._outgoing(outcome) for outcome in batch.outcomes]
        messages = [message for part in parts for message in part]
        # A full queue may be the reason why earlier messages were not published.
        sending = await self._publisher.publish(messages, strictly=bool(batch.unpublished))
        return Published(batch, sending, [len(part) for part in parts])

    async def acknowledge(self, published: Published) -> None:
        """Acknowledge the deliveries of a published batch.

        If the broker refuses messages, of this batch or of an earlier one with its commands, `complete_held` does so.
        """
        batch = published.batch
        if published.sending.is_complete:
            self._confirm(batch.outbox_keys())
        if published.sending.is_complete and not self._publication.is_publishing(batch.earlier):
            await self._acknowledge(batch.outcomes)
        else:
            self._held.put_nowait(published)

    async def complete_held(self) -> None:
        """Complete the batches with messages that the broker refuses, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._complete_held(await self._held.get()))

    async def _complete_held(self, published: Published) -> None:
        """Acknowledge each delivery of a batch as soon as its messages are confirmed."""
        async with asyncio.TaskGroup() as tasks:
            confirmed = []
            for part, sent in published.parts():
                is_confirmed = all(pending.is_confirmed for pending in sent)
                if is_confirmed and isinstance(part, Outcome) and not self._is_publishing_earlier(part):
                    confirmed.append(part)
                else:
                    tasks.create_task(self._complete_part(part, sent))
            await self._acknowledge(confirmed)
        self._confirm(published.batch.outbox_keys())

    async def _complete_part(self, part: OutboxKey | Outcome, sent: Iterable[Pending]) -> None:
        are_delivered = [await self._deliver(pending) for pending in sent]
        if not isinstance(part, Outcome):
            self._confirm([part])
            return
        # Once a command is acknowledged, no redelivery publishes its events before the later ones of their rows.
        while self._is_publishing_earlier(part):
            await self._confirmations.setdefault(part.outbox_id or 0, asyncio.Event()).wait()
        if all(are_delivered):
            await self._acknowledge([part])
        else:
            await self._consumer.reject(part.delivery)

    def _is_publishing_earlier(self, outcome: Outcome) -> bool:
        """Whether messages that an earlier transaction stored for a command are not confirmed yet."""
        return outcome.outbox_id is not None and self._publication.is_publishing([outcome.outbox_id])

    def _confirm(self, keys: Collection[OutboxKey]) -> None:
        """Record that the messages of outbox rows are confirmed, and continue with the commands that wait for them."""
        self._publication.confirm(keys)
        for key in keys:
            if (confirmation := self._confirmations.pop(key.id, None)) is not None:
                confirmation.set()

    async def _deliver(self, pending: Pending) -> bool:
        """Wait until a message is confirmed, or a dead letter in its place; return False if neither can be."""
        await pending.done()
        while pending.failure is not None:
            message, reason = pending.message, pending.failure
            described = {"routing_key": message.routing_key, "message_id": message.properties.message_id}
            replacement = republishing.substitute(message, reason, self._topology)
            if replacement is None:
                log.error("dead letter cannot be published, rejecting the command", reason=reason, **described)
                return False
            log.error("message cannot be published, publishing a dead letter", reason=reason, **described)
            (pending,) = (await self._publisher.publish([replacement])).pending
            await pending.done()
        return True

    async def _acknowledge(self, outcomes: Iterable[Outcome]) -> None:
        deliveries = [outcome.delivery for outcome in outcomes]
        if not deliveries:
            return
        await reach(Failpoint.CONFIRMED, deliveries)
        await self._consumer.acknowledge(deliveries)

    def _outgoing(self, outcome: Outcome) -> list[Outgoing]:
        """Address the messages of an outcome, and the delivery itself if it is published again."""
        outgoing = [envelopes.outgoing(message, self._topology) for message in outcome.messages]
        match outcome.disposition:
            case Ack():
                return outgoing
            case Retry(attempts):
                queue = self._topology.retry(RETRY_DELAYS[attempts - 1])
                return [*outgoing, republishing.retry(outcome.delivery, attempts, queue)]
            case DeadLetter(error):
                return [*outgoing, republishing.dead_letter(outcome.delivery, error, self._topology)]
