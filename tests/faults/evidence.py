"""What is known after a run, from outside: what was asked, what was heard, what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.database import Key, Row
from tests.faults.workload import Command


@dataclass(frozen=True)
class Heard:
    """A result, an event or a dead letter as it came, in the order of arrival."""

    command: str | None
    """The `message_id` of the command that it tells of, or is."""
    message_id: str | None
    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0


@dataclass(frozen=True)
class Rest:
    """What is left when all is quiet."""

    depths: Mapping[str, int] = field(default_factory=dict)
    """Messages by queue: those of commands and of retries."""
    outbox: int = 0
    open_transactions: int = 0
    consumers: int = 1
    faults: Sequence[str] = ()
    """What did not become quiet in time."""


@dataclass(frozen=True)
class Evidence:
    """All that the checker judges by."""

    commands: Sequence[Command]
    confirmed: frozenset[str]
    results: Sequence[Heard]
    events: Sequence[Heard]
    dead: Sequence[Heard]
    inbox: Mapping[bytes, bytes]
    rows: Mapping[str, Mapping[Key, Row]]
    links: frozenset[tuple[int, int]]
    unheard: frozenset[str] = frozenset()
    """Commands whose results nobody could hear."""
    rest: Rest = field(default_factory=Rest)


@dataclass(frozen=True)
class Expected:
    """What a fault is allowed to do."""

    errors: frozenset[str] = frozenset()
    """Codes that commands may be answered with besides those of the load itself."""
    dead: frozenset[str] = frozenset()
    """Codes with which commands may end as dead letters; `delivery-limit` is the broker's own."""
    unstored: frozenset[str] = frozenset()
    """Codes that end a command without a trace in the inbox or the dead letters."""
    poison: frozenset[bytes] = frozenset()
    """Bodies of messages that must end as dead letters, and no others with them."""
    forgotten: bool = False
    """Whether the inbox was made old: what was answered need not be in it any more."""
    has_order: bool = True
    """Whether one consumer serves each key: only then is an order promised."""
    consumers: int = 1
