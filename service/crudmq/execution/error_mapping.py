"""Translation of storage errors into the error that the publisher of a command receives.

A violated constraint becomes a conflict, with the reason and the fields as the publisher knows them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crudmq.contract.errors import (
    CommandError,
    Conflict,
    DatabaseLimitExceeded,
    Detail,
    Internal,
    Invalid,
    Timeout,
    Unavailable,
    shorten,
)
from crudmq.execution.actions.plan import Plan
from crudmq.resources.resource import Resource
from crudmq.storage.constraints import Constraint, as_mapped
from crudmq.storage.errors import (
    ConstraintViolation,
    DatabaseFault,
    DataError,
    OutOfResources,
    ResourceLimitExceeded,
    StatementTimeout,
    Transient,
)
from crudmq.storage.translation import translated


@contextmanager
def raising_command_errors(plan: Plan) -> Iterator[None]:
    """Raise the storage errors that a command has caused as command errors; others pass unchanged.

    :raises CommandError: see `to_command_error`
    """
    try:
        with translated():
            yield
    except (ConstraintViolation, DataError, StatementTimeout, ResourceLimitExceeded) as exc:
        raise to_command_error(exc, plan) from exc


_BY_CLASS: Mapping[type[Exception], tuple[type[CommandError], str | None]] = {
    # The first class that matches counts.
    DataError: (Invalid, "the database rejected a value"),
    StatementTimeout: (Timeout, "a statement exceeded its time limit"),
    ResourceLimitExceeded: (DatabaseLimitExceeded, "the statement exceeds a resource limit of the database"),
    OutOfResources: (Unavailable, "the database lacks resources for this command, see the log of the service"),
    DatabaseFault: (Unavailable, "the database cannot run this command at the moment, see the log of the service"),
    Transient: (Unavailable, None),
}


def to_command_error(exc: Exception, plan: Plan | None) -> CommandError:
    """Return the error of the only command of a failed transaction."""
    if isinstance(exc, ConstraintViolation):
        return _to_conflict(exc.constraint, plan)
    matching = (error for each, error in _BY_CLASS.items() if isinstance(exc, each))
    error, message = next(matching, (Internal, None))
    return error(message)


_REASONS = {
    "unique": "another row already has this value",
    "check": "a value violates a check constraint",
    "not_null": "a value must not be null",
    "exclusion": "the value conflicts with another row",
    "trigger": "a trigger rejects the change",
    "policy": "a row-level security policy rejects the row",
    "constraint": "a constraint is violated",
}
_MAX_MESSAGE = 200
_MISSING = "a referenced row does not exist"
_STILL_REFERENCED = "the row is still referenced"
_EITHER = "a referenced row does not exist, or this row is still referenced"


def _to_conflict(violated: Constraint, plan: Plan | None) -> Conflict:
    """Return the error of the command that violated a constraint."""
    resource = None if plan is None else plan.target
    constraint = violated if resource is None else as_mapped(violated, resource.table.metadata.tables.values())
    facts: dict[str, object] = {}
    if constraint.name is not None and not _concerns_hidden(constraint, resource):
        facts["constraint"] = constraint.name
    fields = _fields(constraint, resource)
    if fields:
        facts["fields"] = fields
    reason = _given(violated) or _REASONS.get(violated.kind) or _foreign_key_reason(violated, constraint, plan)
    return Conflict(reason, [Detail("data" if fields else "", reason, {"kind": violated.kind, **facts})])


def _given(violated: Constraint) -> str:
    """Return the text that a trigger gives the publisher, shortened and printable."""
    return shorten(" ".join((violated.message or "").split()), _MAX_MESSAGE)


def _foreign_key_reason(violated: Constraint, constraint: Constraint, plan: Plan | None) -> str:
    """Return the message for a foreign key; it states the violated side if the action and the constraint determine it.

    :param constraint: the violated constraint, as named in the mapping
    """
    action, resource = (None, None) if plan is None else (plan.action, plan.target)
    if action in ("create", "delete"):
        return _MISSING if action == "create" else _STILL_REFERENCED
    # Without a name or columns, the table is that of the statement: it may be on either side.
    is_known = bool(violated.name or violated.columns)
    if resource is None or action not in ("update", "upsert") or not is_known:
        return _EITHER
    is_own = constraint.table == resource.table.name
    return _MISSING if is_own or _is_link_target(constraint, resource) else _STILL_REFERENCED


def _is_link_target(constraint: Constraint, resource: Resource) -> bool:
    """Whether a foreign key is that of a link to another row, in the table between the two."""
    return any(
        relation.between is not None
        and relation.between.name == constraint.table
        and any(link.name in constraint.columns for _, link in relation.far_pairs)
        for relation in resource.relations.values()
    )


def _concerns_hidden(constraint: Constraint, resource: Resource | None) -> bool:
    """Whether a constraint has a hidden field, which its name may disclose."""
    if resource is None or constraint.table != resource.table.name:
        return False
    return any(field.hidden and field.column.name in constraint.columns for field in resource.fields.values())


def _fields(constraint: Constraint, resource: Resource | None) -> list[str]:
    if resource is None or constraint.table != resource.table.name:
        return []
    return [field.name for field in resource.visible if field.column.name in constraint.columns]
