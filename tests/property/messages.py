"""Messages that the tests send, to an executor or to a broker."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.property.reference.faults import RefusedError

Json = Any
_MAX_ID_LENGTH = 200
_CONTENT = frozenset({"content_type", "content_encoding"})


@dataclass(frozen=True)
class Sent:
    """A message: a command, or bytes that are not a command."""

    id: str | None
    body: dict[str, Any] | bytes
    properties: dict[str, Any] = field(default_factory=dict)

    def command(self) -> dict[str, Any]:
        """Return the command, or raise as the contract requires."""
        if (
            not self.id
            or len(self.id) > _MAX_ID_LENGTH
            or isinstance(self.body, bytes)
            or self.properties.keys() & _CONTENT
        ):
            raise RefusedError("malformed")
        return self.body

    @property
    def is_late(self) -> bool:
        """Whether the deadline passed; all deadlines in the tests are in the past."""
        return "headers" in self.properties

    @property
    def is_answered(self) -> bool:
        """Whether the message asks for a result."""
        return bool(self.properties.get("reply_to", True))

    @property
    def identity(self) -> str:
        """A text that is equal for repeats of a message and differs for other messages with its id."""
        return json.dumps(self.body) if isinstance(self.body, dict) else repr(self.body)

    @property
    def may_read(self) -> bool:
        """Whether the message may run concurrently with other messages."""
        return isinstance(self.body, dict) and self.body.get("action") in ("get", "list", "count", "call")
