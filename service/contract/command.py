"""What a command may say: one model for each action, unknown fields refused.

What needs the mapping (the rows' fields, keys, filters) stays as it came and is checked against the resource.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    """Name the fields that commands of an action may have; none where there is no such action."""
    return _FIELDS.get(action, frozenset())
