"""What becomes of deliveries, as values."""

from dataclasses import dataclass, field
from datetime import timedelta

from service.contract.delivery import Delivery
from service.contract.errors import CommandError
from service.contract.message import Message

RETRY_DELAYS = (timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=60))
"""How long a command waits in the broker before its second, third and fourth attempt."""


@dataclass(frozen=True, slots=True)
class Ack:
    """It was answered: the broker may forget it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It waits in the broker, then comes again."""

    attempts: int
    """How often it will have waited."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """It is kept for a person to look at."""

    error: CommandError


_ACK = Ack()
Outcome = Ack | Retry | DeadLetter


def outcome(error: CommandError | None) -> Outcome:
    """Decide what becomes of a delivery that was answered."""
    return _ACK if error is None or not error.kept else DeadLetter(error)


@dataclass(slots=True)
class Settled:
    """One delivery's outcome, and what must be published before it is acted on."""

    delivery: Delivery
    outcome: Outcome
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction came to."""

    settled: list[Settled]
    outbox_id: int | None = None
    leftovers: dict[int, list[Message]] = field(default_factory=dict)
    """Messages of earlier transactions that are not known to be published, by outbox row: they go first."""

    def outbox_ids(self) -> list[int]:
        """Give the rows of the outbox that are done with once all this is published."""
        return [*self.leftovers, *([] if self.outbox_id is None else [self.outbox_id])]
