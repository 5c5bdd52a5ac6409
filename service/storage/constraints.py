"""Which constraint a database says was violated, as far as it says it."""

import re
from dataclasses import dataclass

from service.storage.codes import code

_KINDS: dict[str | int, str] = {
    "23001": "foreign_key",
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_CHECK": "check",
    1048: "not_null",
    1062: "unique",
    1216: "foreign_key",
    1217: "foreign_key",
    1364: "not_null",
    1451: "foreign_key",
    1452: "foreign_key",
    1557: "unique",
    1586: "unique",
    1761: "unique",
    1762: "unique",
    3819: "check",
    4025: "check",
}
_CLASSES = ("23", "SQLITE_CONSTRAINT")

_WRITTEN = re.compile(r"\s*(?P<verb>INSERT INTO|UPDATE|DELETE FROM)\s+(?:[`\"]?\w+[`\"]?\.)?[`\"]?(?P<table>\w+)")
_POSTGRES_KEY = re.compile(r"^Key \((?P<columns>[^)]*)\)=")
_SQLITE_MESSAGE = re.compile(r"constraint failed: (?:index '(?P<index>.*)'|(?P<what>.+))$")
# https://mariadb.com/kb/en/mariadb-error-codes and https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_MYSQL_MESSAGES = (
    re.compile(r"for key '(?:(?P<table>[^'.]+)\.)?(?P<name>[^']+)'$"),
    re.compile(r"\(`[^`]+`\.`(?P<table>[^`]+)`, CONSTRAINT `(?P<name>[^`]+)` FOREIGN KEY \((?P<columns>[^)]*)\)"),
    re.compile(r"^CONSTRAINT `(?:[^`]+\.)?(?P<name>[^`.]+)` failed for `[^`]+`\.`(?P<table>[^`]+)`"),
    re.compile(r"^Check constraint '(?P<name>[^']+)' is violated"),
    re.compile(r"^(?:Column|Field) '(?P<columns>[^']+)'"),
)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint, as a database calls it, or as the mapping does."""

    kind: str
    """`unique`, `foreign_key`, `check`, `not_null`, `exclusion` or `constraint`."""
    table: str | None = None
    """The table that has the constraint: for a foreign key, the one that refers."""
    name: str | None = None
    columns: tuple[str, ...] = ()


def violated(error: BaseException | None, statement: str | None = None) -> Constraint | None:
    """Read what a driver says of a constraint; None where it speaks of something else.

    :param statement: what was executed: some databases take for granted that its table is known
    """
    found = code(error)
    if isinstance(found, int):
        return _mysql(_KINDS[found], error, statement) if found in _KINDS else None
    if found is None or not found.startswith(_CLASSES):
        return None
    kind = _KINDS.get(found, "constraint")
    return _sqlite(kind, error, statement) if found.startswith("SQLITE") else _postgresql(kind, error)


def _postgresql(kind: str, error: BaseException | None) -> Constraint:
    cause = getattr(error, "__cause__", None) or error
    table, name = getattr(cause, "table_name", None), getattr(cause, "constraint_name", None)
    column = getattr(cause, "column_name", None)
    if column:
        return Constraint(kind, table, name, (column,))
    key = _POSTGRES_KEY.match(getattr(cause, "detail", None) or "")
    # Of a row that is still referred to, it says the referred columns and not those of the constraint.
    columns = key["columns"] if key and not _is_referred(cause) else ""
    return Constraint(kind, table, name, _names(columns))


def _is_referred(cause: BaseException | None) -> bool:
    return "is still referenced from table" in (getattr(cause, "detail", None) or "")


def _sqlite(kind: str, error: BaseException | None, statement: str | None) -> Constraint:
    verb, table = _written(statement)
    found = _SQLITE_MESSAGE.search(str(error))
    if kind == "foreign_key":
        # A row that is deleted is referred to, from a table that it does not say.
        return Constraint(kind, None if verb == "DELETE FROM" else table)
    if found is None:
        return Constraint(kind, table)
    if kind == "check" or found["index"]:
        return Constraint(kind, table, found["index"] or found["what"])
    places = [place.partition(".") for place in found["what"].split(", ")]
    return Constraint(kind, places[0][0], columns=tuple(column for _, _, column in places))


def _mysql(kind: str, error: BaseException | None, statement: str | None) -> Constraint:
    message = str(error.args[-1]) if error is not None else ""
    said = next((found.groupdict() for one in _MYSQL_MESSAGES if (found := one.search(message))), {})
    table = said.get("table") or _written(statement)[1]
    return Constraint(kind, table, said.get("name"), _names(said.get("columns") or ""))


def _written(statement: str | None) -> tuple[str | None, str | None]:
    found = _WRITTEN.match(statement or "")
    return (found["verb"], found["table"]) if found else (None, None)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip().strip('`"') for name in listed.split(",")) if listed else ()
