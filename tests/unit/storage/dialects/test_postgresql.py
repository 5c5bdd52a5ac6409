"""What each error of PostgreSQL means."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects.postgresql import PostgreSQL
from crudmq.storage.errors import (
    DatabaseFault,
    DatabaseUnavailable,
    DataError,
    LockTimeout,
    OutOfResources,
    ResourceLimitExceeded,
    SchemaMismatch,
    StatementTimeout,
    StorageError,
    Transient,
    UnexpectedDatabaseError,
)
from crudmq.storage.translation import translate

TEMPORARY = 'could not write to file "base/pgsql_tmp/pgsql_tmp1.0": No space left on device'
DATA = 'could not extend file "base/1/2": No space left on device'
WITH_A_ROW = {"detail": "Failing row contains (1, Tom)."}


def driver_error(state: str, message: str = "something", **fields: Any) -> Exception:  # noqa: ANN401 - of a server
    error = asyncpg.PostgresError(message)
    for name, value in {"sqlstate": state, "message": message, **fields}.items():
        setattr(error, name, value)
    wrapped = asyncpg.PostgresError(f"<class>: {message}")
    setattr(wrapped, "sqlstate", state)  # noqa: B010 - mypy knows it as one of the class
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("0A000", DatabaseFault),
        ("21000", DatabaseFault),
        ("22003", DataError),
        ("2200H", DatabaseFault),
        ("25006", DatabaseUnavailable),
        ("25P03", DatabaseUnavailable),
        ("25P04", StatementTimeout),
        ("38000", DatabaseFault),
        ("3F000", SchemaMismatch),
        ("40001", Transient),
        ("42501", DatabaseFault),
        ("42601", UnexpectedDatabaseError),
        ("42703", SchemaMismatch),
        ("42804", SchemaMismatch),
        ("42883", SchemaMismatch),
        ("428C9", SchemaMismatch),
        ("42P01", SchemaMismatch),
        ("53000", OutOfResources),
        ("53200", OutOfResources),
        ("53300", DatabaseUnavailable),
        ("53400", ResourceLimitExceeded),
        ("54000", DataError),
        ("54001", ResourceLimitExceeded),
        ("55P03", LockTimeout),
        ("57014", StatementTimeout),
        ("57P01", DatabaseUnavailable),
        ("58030", DatabaseFault),
        ("P0004", DatabaseFault),
        ("XX000", DatabaseFault),
        ("XX001", DatabaseFault),
    ],
)
def test_the_class_of_an_error_follows_from_its_sqlstate(state: str, error: type[StorageError]) -> None:
    assert type(translate(DBAPIError("SELECT 1", {}, driver_error(state)))) is error


@pytest.mark.parametrize(("message", "error"), [(TEMPORARY, OutOfResources), (DATA, DatabaseUnavailable)])
def test_only_a_full_disk_of_data_is_an_outage(message: str, error: type[StorageError]) -> None:
    assert type(translate(DBAPIError("SELECT 1", {}, driver_error("53100", message)))) is error


@pytest.mark.parametrize("state", ["08001", "08006", "28P01", "3D000", "53300", "57P01", "57P03"])
@pytest.mark.parametrize(("severity", "error"), [("ERROR", DatabaseFault), ("FATAL", DatabaseUnavailable)])
def test_an_outage_of_the_server_of_a_foreign_table_concerns_its_statements_only(
    state: str, severity: str, error: type[StorageError]
) -> None:
    assert type(translate(DBAPIError("SELECT 1", {}, driver_error(state, severity_en=severity)))) is error


@pytest.mark.parametrize(
    ("state", "function", "constraint"),
    [
        ("42501", "ExecWithCheckOptions", Constraint("policy")),
        ("44000", "ExecWithCheckOptions", Constraint("check")),
        ("42501", "aclcheck_error", None),
        ("P0001", None, Constraint("trigger", message="too old")),
        ("42501", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("ZZ001", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("53100", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("53400", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("55P03", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("57014", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("57P01", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("57P03", "exec_stmt_raise", Constraint("trigger", message="too old")),
        ("23505", "exec_stmt_raise", Constraint("unique")),
        ("40001", "exec_stmt_raise", None),
        ("22003", "exec_stmt_raise", None),
    ],
)
def test_the_servers_function_tells_a_trigger_and_a_policy_from_other_errors(
    state: str, function: str | None, constraint: Constraint | None
) -> None:
    error = driver_error(state, "too old", server_source_function=function)
    assert PostgreSQL().violated_constraint(error, None) == constraint


def test_the_reason_is_one_short_line_without_the_row() -> None:
    error = translate(DBAPIError("INSERT", {}, driver_error("42703", "no\n  column " + "x" * 999, **WITH_A_ROW)))
    assert str(error).startswith("no column xxx")
    assert len(str(error)) < 310
    assert "Tom" not in str(error)
