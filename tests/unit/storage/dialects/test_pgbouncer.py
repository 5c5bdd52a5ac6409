"""When a pooler in front of PostgreSQL is refused."""

from datetime import timedelta

import pytest

from crudmq.storage.dialects.pgbouncer import refusal, wrong_setting


@pytest.mark.parametrize(
    ("state", "message", "reason"),
    [
        ("08P01", "unsupported startup parameter: statement_timeout", "add it to ignore_startup_parameters"),
        ("42P05", 'prepared statement "__asyncpg_stmt_1__" already exists', "max_prepared_statements"),
        ("26000", 'prepared statement "__asyncpg_stmt_1__" does not exist', "max_prepared_statements"),
        ("08P01", "server login failed", None),
        ("53300", "too many connections", None),
    ],
)
def test_an_error_of_a_pooler_says_what_to_configure(state: str, message: str, reason: str | None) -> None:
    refused = refusal(state, message)
    assert (refused is None) == (reason is None)
    assert (reason or "") in (refused or "")


@pytest.mark.parametrize(
    ("statement_timeout", "idle_timeout", "wrong"),
    [
        ("30000", "10000", None),
        ("0", "10000", "statement_timeout is 0 ms instead of 30000 ms"),
        ("30000", "0", "idle_in_transaction_session_timeout is not set"),
    ],
)
def test_the_settings_of_a_session_must_have_taken_effect(
    statement_timeout: str, idle_timeout: str, wrong: str | None
) -> None:
    settings = {"statement_timeout": statement_timeout, "idle_timeout": idle_timeout}
    assert wrong_setting(settings, timedelta(seconds=30)) == wrong
