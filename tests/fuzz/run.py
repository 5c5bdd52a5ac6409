"""A run of random messages against one process, which checks the outcome of each, memory, and open files."""

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
from tests.fuzz.messages import Message, Messages, Outcome
from tests.support import broker

_BATCH = 50
_LOOK = 0.05
_SHOWN = 300
_MAX_HEADER = 512
_MAX_BYTES = 300 * 2**20
_MAX_GROWTH = 64 * 2**20
_MAX_NEW_FILES = 4
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
    """The measurements and findings of a run."""

    messages: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """The longest time until a good command was answered, in seconds."""
    first_bytes: int = 0
    """Resident memory after the first tenth."""
    last_bytes: int = 0
    first_files: int = 0
    last_files: int = 0
    findings: list[str] = field(default_factory=list)


class Run:
    """Publishes messages in batches, each with a good command in the middle, and waits for the outcome of each."""

    def __init__(self, service: Service, seed: int, patience: float) -> None:
        self.report = Report()
        self._patience = patience
        self._service = service
        self._process = psutil.Process(service.pid)
        self._connection = broker.connect()
        self._channel = self._connection.channel()
        reply_to = str(self._channel.queue_declare("", exclusive=True).method.queue)
        self._messages = Messages(seed, service.prefix, reply_to)
        self._expected: dict[str, Message] = {}
        """The messages whose outcome is not known yet, by id."""
        self._consume(reply_to, self._on_result)
        self._consume(f"{service.prefix}.dead-letters", self._on_dead_letter)
        events = str(self._channel.queue_declare("", exclusive=True).method.queue)
        self._channel.queue_bind(events, f"{service.prefix}.events", "#")
        self._consume(events, self._on_event)

    def execute(self, number: int) -> Report:
        """Publish so many messages, stop the process, and return the report."""
        for index in range(0, number, _BATCH):
            if not self._batch(min(_BATCH, number - index)):
                break
            if index <= number // 10:
                self.report.first_bytes, self.report.first_files = self._size()
        else:
            self._finish()
        self._connection.close()
        return self.report

    def _finish(self) -> None:
        self.report.last_bytes, self.report.last_files = self._size()
        growth = self.report.last_bytes - self.report.first_bytes
        if self.report.last_bytes > _MAX_BYTES or growth > _MAX_GROWTH:
            self.report.findings.append("the memory grows")
        if self.report.last_files > self.report.first_files + _MAX_NEW_FILES:
            self.report.findings.append("the number of open files grows")
        self._service.terminate()
        # The broker has requeued what was not acknowledged.
        if waiting := self._number_waiting():
            self.report.findings.append(f"{waiting} messages were not acknowledged")

    def _size(self) -> tuple[int, int]:
        return self._process.memory_info().rss, self._process.num_fds()

    def _batch(self, size: int) -> bool:
        """Publish a batch, and return whether each message has its outcome."""
        for _ in range(size // 2):
            self._publish(self._messages.draw())
        good, sent_at = self._messages.good(), time.monotonic()
        self._publish(good)
        for _ in range(size - size // 2):
            self._publish(self._messages.draw())
        if self._until(lambda: good.id not in self._expected):
            self.report.slowest = max(self.report.slowest, time.monotonic() - sent_at)
        if self._until(lambda: not self._expected and not self._number_waiting()):
            return True
        self.report.findings += [f"not answered: {_described(message)}" for message in self._expected.values()]
        if not self._service.is_running:
            self.report.findings.append("the process has ended")
        return False

    def _publish(self, message: Message) -> None:
        self.report.messages[message.kind] += 1
        if message.outcome is not Outcome.ACKNOWLEDGED:
            self._expected[message.id] = message
        self._channel.basic_publish(f"{self._service.prefix}.commands", "people.list", message.body, message.properties)

    def _number_waiting(self) -> int:
        declared = self._channel.queue_declare(f"{self._service.prefix}.commands", passive=True)
        return int(declared.method.message_count or 0)

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

    def _on_result(self, properties: BasicProperties, body: bytes) -> None:
        result: dict[str, Any] = json.loads(body)
        by_id = self._expected.pop(str(result["id"]), None)
        message = self._expected.pop(str(properties.correlation_id), by_id)
        code = "ok" if result["status"] == "ok" else str(result["error"]["code"])
        self.report.outcomes[code] += 1
        self._messages.learn(result)
        if code not in _CODES:
            self.report.findings.append(f"{code}: {_described(message)}")
        if message is not None and message.kind == "good" and code != "ok":
            self.report.findings.append(f"a good command failed: {body.decode()[:_SHOWN]}")
        if message is not None and message.outcome is not Outcome.RESULT:
            self.report.findings.append(f"unexpected result: {_described(message)}")

    def _on_dead_letter(self, properties: BasicProperties, _: bytes) -> None:
        self.report.outcomes["dead letter"] += 1
        message = self._expected.get(str(properties.message_id))
        # Others must have a result as well.
        if message is not None and message.outcome is Outcome.DEAD_LETTER:
            del self._expected[message.id]

    def _on_event(self, _: BasicProperties, body: bytes) -> None:
        event: dict[str, Any] = json.loads(body)
        if any(len(str(event.get(name, ""))) > _MAX_HEADER for name in _COPIED):
            self.report.findings.append(f"an event has a copy of a long header: {body.decode()[:_SHOWN]}")


def _described(message: Message | None) -> str:
    if message is None:
        return "a message that was answered before"
    return f"{message.kind} {message.properties} {message.body[:_SHOWN]!r}"
