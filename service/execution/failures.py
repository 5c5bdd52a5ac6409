"""What becomes of attempts whose transaction failed."""

from collections.abc import Sequence

import structlog

from service.contract.errors import Unavailable
from service.execution.attempt import Attempt
from service.execution.blame import blame
from service.execution.outcome import RETRY_DELAYS, Retry, Settled
from service.storage.errors import Refused, Rejected, TooSlow, Transient

log = structlog.get_logger(__name__)


def guarded(group: Sequence[Attempt], exc: Exception) -> bool:
    """Give those savepoints that can fail half-way and had none; tell whether there are any: the group runs again."""
    if isinstance(exc, Transient) or (isinstance(exc, TooSlow) and len(group) == 1):
        return False
    found = [one for one in group if one.plan is not None and one.plan.is_atomic and not one.is_guarded]
    for attempt in found:
        attempt.is_guarded = True
    return bool(found)


def retried(attempt: Attempt, exc: Exception) -> Settled | None:
    """Have a command wait in the broker, where that may help; None where it may not."""
    delivery = attempt.delivery
    if not isinstance(exc, Transient) or delivery.attempts >= len(RETRY_DELAYS):
        return None
    if delivery.user_id:
        # The broker lets nobody publish in another's name: waiting there, the command would lose its actor.
        return None
    return Settled(delivery, Retry(delivery.attempts + 1), [])


def failed(attempt: Attempt, exc: Exception) -> Attempt:
    """Note that a command cannot be done, and whose fault it is."""
    if isinstance(exc, Transient):
        attempt.fail(Unavailable())
    else:
        if not isinstance(exc, Refused | Rejected | TooSlow):
            log.error("a command failed", message_id=attempt.delivery.id, exc_info=exc)
        attempt.fail(blame(exc, None if attempt.plan is None else attempt.plan.target))
    return attempt
