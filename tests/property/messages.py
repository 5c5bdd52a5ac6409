"""Messages as the tests send them, before there is a broker or an executor."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.property.reference.faults import RefusedError

Json = Any
_LONGEST = 200
_CONTENT = frozenset({"content_type", "content_encoding"})


@dataclass(frozen=True)
class Sent:
    """A message: a command, or bytes that are none."""

    id: str | None
    body: dict[str, Any] | bytes
    properties: dict[str, Any] = field(default_factory=dict)

    def command(self) -> dict[str, Any]:
        """Give the command, as the contract lets it be read."""
        if not self.id or len(self.id) > _LONGEST or isinstance(self.body, bytes) or self.properties.keys() & _CONTENT:
            raise RefusedError("malformed")
        return self.body

    @property
    def is_late(self) -> bool:
        """Tell whether it came after its deadline; the tests have deadlines of long ago."""
        return "headers" in self.properties

    @property
    def is_answered(self) -> bool:
        """Tell whether somebody waits for its result."""
        return bool(self.properties.get("reply_to", True))

    @property
    def identity(self) -> str:
        """What makes two messages of one id the same."""
        return json.dumps(self.body) if isinstance(self.body, dict) else repr(self.body)

    @property
    def may_read(self) -> bool:
        """Tell whether it may be run beside other messages."""
        return isinstance(self.body, dict) and self.body.get("action") in ("get", "list", "count", "call")
