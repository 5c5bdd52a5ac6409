"""Sends messages apart from all others, with nothing else in flight on their link."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from aio_pika.abc import AbstractConnection

from crudmq.aio import Backoff
from crudmq.messaging.connection import CONNECTION_ERRORS, open_confirm_channel, reconnecting, wait_confirmed
from crudmq.messaging.sending import Pending
from crudmq.messaging.wire.publishing import ConfirmChannel, Errors, unconfirmed

_CONFIRM_TIMEOUT = 30

Group = Sequence[Pending]
Settle = Callable[["Lane", Group, Errors], None]
"""Records what became of a group."""


class Lane:
    """A queue of groups of messages, each of which is sent once the broker has answered the one before.

    Has a connection only while there are messages: the broker may close it because of one of them.
    """

    def __init__(self, url: str, name: str, settle: Settle, backoff: Backoff) -> None:
        """Set the broker's address, the name of the connection, and what is called after each group."""
        self._url = url
        self._name = name
        self._settle = settle
        self._backoff = backoff
        self._groups: deque[Group] = deque()
        self._added = asyncio.Event()
        self._must_pause = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no group that has to be sent."""
        return not self._groups

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to send."""
        return not self._added.is_set()

    def add(self, group: Group) -> None:
        """Send a group after those that were added before."""
        self._groups.append(group)
        self._added.set()

    def add_first(self, group: Group) -> None:
        """Send a group before all others but the current one."""
        # The current group stays at the front until it is settled.
        self._groups.insert(1, group)
        self._added.set()

    def put_back(self, group: Group) -> None:
        """Send a group again, after all others and a pause, which grows until a group is done."""
        self._must_pause = True
        self.add(group)

    async def run(self) -> None:
        """Send groups until cancelled."""
        while True:
            await self._added.wait()
            await reconnecting(self._url, self._name, self._use)

    async def _use(self, connection: AbstractConnection) -> None:
        """Send groups until none is left, the broker closes the channel, or one has to be sent again.

        A channel that a full quorum queue has refused is refused ever after if a policy was the cause and is removed
        (RabbitMQ 3.10): the next try is made on a new one.
        """
        channel = await open_confirm_channel(connection)
        while self._groups and not channel.is_closed:
            errors = await _send(connection, channel, self._groups[0])
            self._settle(self, self._groups.popleft(), errors)
            if self._must_pause:
                self._must_pause = False
                await self._backoff.wait()
                break
            self._backoff.reset()
        if not self._groups:
            self._added.clear()


async def _send(connection: AbstractConnection, channel: ConfirmChannel, group: Group) -> Errors:
    sending = asyncio.ensure_future(channel.publish([pending.message for pending in group]))
    try:
        await wait_confirmed(sending, connection, _CONFIRM_TIMEOUT)
        return await sending
    except CONNECTION_ERRORS as exc:
        channel.abandon(exc)
        return [unconfirmed(exc)] * len(group)
    finally:
        sending.cancel()
