"""From a decoded body to a command: every fault of its shape is told at once."""

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.contract.command import MODELS, AnyCommand, field_names
from service.contract.errors import CommandError, Detail, Invalid, Malformed, UnknownAction
from service.contract.path import at, shorten

_VALIDATORS = {action: TypeAdapter(model).validator for action, model in MODELS.items()}


def parse(message: dict[str, Any]) -> AnyCommand:
    """Make a command of a decoded body.

    :raises Malformed: no `action`
    :raises UnknownAction: an `action` that there is not
    :raises Invalid: a field is missing, unknown or of the wrong shape; every fault is in its details
    """
    action = message.get("action")
    if not isinstance(action, str):
        raise Malformed("the command has no action")
    validator = _VALIDATORS.get(action)
    if validator is None:
        raise UnknownAction(f"there is no action {shorten(action)}")
    known = field_names(action)
    faults = [Detail(at("", name), f"is not a field of {action}") for name in message if name not in known]
    try:
        # Names that are no UTF-8 confuse the validator: it only sees those that it knows.
        command: AnyCommand = validator.validate_python(
            {name: message[name] for name in message if name in known} if faults else message
        )
    except ValidationError as exc:
        raise Invalid("the command is not valid", [*faults, *_details(exc)]) from None
    if faults:
        raise Invalid("the command is not valid", faults)
    return command


def rest(message: dict[str, Any], faults: Iterable[Detail]) -> AnyCommand | None:
    """Make a command of what is left without the faulty fields, to look for more; None where too little is left."""
    faulty = {fault.path.partition(".")[0] for fault in faults}
    left = {name: value for name, value in message.items() if at("", name) not in faulty}
    try:
        return parse(left)
    except CommandError:
        return None


def _details(exc: ValidationError) -> list[Detail]:
    found = []
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        path = ""
        for step in error["loc"]:
            path = at(path, step)
        found.append(Detail(path, "is required" if error["type"] == "missing" else error["msg"]))
    return found
