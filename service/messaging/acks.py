"""Acknowledging: one frame for a whole run of deliveries, where they finished in order."""

from collections.abc import Iterable

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp import frame
from pamqp.commands import Basic

from service.messaging.writing import write


class AckWindow:
    """The deliveries of one channel: which are finished, and up to where all of them are."""

    def __init__(self, channel: Channel) -> None:
        """Take a channel that has just been opened: its tags begin at 1."""
        self._channel = channel
        self._reached = 0
        self._beyond: set[int] = set()

    def brought(self, message: DeliveredMessage) -> bool:
        """Tell whether a message came through this channel: it can be acknowledged on no other."""
        return message.channel is self._channel

    async def finish(self, tags: Iterable[int]) -> None:
        """Acknowledge deliveries; on a channel that is closed do nothing, the broker delivers them again.

        Does not wait for the broker.
        """
        if self._channel.is_closed:
            return
        finished = set(tags)
        reached = self._advance(finished)
        acks = [] if reached is None else [Basic.Ack(reached, multiple=True)]
        # One before them is still under way; waiting for that would use the prefetch up.
        beyond = sorted(tag for tag in finished if tag > self._reached)
        acks += [Basic.Ack(tag) for tag in beyond]
        self._beyond.update(beyond)
        if acks:
            await write(self._channel, b"".join(frame.marshal(ack, self._channel.number) for ack in acks))

    def _advance(self, finished: set[int]) -> int | None:
        """Move up over all that is finished, and give the last tag that was not acknowledged by itself."""
        last = None
        while (following := self._reached + 1) in finished or following in self._beyond:
            if following in finished:
                last = following
            self._beyond.discard(following)
            self._reached = following
        return last
