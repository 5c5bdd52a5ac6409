"""The consumer of commands, which reopens its channel whenever it is lost; and acknowledges deliveries in bulk."""

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic
from pamqp.frame import marshal

from crudmq.aio import cancel, race
from crudmq.contract.delivery import Delivery
from crudmq.messaging import envelopes
from crudmq.messaging.connection import reconnecting
from crudmq.messaging.subscription import Subscription
from crudmq.messaging.topology import Declaration, Topology
from crudmq.messaging.wire.channel import write

_MAX_FRUITLESS = 3
_RELEASED = "commands were acknowledged one at a time: consuming with the full prefetch again"


class CrashLoopThrottle:
    """Counts connections that are lost without progress.

    A delivery may break the connection before the process receives it. The broker counts an attempt for all
    deliveries sent with it, and would finally dead-letter all of them. Therefore, after a few such connections,
    deliveries are consumed one at a time.
    """

    def __init__(self, required_acks: int) -> None:
        """Set how many deliveries must be acknowledged, one at a time, before the throttle is released."""
        self._required_acks = required_acks
        self._fruitless = -1
        self._acknowledged = 0

    @property
    def is_active(self) -> bool:
        """Whether to consume one delivery at a time."""
        return self._fruitless >= _MAX_FRUITLESS

    def connected(self) -> None:
        """Record that a connection starts to consume."""
        self._fruitless += 1
        self._acknowledged = 0

    def acknowledged(self, count: int) -> bool:
        """Record progress, and return whether it released the throttle."""
        self._acknowledged += count
        if self.is_active and self._acknowledged < self._required_acks:
            return False
        was_active, self._fruitless = self.is_active, -1
        return was_active


class AckWindow:
    """The deliveries of one channel, and the highest tag up to which all are acknowledged.

    One frame acknowledges all deliveries that are finished in order.
    """

    def __init__(self, channel: Channel) -> None:
        """Set a newly opened channel: its tags start at 1."""
        self._channel = channel
        self._contiguous = 0
        self._out_of_order: set[int] = set()
        self._unacknowledged: dict[int, str] = {}

    @property
    def unacknowledged(self) -> frozenset[str]:
        """The ids of the messages that were delivered and not acknowledged."""
        return frozenset(self._unacknowledged.values())

    def delivered(self, tag: int, message_id: str) -> None:
        """Record a delivery."""
        self._unacknowledged[tag] = message_id

    def owns(self, message: DeliveredMessage) -> bool:
        """Whether a message was delivered on this channel: it can only be acknowledged there."""
        return message.channel is self._channel

    async def ack(self, tags: Iterable[int]) -> None:
        """Acknowledge deliveries; does nothing on a closed channel, whose deliveries the broker redelivers.

        Does not wait for the broker.
        """
        if self._channel.is_closed:
            return
        finished = set(tags)
        for tag in finished:
            self._unacknowledged.pop(tag, None)
        last = self._advance(finished)
        acks = [] if last is None else [Basic.Ack(last, multiple=True)]
        # An earlier delivery is still in flight; waiting for it would use up the prefetch.
        out_of_order = sorted(tag for tag in finished if tag > self._contiguous)
        acks += [Basic.Ack(tag) for tag in out_of_order]
        self._out_of_order.update(out_of_order)
        if acks:
            await write(self._channel, b"".join(marshal(ack, self._channel.number) for ack in acks))

    async def reject(self, tag: int) -> None:
        """Let the broker dead-letter a delivery; does nothing on a closed channel."""
        if self._channel.is_closed:
            return
        self._out_of_order.add(tag)
        await write(self._channel, marshal(Basic.Reject(tag, requeue=False), self._channel.number))

    def _advance(self, finished: set[int]) -> int | None:
        """Advance over all finished tags, and return the last one that is not acknowledged yet."""
        last = None
        while (following := self._contiguous + 1) in finished or following in self._out_of_order:
            if following in finished:
                last = following
            self._out_of_order.discard(following)
            self._contiguous = following
        return last


