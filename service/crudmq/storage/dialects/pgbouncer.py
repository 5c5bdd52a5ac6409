"""PgBouncer between crudmq and PostgreSQL: whether it is configured as crudmq needs it."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from crudmq.storage.dialects.base import Timeouts
from crudmq.storage.dialects.error_codes import PREPARED_STATEMENT_ERRORS, server_error, sqlstate
from crudmq.storage.errors import UnsupportedServer

_HINT = 'see "PgBouncer" in docs/operations.md'
_SESSION = text(
    "SELECT pg_backend_pid() AS pid, "
    "(SELECT setting FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout, "
    "(SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout') AS idle_timeout"
)


async def check_sessions(engine: AsyncEngine, timeouts: Timeouts) -> None:
    """Check that sessions have the settings that were requested, and keep their prepared statements.

    :raises UnsupportedServer: a pooler prevents this; the message states the reason
    """
    try:
        async with engine.connect() as connection:
            if await _is_pooled(connection, timeouts.statement):
                await _check_prepared_statements(connection, engine)
    except Exception as exc:
        reason = refusal(sqlstate(server_error(getattr(exc, "orig", exc))), str(exc))
        if reason is None:
            raise
        raise UnsupportedServer(reason) from exc


def refusal(state: str, message: str) -> str | None:
    """Return why PgBouncer cannot be used, if an error says so."""
    if "unsupported startup parameter" in message:
        return f"PgBouncer rejects a setting of the session: add it to ignore_startup_parameters; {_HINT}"
    if state in PREPARED_STATEMENT_ERRORS:
        return (
            "PgBouncer does not keep prepared statements: use pool_mode = session, "
            f"or PgBouncer 1.21 or newer with max_prepared_statements; {_HINT}"
        )
    return None


def wrong_setting(settings: Mapping[str, str], statement_timeout: timedelta) -> str | None:
    """Return which setting of a session, in milliseconds, has not taken effect."""
    wanted = str(statement_timeout // timedelta(milliseconds=1))
    if settings["statement_timeout"] != wanted:
        return f"statement_timeout is {settings['statement_timeout']} ms instead of {wanted} ms"
    if settings["idle_timeout"] == "0":
        return "idle_in_transaction_session_timeout is not set"
    return None


async def _is_pooled(connection: AsyncConnection, statement_timeout: timedelta) -> bool:
    """Check the settings of a session, and return whether it belongs to a pooler."""
    session = (await connection.execute(_SESSION)).mappings().one()
    await connection.commit()
    wrong = wrong_setting({name: session[name] for name in ("statement_timeout", "idle_timeout")}, statement_timeout)
    if wrong is not None:
        raise UnsupportedServer(f"a connection pooler ignores the settings of the session: {wrong}; {_HINT}")
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101 - it is connected
    # PgBouncer gives its clients process numbers of its own.
    return bool(driver.get_server_pid() != session["pid"])


async def _check_prepared_statements(connection: AsyncConnection, engine: AsyncEngine) -> None:
    """Have another session use the server process that the first one has used, and the first one another process.

    A pooler of transactions gives the process that was released last to the next transaction.
    """
    async with engine.connect() as other:
        await other.execute(_SESSION)
        await connection.execute(_SESSION)
