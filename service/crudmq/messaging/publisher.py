"""Publishing with confirms, many messages in flight."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from aio_pika.abc import AbstractConnection

from crudmq.aio import Backoff, exception_of, race
from crudmq.messaging.connection import (
    CONNECTION_ERRORS,
    close,
    describe,
    health_probe,
    is_blocked,
    open_confirm_channel,
    reconnecting,
)
from crudmq.messaging.lane import Lane
from crudmq.messaging.sending import EventOrder, Pending, Sending, State
from crudmq.messaging.topology import Declaration, Topology, is_direct_reply
from crudmq.messaging.verdicts import Verdict, blames_a_message, explain, judge
from crudmq.messaging.wire.outgoing import Kind, Outgoing
from crudmq.messaging.wire.publishing import ConfirmChannel, Errors, PublishingError, UnconfirmedError, unconfirmed

log = structlog.get_logger(__name__)

_WATCH_INTERVAL = 15
_STRICT_SECONDS = 600
"""How long events are sent in the strict order after the broker refused one: its queue may be full again."""
_STALE_SECONDS = 30
"""How long a link is used at least before it is replaced because a queue has refused messages."""
_BACKOFF = partial(Backoff, 0.05, 5.0)


@dataclass(frozen=True, slots=True)
class _Link:
    """A connection, its channel with confirms, and the tasks that send on it."""

    connection: AbstractConnection
    channel: ConfirmChannel
    tasks: asyncio.TaskGroup
    opened_at: float


class Publisher:
    """Publishes on separate connections: the broker may block a publishing connection as a whole.

    Messages are sent on one link, many at once. Those that the broker refuses are sent apart: one at a time on a
    connection of their own, until they are confirmed or known to be undeliverable.
    """

    def __init__(
        self,
        url: str,
        topology: Topology,
        delays: tuple[timedelta, ...],
        *,
        new_backoff: Callable[[], Backoff] = _BACKOFF,
    ) -> None:
        """Set the broker's address and the topology to declare. Connects in `run`.

        :param new_backoff: returns the backoff for publishing rejected messages again
        """
        self._url = url
        self._declaration = Declaration(topology, delays)
        self._new_backoff = new_backoff
        self._link: _Link | None = None
        self._reason: str | None = None
        self._order = EventOrder()
        self._sendings: dict[Sending, None] = {}
        self._broken = asyncio.Event()
        self._suspects = Lane(url, "crudmq publisher (suspects)", self._settle_apart, new_backoff())
        self._refused = Lane(url, "crudmq publisher (refused)", self._settle_apart, new_backoff())
        self._strict_until = 0.0
        self.connections = 0
        """How many connections have been opened so far."""
        self.dropped = 0
        """How many results could not be delivered."""

    @property
    def is_ready(self) -> bool:
        """Whether there is a channel to publish on."""
        return self._link is not None

    @property
    def reason(self) -> str | None:
        """Why the last connection failed or was lost; None while there is one, or before."""
        return None if self.is_ready else self._reason

    async def run(self) -> None:
        """Keep a connection open until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._suspects.run())
            tasks.create_task(self._refused.run())
            while True:
                await reconnecting(self._url, "crudmq publisher", self._use, self._lost)

    async def publish(self, messages: Sequence[Outgoing], *, strictly: bool = False) -> Sending:
        """Publish in order, after all messages published before, and wait until the broker has confirmed them.

        Waits while the broker is unavailable, but not for a message that it refuses, nor for those of the same row
        that have to wait for it: they are `held`, and `Pending.done` waits for them. A message that cannot be
        delivered has a `failure`; a result is dropped and logged instead. A message is published again if its confirm
        was lost, so it may arrive twice. Cancelling the wait does not retract the messages.

        :param strictly: send events in the strict order for some time, as after a refusal
        """
        sending = Sending(messages)
        if not messages:
            return sending
        self._sendings[sending] = None
        if strictly:
            self._be_strict()
        for pending in sending.pending:
            self._order.add(pending)
        earlier = [pending for pending in self._release() if pending.sending is not sending]
        self._start([*earlier, *_released(sending.pending)])
        await sending.settled.wait()
        return sending

    async def _use(self, connection: AbstractConnection) -> None:
        """Send on a new link; return when the broker closes it because of a message: then the next one need not wait.

        :raises ConnectionError: the link is lost for another reason
        """
        await self._declaration.declare(connection)
        # Below aio-pika a publish need not wait for the socket, and many messages share a write.
        channel = await open_confirm_channel(connection)
        self._broken.clear()
        self.connections += 1
        async with asyncio.TaskGroup() as tasks:
            reason = await self._use_link(_Link(connection, channel, tasks, _now()))
        if not blames_a_message(exception_of(channel.closing)):
            raise ConnectionError(reason)
        self._lost(reason)

    async def _use_link(self, link: _Link) -> str:
        """Send on a link until it is lost, and return the reason."""
        # All unconfirmed messages are sent again in their old order, before any new one.
        self._link, self._reason = link, None
        for sending in self._sendings:
            self._start(_released(sending.pending))
        watching = asyncio.ensure_future(_watch(link))
        probing = asyncio.ensure_future(health_probe(link.connection, self._declaration.probes()))
        try:
            await race(link.channel.closing, self._broken.wait(), watching, probing)
            return _reason(link.channel.closing, watching, probing)
        finally:
            self._link = None
            watching.cancel()
            probing.cancel()
            await close(link.connection)
            link.channel.abandon(None)

    def _lost(self, reason: str) -> None:
        self._reason = reason

    def _start(self, wave: Sequence[Pending]) -> None:
        """Send released messages; without a link, the next one does. Tasks start in the order of their creation."""
        if wave and self._link is not None:
            self._link.tasks.create_task(self._send(self._link, wave))

    async def _send(self, link: _Link, wave: Sequence[Pending]) -> None:
        """Send messages, and start to send those that had to wait for them."""
        self._start(self._settle(wave, await _publish(link.channel, wave)))

    def _settle_apart(self, lane: Lane, group: Sequence[Pending], errors: Errors) -> None:
        self._start(self._settle(group, errors, lane))
        if lane is self._refused and lane.is_empty and self._link and _now() - self._link.opened_at > _STALE_SECONDS:
            # The channel of the link may be refused ever after: see `Lane`.
            self._broken.set()

    def _settle(self, wave: Sequence[Pending], errors: Errors, lane: Lane | None = None) -> Sequence[Pending]:
        """Record what became of messages, and return those that had to wait for them.

        :param lane: the lane on which they were sent; None for the link
        """
        following: list[Pending] = []
        suspects: list[Pending] = []
        for pending, error in zip(wave, errors, strict=True):
            if error is None:
                following += self._finish(pending)
                continue
            match judge(pending, error, is_alone=lane is not None and len(wave) == 1):
                case Verdict.UNDELIVERABLE:
                    following += self._give_up(pending, explain(error))
                case Verdict.RETRY:
                    self._retry(pending)
                case Verdict.HOLD:
                    self._hold(pending, error, lane)
                case Verdict.SUSPECT:
                    suspects.append(pending)
                case Verdict.UNROUTABLE | Verdict.UNCONFIRMED as verdict:
                    self._send_again(pending, verdict, lane)
        self._isolate(suspects, lane)
        return [*following, *self._release()]

    def _release(self) -> list[Pending]:
        return self._order.release(strict=_now() < self._strict_until)

    def _be_strict(self) -> None:
        self._strict_until = _now() + _STRICT_SECONDS

    def _finish(self, pending: Pending, failure: str | None = None) -> Iterable[Pending]:
        following = self._order.finish(pending, failure)
        if not pending.sending.unfinished:
            del self._sendings[pending.sending]
        return following

    def _give_up(self, pending: Pending, reason: str) -> Iterable[Pending]:
        if pending.message.kind is not Kind.RESULT:
            return self._finish(pending, reason)
        self.dropped += 1
        log.warning("result dropped", queue=pending.message.routing_key, reason=reason)
        return self._finish(pending)

    def _retry(self, pending: Pending) -> None:
        """Send a result again after a pause: its reply queue is full."""
        pending.refusals += 1
        self._order.set_apart(pending)
        backoff = self._new_backoff()
        backoff.tries = pending.refusals - 1
        asyncio.get_running_loop().call_later(backoff.next_pause(), self._resume, pending)

    def _resume(self, pending: Pending) -> None:
        pending.state = State.RELEASED
        self._start([pending])

    def _hold(self, pending: Pending, error: PublishingError, lane: Lane | None) -> None:
        """Send a message again later, one at a time: otherwise, queues that accept it would be flooded."""
        if self._refused.is_idle:
            routing_key = pending.message.routing_key
            log.warning("broker refuses messages, will publish again", routing_key=routing_key, reason=explain(error))
        pending.closes += isinstance(error, UnconfirmedError)
        self._be_strict()
        if lane is self._refused:
            lane.put_back([pending])
        elif self._order.set_apart(pending):
            self._refused.add([pending])

    def _isolate(self, suspects: Sequence[Pending], lane: Lane | None) -> None:
        """Send the messages of a closed link apart from all others; if they were, apart from each other."""
        if not suspects:
            return
        log.warning("broker closed the link, sending its messages apart", messages=len(suspects))
        # Only direct replies make the broker close links again and again: the others need not wait for them.
        likely = [pending for pending in suspects if is_direct_reply(pending.message.routing_key)]
        isolated = [pending for pending in (suspects if lane else likely or suspects) if self._order.set_apart(pending)]
        if not (lane or likely):
            self._suspects.add_first(isolated)
            return
        for pending in isolated:
            self._suspects.add([pending])

    def _send_again(self, pending: Pending, verdict: Verdict, lane: Lane | None) -> None:
        if lane is not None:
            lane.put_back([pending])
        if lane is None or verdict is Verdict.UNROUTABLE:
            # The next link declares the queues again.
            self._broken.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _released(messages: Iterable[Pending]) -> list[Pending]:
    return [pending for pending in messages if pending.state is State.RELEASED]


async def _publish(channel: ConfirmChannel, wave: Sequence[Pending]) -> Errors:
    try:
        return await channel.publish([pending.message for pending in wave])
    except CONNECTION_ERRORS as exc:
        return [unconfirmed(exc)] * len(wave)


def _reason(*endings: asyncio.Future[None]) -> str:
    errors = map(exception_of, endings)
    return next((describe(error) for error in errors if error), "messages were refused, or not confirmed")


async def _watch(link: _Link) -> None:
    """Wait until the broker does not confirm a message in time.

    :raises TimeoutError: always
    """
    previous = None
    while True:
        await asyncio.sleep(_WATCH_INTERVAL)
        oldest = None if await is_blocked(link.connection) else link.channel.oldest
        if oldest is not None and oldest == previous:
            raise TimeoutError(f"the broker did not confirm a message within {_WATCH_INTERVAL} s")
        previous = oldest