class Consumer:
    """Consumes commands, and holds the prefetched deliveries until they are received."""

    def __init__(self, url: str, topology: Topology, *, prefetch: int, delays: tuple[timedelta, ...]) -> None:
        """Set the broker's address and the prefetch count. Connects in `run`."""
        self._url = url
        self._topology = topology
        self._prefetch = prefetch
        self._declaration = Declaration(topology, delays)
        self._replica = uuid4().hex
        self._throttle = CrashLoopThrottle(prefetch)
        self._throttle_released = asyncio.Event()
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._window: AckWindow | None = None
        self._subscription: Subscription | None = None
        self._reason: str | None = None
        self._is_consuming = False
        self._is_open = False
        self._stopping = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether the consumer is connected and consumes."""
        return self._is_consuming

    @property
    def reason(self) -> str | None:
        """Why the last connection failed or was lost; None while there is one, or before."""
        return None if self.is_ready else self._reason

    @property
    def unacknowledged(self) -> frozenset[str]:
        """The ids of the messages that were delivered and not acknowledged, on the current or the last channel."""
        return frozenset() if self._window is None else self._window.unacknowledged

    @property
    def emptied_at(self) -> float:
        """The time of the event loop after which each queue was seen empty: all its messages were with consumers."""
        return -math.inf if self._subscription is None else self._subscription.emptied_at

    async def run(self) -> None:
        """Consume until `stop` and `close` are called, reconnecting whenever the connection is lost."""
        consuming = asyncio.create_task(reconnecting(self._url, "crudmq consumer", self._consume, self._lost))
        try:
            await race(consuming, self._closing.wait())
            if self._is_open:
                await asyncio.wait({consuming})
        finally:
            # Without a connection there is nothing to acknowledge.
            await cancel(consuming)
        if not consuming.cancelled():
            consuming.result()

    def stop(self) -> None:
        """Accept no more deliveries. Unreceived ones are requeued when the connection is closed."""
        self._stopping.set()
        self._waiting.clear()
        self._arrived.set()

    def close(self) -> None:
        """Close the connection and let `run` return. Call it after `stop`, once the last delivery is acknowledged."""
        self._closing.set()

    async def receive(self, max_commands: int, max_bytes: int) -> list[Delivery]:
        """Wait for a delivery, and return it with all others that have already arrived.

        Suspects and other deliveries are never returned together. Returns an empty list after `stop`.
        """
        while not self._waiting:
            if self._stopping.is_set():
                return []
            self._arrived.clear()
            await self._arrived.wait()
        received = [self._waiting.popleft()]
        size = len(received[0].body)
        while self._waiting and len(received) < max_commands:
            size += len(self._waiting[0].body)
            if size > max_bytes or received[0].is_suspect is not self._waiting[0].is_suspect:
                break
            received.append(self._waiting.popleft())
        return received

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge deliveries. Those of a lost channel are ignored: the broker redelivers them."""
        window = self._window
        if window is None:
            return
        tags = [delivery.origin.delivery_tag for delivery in deliveries if window.owns(delivery.origin)]
        await window.ack(tags)
        if tags and self._throttle.acknowledged(len(tags)):
            self._throttle_released.set()

    async def reject(self, delivery: Delivery) -> None:
        """Let the broker dead-letter a delivery. One of a lost channel is ignored: the broker redelivers it."""
        window = self._window
        if window is not None and window.owns(delivery.origin):
            await window.reject(delivery.origin.delivery_tag)

    async def _consume(self, connection: AbstractConnection) -> None:
        await self._declaration.declare(connection)
        prefetch = 1 if self._throttle.is_active else self._prefetch
        subscription = await Subscription.open(connection, self._topology, self._on_delivery, prefetch=prefetch)
        self._subscription, self._window = subscription, AckWindow(subscription.channel)
        # Deliveries of the lost channel can no longer be acknowledged: the broker redelivers them.
        self._waiting.clear()
        self._throttle_released.clear()
        self._throttle.connected()
        await subscription.consume(self._replica)
        self._is_consuming = self._is_open = True
        self._reason = None
        losing = asyncio.ensure_future(subscription.lost())
        try:
            await race(losing, self._throttle_released.wait(), self._stopping.wait())
            self._is_consuming = False
            if not self._stopping.is_set():
                raise ConnectionError(losing.result() if losing.done() else _RELEASED)
            await self._drain(subscription.channel)
        finally:
            self._is_consuming = self._is_open = False
            losing.cancel()

    async def _drain(self, channel: Channel) -> None:
        """Keep the connection open for the last acknowledgements.

        The consumer is not cancelled: deliveries in transit to a cancelled consumer are requeued in another order.
        """
        self._waiting.clear()
        await race(self._closing.wait(), channel.closing)

    def _lost(self, reason: str) -> None:
        self._reason = reason

    def _on_delivery(self, message: DeliveredMessage) -> None:
        # Only queue the delivery: the channel reads nothing in the meantime.
        if not self._stopping.is_set():
            delivery = envelopes.delivery(message, self._topology)
            if self._window is not None and message.delivery_tag is not None:
                self._window.delivered(message.delivery_tag, delivery.id)
            self._waiting.append(delivery)
            self._arrived.set()
