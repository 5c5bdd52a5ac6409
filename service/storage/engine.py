"""The engine and its sessions, tuned for each kind of database."""

import importlib.util
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from service.storage import mysql, postgresql, sqlite
from service.storage.lock_waits import LockWaits

_POOL_TIMEOUT = 10
_MYSQL = ("mysql+asyncmy", "mariadb+asyncmy")
_KINDS = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql, "mariadb": mysql}
_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg", *_MYSQL)


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
    if found.drivername in _MYSQL:
        _check_mysql(found.database)
    return url


def _check_mysql(database: str | None) -> None:
    if not database:
        raise ValueError("names no database: mysql+asyncmy://user:password@host/database")
    if importlib.util.find_spec("asyncmy") is None:
        raise ValueError("needs a driver that is not installed: pip install crudmq[mysql]")


@dataclass(frozen=True, slots=True)
class Database:
    """An engine for reading and one for writing, on the same connections, and the sessions on them."""

    engine: AsyncEngine
    writing_engine: AsyncEngine
    writing: async_sessionmaker[AsyncSession]
    reading: async_sessionmaker[AsyncSession]
    lock_waits: LockWaits

    @classmethod
    def open(cls, url: str, *, statement_timeout: timedelta, connections: int = 10, echo: bool = False) -> Self:
        """Prepare for a database. Connects to nothing yet.

        :param statement_timeout: what a single statement may take
        :param connections: how many the service holds at most
        """
        kind = _KINDS[make_url(url).get_backend_name()]
        engine = create_async_engine(
            url,
            echo=echo,
            hide_parameters=not echo,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT,
            **kind.options(statement_timeout),
        )
        kind.prepare(engine, statement_timeout)
        writing = engine.execution_options(sqlite_begin="IMMEDIATE")
        return cls(
            engine,
            writing,
            async_sessionmaker(writing, expire_on_commit=False, autoflush=False),
            async_sessionmaker(engine, expire_on_commit=False, autoflush=False),
            kind.lock_waits(statement_timeout),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
