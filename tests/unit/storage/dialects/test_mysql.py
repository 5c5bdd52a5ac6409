"""MySQL where it differs from MariaDB, and the size of statements."""

from datetime import timedelta

import pytest
from asyncmy import errors as driver
from sqlalchemy.exc import OperationalError

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects.base import Timeouts
from crudmq.storage.dialects.mysql import MySQL, exceeds_packet
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

INSERT = "INSERT INTO `people` (`name`) VALUES (%s)"
VIOLATED_FOREIGN_KEY = (
    "Cannot add or update a child row: a foreign key constraint fails (`db`.`emails`, CONSTRAINT `fk` "
    "FOREIGN KEY (`a`, `b`) REFERENCES `people` (`a`, `b`) ON DELETE CASCADE)"
)


@pytest.mark.parametrize(
    ("number", "message", "constraint"),
    [
        (1062, "Duplicate entry 'a' for key 'people.uq_name'", Constraint("unique", "people", "uq_name")),
        (1062, "Duplicate entry 'for key 'x'' for key 'PRIMARY'", Constraint("unique", "people", "PRIMARY")),
        (3819, "Check constraint 'ck_name' is violated.", Constraint("check", "people", "ck_name")),
        (1048, "Column 'name' cannot be null", Constraint("not_null", "people", None, ("name",))),
        (1364, "Field 'name' doesn't have a default value", Constraint("not_null", "people", None, ("name",))),
        (1452, VIOLATED_FOREIGN_KEY, Constraint("foreign_key", "emails", "fk", ("a", "b"))),
        (1217, "Cannot delete or update a parent row", Constraint("foreign_key", "people")),
    ],
)
def test_a_constraint_is_read_from_the_message(number: int, message: str, constraint: Constraint) -> None:
    assert MySQL().violated_constraint(driver.IntegrityError(number, message), INSERT) == constraint


@pytest.mark.parametrize(
    ("number", "state", "error"),
    [
        (1040, "08004", DatabaseUnavailable),
        (1053, "08S01", DatabaseUnavailable),
        (1114, "HY000", DatabaseUnavailable),
        (1203, "42000", DatabaseUnavailable),
        (1836, "HY000", DatabaseUnavailable),
        (2055, None, DatabaseUnavailable),
        (3024, "HY000", StatementTimeout),
        (1205, "HY000", LockTimeout),
        (1366, "HY000", DataError),
        (1416, "22003", DataError),
        (3572, "HY000", Transient),
        (1064, "42000", UnexpectedDatabaseError),
        (1052, "23000", UnexpectedDatabaseError),
    ],
)
def test_the_number_of_an_error_counts_and_then_its_sqlstate(
    number: int, state: str | None, error: type[StorageError]
) -> None:
    assert failed(INSERT, number, "something", state) is error


@pytest.mark.parametrize(
    ("statement", "number", "message", "error"),
    [
        (INSERT, 1041, "Out of memory", OutOfResources),
        (INSERT, 1038, "Out of sort memory", OutOfResources),
        (INSERT, 1206, "The total number of locks exceeds the lock table size", OutOfResources),
        (INSERT, 3170, "Memory capacity exceeded", ResourceLimitExceeded),
        (INSERT, 1104, "The SELECT would examine more than MAX_JOIN_SIZE rows", ResourceLimitExceeded),
        (INSERT, 1114, "The table 'people' is full", DatabaseUnavailable),
        (INSERT, 1114, "The table '/tmp/#sql-temptable-1' is full", OutOfResources),
        ("SELECT * FROM people", 1021, "Disk full (/tmp); waiting for someone to free some space", OutOfResources),
        ("SELECT * FROM people FOR UPDATE", 3, "Error writing file '/tmp/MY1' (Errcode: 28)", OutOfResources),
        ("WITH n AS (SELECT 1) DELETE FROM people", 1021, "Disk full", DatabaseUnavailable),
        (INSERT, 1030, 'Got error 28 "No space left on device" from storage engine InnoDB', DatabaseUnavailable),
        (INSERT, 1290, "The server is running with the --read-only option", DatabaseUnavailable),
        (INSERT, 1290, "The server is running with the --secure-file-priv option", DatabaseFault),
        (INSERT, 1142, "INSERT command denied to user", DatabaseFault),
        (INSERT, 1044, "Access denied for user to database", DatabaseFault),
        (None, 1044, "Access denied for user to database", DatabaseUnavailable),
        (INSERT, 167, "Out of range value for column 'id' at row 1", DatabaseFault),
        (INSERT, 1467, "Failed to read auto-increment value", DatabaseFault),
        (INSERT, 1054, "Unknown column 'nick'", SchemaMismatch),
        (INSERT, 1146, "Table 'people' doesn't exist", SchemaMismatch),
        (INSERT, 1305, "FUNCTION nope does not exist", SchemaMismatch),
    ],
)
def test_what_a_statement_does_to_itself_is_no_outage(
    statement: str | None, number: int, message: str, error: type[StorageError]
) -> None:
    assert failed(statement, number, message) is error


@pytest.mark.parametrize(("number", "state"), [(1644, "45000"), (30001, "45000"), (1644, "ZZ001")])
def test_a_signal_of_a_trigger_is_a_conflict_with_its_text(number: int, state: str) -> None:
    error = driver.OperationalError(number, "too old")
    error.sqlstate = state
    assert MySQL().violated_constraint(error, INSERT) == Constraint("trigger", message="too old")


def failed(statement: str | None, number: int, message: str, state: str | None = "HY000") -> type[StorageError | None]:
    original = driver.OperationalError(number, message)
    original.sqlstate = state
    return type(translate(OperationalError(statement, {}, original)))


def test_an_error_of_no_database_is_not_translated() -> None:
    assert translate(ValueError(1062, "Duplicate entry 'a' for key 'b'")) is None


def test_both_servers_are_given_their_statement_timeout() -> None:
    command = MySQL().engine_options(Timeouts(timedelta(seconds=1.5)))["connect_args"]["init_command"]
    assert "/*M! , max_statement_time = 1.500" in command
    assert "/*!50708 , max_execution_time = 1500 */" in command


@pytest.mark.parametrize(
    ("value", "size"), [("a" * 10, 10), ("ü" * 10, 20), ("'" * 10, 20), ("\0" * 10, 20), (b"a" * 10, 20), (7, 0)]
)
def test_the_size_of_a_statement_is_that_of_its_quoted_values(value: object, size: int) -> None:
    assert not exceeds_packet("", [value], size + 1)
    assert exceeds_packet("", [value], size)
