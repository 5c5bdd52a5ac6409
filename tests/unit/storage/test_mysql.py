"""MySQL's ways where they are not MariaDB's, and the size of statements."""

from datetime import timedelta

import pytest
from asyncmy import errors as driver
from sqlalchemy.exc import OperationalError

from service.storage import mysql
from service.storage.constraints import Constraint, violated
from service.storage.errors import Away, Broken, Locked, Rejected, StorageError, TooSlow, Transient, translate

INSERT = "INSERT INTO `people` (`name`) VALUES (%s)"
BROKEN_KEY = (
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
        (1452, BROKEN_KEY, Constraint("foreign_key", "emails", "fk", ("a", "b"))),
        (1217, "Cannot delete or update a parent row", Constraint("foreign_key", "people")),
    ],
)
def test_a_constraint_is_read_from_the_message(number: int, message: str, constraint: Constraint) -> None:
    assert violated(driver.IntegrityError(number, message), INSERT) == constraint


@pytest.mark.parametrize(
    ("number", "state", "error"),
    [
        (1040, "08004", Away),
        (1053, "08S01", Away),
        (1114, "HY000", Away),
        (1203, "42000", Away),
        (1290, "HY000", Away),
        (1836, "HY000", Away),
        (2055, None, Away),
        (3024, "HY000", TooSlow),
        (1205, "HY000", Locked),
        (1366, "HY000", Rejected),
        (1416, "22003", Rejected),
        (3572, "HY000", Transient),
        (1064, "42000", Broken),
        (1052, "23000", Broken),
    ],
)
def test_numbers_count_and_after_them_states(number: int, state: str | None, error: type[StorageError]) -> None:
    said = driver.OperationalError(number, "something")
    said.sqlstate = state
    assert type(translate(OperationalError("SELECT 1", {}, said))) is error


def test_what_no_database_said_is_not_translated() -> None:
    assert translate(ValueError(1062, "Duplicate entry 'a' for key 'b'")) is None


def test_both_servers_are_told_their_limit() -> None:
    command = mysql.options(timedelta(seconds=1.5))["connect_args"]["init_command"]
    assert "/*M! , max_statement_time = 1.500" in command
    assert "/*!50708 , max_execution_time = 1500 */" in command


@pytest.mark.parametrize(
    ("value", "size"), [("a" * 10, 10), ("ü" * 10, 20), ("'" * 10, 20), ("\0" * 10, 20), (b"a" * 10, 20), (7, 0)]
)
def test_the_size_of_a_statement_is_that_of_its_quoted_values(value: object, size: int) -> None:
    assert not mysql._is_larger("", [value], size + 1)
    assert mysql._is_larger("", [value], size)
