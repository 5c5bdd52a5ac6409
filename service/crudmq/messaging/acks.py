"""Acknowledgement of deliveries: one frame for all that are finished in order."""

from collections.abc import Iterable

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp import frame
from pamqp.commands import Basic

from crudmq.messaging.wire.channel import write


class AckWindow:
    """The deliveries of one channel, and the highest tag up to which all are acknowledged."""

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
            await write(self._channel, b"".join(frame.marshal(ack, self._channel.number) for ack in acks))

    async def reject(self, tag: int) -> None:
        """Let the broker dead-letter a delivery; does nothing on a closed channel."""
        if self._channel.is_closed:
            return
        self._out_of_order.add(tag)
        await write(self._channel, frame.marshal(Basic.Reject(tag, requeue=False), self._channel.number))

    def _advance(self, finished: set[int]) -> int | None:
        """Advance over all finished tags, and return the last one that is not acknowledged yet."""
        last = None
        while (following := self._contiguous + 1) in finished or following in self._out_of_order:
            if following in finished:
                last = following
            self._out_of_order.discard(following)
            self._contiguous = following
        return last
