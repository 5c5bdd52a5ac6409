"""Results, the replies to commands; and the messages in which the outbox stores results and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from crudmq.contract.codec import encode
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import CommandError
from crudmq.contract.event import Event


# Classes with one object per command are not frozen: freezing takes longer than creating the object.
@dataclass(slots=True)
class Message:
    """A result for a reply queue, or an event for all subscribers. The field names are stored in the outbox."""

    command: str
    """The `message_id` of the command that caused it."""
    body: str
    reply_to: str | None = None
    correlation_id: str | None = None
    event_type: str | None = None
    event_id: str | None = None
    replayed: bool = False

    @classmethod
    def event(cls, cause: Delivery, event: Event) -> Self:
        """Return the message that carries an event."""
        body = event.body.decode()
        return cls(cause.id, body, correlation_id=cause.correlation, event_type=event.type, event_id=event.id)

    @classmethod
    def reply(cls, cause: Delivery, body: bytes, *, replayed: bool) -> Self:
        """Return the message that carries an encoded result."""
        queue, correlation = cause.reply_to, cause.correlation
        return cls(cause.id, body.decode(), reply_to=queue, correlation_id=correlation, replayed=replayed)

    def exceeds(self, max_bytes: int) -> bool:
        """Whether its body has more bytes than allowed."""
        # A character has four bytes at most.
        return 4 * len(self.body) > max_bytes and len(self.body.encode()) > max_bytes

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return a message that was read from the outbox."""
        return cls(**fields)


@dataclass(slots=True)
class Subject:
    """The command that a result is about, as far as the message identifies it."""

    id: str | None
    resource: str | None = None
    action: str | None = None
    dry_run: bool = False

    def head(self, status: str) -> dict[str, Any]:
        """Return the fields that every result has."""
        head = {"id": self.id, "status": status}
        optional = {"resource": self.resource, "action": self.action, "dry_run": self.dry_run or None}
        return head | {name: value for name, value in optional.items() if value is not None}


def ok(subject: Subject, data: object, extra: Mapping[str, object]) -> bytes:
    """Encode the result of a command that succeeded, with `extra` fields next to `data`."""
    return encode({**subject.head("ok"), "data": data, **extra})


def refused(subject: Subject, error: CommandError) -> bytes:
    """Encode the result of a command that failed."""
    return encode({**subject.head("error"), "error": error.as_json()})
