"""Commands: one model per action, unknown fields rejected; and their limits.

Fields that depend on the mapping (rows, keys, filters) keep their JSON value; the resource checks them later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from crudmq.contract.errors import (
    MAX_DETAILS,
    CommandError,
    Detail,
    Invalid,
    LimitExceeded,
    Malformed,
    UnknownAction,
    at,
    shorten,
)

Natural = Annotated[int, Field(ge=0)]
MAX_NAMES = 1000
Names = Annotated[list[str], Field(max_length=MAX_NAMES)]
"""Names of fields: more than any table has."""


class Absent:
    """Marks an absent field where null is a valid value."""


ABSENT = Absent()


class Command(BaseModel):
    """A request to read or to write."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    writes: ClassVar[bool] = True
    action: str


class Write(Command):
    """The fields that all writing commands share."""

    dry_run: bool = False


class RowsWrite(Write):
    """A request to write rows of a resource."""

    resource: str
    returns: Literal["row", "key", "none"] = Field(default="row", alias="return")


class Create(RowsWrite):
    """Insert one row or several, all or nothing."""

    action: Literal["create"]
    data: Any


class Update(RowsWrite):
    """Update the row with a key, the rows that match a filter, or several rows each with its own changes."""

    action: Literal["update"]
    key: Any = ABSENT
    where: Any = ABSENT
    data: Any
    if_version: int | None = None
    max_rows: Natural | None = None


class Upsert(RowsWrite):
    """Update the rows that exist by a unique key and insert the others."""

    action: Literal["upsert"]
    data: Any
    on: Names | None = None


class Delete(RowsWrite):
    """Delete the row with a key, or the rows that match a filter."""

    action: Literal["delete"]
    key: Any = ABSENT
    where: Any = ABSENT
    if_version: int | None = None
    max_rows: Natural | None = None


class Get(Command):
    """Read the row with a key, or the only row that matches a filter."""

    writes = False
    action: Literal["get"]
    resource: str
    key: Any = ABSENT
    where: Any = ABSENT
    fields: Names | None = None
    include: Any = None


class List(Command):
    """Read a page of the rows that match a filter."""

    writes = False
    action: Literal["list"]
    resource: str
    where: Any = {}
    order: Names = []
    limit: Natural | None = None
    after: str | None = None
    offset: Annotated[Natural, Field(lt=2**63)] | None = None
    fields: Names | None = None
    include: Any = None
    count: bool = False


class CountRows(Command):
    """Count the rows that match a filter, in total or by group."""

    writes = False
    action: Literal["count"]
    resource: str
    where: Any = {}
    by: Names | None = None


class Call(Write):
    """Run a registered statement."""

    action: Literal["call"]
    name: str
    params: dict[str, Any] = {}


class Transaction(Write):
    """Run several commands in one transaction, all or nothing."""

    action: Literal["transaction"]
    commands: list[Any]


