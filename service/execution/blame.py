"""Whose fault a failed transaction of one command is, and how the publisher is told."""

from service.contract.errors import CommandError, Conflict, Detail, Internal, Invalid, Timeout
from service.execution.attempt import Attempt
from service.storage.constraints import Constraint
from service.storage.errors import Refused, Rejected, TooSlow


def blame(exc: Exception, attempt: Attempt) -> CommandError:
    """Translate what ended the transaction of a single command."""
    if isinstance(exc, Refused):
        return _conflict(exc.constraint, attempt)
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


def _conflict(violated: Constraint, attempt: Attempt) -> Conflict:
    facts: dict[str, object] = {}
    if violated.name is not None:
        facts["constraint"] = violated.name
    fields = _fields(violated, attempt)
    if fields:
        facts["fields"] = fields
    reason = _REASONS[violated.kind]
    return Conflict(reason, [Detail("data" if fields else "", reason, {"kind": violated.kind, **facts})])


def _fields(violated: Constraint, attempt: Attempt) -> list[str]:
    resource = None if attempt.plan is None else attempt.plan.resource
    if resource is None or violated.table not in (None, resource.table.name):
        return []
    return [field.name for field in resource.visible if field.column.name in violated.columns]
