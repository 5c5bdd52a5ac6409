"""The engine and its sessions, tuned for each kind of database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from service.storage.sqlite import BUSY_TIMEOUT, prepare

_CONNECT_TIMEOUT = 10
_POOL_TIMEOUT = 10
_ANSWER_MARGIN = 5


_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")


def checked_url(url: str) -> str:
    """Check that a database is one that the service can use.

    :raises ValueError: it is not, and why
    """
    try:
        found = make_url(url)
    except ArgumentError:
        raise ValueError("is not an address such as postgresql+asyncpg://user:password@host/database") from None
    if found.drivername not in _DRIVERS:
        raise ValueError(f"begins with {found.drivername}, and not with {' or '.join(_DRIVERS)}")
    if found.get_backend_name() == "sqlite" and found.database in (None, "", ":memory:"):
        raise ValueError("names no file: what is only in memory could not be shared by connections, nor survive")
    return url


@dataclass(frozen=True, slots=True)
class Database:
    """An engine for reading and one for writing, on the same connections, and the sessions on them."""

    engine: AsyncEngine
    writing_engine: AsyncEngine
    writing: async_sessionmaker[AsyncSession]
    reading: async_sessionmaker[AsyncSession]

    @classmethod
    def open(cls, url: str, *, statement_timeout: timedelta, connections: int = 10, echo: bool = False) -> Self:
        """Prepare for a database. Connects to nothing yet.

        :param statement_timeout: what a single statement may take
        :param connections: how many the service holds at most
        """
        engine = create_async_engine(
            url,
            echo=echo,
            hide_parameters=not echo,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT,
            connect_args=_connect_args(make_url(url).get_backend_name(), statement_timeout),
        )
        if engine.dialect.name == "sqlite":
            prepare(engine, statement_timeout)
        writing = engine.execution_options(sqlite_begin="IMMEDIATE")
        return cls(
            engine,
            writing,
            async_sessionmaker(writing, expire_on_commit=False, autoflush=False),
            async_sessionmaker(engine, expire_on_commit=False, autoflush=False),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _connect_args(backend: str, statement_timeout: timedelta) -> dict[str, Any]:
    seconds = statement_timeout.total_seconds()
    if backend == "sqlite":
        # Transactions begin where we say, not where the driver guesses.
        return {"isolation_level": None, "timeout": BUSY_TIMEOUT.total_seconds()}
    if backend == "postgresql":
        return {
            "timeout": _CONNECT_TIMEOUT,
            # The server ends a slow statement; this one notices when the server is gone.
            "command_timeout": seconds + _ANSWER_MARGIN,
            "server_settings": {
                "application_name": "crudmq",
                "statement_timeout": str(int(seconds * 1000)),
                "timezone": "UTC",
            },
        }
    return {}
