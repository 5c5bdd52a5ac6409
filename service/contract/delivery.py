"""A command as the broker handed it over: the AMQP properties that count and the body, nothing of AMQP itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from service.contract.errors import CommandError, Detail, Invalid, Malformed, Timeout

MAX_MESSAGE_ID = 200
SUSPECT_AFTER = 2


@dataclass(slots=True)
class Delivery:
    """One hand-over of a message by the broker. Nobody changes it."""

    body: bytes
    message_id: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    user_id: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    exchange: str = ""
    routing_key: str = ""
    redelivered: bool = False
    returns: int = 0
    """How often it came back because whoever had it lost the connection."""
    attempts: int = 0
    """How often the command went back to wait for another try."""
    unreadable: str | None = None
    """Why the properties could not be read; they count as absent then."""
    origin: Any = None
    """What the one who handed it over needs to act on its outcome; of no concern to anybody else."""

    @property
    def id(self) -> str:
        """The idempotency key; empty where the message has none."""
        return self.message_id or ""

    @property
    def is_suspect(self) -> bool:
        """Tell whether it may be what ends those who take it: once is a restart, twice is not."""
        return self.returns >= SUSPECT_AFTER

    @property
    def correlation(self) -> str | None:
        """What the publisher knows its answer by: `correlation_id`, else `message_id`."""
        return self.correlation_id or self.message_id

    def header(self, name: str) -> str | None:
        """Give a header that is text; anything else counts as absent."""
        value = self.headers.get(name)
        return value if isinstance(value, str) and value else None

    def check_properties(self) -> None:
        """Check what makes the message a command.

        :raises Malformed: no usable `message_id`, or a content type or encoding other than JSON in UTF-8
        """
        if self.unreadable:
            raise Malformed(f"the message's properties cannot be read: {self.unreadable}")
        if not 1 <= len(self.id) <= MAX_MESSAGE_ID:
            raise Malformed(f"the message needs a message_id of 1 to {MAX_MESSAGE_ID} characters")
        if self.content_type not in (None, "", "application/json"):
            raise Malformed("the content_type is not application/json")
        if self.content_encoding not in (None, "", "utf-8"):
            raise Malformed("the content_encoding is not utf-8")

    def check_deadline(self) -> None:
        """Check that somebody still waits for the answer.

        :raises Invalid: `x-deadline` is no RFC 3339 time
        :raises Timeout: it is past
        """
        deadline = self.headers.get("x-deadline")
        if deadline is None:
            return
        try:
            late = datetime.fromisoformat(deadline) < datetime.now(UTC)
        except (TypeError, ValueError):
            # A time without an offset cannot be compared and ends here too.
            raise _bad_deadline() from None
        if late:
            raise Timeout("the command was read later than its x-deadline")


def _bad_deadline() -> CommandError:
    fault = Detail("headers.x-deadline", "is not an RFC 3339 time with an offset")
    return Invalid("x-deadline is not an RFC 3339 time with an offset", [fault])
