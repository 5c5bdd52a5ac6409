"""Whose fault a failed transaction of one command is, and how the publisher is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.contract.errors import CommandError, Conflict, Detail, Internal, Invalid, Timeout
from service.resources.resource import Resource
from service.storage.constraints import Constraint
from service.storage.errors import Refused, Rejected, TooSlow, translated
from service.storage.mapped import mapped


@contextmanager
def blamed(resource: Resource | None) -> Iterator[None]:
    """Raise what the database says of a single command as the command's error; all else passes."""
    try:
        with translated():
            yield
    except (Refused, Rejected, TooSlow) as exc:
        raise blame(exc, resource) from exc


def blame(exc: Exception, resource: Resource | None) -> CommandError:
    """Translate what ended the transaction of a single command."""
    if isinstance(exc, Refused):
        return _conflict(exc.constraint, resource)
    if isinstance(exc, Rejected):
        return Invalid("the database does not take one of the values")
    if isinstance(exc, TooSlow):
        return Timeout("a statement took longer than it may")
    return Internal()


_REASONS = {
    "unique": "another row has this value already",
    "foreign_key": "a row that is referred to does not exist, or this row is still referred to",
    "check": "a value is not allowed by a check",
    "not_null": "a value may not be null",
    "exclusion": "another row excludes this value",
    "constraint": "a constraint does not allow it",
}


def _conflict(violated: Constraint, resource: Resource | None) -> Conflict:
    if resource is not None:
        violated = mapped(violated, resource.table.metadata.tables.values())
    facts: dict[str, object] = {}
    if violated.name is not None:
        facts["constraint"] = violated.name
    fields = _fields(violated, resource)
    if fields:
        facts["fields"] = fields
    reason = _REASONS[violated.kind]
    return Conflict(reason, [Detail("data" if fields else "", reason, {"kind": violated.kind, **facts})])


def _fields(violated: Constraint, resource: Resource | None) -> list[str]:
    if resource is None or violated.table != resource.table.name:
        return []
    return [field.name for field in resource.visible if field.column.name in violated.columns]
