"""Which constraint a database says was violated, as far as it says it."""

import re
from dataclasses import dataclass

_KINDS = {
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_CHECK": "check",
}
_POSTGRES_KEY = re.compile(r"^Key \((?P<columns>[^)]*)\)=")
_SQLITE_MESSAGE = re.compile(r"constraint failed: (?P<what>.+)$")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint as the database named it."""

    kind: str
    """`unique`, `foreign_key`, `check`, `not_null`, `exclusion` or `constraint`."""
    table: str | None = None
    name: str | None = None
    columns: tuple[str, ...] = ()


def violated(error: BaseException | None) -> Constraint:
    """Read a driver's error about a constraint."""
    sqlite_name = getattr(error, "sqlite_errorname", None)
    if sqlite_name is not None:
        return _sqlite(sqlite_name, str(error))
    cause = getattr(error, "__cause__", None) or error
    columns = _POSTGRES_KEY.match(getattr(cause, "detail", None) or "")
    column = getattr(cause, "column_name", None)
    return Constraint(
        _KINDS.get(getattr(error, "sqlstate", ""), "constraint"),
        getattr(cause, "table_name", None),
        getattr(cause, "constraint_name", None),
        tuple(columns["columns"].split(", ")) if columns else (column,) if column else (),
    )


def _sqlite(name: str, message: str) -> Constraint:
    kind = _KINDS.get(name, "constraint")
    found = _SQLITE_MESSAGE.search(message)
    if found is None:
        return Constraint(kind)
    if kind == "check":
        return Constraint(kind, name=found["what"])
    places = [place.partition(".") for place in found["what"].split(", ")]
    return Constraint(kind, places[0][0], columns=tuple(column for _, _, column in places))
