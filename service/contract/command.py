"""What a command may say: one model for each action, unknown fields refused.

What needs the mapping (the rows' fields, keys, filters) stays as it came and is checked against the resource.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.contract.errors import CommandError, Detail, Invalid, Malformed, UnknownAction
from service.contract.path import at, shorten

Natural = Annotated[int, Field(ge=0)]


class Absent:
    """Stands for a field that the message does not have, where null would be a value."""


ABSENT = Absent()


class Command(BaseModel):
    """A request to change or to read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    writes: ClassVar[bool] = True
    action: str


class Write(Command):
    """What all requests to change have in common."""

    dry_run: bool = False


class RowsWrite(Write):
    """A request to change rows of a resource."""

    resource: str
    returns: Literal["row", "key", "none"] = Field(default="row", alias="return")


class Create(RowsWrite):
    """Insert a row, or rows: all or nothing."""

    action: Literal["create"]
    data: Any


class Update(RowsWrite):
    """Change the row that has the key, the rows that match, or several rows each in its own way."""

    action: Literal["update"]
    key: Any = ABSENT
    where: Any = ABSENT
    data: Any
    if_version: int | None = None
    max_rows: Natural | None = None


class Upsert(RowsWrite):
    """Change the rows that have the values of a unique key, insert those that there are not."""

    action: Literal["upsert"]
    data: Any
    on: list[str] | None = None


class Delete(RowsWrite):
    """Remove the row that has the key, or the rows that match."""

    action: Literal["delete"]
    key: Any = ABSENT
    where: Any = ABSENT
    if_version: int | None = None
    max_rows: Natural | None = None


class Get(Command):
    """Read the row that has the key, or the one that matches."""

    writes = False
    action: Literal["get"]
    resource: str
    key: Any = ABSENT
    where: Any = ABSENT
    fields: list[str] | None = None
    include: Any = None


class List(Command):
    """Read the rows that match, a page of them."""

    writes = False
    action: Literal["list"]
    resource: str
    where: Any = {}
    order: list[str] = []
    limit: Natural | None = None
    after: str | None = None
    offset: Annotated[Natural, Field(lt=2**63)] | None = None
    fields: list[str] | None = None
    include: Any = None
    count: bool = False


class CountRows(Command):
    """Count the rows that match, all or by groups."""

    writes = False
    action: Literal["count"]
    resource: str
    where: Any = {}
    by: list[str] | None = None


class Call(Write):
    """Run a statement that the operator registered."""

    action: Literal["call"]
    name: str
    params: dict[str, Any] = {}


class Transaction(Write):
    """Run several commands, all or nothing."""

    action: Literal["transaction"]
    commands: list[Any]


OnResource = Create | Update | Upsert | Delete | Get | List | CountRows
AnyCommand = OnResource | Call | Transaction
_MODELS: dict[str, type[AnyCommand]] = {
    "create": Create,
    "get": Get,
    "list": List,
    "count": CountRows,
    "update": Update,
    "upsert": Upsert,
    "delete": Delete,
    "call": Call,
    "transaction": Transaction,
}
_VALIDATORS = {action: TypeAdapter(model).validator for action, model in _MODELS.items()}
_FIELDS = {
    action: frozenset(field.alias or name for name, field in model.model_fields.items())
    for action, model in _MODELS.items()
}
READS = frozenset(action for action, model in _MODELS.items() if not model.writes)
WRITES = frozenset(_MODELS) - READS
ACTIONS = tuple(action for action in _MODELS if "resource" in _FIELDS[action])
"""The actions that a resource may offer."""


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
