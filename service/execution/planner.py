"""From a decoded message to a plan: the action is found, the resource, and all is checked that needs no database."""

from collections.abc import Callable
from typing import Any

from service.contract import command, parsing
from service.contract.errors import Detail, Invalid, UnknownAction, UnknownResource
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.contract.path import shorten
from service.execution.actions import create, delete, transaction, update, upsert
from service.execution.actions.call import Call
from service.execution.actions.count import Count
from service.execution.actions.get import Get
from service.execution.actions.list import List
from service.execution.actions.plan import Plan
from service.resources.registry import Registry
from service.resources.resource import Resource


class Planner:
    """Checks commands against what is exposed."""

    def __init__(self, exposed: Registry, limits: Limits) -> None:
        """Take what is exposed, and how much a command may ask for."""
        self._exposed = exposed
        self._limits = limits

    def plan(self, message: dict[str, Any]) -> Plan:
        """Check a command.

        :raises CommandError: what is wrong with it
        """
        name, action = message.get("resource"), message.get("action")
        if isinstance(name, str) and isinstance(action, str):
            # Of what is not offered no field needs to be told right from wrong.
            self._check_offered(name, action)
        try:
            wanted = parsing.parse(message)
        except Invalid as error:
            # There may be more that is wrong, in the fields that are well-formed.
            faults = Faults(error.details)
            left = parsing.rest(message, error.details)
            if left is not None:
                with faults.gathered():
                    self._plan(left)
            faults.check()
            raise
        return self._plan(wanted)

    def _plan(self, wanted: command.AnyCommand) -> Plan:
        match wanted:
            case command.Call():
                return Call.plan(wanted, self._exposed, self._limits)
            case command.Transaction():
                return transaction.plan(wanted, self.plan, self._limits)
            case _:
                return _PLANS[type(wanted)](wanted, self._resource(wanted.resource), self._limits)

    def is_reading_call(self, message: dict[str, Any]) -> bool:
        """Tell whether a message calls a statement that changes nothing, be it well-formed or not."""
        name = message.get("name")
        found = self._exposed.statement(name) if message.get("action") == "call" and isinstance(name, str) else None
        return found is not None and not found.writes

    def _check_offered(self, name: str, action: str) -> None:
        if action in command.ACTIONS:
            resource = self._resource(name)
            if action not in resource.actions:
                raise UnknownAction(f"{resource.name} does not offer {action}")

    def _resource(self, name: str) -> Resource:
        resource = self._exposed.get(name)
        if resource is None:
            fault = Detail("resource", "is not exposed")
            raise UnknownResource(f"there is no resource {shorten(name)}", [fault])
        return resource


_PLANS: dict[type[command.OnResource], Callable[[Any, Resource, Limits], Plan]] = {
    command.Create: create.plan,
    command.Get: Get.plan,
    command.List: List.plan,
    command.CountRows: Count.plan,
    command.Update: update.plan,
    command.Upsert: upsert.plan,
    command.Delete: delete.plan,
}
