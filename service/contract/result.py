"""A result: the answer to a command's sender."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.contract.codec import encode
from service.contract.errors import CommandError


@dataclass(slots=True)
class Subject:
    """What the answer is about, as far as the message said it."""

    id: str | None
    resource: str | None = None
    action: str | None = None
    dry_run: bool = False

    def head(self, status: str) -> dict[str, Any]:
        """Begin the body of a result."""
        head = {"id": self.id, "status": status}
        said = {"resource": self.resource, "action": self.action, "dry_run": self.dry_run or None}
        return head | {name: value for name, value in said.items() if value is not None}


def ok(subject: Subject, data: object, beside: Mapping[str, object]) -> bytes:
    """Encode the result of a command that was carried out; `beside` stands beside `data`."""
    return encode({**subject.head("ok"), "data": data, **beside})


def refused(subject: Subject, error: CommandError) -> bytes:
    """Encode the result of a command that was not carried out."""
    return encode({**subject.head("error"), "error": error.as_json()})
