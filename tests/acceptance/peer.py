"""Another service: publishes commands, reads results and events, through an AMQP library that crudmq does not use."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack

from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel
from pika.exchange_type import ExchangeType
from pika.spec import Basic

from tests.acceptance.commands import create, unique
from tests.acceptance.process import Deadline
from tests.support import broker

SECONDS = 20.0
_PERSISTENT = 2
_LOOK = 0.1
_SHOWN = 30

Command = Mapping[str, Any] | bytes


class Properties(TypedDict, total=False):
    """What a publisher may say beside the body."""

    message_id: str | None
    reply_to: str | None
    correlation_id: str | None
    content_type: str | None
    content_encoding: str | None
    user_id: str | None
    expiration: str | None
    headers: dict[str, Any] | None


@dataclass(frozen=True)
class Received:
    """A message as it came."""

    body: bytes
    properties: BasicProperties
    exchange: str
    routing_key: str

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def headers(self) -> dict[str, Any]:
        return dict(self.properties.headers or {})


@dataclass(frozen=True)
class Reply(Received):
    """A result."""

    @property
    def status(self) -> str:
        return str(self.content["status"])

    @property
    def data(self) -> Any:  # noqa: ANN401 - a row, or rows
        assert self.status == "ok", self.body
        return self.content["data"]

    @property
    def error(self) -> dict[str, Any]:
        assert self.status == "error", self.body
        found: dict[str, Any] = self.content["error"]
        return found

    @property
    def code(self) -> str:
        return str(self.error["code"])

    @property
    def paths(self) -> set[str]:
        return {detail["path"] for detail in self.error.get("details", [])}

    @property
    def is_replayed(self) -> bool:
        return bool(self.headers.get("x-replayed"))


@dataclass(frozen=True)
class Event(Received):
    """An event."""

    @property
    def type(self) -> str:
        return str(self.content["type"])

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["data"]
        return found


T = TypeVar("T", bound=Received)


class Peer:
    """A connection with a reply queue of its own, that hears every event published from now on."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._connection = broker.connect()
        self.channel = self._connection.channel()
        self._replies: deque[Reply] = deque()
        self._events: deque[Event] = deque()
        self._dead: deque[Received] | None = None
        self.reply_to = self._exclusive_queue()
        self.channel.exchange_declare(f"{prefix}.events", ExchangeType("topic"), durable=True)
        hearing = self._exclusive_queue()
        self.channel.queue_bind(hearing, f"{prefix}.events", "#")
        self._consume(self.reply_to, self._replies, Reply)
        self._consume(hearing, self._events, Event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def publish(self, command: Command, **properties: Unpack[Properties]) -> str:
        """Publish a command and wait for nothing; give its id."""
        body = command if isinstance(command, bytes) else json.dumps(command).encode()
        said: Properties = {"message_id": unique(), "reply_to": self.reply_to, **properties}
        self.channel.basic_publish(
            f"{self.prefix}.commands",
            _routing_key(command),
            body,
            BasicProperties(delivery_mode=_PERSISTENT, **said),
        )
        return said["message_id"] or ""

    def ask(self, command: Command, **properties: Unpack[Properties]) -> Reply:
        """Publish a command and wait for its result."""
        self.publish(command, **properties)
        return self.reply()

    def created(self, resource: str, **data: object) -> dict[str, Any]:
        """Create a row, hear of it, and give it."""
        row: dict[str, Any] = self.ask(create(resource, **data)).data
        self.heard(1)
        return row

    def burst(self, commands: Iterable[Command]) -> list[Reply]:
        """Publish commands one behind the other, and wait for all results."""
        ids = [self.publish(command) for command in commands]
        return self.replies(len(ids))

    def reply(self) -> Reply:
        """Give the next result."""
        return self.replies(1)[0]

    def replies(self, number: int, seconds: float = SECONDS) -> list[Reply]:
        """Give so many results, in the order of their arrival."""
        self.until(lambda: len(self._replies) >= number, f"{number} results", seconds)
        return [self._replies.popleft() for _ in range(number)]

    @property
    def waiting(self) -> int:
        """Count the results that have arrived."""
        return len(self._replies)

    def no_reply(self) -> None:
        """Check that no result waits."""
        assert not self._replies, [reply.body for reply in self._replies]

    def heard(self, number: int, seconds: float = SECONDS) -> list[Event]:
        """Give so many events, in the order of their arrival."""
        self.until(lambda: len(self._events) >= number, f"{number} events", seconds)
        return [self._events.popleft() for _ in range(number)]

    def events(self) -> list[Event]:
        """Give every event of what was answered so far: a later command's event comes behind them all."""
        marker = self.publish(create("groups", name=unique()), reply_to=None)
        self.until(lambda: any(event.content["commandid"] == marker for event in self._events), "the marker's event")
        found = self.heard(len(self._events))
        while found[-1].content["commandid"] != marker:
            self._events.appendleft(found.pop())
        return found[:-1]

    def events_so_far(self) -> list[Event]:
        """Give every event of what was answered so far, known by one of a command that changes nothing."""
        marker = self.publish({"resource": "people", "action": "delete", "key": -1}, reply_to=None)
        found: list[Event] = []
        while (event := self.heard(1)[0]).content["commandid"] != marker:
            found.append(event)
        return found

    def event(self) -> Event:
        """Give the only event of what was answered so far."""
        found = self.events()
        assert len(found) == 1, [event.body for event in found]
        return found[0]

    def dead_letters(self) -> list[Received]:
        """Give every dead letter of what was answered so far."""
        dead = self._dead
        if dead is None:
            dead = self._dead = deque()
            self._consume(f"{self.prefix}.dead-letters", dead, Received)
        marker = self.publish(b"a marker", reply_to=None)
        self.until(lambda: any(one.properties.message_id == marker for one in dead), "the marker among the dead")
        found: list[Received] = []
        while dead[0].properties.message_id != marker:
            found.append(dead.popleft())
        dead.popleft()
        return found

    def depth(self, queue: str) -> int:
        """Tell how many messages are ready in a queue."""
        declared = self.channel.queue_declare(f"{self.prefix}.{queue}", passive=True)
        return declared.method.message_count or 0

    def until(self, condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Receive until something is true, or too late."""
        deadline = Deadline(seconds)
        while not condition():
            assert deadline.left, (
                f"{what} did not come within {seconds} s; "
                f"waiting are {len(self._replies)} results and {len(self._events)} events"
            )
            self._connection.process_data_events(min(deadline.left, _LOOK))  # type: ignore[arg-type]  # any number will do

    def _exclusive_queue(self) -> str:
        return str(self.channel.queue_declare("", exclusive=True).method.queue)

    def _consume(self, queue: str, into: deque[T], kind: type[T]) -> None:
        def arrive(_: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
            into.append(kind(body, properties, str(method.exchange), str(method.routing_key)))

        self.channel.basic_consume(queue, arrive, auto_ack=True)


def _routing_key(command: Command) -> str:
    if isinstance(command, bytes):
        return "people.create"
    # A routing key has 255 bytes at most.
    return f"{str(command.get('resource'))[:_SHOWN]}.{str(command.get('action'))[:_SHOWN]}"
