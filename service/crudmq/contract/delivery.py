"""A delivery of a command: the body and the relevant AMQP properties, independent of the AMQP library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crudmq.contract.errors import Detail, Invalid, Malformed, Timeout
from crudmq.contract.headers import DEADLINE, PARTITION_KEY

MAX_MESSAGE_ID = 200
MAX_HEADER = 512
"""In characters: these headers are copied to every event. For `tracestate` it is W3C's limit as well."""
SUSPECT_AFTER = 2
_BAD_DEADLINE = "is not an RFC 3339 date and time with an offset"


@dataclass(slots=True)
class Delivery:
    """A message that the broker delivered. Treated as immutable."""

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
    redeliveries: int = 0
    """How often the broker requeued the message because its consumer lost the connection."""
    attempts: int = 0
    """The number of waits in a retry queue."""
    properties_error: str | None = None
    """The reason why the properties could not be decoded; undecodable properties are absent."""
    origin: Any = None
    """The consumer's own handle, needed to acknowledge or republish the message; opaque to everything else."""

    @property
    def id(self) -> str:
        """The idempotency key; empty if the message has none."""
        return self.message_id or ""

    @property
    def is_suspect(self) -> bool:
        """Whether the command may crash its consumers: a single redelivery is usually caused by a restart."""
        return self.redeliveries >= SUSPECT_AFTER

    @property
    def correlation(self) -> str | None:
        """The value by which the publisher identifies the result: `correlation_id`, else `message_id`."""
        return self.correlation_id or self.message_id

    def header(self, name: str) -> str | None:
        """Return a header that is a string of 1 to 512 characters; anything else counts as absent."""
        value = self.headers.get(name)
        return value if isinstance(value, str) and 0 < len(value) <= MAX_HEADER else None

    def check_properties(self) -> None:
        """Check the properties that every command needs.

        :raises Malformed: no usable `message_id`, another content type than JSON in UTF-8, or too long a key
        """
        if self.properties_error:
            raise Malformed(f"the message's properties cannot be read: {self.properties_error}")
        if not 1 <= len(self.id) <= MAX_MESSAGE_ID:
            raise Malformed(f"message_id must have 1 to {MAX_MESSAGE_ID} characters")
        if self.content_type not in (None, "", "application/json"):
            raise Malformed("content_type must be application/json")
        if self.content_encoding not in (None, "", "utf-8"):
            raise Malformed("content_encoding must be utf-8")
        # Unlike a trace, it cannot be left out: it decides in which order subscribers receive the events.
        if isinstance(key := self.headers.get(PARTITION_KEY), str) and len(key) > MAX_HEADER:
            raise Malformed(f"{PARTITION_KEY} must have at most {MAX_HEADER} characters")

    def check_deadline(self) -> None:
        """Check that the publisher still waits for the result.

        :raises Invalid: `x-deadline` is not an RFC 3339 date and time with an offset
        :raises Timeout: the deadline has passed
        """
        deadline = self.headers.get(DEADLINE)
        if deadline is None:
            return
        try:
            has_passed = datetime.fromisoformat(deadline) < datetime.now(UTC)
        except (TypeError, ValueError):
            # A timestamp without an offset cannot be compared: a TypeError as well.
            detail = Detail(f"headers.{DEADLINE}", _BAD_DEADLINE)
            raise Invalid(f"{DEADLINE} {_BAD_DEADLINE}", [detail]) from None
        if has_passed:
            raise Timeout(f"the command's {DEADLINE} has passed")
