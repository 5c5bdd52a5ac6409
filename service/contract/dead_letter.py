"""A dead letter: what it died of, what it was about, and which of them are meant."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.contract import codec
from service.contract.errors import CommandError

_MOST_BYTES = 2**27
_OURS = frozenset({"x-attempts", "x-user-id", "x-death", "x-delivery-count", "x-acquired-count"})
_OURS_BEGIN = ("x-error-", "x-original-", "x-first-death-", "x-last-death-")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was kept for a person to look at, as it lies among the dead letters."""

    body: bytes
    routing_key: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """The AMQP properties that it has, without the headers."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    origin: Any = None
    """What the one who handed it over needs to take it out; of no concern to anybody else."""

    @property
    def id(self) -> str | None:
        """The `message_id`; a message without one never was a command."""
        return self.properties.get("message_id") or None

    @property
    def code(self) -> str:
        """What it died of: the code of the error, or the broker's own reason, such as `delivery_limit`."""
        return str(self.headers.get("x-error-code") or self._death.get("reason") or "unknown")

    @property
    def message(self) -> str:
        """What the error said; the broker says nothing."""
        return str(self.headers.get("x-error-message") or "")

    @property
    def attempts(self) -> int | None:
        """How often it came; None where the broker itself kept it."""
        return self.headers.get("x-attempts")

    @property
    def resource(self) -> str | None:
        """What it was about: by its body, else by its routing key."""
        try:
            named = codec.decode(self.body, max_bytes=_MOST_BYTES).get("resource")
        except CommandError:
            named = None
        resource, dot, _ = self.published_with.partition(".")
        return named if isinstance(named, str) else (resource if dot else None)

    @property
    def actor(self) -> str | None:
        """In whose name it was published."""
        return self.properties.get("user_id") or self.headers.get("x-user-id") or None

    @property
    def published_to(self) -> str:
        """The exchange to which it was published."""
        return str(self.headers.get("x-original-exchange", self._death.get("exchange", "")))

    @property
    def published_with(self) -> str:
        """The routing key with which it was published."""
        return str(self.headers.get("x-original-routing-key", self.routing_key))

    def publishers_headers(self) -> dict[str, Any]:
        """Give the headers without those that it got since: what is left is the publisher's."""
        return {
            name: value
            for name, value in self.headers.items()
            if name not in _OURS and not name.startswith(_OURS_BEGIN)
        }

    @property
    def _death(self) -> Mapping[str, Any]:
        """What the broker wrote when it last moved the message."""
        deaths = self.headers.get("x-death")
        return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: those that match each word that is said; all where nothing is said."""

    ids: Collection[str] = ()
    codes: Collection[str] = ()
    resources: Collection[str] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is said."""
        return bool(self.ids or self.codes or self.resources)

    def has(self, letter: Letter) -> bool:
        """Tell whether this one is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.codes or letter.code in self.codes)
            and (not self.resources or letter.resource in self.resources)
        )
