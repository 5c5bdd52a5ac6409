"""What PostgreSQL must be told: the time zone, and when to give up."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from service.storage.lock_waits import BRIEF, LockWaits

_CONNECT_TIMEOUT = 10
_ANSWER_MARGIN = 5


def options(statement_timeout: timedelta) -> dict[str, Any]:
    """Give what the engine must be made with."""
    seconds = statement_timeout.total_seconds()
    connect_args = {
        "timeout": _CONNECT_TIMEOUT,
        # The server ends a slow statement; this one notices when the server is gone.
        "command_timeout": seconds + _ANSWER_MARGIN,
        "server_settings": {
            "application_name": "crudmq",
            "statement_timeout": str(int(seconds * 1000)),
            "timezone": "UTC",
        },
    }
    return {"connect_args": connect_args}


def lock_waits(_statement_timeout: timedelta) -> LockWaits:
    """Say how long to wait for a row; it ends with the transaction."""
    return LockWaits(brief=f"SET LOCAL lock_timeout = {BRIEF // timedelta(milliseconds=1)}")


def prepare(_engine: AsyncEngine, _statement_timeout: timedelta) -> None:
    """Leave the engine as it is: its connections know all from the start."""