OnResource = Create | Update | Upsert | Delete | Get | List | CountRows
AnyCommand = OnResource | Call | Transaction
MODELS: dict[str, type[AnyCommand]] = {
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
_FIELDS = {
    action: frozenset(field.alias or name for name, field in model.model_fields.items())
    for action, model in MODELS.items()
}
READS = frozenset(action for action, model in MODELS.items() if not model.writes)
WRITES = frozenset(MODELS) - READS
ACTIONS = tuple(action for action in MODELS if "resource" in _FIELDS[action])
"""The actions that a resource may offer."""


def field_names(action: str) -> frozenset[str]:
    """Return the names of the fields of an action's commands; none for an unknown action."""
    return _FIELDS.get(action, frozenset())


_VALIDATORS = {action: TypeAdapter(model).validator for action, model in MODELS.items()}


def parse(message: dict[str, Any]) -> AnyCommand:
    """Return the command in a decoded body.

    :raises Malformed: no `action`, or one that is not a string
    :raises UnknownAction: the `action` does not exist
    :raises Invalid: a field is missing, unknown or has the wrong type; the details list all errors
    :raises LimitExceeded: too many names
    """
    if "action" not in message:
        raise Malformed("the command has no action")
    action = message["action"]
    if not isinstance(action, str):
        raise Malformed("the action is not a string")
    validator = _VALIDATORS.get(action)
    if validator is None:
        raise UnknownAction(f"the action {shorten(action)} does not exist")
    known = field_names(action)
    unknown = islice((name for name in message if name not in known), MAX_DETAILS)
    faults = [Detail(at("", name), f"is not a field of {action}") for name in unknown]
    try:
        # Names that are not valid UTF-8 confuse the validator, so it sees known names only.
        command: AnyCommand = validator.validate_python(
            {name: message[name] for name in message if name in known} if faults else message
        )
    except ValidationError as exc:
        raise invalid(exc, "the command is not valid", faults) from None
    if faults:
        raise Invalid("the command is not valid", faults)
    return command


def rest(message: dict[str, Any], faults: Iterable[Detail]) -> AnyCommand | None:
    """Return the command without its faulty fields, to find further faults; None if that is not a command."""
    faulty = fields_of(faults)
    remaining = {name: value for name, value in message.items() if at("", name) not in faulty}
    try:
        return parse(remaining)
    except CommandError:
        return None


def fields_of(faults: Iterable[Detail]) -> set[str]:
    """Return the fields of the command in which faults were found."""
    return {fault.path.partition(".")[0] for fault in faults}


def invalid(
    exc: ValidationError, message: str, faults: Sequence[Detail] = (), path: str = ""
) -> Invalid | LimitExceeded:
    """Return the errors of a model whose fields are located below `path`, in the words of the contract.

    :param faults: those that were found before
    """
    errors = exc.errors(include_url=False, include_input=False)
    if too_long := [_detail(error, path) for error in errors if error["type"] == "too_long"]:
        return LimitExceeded(f"a list has at most {MAX_NAMES} names", too_long)
    return Invalid(message, [*faults, *(_detail(error, path) for error in errors)])


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not an option",
    "string_type": "is not a string",
    "string_unicode": "contains a lone surrogate",
    "bool_type": "is neither true nor false",
    "int_type": "is not an integer",
    "list_type": "is not an array",
    "dict_type": "is not an object",
    "literal_error": "is not one of {expected}",
    "greater_than_equal": "is less than {ge}",
    "less_than": "is not less than {lt}",
    "too_long": "exceeds the limit of {max_length}",
}


def _detail(error: ErrorDetails, path: str) -> Detail:
    for step in error["loc"]:
        path = at(path, step)
    return Detail(path, _MESSAGES.get(error["type"], "is not valid").format_map(error.get("ctx", {})))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a command, as the settings define them; exceeding one is `limit_exceeded`, before any SQL runs."""

    max_bytes: int = 2**20
    max_result_bytes: int = 2**23
    max_page: int = 1000
    max_include_depth: int = 3
    max_where_depth: int = 8
    max_conditions: int = 100
    max_in: int = 1000
    max_commands: int = 100
    max_rows: int = 1000

    def check_rows(self, rows: int, path: str, links: int = 0) -> None:
        """Check how many rows a command writes, related rows included, and how many links.

        :raises LimitExceeded: too many
        """
        if max(rows, links) > self.max_rows:
            fault = Detail(path, f"exceeds the limit of {self.max_rows}")
            what = "rows" if rows > self.max_rows else "links"
            raise LimitExceeded(f"a command writes at most {self.max_rows} {what}", [fault])

    @property
    def max_related(self) -> int:
        """The number of related rows in one answer: includes multiply rows."""
        return 20 * self.max_page

    @property
    def default_page(self) -> int:
        """The number of rows of a `list` or an `include` without `limit`."""
        return min(100, self.max_page)
