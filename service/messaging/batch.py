"""Publishing many messages with one write, a step below the client's own `basic_publish`.

That gives each message a write, a lock, a timer and a future of its own, measured as a third of all that the service
does for a command. Here they share them; each still has its own confirmation.
"""

import asyncio
from collections.abc import Sequence

from aiormq.channel import Channel

from service.messaging import encoding
from service.messaging.amqp import UNENCODABLE, Outgoing
from service.messaging.writing import write


class UnencodableError(Exception):
    """A message that AMQP cannot carry: sending it again would not help."""


class _Confirmations:
    """How the messages of a batch end, and the moment when all have."""

    def __init__(self, messages: int) -> None:
        self.ends: list[BaseException | None] = [None] * messages
        self.all = asyncio.get_running_loop().create_future()
        self.left = 0

    def settle(self, position: int, end: BaseException | None) -> None:
        self.ends[position] = end
        self.left -= 1
        if not self.left and not self.all.done():
            self.all.set_result(None)


class _Confirmation:
    """What the client takes for a message's future: a hundred real ones cost more than all the rest of a batch."""

    __slots__ = ("_all", "_is_done", "_position")

    def __init__(self, confirmations: _Confirmations, position: int) -> None:
        self._all = confirmations
        self._position = position
        self._is_done = False

    def done(self) -> bool:
        return self._is_done

    def cancelled(self) -> bool:
        return False

    def set_result(self, _confirmed: object) -> None:
        self._settle(None)

    def set_exception(self, refused: BaseException) -> None:
        self._settle(refused)

    def _settle(self, end: BaseException | None) -> None:
        self._is_done = True
        self._all.settle(self._position, end)


async def publish(channel: Channel, messages: Sequence[Outgoing]) -> list[BaseException | None]:
    """Publish messages in order and wait for their confirmations; say for each what went wrong, None for nothing.

    Waits without end, also where the channel is closed meanwhile: that, and how long it may take, is the caller's to
    watch.

    :raises Exception: nothing of it may have been sent, or all; the channel is of no more use
    """
    found = _Confirmations(len(messages))
    encoded: list[tuple[int, Outgoing, bytes]] = []
    for position, message in enumerate(messages):
        try:
            encoded.append((position, message, _encode(channel, message)))
        except UNENCODABLE as exc:
            found.ends[position] = UnencodableError(f"{type(exc).__name__}: {exc}")
    found.left = len(encoded)
    async with channel.lock:
        expected = [_expect(channel, message, _Confirmation(found, position)) for position, message, _ in encoded]
        if encoded:
            await write(channel, b"".join(payload for *_, payload in encoded))
    try:
        if encoded:
            await found.all
    finally:
        for message_id in expected:
            channel.message_id_delivery_tag.pop(message_id, None)
    return found.ends


def _encode(channel: Channel, message: Outgoing) -> bytes:
    return encoding.message(
        message.exchange,
        message.routing_key,
        message.properties,
        message.body,
        mandatory=message.mandatory,
        number=channel.number,
        size=channel.max_content_size,
    )


def _expect(channel: Channel, message: Outgoing, confirmation: _Confirmation) -> str:
    """Expect a confirmation. The channel is locked: the broker counts as we do."""
    channel.delivery_tag += 1
    channel.confirmations[channel.delivery_tag] = confirmation  # type: ignore[assignment]  # as good as a future
    message_id = message.properties.message_id
    if not message.mandatory or message_id is None:
        return ""
    # A message that comes back is known by its id, until its confirmation is there.
    channel.message_id_delivery_tag[message_id] = channel.delivery_tag
    return message_id
