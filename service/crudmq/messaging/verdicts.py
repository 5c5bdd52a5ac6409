"""What follows when a message was sent. Pure functions."""

from enum import Enum, auto

from aiormq import exceptions

from crudmq.messaging.connection import describe
from crudmq.messaging.sending import Pending
from crudmq.messaging.topology import is_direct_reply
from crudmq.messaging.wire.outgoing import Kind
from crudmq.messaging.wire.publishing import (
    PublishingError,
    RefusedError,
    UnconfirmedError,
    UnencodableError,
    UnroutableError,
)

_MAX_REFUSALS = 5
_MAX_CLOSES = 2
_CONTENT_TOO_LARGE = 311
_BLAMES_A_MESSAGE = (
    exceptions.ChannelAccessRefused,
    exceptions.ChannelLockedResource,
    exceptions.ChannelPreconditionFailed,
    exceptions.ConnectionCommandInvalid,
    exceptions.ConnectionFrameError,
    exceptions.ConnectionInternalError,
    exceptions.ConnectionNotAllowed,
    exceptions.ConnectionNotImplemented,
    exceptions.ConnectionSyntaxError,
    exceptions.ConnectionUnexpectedFrame,
)
"""Not the broker's shutdown or its lack of resources, nor an exchange that is declared again."""


class Verdict(Enum):
    """What follows for a message that is not confirmed."""

    UNDELIVERABLE = auto()
    """Sending it again would fail again."""
    UNROUTABLE = auto()
    """A queue of the service is missing. It is sent again once the queue is declared."""
    RETRY = auto()
    """A reply queue is full. The result is sent again soon, a few times."""
    HOLD = auto()
    """The broker refuses it for now. It is sent again later, apart from all others."""
    SUSPECT = auto()
    """The broker closed the link because of one of several messages. They are sent apart from all others."""
    UNCONFIRMED = auto()
    """Unknown whether it has arrived, for no fault of its own. It is sent again."""


def judge(pending: Pending, error: PublishingError, *, is_alone: bool) -> Verdict:
    """Return what follows for a message that is not confirmed.

    :param is_alone: whether it was the only message on its link
    """
    is_result = pending.message.kind is Kind.RESULT
    match error:
        case UnencodableError():
            return Verdict.UNDELIVERABLE
        case UnroutableError():
            return Verdict.UNDELIVERABLE if is_result else Verdict.UNROUTABLE
        case RefusedError() if is_result:
            return Verdict.RETRY if pending.refusals < _MAX_REFUSALS else Verdict.UNDELIVERABLE
        case RefusedError():
            return Verdict.HOLD
        case UnconfirmedError(__cause__=exceptions.AMQPError() as reason) if blames_a_message(reason):
            return _judge_close(pending, reason) if is_alone else Verdict.SUSPECT
    return Verdict.UNCONFIRMED


def blames_a_message(reason: BaseException | None) -> bool:
    """Whether the broker closed a link because of a message that was published on it."""
    is_too_large = type(reason) is exceptions.ChannelClosed and reason.args[:1] == (_CONTENT_TOO_LARGE,)
    return is_too_large or isinstance(reason, _BLAMES_A_MESSAGE)


def explain(error: PublishingError) -> str:
    """Return why a message is not confirmed, in the broker's words if it closed the link."""
    return describe(error.__cause__) if error.__cause__ else str(error)


def _judge_close(pending: Pending, reason: exceptions.AMQPError) -> Verdict:
    """Return what follows for a message that was alone on its link when the broker closed it."""
    message = pending.message
    if message.kind is Kind.RESULT:
        # A channel error names the message. A connection error may be the broker's own, except for such addresses.
        is_certain = isinstance(reason, exceptions.ChannelClosed) or is_direct_reply(message.routing_key)
        is_final = is_certain or pending.closes >= _MAX_CLOSES
    else:
        # Permissions concern all messages of an exchange, and can be granted again.
        is_final = not isinstance(reason, exceptions.ChannelAccessRefused) and pending.closes >= _MAX_CLOSES
    return Verdict.UNDELIVERABLE if is_final else Verdict.HOLD
