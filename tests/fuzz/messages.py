"""Random messages from a publisher whose only permission is to publish commands."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Any

from pika import BasicProperties

from tests.fuzz.commands import Commands

_LONG = 100_000
_TABLE: dict[str, Any] = {"a": [1, None, {"b": [True, -(2**31), 2**62]}]}
_ADDRESSES = (
    "amq.rabbitmq.reply-to.!!!.x", "amq.rabbitmq.reply-to.g2dkAA==.x", "amq.rabbitmq.reply-to.",
    "amq.rabbitmq.reply-tofoo", "amq.rabbitmq.trace", "no such queue", "x" * 255, "é" * 120, "\x00", "../x", "#",
)  # fmt: skip
_TEXTS = ("", " ", "x" * 255, "é" * 127, "\x1b[2J", "\x00", "a\r\nlevel=error forged", "%s{}", "../../x")


class Outcome(Enum):
    """What must become of a message."""

    RESULT = auto()
    """A result with a documented code."""
    DEAD_LETTER = auto()
    """A dead letter."""
    ACKNOWLEDGED = auto()
    """It is acknowledged. Its result cannot be received."""


@dataclass(frozen=True)
class Message:
    """A message, and its required outcome."""

    kind: str
    id: str
    """Its `correlation_id` and `message_id`, except for one of them in the kind `identity`."""
    body: bytes
    properties: BasicProperties
    outcome: Outcome = Outcome.RESULT


class Messages:
    """Draws messages; the same seed draws the same ones."""

    def __init__(self, seed: int, prefix: str, reply_to: str) -> None:
        self._random = Random(seed)
        self._commands = Commands(self._random)
        self._seed = seed
        self._prefix = prefix
        self._reply_to = reply_to
        self._number = 0
        self._kinds: dict[Callable[[], Message], int] = {
            self._valid: 30,
            self._mutated: 30,
            self._text: 12,
            self._headers: 12,
            self._properties: 6,
            self._cursor: 6,
            self._address: 4,
            self._bytes: 3,
            self._identity: 3,
            self._multiplying: 2,
            self._own_queue: 1,
            self._shape: 1,
        }

    def draw(self) -> Message:
        """Draw the next message."""
        self._number += 1
        return self._random.choices(list(self._kinds), list(self._kinds.values()))[0]()

    def good(self) -> Message:
        """Return a command that must succeed."""
        self._number += 1
        return self._message("good", {"resource": "groups", "action": "create", "data": {"name": self._id}})

    def learn(self, result: dict[str, Any]) -> None:
        """Keep the cursor of a result, in order to use it for another query."""
        page = result.get("page") or {}
        if cursor := page.get("next"):
            self._commands.cursors[3:] = [*self._commands.cursors[3:][-20:], cursor]

    @property
    def _id(self) -> str:
        return f"fuzz-{self._seed}-{self._number}"

    def _message(
        self, kind: str, body: object, changed: Mapping[str, object] | None = None, outcome: Outcome = Outcome.RESULT
    ) -> Message:
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        given: dict[str, Any] = {
            "message_id": self._id,
            "correlation_id": self._id,
            "reply_to": self._reply_to,
            "delivery_mode": 2,
            **(changed or {}),
        }
        return Message(kind, self._id, encoded, BasicProperties(**given), outcome)

    def _valid(self) -> Message:
        return self._message("valid", self._commands.valid())

    def _mutated(self) -> Message:
        return self._message("mutated", self._commands.mutated())

    def _text(self) -> Message:
        return self._message("text", self._commands.text())

    def _bytes(self) -> Message:
        return self._message("bytes", self._random.randbytes(self._random.choice((0, 1, 30, 3_000, 1_100_000))))

    def _cursor(self) -> Message:
        return self._message("cursor", self._commands.forged_cursor())

    def _shape(self) -> Message:
        return self._message("shape", self._commands.shape())

    def _multiplying(self) -> Message:
        return self._message("multiplying", self._commands.multiplying())

    def _address(self) -> Message:
        return self._message(
            "address", self._commands.valid(), {"reply_to": self._random.choice(_ADDRESSES)}, Outcome.ACKNOWLEDGED
        )

    def _own_queue(self) -> Message:
        queue = self._random.choice(("commands", "dead-letters", "commands.retry.1000"))
        return self._message(
            "own queue", self._commands.valid(), {"reply_to": f"{self._prefix}.{queue}"}, Outcome.DEAD_LETTER
        )

    def _headers(self) -> Message:
        text = self._random.choice((*_TEXTS, *["x" * 512, "x" * 513, "x" * _LONG] * 2))
        value = self._random.choice((*[text] * 7, 1, None, True, 2**62, [1, [2]], _TABLE, b"\xff"))
        name = self._random.choice(
            (*["partition-key", "traceparent", "tracestate"] * 3, "x-deadline", "x-attempts", "x-error-code", "x-death",
             "x-original-exchange", "x-delivery-count", "x-publish-id", "x-user-id", "x" * 120, "é")
        )  # fmt: skip
        headers = {name: value, "CC": ["nobody"]} if self._random.random() < 0.2 else {name: value}
        return self._message("headers", self._commands.valid(), {"headers": headers})

    def _properties(self) -> Message:
        values: dict[str, tuple[object, ...]] = {
            "content_type": (*_TEXTS, "application/json", "text/plain"),
            "content_encoding": (*_TEXTS, "utf-8", "gzip"),
            "type": _TEXTS,
            "app_id": _TEXTS,
            "priority": (0, 9, 255),
            "timestamp": (0, 1, 2**32, 2**40),
            "expiration": ("100000000",),
        }
        name = self._random.choice(list(values))
        return self._message("properties", self._commands.valid(), {name: self._random.choice(values[name])})

    def _identity(self) -> Message:
        """Draw a message with an unusual `message_id` or `correlation_id`; the other one identifies it."""
        name = self._random.choice(("message_id", "correlation_id"))
        value = self._random.choice((*_TEXTS, None, "repeated", "x" * 201))
        return self._message("identity", {"resource": "people", "action": "list", "x": self._id}, {name: value})
