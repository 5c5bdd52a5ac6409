"""Receives everything that the service publishes, through queues that survive the broker, and keeps every copy."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.exchange_type import ExchangeType
from pika.spec import Basic

from tests.faults.evidence import Received
from tests.support import broker

_PAUSE = 0.1
_POLL_SECONDS = 0.05
_LIMIT = 180
_PREFETCH = 1000
_MAX_SILENCE = 10.0


class Observer:
    """Consumes on a thread of its own, and connects again until it is stopped."""

    def __init__(self, prefix: str, answered: Callable[[Received], object], *, is_replicated: bool = False) -> None:
        """Prepare to observe a prefix. `answered` is called with each result and each dead letter.

        :param is_replicated: whether the queues survive the loss of a node
        """
        self._is_replicated = is_replicated
        self._heard_at = 0.0
        # Classic queues, if possible: what is delivered again after a lost connection keeps its position.
        self._arguments = {"x-queue-type": "quorum"} if is_replicated else {}
        self.results: list[Received] = []
        self.events: list[Received] = []
        self.dead: list[Received] = []
        self._prefix = prefix
        self._answered = answered
        self._received = {
            f"{prefix}.observed.results": self.results,
            f"{prefix}.observed.events": self.events,
            f"{prefix}.observed.dead": self.dead,
        }
        self._ends: set[tuple[str, str]] = set()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer")

    @property
    def reply_to(self) -> str:
        return f"{self._prefix}.observed.results"

    def start(self) -> None:
        """Declare the queues, then consume."""
        connection = broker.connect()
        self._declare(connection.channel())
        connection.close()
        self._thread.start()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition on what was received is true, and return whether it is."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def wait_for_all(self, seconds: float) -> bool:
        """Wait until everything that was published before is received, and return whether it is."""
        end = uuid4().hex
        connection = broker.connect()
        for queue in self._received:
            connection.channel().basic_publish("", queue, end.encode(), pika.BasicProperties(type="end"))
        connection.close()
        return self.wait_until(lambda: all((queue, end) in self._ends for queue in self._received), seconds)

    def stop(self) -> None:
        """Stop consuming, and delete the queues."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_LIMIT)
            assert not self._thread.is_alive(), "the observer did not stop"
        connection = broker.connect()
        for queue in self._received:
            connection.channel().queue_delete(queue)
        connection.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._consume()
            except (AMQPError, OSError):
                self._stopping.wait(_PAUSE)

    def _declare(self, channel: BlockingChannel) -> None:
        for queue in self._received:
            channel.queue_declare(queue, durable=True, arguments=self._arguments)
        for exchange, queue in (("events", "events"), ("dead-letters", "dead")):
            channel.exchange_declare(f"{self._prefix}.{exchange}", ExchangeType("topic"), durable=True)
            channel.queue_bind(f"{self._prefix}.observed.{queue}", f"{self._prefix}.{exchange}", "#")

    def _consume(self) -> None:
        connection = broker.connect()
        try:
            channel = connection.channel()
            # A fault may have deleted them.
            self._declare(channel)
            channel.basic_qos(prefetch_count=_PREFETCH)
            for queue in self._received:
                channel.basic_consume(queue, self._receiving(queue))
            self._heard_at = time.monotonic()
            while not (self._stopping.is_set() or self._is_stuck()):
                connection.process_data_events(_POLL_SECONDS)  # type: ignore[arg-type]  # any number works
        finally:
            if connection.is_open:
                connection.close()

    def _is_stuck(self) -> bool:
        """Whether to consume anew: after the loss of its leader, a queue does not always resume deliveries."""
        return self._is_replicated and time.monotonic() - self._heard_at > _MAX_SILENCE

    def _receiving(self, queue: str) -> Callable[[BlockingChannel, Basic.Deliver, pika.BasicProperties, bytes], None]:
        def receive(
            channel: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes
        ) -> None:
            message = Received(
                # An id that is not text is not of a command that the load sent.
                command=_text(properties.correlation_id or properties.message_id),
                message_id=_text(properties.message_id),
                body=body,
                headers=dict(properties.headers or {}),
                at=time.monotonic(),
            )
            self._heard_at = message.at
            with self._changed:
                if properties.type == "end":
                    self._ends.add((queue, body.decode()))
                else:
                    self._received[queue].append(message)
                self._changed.notify_all()
            if self._received[queue] is not self.events and properties.type != "end":
                self._answered(message)
            channel.basic_ack(method.delivery_tag or 0)

        return receive


def _text(value: str | bytes | None) -> str | None:
    return repr(value) if isinstance(value, bytes) else value
