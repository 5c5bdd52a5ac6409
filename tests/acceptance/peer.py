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
from tests.support.waiting import GENEROUS

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
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def headers(self) -> dict[str, Any]:
        return dict(self.properties.headers or {})


@dataclass(frozen=True)
class Result(Received):
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
        error: dict[str, Any] = self.content["error"]
        return error

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
        data: dict[str, Any] = self.content["data"]
        return data


T = TypeVar("T", bound=Received)

_heard: dict[str, dict[str, bytes]] = {}
"""The bodies of the events that peers received under each prefix, by event id."""


class Peer:
    """A connection with a reply queue of its own, that receives every event published from now on.

    An event may be published again under the same id, for instance when a lease expires on a slow machine. The repeats
    are dropped here, also those of events that an earlier peer received.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._connection = broker.connect()
        self.channel = self._connection.channel()
        self._replies: deque[Result] = deque()
        self._answered: set[str | None] = set()
        self._events: deque[Event] = deque()
        self._dead: deque[Received] | None = None
        self._known_events = dict(_heard.setdefault(prefix, {}))
        self.reply_to = self._exclusive_queue()
        self.channel.exchange_declare(f"{prefix}.events", ExchangeType("topic"), durable=True)
        hearing = self._exclusive_queue()
        self.channel.queue_bind(hearing, f"{prefix}.events", "#")
        self._consume(self.reply_to, Result, self._replies.append)
        self._consume(hearing, Event, self._receive_event)

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

    def ask(self, command: Command, **properties: Unpack[Properties]) -> Result:
        """Publish a command and wait for its result."""
        # Under a new id, results of earlier commands can only be late repeats.
        repeats = frozenset() if "message_id" in properties else frozenset(self._answered)
        self.publish(command, **properties)
        while (reply := self.reply()).content["id"] in repeats:
            pass
        return reply

    def created(self, resource: str, **data: object) -> dict[str, Any]:
        """Create a row, hear of it, and give it."""
        row: dict[str, Any] = self.ask(create(resource, **data)).data
        self.heard(1)
        return row

    def burst(self, commands: Iterable[Command]) -> list[Result]:
        """Publish commands one after the other, and wait for all results; give them in the order of their arrival."""
        ids = {self.publish(command) for command in commands}
        replies: dict[str, Result] = {}
        while len(replies) < len(ids):
            reply = self.reply()
            if reply.content["id"] in ids:
                replies.setdefault(reply.content["id"], reply)
        return list(replies.values())

    def reply(self) -> Result:
        """Give the next result."""
        return self.replies(1)[0]

    def replies(self, number: int, seconds: float = GENEROUS) -> list[Result]:
        """Give so many results, in the order of their arrival."""
        self.until(lambda: len(self._replies) >= number, f"{number} results", seconds)
        replies = [self._replies.popleft() for _ in range(number)]
        self._answered |= {reply.content["id"] for reply in replies}
        return replies

    @property
    def waiting(self) -> int:
        """Count the results that have arrived."""
        return len(self._replies)

    def no_reply(self) -> None:
        """Check that no result waits."""
        assert not self._replies, [reply.body for reply in self._replies]

    def heard(self, number: int, seconds: float = GENEROUS) -> list[Event]:
        """Give so many events, in the order of their arrival."""
        self.until(lambda: len(self._events) >= number, f"{number} events", seconds)
        return [self._events.popleft() for _ in range(number)]

    def events(self) -> list[Event]:
        """Give every event of what was answered so far: a later command's event comes behind them all."""
        marker = self.publish(create("groups", name=unique()), reply_to=None)
        self.until(lambda: any(event.content["commandid"] == marker for event in self._events), "the marker's event")
        events = self.heard(len(self._events))
        while events[-1].content["commandid"] != marker:
            self._events.appendleft(events.pop())
        return events[:-1]

    def events_so_far(self) -> list[Event]:
        """Give every event of what was answered so far, known by one of a command that changes nothing."""
        marker = self.publish({"resource": "people", "action": "delete", "key": -1}, reply_to=None)
        events: list[Event] = []
        while (event := self.heard(1)[0]).content["commandid"] != marker:
            events.append(event)
        return events

    def event(self) -> Event:
        """Give the only event of what was answered so far."""
        events = self.events()
        assert len(events) == 1, [event.body for event in events]
        return events[0]

    def dead_letters(self) -> list[Received]:
        """Give every dead letter of what was answered so far."""
        dead = self._dead
        if dead is None:
            dead = self._dead = deque()
            self._consume(f"{self.prefix}.dead-letters", Received, dead.append)
        marker = self.publish(b"a marker", reply_to=None)
        self.until(lambda: any(letter.properties.message_id == marker for letter in dead), "the marker among the dead")
        received: list[Received] = []
        while dead[0].properties.message_id != marker:
            received.append(dead.popleft())
        dead.popleft()
        return received

    def depth(self, queue: str) -> int:
        """Tell how many messages are ready in a queue."""
        queue_ok = self.channel.queue_declare(f"{self.prefix}.{queue}", passive=True)
        return queue_ok.method.message_count or 0

    def until(self, condition: Callable[[], bool], what: str, seconds: float = GENEROUS) -> None:
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

    def _receive_event(self, event: Event) -> None:
        event_id: str = event.content["id"]
        known = self._known_events.get(event_id)
        if known == event.body:
            return
        # A failure that is not recorded happens again: under the same id, at another time.
        assert known is None or event.type.endswith(".failed"), "an event was repeated with another body"
        self._known_events[event_id] = _heard[self.prefix][event_id] = event.body
        self._events.append(event)

    def _consume(self, queue: str, kind: type[T], receive: Callable[[T], None]) -> None:
        def arrive(_: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
            receive(kind(body, properties, str(method.exchange), str(method.routing_key)))

        self.channel.basic_consume(queue, arrive, auto_ack=True)


def _routing_key(command: Command) -> str:
    if isinstance(command, bytes):
        return "people.create"
    # A routing key has 255 bytes at most.
    return f"{str(command.get('resource'))[:_SHOWN]}.{str(command.get('action'))[:_SHOWN]}"
