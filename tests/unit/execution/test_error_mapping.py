"""Which side of a foreign key a conflict names."""

import json
from dataclasses import dataclass

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, UniqueConstraint

from crudmq.contract.errors import Conflict, Internal, Invalid, LimitExceeded, Timeout, Unavailable
from crudmq.execution.actions.plan import Plan
from crudmq.execution.changes import Result
from crudmq.execution.error_mapping import to_command_error
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.registry import Registry, load
from crudmq.resources.resource import Resource
from crudmq.storage.constraints import Constraint
from crudmq.storage.errors import (
    ConstraintViolation,
    DatabaseFault,
    DataError,
    LockTimeout,
    OutOfResources,
    ResourceLimitExceeded,
    SchemaMismatch,
    StatementTimeout,
)

MISSING = "a referenced row does not exist"
REFERENCED = "the row is still referenced"
EITHER = "a referenced row does not exist, or this row is still referenced"
REGISTRY = load("crudmq.examples.models")
LINKS = next(r.between for r in REGISTRY.get("people").relations.values() if r.between is not None)  # type: ignore[union-attr]


@dataclass(frozen=True)
class Write(Plan):
    """A command that writes rows of a resource."""

    resource: Resource
    action: str  # type: ignore[misc]

    async def run(self, uow: UnitOfWork) -> Result:
        raise NotImplementedError


def write(resource: str, action: str) -> Write:
    exposed = REGISTRY.get(resource)
    assert exposed is not None
    return Write(exposed, action)


OWN = Constraint("foreign_key", "emails", None, ("person_id",))
UNKNOWN = Constraint("foreign_key", "emails")


@pytest.mark.parametrize(
    ("resource", "action", "violated", "message"),
    [
        ("emails", "create", OWN, MISSING),
        ("emails", "update", OWN, MISSING),
        ("emails", "upsert", OWN, MISSING),
        ("emails", "create", UNKNOWN, MISSING),
        ("emails", "update", UNKNOWN, EITHER),
        ("people", "create", OWN, MISSING),
        ("people", "update", OWN, REFERENCED),
        ("people", "delete", OWN, REFERENCED),
        ("people", "delete", Constraint("foreign_key"), REFERENCED),
        ("people", "update", Constraint("foreign_key", LINKS.name, None, ("group_id",)), MISSING),
        ("people", "update", Constraint("foreign_key", LINKS.name, None, ("person_id",)), REFERENCED),
    ],
)
def test_a_foreign_key_violation_says_which_side_is_at_fault(
    resource: str, action: str, violated: Constraint, message: str
) -> None:
    error = to_command_error(ConstraintViolation(violated), write(resource, action))
    assert isinstance(error, Conflict)
    assert (error.message, error.details[0].message) == (message, message)


def test_without_a_plan_either_side_may_be_at_fault() -> None:
    assert str(to_command_error(ConstraintViolation(OWN), None)) == EITHER


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (DataError("x"), Invalid.code),
        (StatementTimeout("x"), Timeout.code),
        (ResourceLimitExceeded("x"), LimitExceeded.code),
        (OutOfResources("x"), Unavailable.code),
        (SchemaMismatch("x"), Unavailable.code),
        (DatabaseFault("x"), Unavailable.code),
        (LockTimeout("x"), Unavailable.code),
        (RuntimeError("x"), Internal.code),
    ],
)
def test_other_errors_become_errors_of_the_contract(raised: Exception, code: str) -> None:
    error = to_command_error(raised, write("people", "create"))
    assert error.code == code
    assert error.is_recorded == (code == Invalid.code)


@pytest.mark.parametrize(
    ("violated", "message"),
    [
        (Constraint("trigger", message="too\n old"), "too old"),
        (Constraint("trigger", message="x" * 1000), "x" * 200),
        (Constraint("trigger"), "a trigger rejects the change"),
        (Constraint("policy"), "a row-level security policy rejects the row"),
    ],
)
def test_a_conflict_with_a_trigger_has_its_text(violated: Constraint, message: str) -> None:
    error = to_command_error(ConstraintViolation(violated), write("people", "create"))
    assert error.details[0].as_json() == {"path": "", "message": message, "kind": violated.kind}


def test_a_conflict_of_a_hidden_field_names_neither_it_nor_its_constraint() -> None:
    metadata = MetaData()
    table = Table(
        "cards",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("pin", String(9), unique=True),
        Column("name", String(9)),
        UniqueConstraint("pin", "name", name="uq_cards_pin"),
    )
    resource = Registry().expose(table, hidden=["pin"])
    for violated in (Constraint("unique", "cards", "cards_pin_key"), Constraint("unique", "cards", "uq_cards_pin")):
        error = to_command_error(ConstraintViolation(violated), Write(resource, "create"))
        assert "pin" not in json.dumps(error.as_json())
