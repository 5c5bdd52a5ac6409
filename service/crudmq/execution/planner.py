"""Plans commands: finds the action and the resource, and runs all checks that need no database."""

from collections.abc import Callable, Sequence
from typing import Any

from crudmq.contract import command
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Invalid, UnknownAction, UnknownResource, shorten
from crudmq.execution.actions import create, delete, transaction, update, upsert
from crudmq.execution.actions.call import Call
from crudmq.execution.actions.count import Count
from crudmq.execution.actions.get import Get
from crudmq.execution.actions.list import List
from crudmq.execution.actions.plan import Plan
from crudmq.execution.query.order import Cursors
from crudmq.resources.registry import Registry
from crudmq.resources.resource import Resource


class Planner:
    """Checks commands against the exposed resources and the limits."""

    def __init__(self, resources: Registry, limits: Limits, cursors: Cursors) -> None:
        """Set the exposed resources, the limits, and what reads and writes cursors."""
        self._resources = resources
        self._limits = limits
        self._cursors = cursors

    def plan(self, message: dict[str, Any]) -> Plan:
        """Check a command.

        :raises CommandError: the command is not valid; the details list all errors
        """
        name, action = message.get("resource"), message.get("action")
        if isinstance(name, str) and isinstance(action, str):
            # The fields of an action that is not offered need no check.
            self._check_offered(name, action)
        try:
            parsed = command.parse(message)
        except Invalid as error:
            raise Invalid(error.message, [*error.details, *self._further_faults(message, error.details)]) from None
        return self._plan(parsed)

    def _further_faults(self, message: dict[str, Any], faults: Sequence[Detail]) -> list[Detail]:
        """Return the faults of the well-formed fields."""
        remaining = command.rest(message, faults)
        if remaining is None:
            return []
        try:
            self._plan(remaining)
        except Invalid as error:
            # A field that was left out for its faults is not missing.
            faulty = command.fields_of(faults)
            return [fault for fault in error.details if fault.path.partition(".")[0] not in faulty]
        return []

    def _plan(self, parsed: command.AnyCommand) -> Plan:
        match parsed:
            case command.Call():
                return Call.plan(parsed, self._resources, self._limits)
            case command.List():
                return List.plan(parsed, self._resource(parsed.resource), self._limits, self._cursors)
            case command.Transaction():
                return transaction.plan(parsed, self.plan, self._limits)
            case _:
                return _PLANS[type(parsed)](parsed, self._resource(parsed.resource), self._limits)

    def is_read_only_call(self, message: dict[str, Any]) -> bool:
        """Whether a message, well-formed or not, calls a statement that changes nothing."""
        name = message.get("name")
        if message.get("action") != "call" or not isinstance(name, str):
            return False
        statement = self._resources.statement(name)
        return statement is not None and not statement.writes

    def _check_offered(self, name: str, action: str) -> None:
        if action in command.ACTIONS:
            resource = self._resource(name)
            if action not in resource.actions:
                raise UnknownAction(f"{resource.name} does not offer {action}")

    def _resource(self, name: str) -> Resource:
        resource = self._resources.get(name)
        if resource is None:
            fault = Detail("resource", "is not exposed")
            raise UnknownResource(f"the resource {shorten(name)} does not exist", [fault])
        return resource


_PLANS: dict[type[command.OnResource], Callable[[Any, Resource, Limits], Plan]] = {
    command.Create: create.plan,
    command.Get: Get.plan,
    command.CountRows: Count.plan,
    command.Update: update.plan,
    command.Upsert: upsert.plan,
    command.Delete: delete.plan,
}
