"""From a delivery to an attempt: everything that can be judged without the database."""

from typing import Any

from service.contract import codec
from service.contract.delivery import Delivery
from service.contract.errors import CommandError, Malformed
from service.contract.limits import Limits
from service.contract.path import shorten
from service.contract.result import Subject
from service.execution.attempt import Attempt
from service.execution.planner import Planner
from service.resources.registry import Registry


class Intake:
    """Decodes and checks commands."""

    def __init__(self, exposed: Registry, limits: Limits) -> None:
        """Take what is exposed, and how much a command may ask for."""
        self._planner = Planner(exposed, limits)
        self._limits = limits

    def take(self, delivery: Delivery) -> Attempt:
        """Make an attempt of a delivery. What is wrong with it is its `error`: nothing is raised."""
        attempt = Attempt(delivery, Subject(delivery.message_id))
        try:
            delivery.check_properties()
            message = codec.decode(delivery.body, max_bytes=self._limits.max_bytes)
            attempt.subject = _subject(delivery, message)
            attempt.is_reading_call = self._planner.is_reading_call(message)
            if attempt.is_read and not delivery.reply_to:
                raise Malformed("a read without reply_to has nobody to answer")
            delivery.check_deadline()
            attempt.plan = self._planner.plan(message)
        except CommandError as error:
            attempt.error = error
        return attempt


def _subject(delivery: Delivery, message: dict[str, Any]) -> Subject:
    resource, action = message.get("resource"), message.get("action")
    return Subject(
        delivery.message_id,
        shorten(resource) if isinstance(resource, str) else None,
        shorten(action) if isinstance(action, str) else None,
        dry_run=message.get("dry_run") is True,
    )
