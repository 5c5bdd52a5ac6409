"""What a command may say: one model for each action, unknown fields refused.

What needs the mapping (the rows' fields, keys, filters) stays as it came and is checked against the resource.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.contract.errors import Detail, Invalid, Malformed, UnknownAction
from service.contract.path import at, shorten


class Command(BaseModel):
    """A request to change or to read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    writes: ClassVar[bool] = True
    resource: str
    action: str


class Create(Command):
    """Insert a row, or rows: all or nothing."""

    action: Literal["create"]
    data: Any


class Get(Command):
    """Read the row that has the key."""

    writes = False
    action: Literal["get"]
    key: Any


class List(Command):
    """Read the rows that match, a page of them."""

    writes = False
    action: Literal["list"]
    where: Any = None
    order: list[str] = []
    limit: Annotated[int, Field(ge=0)] | None = None
    offset: Annotated[int, Field(ge=0, lt=2**63)] = 0


class Update(Command):
    """Change the row that has the key."""

    action: Literal["update"]
    key: Any
    data: Any
    if_version: int | None = None


class Delete(Command):
    """Remove the row that has the key."""

    action: Literal["delete"]
    key: Any
    if_version: int | None = None


AnyCommand = Create | Get | List | Update | Delete
_MODELS: dict[str, type[AnyCommand]] = {
    "create": Create,
    "get": Get,
    "list": List,
    "update": Update,
    "delete": Delete,
}
_VALIDATORS = {action: TypeAdapter(model).validator for action, model in _MODELS.items()}
_FIELDS = {action: frozenset(model.model_fields) for action, model in _MODELS.items()}
ACTIONS = tuple(_MODELS)
READS = frozenset(action for action, model in _MODELS.items() if not model.writes)
WRITES = frozenset(_MODELS) - READS


def field_names(action: str) -> frozenset[str]:
    """Name the fields that commands of an action may have; none where there is no such action."""
    return _FIELDS.get(action, frozenset())


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
    known = _FIELDS[action]
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


def _details(exc: ValidationError) -> list[Detail]:
    found = []
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        path = ""
        for step in error["loc"]:
            path = at(path, step)
        found.append(Detail(path, "is required" if error["type"] == "missing" else error["msg"]))
    return found
