"""The dialect of a URL and of an error."""

import sqlite3
from datetime import timedelta

import asyncpg
import pytest
from asyncmy import errors as asyncmy

from crudmq.storage.constraints import Constraint
from crudmq.storage.dialects import dialect_for, dialect_of_error
from crudmq.storage.dialects.base import Timeouts
from crudmq.storage.dialects.mysql import MySQL
from crudmq.storage.dialects.postgresql import PostgreSQL
from crudmq.storage.dialects.sqlite import SQLite
from crudmq.storage.errors import DatabaseUnavailable, StorageError
from crudmq.storage.translation import translate


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("sqlite+aiosqlite:///file.db", SQLite),
        ("postgresql+asyncpg://host/database", PostgreSQL),
        ("mysql+asyncmy://host/database", MySQL),
        ("mariadb+asyncmy://host/database", MySQL),
    ],
)
def test_the_backend_of_a_url_has_a_dialect(url: str, dialect: type) -> None:
    assert isinstance(dialect_for(url), dialect)


def test_an_unsupported_backend_is_rejected() -> None:
    with pytest.raises(ValueError, match="oracle is not a supported database"):
        dialect_for("oracle+oracledb://host/database")


@pytest.mark.parametrize(
    ("error", "dialect"),
    [
        (sqlite3.OperationalError("locked"), SQLite),
        (asyncpg.InvalidCatalogNameError("missing"), PostgreSQL),
        (asyncmy.OperationalError(1045, "denied"), MySQL),
        (ValueError("any"), type(None)),
    ],
)
def test_an_error_belongs_to_the_dialect_of_its_driver(error: Exception, dialect: type) -> None:
    assert isinstance(dialect_of_error(error), dialect)


@pytest.mark.parametrize(
    ("error", "translation"),
    [
        (asyncpg.InvalidCatalogNameError("missing"), DatabaseUnavailable),
        (asyncmy.OperationalError(1045, "denied"), DatabaseUnavailable),
        (OSError("connection refused"), DatabaseUnavailable),
    ],
)
def test_an_error_while_connecting_needs_no_session(error: Exception, translation: type[StorageError]) -> None:
    assert type(translate(error)) is translation


@pytest.mark.parametrize(
    ("verb", "table"), [("INSERT INTO people (id)", "people"), ("UPDATE people SET", "people"), ("DELETE FROM x", None)]
)
def test_sqlite_names_no_table_of_a_foreign_key_when_a_row_is_deleted(verb: str, table: str | None) -> None:
    error = sqlite3.IntegrityError("FOREIGN KEY constraint failed")
    error.sqlite_errorname = "SQLITE_CONSTRAINT_FOREIGNKEY"
    assert SQLite().violated_constraint(error, verb) == Constraint("foreign_key", table)


@pytest.mark.parametrize(
    ("statement_timeout", "silence"),
    [(timedelta(seconds=1), 10), (timedelta(seconds=60), 20), (timedelta(days=30), 60)],
)
def test_a_connection_may_be_silent_for_a_third_of_the_statement_timeout_within_limits(
    statement_timeout: timedelta, silence: int
) -> None:
    assert Timeouts(statement_timeout).silence == timedelta(seconds=silence)
