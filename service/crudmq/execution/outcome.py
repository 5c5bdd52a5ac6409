"""Outcomes of jobs: `execution` determines them as values; `processing` publishes and acknowledges."""

from dataclasses import dataclass, field
from datetime import timedelta

from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import CommandError
from crudmq.contract.result import Message
from crudmq.storage import journal

RETRY_DELAYS = (timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=60))
"""How long a command waits in the broker before its second, third and fourth attempt."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The command is complete; its delivery can be acknowledged."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The command waits in a retry queue, then is delivered again."""

    attempts: int
    """The number of waits, including this one."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The message is published to the dead letters."""

    error: CommandError


Disposition = Ack | Retry | DeadLetter
_ACK = Ack()


def disposition(error: CommandError | None) -> Disposition:
    """Return the disposition of a delivery whose command has a result."""
    return DeadLetter(error) if error is not None and error.dead_lettered else _ACK


@dataclass(slots=True)
class Outcome:
    """The disposition of a delivery, and the messages to publish first."""

    delivery: Delivery
    disposition: Disposition
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Batch:
    """The outcomes of one transaction, which is committed."""

    outcomes: list[Outcome]
    outbox_key: journal.OutboxKey | None = None
    """The outbox row that holds the messages of these outcomes."""
    unpublished: dict[journal.OutboxKey, list[Message]] = field(default_factory=dict)
    """Messages of earlier transactions that may not have been published, by outbox row: they are published first."""

    def outbox_keys(self) -> list[journal.OutboxKey]:
        """Return the outbox rows that are no longer needed once this batch is published."""
        return [*self.unpublished, *([] if self.outbox_key is None else [self.outbox_key])]
