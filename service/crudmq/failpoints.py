"""Named points in the life of a command at which tests inject faults. They do nothing unless a handler is set."""

import inspect
from collections.abc import Awaitable, Callable
from enum import StrEnum

Handler = Callable[[object], Awaitable[None] | None]
"""Called with the point's subject. It may be a plain or an async function, and may raise, wait or exit the process."""


class Failpoint(StrEnum):
    """A point that the service reaches; each documents its subject."""

    RECEIVED = "received"
    """The worker has received deliveries. Subject: the list of `Delivery`."""
    DECODING = "decoding"
    """A delivery is about to be decoded. Subject: the `Delivery`."""
    IN_TRANSACTION = "in_transaction"
    """All statements of a group are executed but not committed. Subject: the `Batch`."""
    COMMITTED = "committed"
    """The transaction is committed, and its messages are not yet published. Subject: the `Batch`."""
    PUBLISHING = "publishing"
    """Messages are about to be sent. Subject: a `crudmq.messaging.wire.publishing.Publication`."""
    CONFIRMED = "confirmed"
    """The broker has confirmed all messages of a batch. Subject: the list of `Delivery` to acknowledge."""


_handlers: dict[Failpoint, Handler] = {}


def set_handler(point: Failpoint, handler: Handler | None) -> None:
    """Set the handler of a point, replacing the current one; None removes it."""
    if handler is None:
        _handlers.pop(point, None)
    else:
        _handlers[point] = handler


async def reach(point: Failpoint, subject: object = None) -> None:
    """Call the point's handler, if it has one, and wait for it. Raises what the handler raises."""
    handler = _handlers.get(point)
    if handler is None:
        return
    pending = handler(subject)
    if inspect.isawaitable(pending):
        await pending
