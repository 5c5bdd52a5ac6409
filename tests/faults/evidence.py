"""What is known after a run, observed from outside: what was sent, what was received, what is in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.database import Key, Row
from tests.faults.workload import Command


@dataclass(frozen=True)
class Received:
    """A result, an event or a dead letter, in the order of arrival."""

    command: str | None
    """The `message_id` of its command; a dead letter is the command itself."""
    message_id: str | None
    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0


@dataclass(frozen=True)
class FinalState:
    """What is left when the run has drained."""

    depths: Mapping[str, int] = field(default_factory=dict)
    """Messages by queue, of the queues of commands and of retries."""
    outbox: int = 0
    open_transactions: int = 0
    consumers: int = 1
    failures: Sequence[str] = ()
    """What did not drain in time."""


@dataclass(frozen=True)
class Evidence:
    """All that the checker judges by."""

    commands: Sequence[Command]
    confirmed: frozenset[str]
    results: Sequence[Received]
    events: Sequence[Received]
    dead: Sequence[Received]
    inbox: Mapping[bytes, bytes]
    rows: Mapping[str, Mapping[Key, Row]]
    links: frozenset[tuple[int, int]]
    unobserved: frozenset[str] = frozenset()
    """Commands whose results go to a queue that is not observed."""
    final: FinalState = field(default_factory=FinalState)


@dataclass(frozen=True)
class Expected:
    """What a fault is allowed to cause."""

    errors: frozenset[str] = frozenset()
    """Error codes of results, besides those that the load provokes."""
    dead: frozenset[str] = frozenset()
    """Error codes of dead letters; `delivery-limit` is the broker's own."""
    unstored: frozenset[str] = frozenset()
    """Error codes that end a command without a row in the inbox or a dead letter."""
    poison: frozenset[bytes] = frozenset()
    """Bodies of messages that must become dead letters, and no others with them."""
    is_inbox_pruned: bool = False
    """Whether the inbox was pruned: an answered command need not be in it any more."""
    has_order: bool = True
    """Whether one consumer serves each key: only then is an order guaranteed."""
    consumers: int = 1
