"""A run of random messages against one process: what became of each, and what the process is like afterwards."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from tests.acceptance.process import Deadline, Service
from tests.fuzz.messages import Ending, Message, Messages
from tests.support import broker

_BATCH = 50
_LOOK = 0.05
_SHOWN = 300
_MAX_HEADER = 512
_CODES = frozenset(
    (
        "ok", "malformed", "invalid", "unknown_resource", "unknown_action", "not_found", "multiple_found", "conflict",
        "version_mismatch", "id_reused", "limit_exceeded", "timeout", "unavailable",
    )
)  # fmt: skip
"""The documented ones, without `internal`: that would be a fault of the service."""
_COPIED = ("partitionkey", "traceparent", "tracestate")


@dataclass
class Report:
    """What was seen."""

    messages: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds until a good command was answered, at worst."""
    first_bytes: int = 0
    """Resident memory after the first tenth."""
    last_bytes: int = 0
    first_files: int = 0
    last_files: int = 0
    findings: list[str] = field(default_factory=list)


class Run:
    """Publishes messages in batches with a good command in the middle of each, and waits for all their endings."""

    def __init__(self, service: Service, seed: int, patience: float) -> None:
        self.report = Report()
        self._patience = patience
        self._service = service
        self._process = psutil.Process(service.pid)
        self._connection = broker.connect()
        self._channel = self._connection.channel()
        reply_to = str(self._channel.queue_declare("", exclusive=True).method.queue)
        self._messages = Messages(seed, service.prefix, reply_to)
        self._open: dict[str, Message] = {}
        self._bodies: dict[bytes, str] = {}
        self._consume(reply_to, self._answered)
        self._consume(f"{service.prefix}.dead-letters", self._buried)
        events = str(self._channel.queue_declare("", exclusive=True).method.queue)
        self._channel.queue_bind(events, f"{service.prefix}.events", "#")
        self._consume(events, self._heard)

    def execute(self, number: int) -> Report:
        """Publish so many messages, and return what became of them."""
        for index in range(0, number, _BATCH):
            if not self._batch(min(_BATCH, number - index)):
                break
            if index <= number // 10:
                self.report.first_bytes, self.report.first_files = self._size()
        if self._service.is_running:
            self.report.last_bytes, self.report.last_files = self._size()
        self._connection.close()
        return self.report

    def _size(self) -> tuple[int, int]:
        return self._process.memory_info().rss, self._process.num_fds()

    def _batch(self, size: int) -> bool:
        """Publish a batch, and return whether each message has ended."""
        for _ in range(size // 2):
            self._publish(self._messages.draw())
        good, sent_at = self._messages.good(), time.monotonic()
        self._publish(good)
        for _ in range(size - size // 2):
            self._publish(self._messages.draw())
        if self._until(lambda: good.token not in self._open):
            self.report.slowest = max(self.report.slowest, time.monotonic() - sent_at)
        if self._until(lambda: not self._open and self._is_empty()):
            return True
        self.report.findings += [f"not answered: {_described(message)}" for message in self._open.values()]
        if not self._service.is_running:
            self.report.findings.append("the process has ended")
        return False

    def _publish(self, message: Message) -> None:
        self.report.messages[message.kind] += 1
        if message.ending is not Ending.UNSEEN:
            self._open[message.token] = message
            self._bodies[message.body] = message.token
        self._channel.basic_publish(f"{self._service.prefix}.commands", "people.list", message.body, message.properties)

    def _is_empty(self) -> bool:
        declared = self._channel.queue_declare(f"{self._service.prefix}.commands", passive=True)
        return declared.method.message_count == 0

    def _until(self, condition: Callable[[], bool]) -> bool:
        deadline = Deadline(self._patience)
        while not condition():
            if not deadline.left or not self._service.is_running:
                return False
            self._connection.process_data_events(_LOOK)  # type: ignore[arg-type]  # any number will do
        return True

    def _consume(self, queue: str, take: Callable[[BasicProperties, bytes], None]) -> None:
        def arrive(_: BlockingChannel, __: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
            take(properties, body)

        self._channel.basic_consume(queue, arrive, auto_ack=True)

    def _answered(self, properties: BasicProperties, body: bytes) -> None:
        result: dict[str, Any] = json.loads(body)
        message = self._end(str(properties.correlation_id), str(result["id"]))
        code = "ok" if result["status"] == "ok" else str(result["error"]["code"])
        self.report.endings[code] += 1
        self._messages.learn(result)
        if code not in _CODES:
            self.report.findings.append(f"{code}: {_described(message)}")
        if message is not None and message.kind == "good" and code != "ok":
            self.report.findings.append(f"a good command failed: {body.decode()[:_SHOWN]}")

    def _buried(self, properties: BasicProperties, body: bytes) -> None:
        self.report.endings["dead letter"] += 1
        token = self._bodies.get(body, "")
        known = self._open.get(token)
        if known is None or known.ending is not Ending.RESULT:
            self._end(str(properties.correlation_id), str(properties.message_id), token)

    def _heard(self, _: BasicProperties, body: bytes) -> None:
        event: dict[str, Any] = json.loads(body)
        if any(len(str(event.get(name, ""))) > _MAX_HEADER for name in _COPIED):
            self.report.findings.append(f"an event has a copy of a long header: {body.decode()[:_SHOWN]}")

    def _end(self, *names: str) -> Message | None:
        """Record the ending of a message that has one of these names."""
        ended = [self._open.pop(name, None) for name in names]
        message = next((message for message in ended if message), None)
        if message is not None:
            self._bodies.pop(message.body, None)
        return message


def _described(message: Message | None) -> str:
    if message is None:
        return "unknown message"
    return f"{message.kind} {message.properties} {message.body[:_SHOWN]!r}"
