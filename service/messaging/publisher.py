"""Publishing, with confirms and many in flight."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import PublishError
from aiormq.channel import Channel as UnderlayChannel

from service.messaging import batch
from service.messaging.amqp import Outgoing
from service.messaging.connection import CONNECTION_ERRORS, close, keep
from service.messaging.declaration import declare
from service.messaging.liveness import owed, watch
from service.messaging.topology import Topology
from service.messaging.waiting import first

log = structlog.get_logger(__name__)

_CONFIRM_TIMEOUT = 30


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
        opened = connection.channel(publisher_confirms=True, on_return_raises=True)
        await opened.initialize(timeout=_CONFIRM_TIMEOUT)
        # Below aio-pika a publish need not wait for the socket, and many share its writes.
        channel = cast("UnderlayChannel", await opened.get_underlay_channel())
        self._broken.clear()
        # All that is not known to have arrived goes again, in its old order, before anything new.
        self._link = _Link(connection, channel)
        for job in self._jobs:
            self._start(self._link, job)
        try:
            await first(channel.closing, self._broken.wait(), watch(connection, self._check))
        finally:
            self._link = None
            await close(connection)
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
        raise ConnectionError("the publishing channel is lost")

    async def _check(self, channel: AbstractChannel) -> None:
        await channel.declare_exchange(self._names.events, passive=True)

    def _start(self, link: _Link, job: _Job) -> None:
        task = asyncio.create_task(self._send_all(link, job))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_all(self, link: _Link, job: _Job) -> None:
        ends: Sequence[BaseException | None]
        sending = asyncio.ensure_future(batch.publish(link.channel, job.messages))
        try:
            await owed(sending, link.connection, _CONFIRM_TIMEOUT)
            ends = await sending
        except CONNECTION_ERRORS as exc:
            ends = [exc] * len(job.messages)
        finally:
            sending.cancel()
        job.messages = [one for one, end in zip(job.messages, ends, strict=True) if self._is_lost(one, end)]
        if job.messages:
            log.info("messages were not confirmed and will be published again", messages=len(job.messages))
            self._broken.set()
        else:
            job.confirmed.set()

    def _is_lost(self, message: Outgoing, end: BaseException | None) -> bool:
        if end is None:
            return False
        if isinstance(end, PublishError):
            self.dropped += 1
            log.warning("a result was dropped: its reply queue is gone", queue=message.routing_key)
            return False
        if isinstance(end, batch.UnencodableError):
            log.error("a message cannot be published", routing_key=message.routing_key, reason=str(end))
            return False
        # A link that dies half-open makes the client cancel what waits: a failure like any other.
        return True
