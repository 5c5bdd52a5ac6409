"""What the service publishes, before it is AMQP: the form that the outbox keeps."""

from dataclasses import dataclass
from typing import Any, Self

from service.contract.delivery import Delivery
from service.contract.event import Event


# To freeze what is made for each command costs more than to make it: the same is so wherever `frozen` is missing.
@dataclass(slots=True)
class Message:
    """A result for a reply queue, or an event for everybody."""

    command: str
    """The `message_id` of the command that it comes from."""
    body: str
    reply_to: str | None = None
    correlation_id: str | None = None
    event_type: str | None = None
    event_id: str | None = None
    replayed: bool = False

    @classmethod
    def event(cls, cause: Delivery, event: Event) -> Self:
        """Wrap an event."""
        body = event.body.decode()
        return cls(cause.id, body, correlation_id=cause.correlation, event_type=event.type, event_id=event.id)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what the outbox stored."""
        return cls(**stored)
