"""From a delivery to an attempt: everything that can be judged without the database."""

from typing import Any

from service.contract import codec, command
from service.contract.delivery import Delivery
from service.contract.errors import (
    CommandError,
    Detail,
    Malformed,
    UnknownAction,
    UnknownResource,
)
from service.contract.path import shorten
from service.contract.result import Subject
from service.execution.actions.create import Create
from service.execution.actions.delete import Delete
from service.execution.actions.get import Get
from service.execution.actions.list import List
from service.execution.actions.plan import Limits
from service.execution.actions.update import Update
from service.execution.attempt import Attempt
from service.resources.registry import Registry
from service.resources.resource import Resource


class Intake:
    """Decodes and checks commands."""

    def __init__(self, resources: Registry, limits: Limits) -> None:
        """Take what is exposed, and how much a command may ask for."""
        self._resources = resources
        self._limits = limits

    def take(self, delivery: Delivery) -> Attempt:
        """Make an attempt of a delivery. What is wrong with it is its `error`: nothing is raised."""
        attempt = Attempt(delivery, Subject(delivery.message_id))
        try:
            delivery.check_properties()
            message = codec.decode(delivery.body, max_bytes=self._limits.max_bytes)
            attempt.subject = _subject(delivery, message)
            self._plan(attempt, message)
        except CommandError as error:
            attempt.error = error
        return attempt

    def _plan(self, attempt: Attempt, message: dict[str, Any]) -> None:
        if attempt.is_read and not attempt.delivery.reply_to:
            raise Malformed("a read without reply_to has nobody to answer")
        attempt.delivery.check_deadline()
        wanted, resource = self._resolve(message)
        match wanted:
            case command.Create():
                attempt.plan = Create.plan(wanted, resource)
            case command.Get():
                attempt.plan = Get.plan(wanted, resource)
            case command.List():
                attempt.query = List.plan(wanted, resource, self._limits)
            case command.Update():
                attempt.plan = Update.plan(wanted, resource)
            case command.Delete():
                attempt.plan = Delete.plan(wanted, resource)

    def _resolve(self, message: dict[str, Any]) -> tuple[command.AnyCommand, Resource]:
        name, action = message.get("resource"), message.get("action")
        if isinstance(name, str) and isinstance(action, str):
            # Of what is not offered no field needs to be told right from wrong.
            self._check_offered(name, action)
        wanted = command.parse(message)
        return wanted, self._resource(wanted.resource)

    def _check_offered(self, name: str, action: str) -> None:
        resource = self._resource(name)
        if action in command.ACTIONS and action not in resource.actions:
            raise UnknownAction(f"{resource.name} does not offer {action}")

    def _resource(self, name: str) -> Resource:
        resource = self._resources.get(name)
        if resource is None:
            fault = Detail("resource", "is not exposed")
            raise UnknownResource(f"there is no resource {shorten(name)}", [fault])
        return resource


def _subject(delivery: Delivery, message: dict[str, Any]) -> Subject:
    resource, action = message.get("resource"), message.get("action")
    return Subject(
        delivery.message_id,
        shorten(resource) if isinstance(resource, str) else None,
        shorten(action) if isinstance(action, str) else None,
    )
