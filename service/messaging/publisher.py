"""Publishing, with confirms and many in flight."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import cast

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq.channel import Channel as UnderlayChannel

from service.backoff import pause
from service.messaging import batch
from service.messaging.amqp import Outgoing
from service.messaging.connection import CONNECTION_ERRORS, close, keep, open_channel
from service.messaging.declaration import declare
from service.messaging.liveness import owed, watch
from service.messaging.topology import Topology
from service.messaging.waiting import first

log = structlog.get_logger(__name__)

_CONFIRM_TIMEOUT = 30
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_REFUSALS = 5


class _Verdict(Enum):
    """What becomes of a message that was sent."""

    DONE = auto()
    REFUSED = auto()
    """The broker has it not, and said so: a queue is full. Again on the same link, after a while."""
    LOST = auto()
    """Nobody knows. Again on a new link."""


@dataclass(slots=True, eq=False)
class _Job:
    """Messages that are not confirmed yet, and who waits for them."""

    messages: list[Outgoing]
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Link:
    """What is published on."""

    connection: AbstractConnection
    channel: UnderlayChannel


class Publisher:
    """Publishes on a connection of its own: one that publishes may be blocked as a whole."""

    def __init__(self, url: str, names: Topology, delays: tuple[timedelta, ...]) -> None:
        """Take the broker's address and what to publish to. Connects when it runs."""
        self._url = url
        self._names = names
        self._delays = delays
        self._link: _Link | None = None
        self._jobs: list[_Job] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self.dropped = 0

    @property
    def is_ready(self) -> bool:
        """Tell whether there is a channel to publish on."""
        return self._link is not None

    async def run(self) -> None:
        """Hold the connection until cancelled."""
        await keep(self._url, "crudmq publisher", self._hold)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish in order, behind what was published before, and wait until the broker has confirmed all of it.

        Waits for as long as the broker is away. What nobody can receive is dropped and logged. A message may arrive
        twice: a confirmation that was lost is no proof that the message was.
        """
        if not messages:
            return
        job = _Job(list(messages))
        self._jobs.append(job)
        try:
            if self._link is not None:
                self._start(self._link, job)
            await job.confirmed.wait()
        finally:
            self._jobs.remove(job)

    async def _hold(self, connection: AbstractConnection) -> None:
        await declare(connection, self._names, self._delays)
        opened = await open_channel(connection, publisher_confirms=True, on_return_raises=True)
        # Below aio-pika a publish need not wait for the socket, and many share its writes.
        channel = cast("UnderlayChannel", await opened.get_underlay_channel())
        self._broken.clear()
        # All that is not known to have arrived goes again, in its old order, before anything new.
        self._link = _Link(connection, channel)
        for job in self._jobs:
            self._start(self._link, job)
        kept = [self._names.dead_letters, *(self._names.retry(delay) for delay in self._delays)]
        questions = [partial(self._check, queue) for queue in kept]
        try:
            await first(channel.closing, self._broken.wait(), watch(connection, questions))
        finally:
            self._link = None
            await close(connection)
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
        raise ConnectionError("the publishing channel is lost")

    async def _check(self, queue: str, channel: AbstractChannel) -> None:
        """See that the broker answers, and that what was declared is there."""
        await channel.declare_queue(queue, passive=True)

    def _start(self, link: _Link, job: _Job) -> None:
        task = asyncio.create_task(self._send_all(link, job))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_all(self, link: _Link, job: _Job) -> None:
        tries = 0
        while job.messages:
            ends = await self._ends(link, job.messages)
            judged = [(one, self._judge(one, end, tries)) for one, end in zip(job.messages, ends, strict=True)]
            job.messages = [one for one, verdict in judged if verdict is not _Verdict.DONE]
            if any(verdict is _Verdict.LOST for _, verdict in judged):
                log.info("messages were not confirmed and will be published again", messages=len(job.messages))
                self._broken.set()
                return
            if job.messages:
                log.warning("the broker refuses messages, they are published again", messages=len(job.messages))
                await asyncio.sleep(pause(tries, _FIRST_PAUSE, _LONGEST_PAUSE))
                tries += 1
        job.confirmed.set()

    async def _ends(self, link: _Link, messages: Sequence[Outgoing]) -> Sequence[BaseException | None]:
        sending = asyncio.ensure_future(batch.publish(link.channel, messages))
        try:
            await owed(sending, link.connection, _CONFIRM_TIMEOUT)
            return await sending
        except CONNECTION_ERRORS as exc:
            return [exc] * len(messages)
        finally:
            sending.cancel()

    def _judge(self, message: Outgoing, end: BaseException | None, tries: int) -> _Verdict:
        if end is None:
            return _Verdict.DONE
        if isinstance(end, batch.UnencodableError):
            log.error("a message cannot be published", routing_key=message.routing_key, reason=str(end))
            return _Verdict.DONE
        is_returned = isinstance(end, PublishError)
        is_refused = isinstance(end, DeliveryError) and not is_returned
        if message.is_result and (is_returned or (is_refused and tries >= _REFUSALS)):
            self.dropped += 1
            log.warning("a result was dropped: its reply queue is gone or full", queue=message.routing_key)
            return _Verdict.DONE
        # A queue of ours that is gone is declared again with the next link.
        return _Verdict.REFUSED if is_refused else _Verdict.LOST
