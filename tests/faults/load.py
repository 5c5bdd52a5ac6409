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
_LIMIT = 180
_MAX_UNCONFIRMED = 500
_CLOSE_TIMEOUT = 10.0
_CONFIRM_TIMEOUT = 15.0
"""Seconds without a confirm, after which what is unconfirmed is sent again: a node that was killed confirms nothing."""


@dataclass
class Sent:
    """A command that was published, and when the broker had confirmed all its copies."""

    command: Command
    reply_to: str
    unconfirmed: int
    confirmed_at: float | None = None


class Load:
    """Publishes on a thread of its own until it has published as many commands as its goal says.

    At most `window` commands wait for their answers; None is no limit.
    """

    def __init__(  # noqa: PLR0913 - what to publish, and where
        self,
        prefix: str,
        reply_to: str,
        commands: Iterable[Command],
        *,
        goal: int,
        window: int | None,
        copies: int = 1,
    ) -> None:
        self.sent: dict[str, Sent] = {}
        """In the order in which they were first published."""
        self.confirmed = 0
        self._exchange = f"{prefix}.commands"
        self.reply_to = reply_to
        """Where the results of commands go that are published from now on."""
        self._commands = iter(commands)
        self._window = window
        self._copies = copies
        self._goal: int | None = goal
        self._observed_reply_to = reply_to
        self._answered: set[str] = set()
        self._unsent: deque[Command] = deque()
        self._in_flight: dict[int, Command] = {}
        self._returned: set[str] = set()
        self._tag = 0
        self._is_blocked = False
        self._heard_at = 0.0
        """When the broker last confirmed something, or something was first waiting for that."""
        self._channel: Channel | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self._started = threading.Event()
        self._runtime: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()
        assert self._started.wait(_LIMIT)

    def answered(self, identifier: str) -> None:
        """Note that a command was answered. Any thread may call this."""
        self._call(lambda: self._answered.add(identifier))

    def set_goal(self, commands: int | None) -> None:
        """Publish so many commands in all, or no more if there are more already; None is no limit.

        Returns when this is the goal: what waits for the goal must not see the one before.
        """
        is_set = threading.Event()

        def change() -> None:
            self._goal = None if commands is None else max(commands, len(self.sent))
            is_set.set()

        self._call(change)
        assert is_set.wait(_LIMIT), "the load does not run"

    def wait_confirmed(self, commands: int, seconds: float) -> bool:
        """Wait until so many commands are confirmed, and return whether they are."""
        return self._wait(lambda: self.confirmed >= commands, seconds)

    def wait_until_finished(self, seconds: float) -> bool:
        """Wait until the goal is reached and all is confirmed, and return whether that is so."""

        def is_finished() -> bool:
            return self._goal is not None and self.confirmed == len(self.sent) >= self._goal

        return self._wait(is_finished, seconds)

    def stop(self) -> None:
        """Disconnect. What is not confirmed by now stays unconfirmed."""
        if self._thread.is_alive():
            self._call(lambda: self._stopping.set() if self._stopping else None)
            self._thread.join(_LIMIT)
            assert not self._thread.is_alive(), "the load did not stop"

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def _call(self, change: Callable[[], object]) -> None:
        """Change the state on the load's thread, the only one that may."""

        def act() -> None:
            change()
            self._pump()
            with self._changed:
                self._changed.notify_all()

        if self._runtime is not None and not self._runtime.is_closed():
            self._runtime.call_soon_threadsafe(act)

    async def _run(self) -> None:
        self._runtime = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._started.set()
        while not self._stopping.is_set():
            await self._publish_until_lost(self._runtime, self._stopping)
            # All that may not have arrived goes again, in its old order, before anything new.
            self._unsent.extendleft(reversed(self._in_flight.values()))
            self._in_flight.clear()
            await asyncio.sleep(_PAUSE)

    async def _publish_until_lost(self, runtime: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        lost = asyncio.Event()
        parameters = pika.URLParameters(broker.url())
        parameters.heartbeat = 0
        connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda opened: self._connected(opened, lost),
            on_open_error_callback=lambda *_: lost.set(),
            on_close_callback=lambda *_: lost.set(),
            custom_ioloop=runtime,
        )
        connection.add_on_connection_blocked_callback(lambda *_: self._note_blocked(is_blocked=True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._note_blocked(is_blocked=False))
        self._note_blocked(is_blocked=False)
        waiting = [asyncio.ensure_future(each) for each in (lost.wait(), stopping.wait())]
        while not (lost.is_set() or stopping.is_set() or self._is_overdue()):
            await asyncio.wait(waiting, timeout=_PAUSE, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        self._channel = None
        if connection.is_open:
            connection.close()
            await asyncio.wait([asyncio.ensure_future(lost.wait())], timeout=_CLOSE_TIMEOUT)

    def _is_overdue(self) -> bool:
        """Whether confirms are missing for too long."""
        is_waiting = bool(self._in_flight) and not self._is_blocked
        return is_waiting and time.monotonic() - self._heard_at > _CONFIRM_TIMEOUT

    def _note_blocked(self, *, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        self._heard_at = time.monotonic()

    def _connected(self, connection: AsyncioConnection, lost: asyncio.Event) -> None:
        connection.channel(on_open_callback=lambda channel: self._open(channel, lost))

    def _open(self, channel: Channel, lost: asyncio.Event) -> None:
        channel.add_on_close_callback(lambda *_: lost.set())
        channel.add_on_return_callback(lambda _channel, _method, properties, _body: self._note_returned(properties))
        channel.confirm_delivery(self._note_confirmation, callback=lambda _: self._begin(channel))

    def _begin(self, channel: Channel) -> None:
        self._channel, self._tag = channel, 0
        self._pump()

    def _pump(self) -> None:
        try:
            while self._channel is not None and (command := self._next()) is not None:
                self._publish(self._channel, command)
        except AMQPError:
            self._channel = None  # the callback for a closed channel follows

    def _next(self) -> Command | None:
        if self._unsent:
            return self._unsent.popleft()
        if self._goal is not None and len(self.sent) >= self._goal:
            return None
        if len(self._in_flight) >= _MAX_UNCONFIRMED:
            return None
        if self._window is not None and len(self.sent) - len(self._answered) >= self._window:
            return None
        command = next(self._commands)
        self.sent[command.id] = Sent(command, self.reply_to, self._copies)
        if self.reply_to != self._observed_reply_to:
            # Its answer is never observed.
            self._answered.add(command.id)
        self._unsent.extend([command] * (self._copies - 1))
        return command

    def _publish(self, channel: Channel, command: Command) -> None:
        properties = pika.BasicProperties(
            delivery_mode=_PERSISTENT,
            message_id=command.id,
            reply_to=self.sent[command.id].reply_to,
            headers={"partition-key": command.key},
        )
        self._tag += 1
        if not self._in_flight:
            self._heard_at = time.monotonic()
        self._in_flight[self._tag] = command
        channel.basic_publish(self._exchange, command.routing_key, command.body, properties, mandatory=True)

    def _note_confirmation(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        self._heard_at = time.monotonic()
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
            # No queue takes it yet.
            asyncio.get_running_loop().call_later(_PAUSE, self._publish_again, command)
            return
        sent = self.sent[command.id]
        sent.unconfirmed -= 1
        if sent.unconfirmed == 0:
            sent.confirmed_at = time.monotonic()
            self.confirmed += 1

    def _publish_again(self, command: Command) -> None:
        self._unsent.append(command)
        self._pump()

    def _note_returned(self, properties: pika.BasicProperties) -> None:
        self._returned.add(str(properties.message_id))
