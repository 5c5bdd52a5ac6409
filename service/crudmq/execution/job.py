"""A command to run, and its outcome: `execution` determines it as a value; `processing` publishes and acknowledges."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from crudmq.contract.command import READS, WRITES
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import CommandError, LimitExceeded, Malformed
from crudmq.contract.result import Message, Subject
from crudmq.execution.actions.plan import Plan
from crudmq.storage import journal

RETRY_DELAYS = (timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=60))
"""How long a command waits in the broker before its second, third and fourth attempt."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A decoded command. Jobs are compared by identity: a message delivered twice makes two."""

    delivery: Delivery
    subject: Subject
    plan: Plan | None = None
    error: CommandError | None = None
    """The error, if one was found without the database. A job has either a plan or an error."""
    is_read_only_call: bool = False
    id: bytes = field(init=False)
    """Digest of the `message_id`: the key of its inbox entry."""
    body: bytes = field(init=False)
    """Digest of the body, which distinguishes a repeat from a reused `message_id`."""

    def __post_init__(self) -> None:
        """Digest what identifies the command in the inbox."""
        object.__setattr__(self, "id", journal.digest(self.delivery.id.encode()))
        object.__setattr__(self, "body", journal.digest(self.delivery.body))

    @property
    def is_read(self) -> bool:
        """Whether the action changes nothing."""
        return self.subject.action in READS or self.is_read_only_call

    @property
    def is_write(self) -> bool:
        """Whether the action changes something."""
        return self.subject.action in WRITES and not self.is_read_only_call

    @property
    def is_deferred_read(self) -> bool:
        """Whether it may be slow and changes nothing: it runs after its group, in its own session."""
        return self.plan is not None and self.plan.is_deferred_read

    @property
    def is_malformed(self) -> bool:
        """Whether it is not a command, so that the inbox has no entry for it."""
        return isinstance(self.error, Malformed)

    def is_recorded(self, error: CommandError | None) -> bool:
        """Whether the inbox records its result; `error` is its error, if it failed."""
        return not self.is_read and not self.subject.dry_run and (error is None or error.is_recorded)


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
    outbox_id: int | None = None
    """The outbox row with the messages of its command, if an earlier transaction stored them: they come first, too."""

    def excess(self, max_bytes: int) -> LimitExceeded | None:
        """Return the error of a job one of whose messages is too large; None if there is none."""
        if not any(message.exceeds(max_bytes) for message in self.messages):
            return None
        return LimitExceeded(f"the result and each event of a command have at most {max_bytes} bytes")


@dataclass(frozen=True, slots=True)
class Batch:
    """The outcomes of one transaction, which is committed."""

    outcomes: list[Outcome]
    outbox_key: journal.OutboxKey | None = None
    """The outbox row that holds the messages of these outcomes."""
    unpublished: dict[journal.OutboxKey, list[Message]] = field(default_factory=dict)
    """Messages of earlier transactions that may not have been published, by outbox row: they are published first."""
    earlier: Collection[int] = ()
    """The ids of the outbox rows of its outcomes: those in `unpublished`, and those that are being published."""

    def outbox_keys(self) -> list[journal.OutboxKey]:
        """Return the outbox rows that are no longer needed once this batch is published."""
        return [*self.unpublished, *([] if self.outbox_key is None else [self.outbox_key])]


class AnswerTooLarge(Exception):
    """The result or an event of a job is too large to be published, so its changes must not be committed."""

    def __init__(self, job: Job, error: CommandError) -> None:
        """Set the job, and the error that becomes its result."""
        super().__init__(error.message)
        self.job = job
        self.error = error
