"""Hears everything that the service publishes, through queues that outlive the broker, and keeps every copy."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.exchange_type import ExchangeType
from pika.spec import Basic

from tests.faults.evidence import Heard
from tests.support import broker

_PAUSE = 0.1
_LOOK = 0.05
_JOIN_SECONDS = 10
_PREFETCH = 1000


class Observer:
    """Listens on a thread of its own; connects again for as long as it is wanted."""

    def __init__(self, prefix: str, answered: Callable[[Heard], object]) -> None:
        """Take whom to tell of results and dead letters."""
        self.results: list[Heard] = []
        self.events: list[Heard] = []
        self.dead: list[Heard] = []
        self._prefix = prefix
        self._answered = answered
        self._kept = {
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
        """Declare the queues, then listen."""
        connection = broker.connect()
        channel = connection.channel()
        for queue in self._kept:
            # Classic ones: what is delivered again after a lost connection keeps its place.
            channel.queue_declare(queue, durable=True)
        for exchange, queue in (("events", "events"), ("dead-letters", "dead")):
            channel.exchange_declare(f"{self._prefix}.{exchange}", ExchangeType("topic"), durable=True)
            channel.queue_bind(f"{self._prefix}.observed.{queue}", f"{self._prefix}.{exchange}", "#")
        connection.close()
        self._thread.start()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is true of what was heard."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def hear_all(self, seconds: float) -> bool:
        """Wait until everything that was published before has been heard."""
        end = uuid4().hex
        connection = broker.connect()
        for queue in self._kept:
            connection.channel().basic_publish("", queue, end.encode(), pika.BasicProperties(type="end"))
        connection.close()
        return self.wait_until(lambda: all((queue, end) in self._ends for queue in self._kept), seconds)

    def stop(self) -> None:
        """Stop listening, and delete the queues."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)
            assert not self._thread.is_alive(), "the observer did not stop"
        connection = broker.connect()
        for queue in self._kept:
            connection.channel().queue_delete(queue)
        connection.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (AMQPError, OSError):
                self._stopping.wait(_PAUSE)

    def _listen(self) -> None:
        connection = broker.connect()
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            for queue in self._kept:
                channel.basic_consume(queue, self._hearing(queue))
            while not self._stopping.is_set():
                connection.process_data_events(_LOOK)  # type: ignore[arg-type]  # any number will do
        finally:
            if connection.is_open:
                connection.close()

    def _hearing(self, queue: str) -> Callable[[BlockingChannel, Basic.Deliver, pika.BasicProperties, bytes], None]:
        def hear(
            channel: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes
        ) -> None:
            heard = Heard(
                # What is no text is no command that the load sent.
                command=_text(properties.correlation_id or properties.message_id),
                message_id=_text(properties.message_id),
                body=body,
                headers=dict(properties.headers or {}),
                at=time.monotonic(),
            )
            with self._changed:
                if properties.type == "end":
                    self._ends.add((queue, body.decode()))
                else:
                    self._kept[queue].append(heard)
                self._changed.notify_all()
            if self._kept[queue] is not self.events and properties.type != "end":
                self._answered(heard)
            channel.basic_ack(method.delivery_tag or 0)

        return hear


def _text(said: str | bytes | None) -> str | None:
    return repr(said) if isinstance(said, bytes) else said
