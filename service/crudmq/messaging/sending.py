"""Messages on their way to the broker: which of them may be sent, and for which of them their publisher waits.

Events are sent in order. A queue that is full may refuse one and accept the next one; therefore, the later events of
its row wait for a refused one. Those that were already sent may overtake it: this is prevented by the strict order, in
which an event is not sent before the earlier ones of its row are confirmed. It costs time for rows that change often.
"""

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from operator import attrgetter

from crudmq.messaging.wire.outgoing import Kind, Outgoing


class State(Enum):
    """Where a message is."""

    WAITING = auto()
    """It waits for earlier events."""
    RELEASED = auto()
    """It is sent on the publisher's link, or will be on the next one."""
    APART = auto()
    """It is sent apart from the others, or after a pause."""
    DONE = auto()
    """It is confirmed, or cannot be delivered."""


@dataclass(slots=True, eq=False)
class Pending:
    """A message of a sending."""

    message: Outgoing
    sending: "Sending"
    state: State = State.WAITING
    number: int = 0
    """Its position among all messages."""
    refusals: int = 0
    """How often a queue has refused it."""
    closes: int = 0
    """How often the broker has closed the link while it was alone on it."""
    failure: str | None = None
    """Why it cannot be delivered."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it is confirmed, or may be dropped."""
        return self.state is State.DONE and self.failure is None

    async def done(self) -> None:
        """Wait until it is confirmed, or cannot be delivered."""
        if self.state is not State.DONE:
            await self.sending.held[self].wait()


class Sending:
    """Messages that are published together."""

    def __init__(self, messages: Sequence[Outgoing]) -> None:
        """Set the messages; none is sent yet."""
        self.pending = [Pending(message, self) for message in messages]
        self.held: dict[Pending, asyncio.Event] = {}
        self.is_complete = True
        """Whether no message is held, or was undeliverable. Defined once the sending is settled."""
        self.settled = asyncio.Event()
        """Set once each message is done or held."""
        self._unsettled = len(self.pending)
        self.unfinished = self._unsettled
        """The number of messages that are not done."""

    def hold(self, pending: Pending) -> None:
        """Do not wait for a message any longer. May be repeated."""
        if pending not in self.held:
            self.held[pending] = asyncio.Event()
            self.is_complete = False
            self._settle()

    def finish(self, pending: Pending, failure: str | None) -> None:
        """Record that a message is confirmed, or why it cannot be delivered."""
        pending.state = State.DONE
        self.unfinished -= 1
        if failure is not None:
            pending.failure = failure
            self.is_complete = False
        if pending in self.held:
            self.held[pending].set()
        else:
            self._settle()

    def _settle(self) -> None:
        self._unsettled -= 1
        if not self._unsettled:
            self.settled.set()


@dataclass(slots=True)
class EventOrder:
    """The order in which events are sent. Other messages need not wait."""

    _waiting: deque[Pending] = field(default_factory=deque)
    _first: dict[str, Pending] = field(default_factory=dict)
    """The event of each row for which the later ones wait: it is apart, or was released in the strict order."""
    _held: dict[str, deque[Pending]] = field(default_factory=dict)
    """The later events of rows whose first one is apart, in their order."""
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, pending: Pending) -> None:
        """Add a message after all others."""
        pending.number = next(self._numbers)
        if pending.message.kind is Kind.EVENT:
            self._waiting.append(pending)
        else:
            pending.state = State.RELEASED

    def release(self, *, strict: bool) -> list[Pending]:
        """Return the events that may be sent now; in the strict order, up to one whose row has an unconfirmed one.

        An event whose row has one that is apart is held, and the others need not wait for it.
        """
        released = []
        while self._waiting:
            pending = self._waiting[0]
            first = self._first.get(pending.message.row or "")
            if first is None:
                released.append(self._release(pending, strict=strict))
            elif strict and first.state is not State.APART:
                break
            else:
                self._hold(pending)
            self._waiting.popleft()
        return released

    def set_apart(self, pending: Pending) -> bool:
        """Record that a message is sent apart, so that its publisher does not wait for it any longer.

        :returns: whether it is to be sent; False if it is held, since an earlier event of its row is apart as well
        """
        row = pending.message.row
        if row is not None and self._first.setdefault(row, pending) is not pending:
            self._hold(pending)
            return False
        pending.state = State.APART
        pending.sending.hold(pending)
        return True

    def finish(self, pending: Pending, failure: str | None = None) -> list[Pending]:
        """Record that a message is done, and return the held one that waited for it, if there is one."""
        pending.sending.finish(pending, failure)
        row = pending.message.row
        if row is None or self._first.get(row) is not pending:
            return []
        del self._first[row]
        held = self._held.get(row)
        if held is None:
            return []
        following = self._release(held.popleft(), strict=True)
        if not held:
            del self._held[row]
        return [following]

    def _hold(self, pending: Pending) -> None:
        pending.state = State.WAITING
        held = self._held.setdefault(pending.message.row or "", deque())
        # An event that was sent before the others were held may be refused after that.
        insort(held, pending, key=attrgetter("number"))
        pending.sending.hold(pending)

    def _release(self, pending: Pending, *, strict: bool) -> Pending:
        pending.state = State.RELEASED
        if strict and pending.message.row is not None:
            self._first[pending.message.row] = pending
        return pending
