"""What SQLite must be told: durability, foreign keys, where transactions begin, and when to give up."""

import time
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from service.storage.lock_waits import LockWaits

_BUSY_TIMEOUT = timedelta(seconds=10)
_STEPS_BETWEEN_LOOKS = 100_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "case_sensitive_like=ON")


def options(_statement_timeout: timedelta) -> dict[str, Any]:
    """Give what the engine must be made with."""
    # Transactions begin where we say, not where the driver guesses.
    return {"connect_args": {"isolation_level": None, "timeout": _BUSY_TIMEOUT.total_seconds()}}


def lock_waits(_statement_timeout: timedelta) -> LockWaits:
    """Say nothing: there is one lock for all, which is waited for before a transaction begins."""
    return LockWaits()


def prepare(engine: AsyncEngine, statement_timeout: timedelta) -> None:
    """Set every connection of an engine up."""
    sync = engine.sync_engine

    @event.listens_for(sync, "connect")
    def connect(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        # SQLite has no statement timeout; it asks this now and then whether to go on.
        deadline = record.info["deadline"] = [time.monotonic() + statement_timeout.total_seconds()]
        connection.run_async(
            lambda driver: driver.set_progress_handler(lambda: time.monotonic() > deadline[0], _STEPS_BETWEEN_LOOKS)
        )

    @event.listens_for(sync, "before_cursor_execute")
    def before_cursor_execute(connection: Connection, *_: object) -> None:
        deadline = connection.connection.info.get("deadline")
        if deadline is not None:
            deadline[0] = time.monotonic() + statement_timeout.total_seconds()

    @event.listens_for(sync, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer fails at once in WAL mode: writers say so from the start.
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
