"""Publishes a workload with confirms: what is not confirmed is sent again, with the same id and the same bytes."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Basic

from tests.faults.workload import Command
from tests.support import broker

_PERSISTENT = 2
_PAUSE = 0.1
_JOIN_SECONDS = 10
_MOST_UNCONFIRMED = 500


@dataclass
class Sent:
    """A command that was published, and when the broker had confirmed all its copies."""

    command: Command
    reply_to: str
    unconfirmed: int
    confirmed_at: float | None = None


class Load:
    """Publishes on a thread of its own, and goes on until it is told how many are enough.

    At first `enough` are. At most `window` commands wait for their answers; None is no limit.
    """

    def __init__(  # noqa: PLR0913 - what to publish, and where
        self,
        prefix: str,
        reply_to: str,
        commands: Iterable[Command],
        *,
        enough: int,
        window: int | None,
        copies: int = 1,
    ) -> None:
        self.sent: dict[str, Sent] = {}
        """In the order in which they were first published."""
        self.confirmed = 0
        self._exchange = f"{prefix}.commands"
        self.reply_to = reply_to
        """Where what is published next is to be answered."""
        self._commands = iter(commands)
        self._window = window
        self._copies = copies
        self._enough: int | None = enough
        self._heard_at = reply_to
        self._answered: set[str] = set()
        self._again: deque[Command] = deque()
        self._in_flight: dict[int, Command] = {}
        self._returned: set[str] = set()
        self._tag = 0
        self._channel: Channel | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()
        assert self._started.wait(_JOIN_SECONDS)

    def answered(self, identifier: str) -> None:
        """Hear of an answer, on any thread."""
        self._do(lambda: self._answered.add(identifier))

    def go_on(self) -> None:
        """Publish without end."""

        def say() -> None:
            self._enough = None

        self._do(say)

    def enough(self, number: int) -> None:
        """Publish so many in all; if it is more already, no more."""

        def say() -> None:
            self._enough = max(number, len(self.sent))

        self._do(say)

    def wait_for(self, number: int, seconds: float) -> bool:
        """Wait until so many are confirmed."""
        return self._wait(lambda: self.confirmed >= number, seconds)

    def wait_for_all(self, seconds: float) -> bool:
        """Wait until what is enough is published and confirmed."""

        def is_all() -> bool:
            return self._enough is not None and self.confirmed == len(self.sent) >= self._enough

        return self._wait(is_all, seconds)

    def stop(self) -> None:
        """Disconnect. What is not confirmed by now stays so."""
        if self._thread.is_alive():
            self._do(lambda: self._stopping.set() if self._stopping else None)
            self._thread.join(_JOIN_SECONDS)
            assert not self._thread.is_alive(), "the load did not stop"

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def _do(self, what: Callable[[], object]) -> None:
        """Change something on the loop's thread, the only one that does."""

        def act() -> None:
            what()
            self._pump()
            with self._changed:
                self._changed.notify_all()

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._started.set()
        while not self._stopping.is_set():
            await self._publish_until_lost(self._loop, self._stopping)
            # All that is not known to have arrived goes again, in its old order, before anything new.
            self._again.extendleft(reversed(self._in_flight.values()))
            self._in_flight.clear()
            await asyncio.sleep(_PAUSE)

    async def _publish_until_lost(self, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        lost = asyncio.Event()
        parameters = pika.URLParameters(broker.url())
        parameters.heartbeat = 0
        connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda opened: self._connected(opened, lost),
            on_open_error_callback=lambda *_: lost.set(),
            on_close_callback=lambda *_: lost.set(),
            custom_ioloop=loop,
        )
        waiting = [asyncio.ensure_future(one.wait()) for one in (lost, stopping)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        self._channel = None
        if connection.is_open:
            connection.close()
            await lost.wait()

    def _connected(self, connection: AsyncioConnection, lost: asyncio.Event) -> None:
        connection.channel(on_open_callback=lambda channel: self._open(channel, lost))

    def _open(self, channel: Channel, lost: asyncio.Event) -> None:
        channel.add_on_close_callback(lambda *_: lost.set())
        channel.add_on_return_callback(lambda _channel, _method, properties, _body: self._come_back(properties))
        channel.confirm_delivery(self._hear, callback=lambda _: self._begin(channel))

    def _begin(self, channel: Channel) -> None:
        self._channel, self._tag = channel, 0
        self._pump()

    def _pump(self) -> None:
        try:
            while self._channel is not None and (command := self._next()) is not None:
                self._publish(self._channel, command)
        except AMQPError:
            self._channel = None  # its closing is told to whoever waits for that

    def _next(self) -> Command | None:
        if self._again:
            return self._again.popleft()
        if self._enough is not None and len(self.sent) >= self._enough:
            return None
        if len(self._in_flight) >= _MOST_UNCONFIRMED:
            return None
        if self._window is not None and len(self.sent) - len(self._answered) >= self._window:
            return None
        command = next(self._commands)
        self.sent[command.id] = Sent(command, self.reply_to, self._copies)
        if self.reply_to != self._heard_at:
            # Nobody will hear of its answer.
            self._answered.add(command.id)
        self._again.extend([command] * (self._copies - 1))
        return command

    def _publish(self, channel: Channel, command: Command) -> None:
        properties = pika.BasicProperties(
            delivery_mode=_PERSISTENT,
            message_id=command.id,
            reply_to=self.sent[command.id].reply_to,
            headers={"partition-key": command.key},
        )
        self._tag += 1
        self._in_flight[self._tag] = command
        channel.basic_publish(self._exchange, command.routing_key, command.body, properties, mandatory=True)

    def _hear(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        method = frame.method
        tags = [tag for tag in self._in_flight if tag <= method.delivery_tag] if method.multiple else []
        for tag in tags or [method.delivery_tag]:
            self._confirm(self._in_flight.pop(tag), is_taken=isinstance(method, Basic.Ack))
        self._pump()
        with self._changed:
            self._changed.notify_all()

    def _confirm(self, command: Command, *, is_taken: bool) -> None:
        if not is_taken or command.id in self._returned:
            self._returned.discard(command.id)
            # There is no queue that takes it yet.
            asyncio.get_running_loop().call_later(_PAUSE, self._publish_again, command)
            return
        sent = self.sent[command.id]
        sent.unconfirmed -= 1
        if sent.unconfirmed == 0:
            sent.confirmed_at = time.monotonic()
            self.confirmed += 1

    def _publish_again(self, command: Command) -> None:
        self._again.append(command)
        self._pump()

    def _come_back(self, properties: pika.BasicProperties) -> None:
        self._returned.add(str(properties.message_id))
