"""The engine and its sessions."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Self

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from crudmq.storage.dialects import dialect_for, session_info
from crudmq.storage.dialects.base import ANSWER_MARGIN, Dialect, Timeouts, keep_alive
from crudmq.storage.tables import DEFAULT_PREFIX, PREFIX_INFO
from crudmq.storage.translation import discard_connections

POOL_TIMEOUT = timedelta(seconds=10)
_CLOSE_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Database:
    """An engine for reading and one for writing, on the same connections, with their session factories."""

    engine: AsyncEngine
    writing_engine: AsyncEngine
    writing: async_sessionmaker[AsyncSession]
    reading: async_sessionmaker[AsyncSession]
    dialect: Dialect
    statement_timeout: timedelta
    prefix: str
    """The prefix of the service, whose rows in the inbox and the outbox are its own."""

    @classmethod
    def open(  # noqa: PLR0913 - keyword arguments, most of them with defaults
        cls,
        url: str,
        *,
        statement_timeout: timedelta,
        prefix: str = DEFAULT_PREFIX,
        connections: int = 10,
        pool_timeout: timedelta = POOL_TIMEOUT,
        answer_margin: timedelta = ANSWER_MARGIN,
        echo: bool = False,
    ) -> Self:
        """Create the engine of a database. Does not connect.

        :param statement_timeout: how long a single statement may take
        :param prefix: the service's `CRUDMQ_PREFIX`
        :param connections: the size of the connection pool
        :param pool_timeout: how long a transaction waits for a free connection of the pool
        :param answer_margin: how long to wait for the response of the server after the statement timeout
        """
        dialect = dialect_for(url)
        timeouts = Timeouts(statement_timeout, answer_margin)
        engine = create_async_engine(
            url,
            echo=echo,
            hide_parameters=not echo,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=pool_timeout.total_seconds(),
            **dialect.engine_options(timeouts),
        )
        event.listen(engine.sync_engine, "handle_error", discard_connections)
        event.listen(engine.sync_engine, "connect", partial(keep_alive, timeouts.silence))
        dialect.prepare(engine, timeouts)
        writing_engine = dialect.writing_engine(engine)
        info = {**session_info(dialect), PREFIX_INFO: prefix}
        return cls(
            engine,
            writing_engine,
            async_sessionmaker(writing_engine, expire_on_commit=False, autoflush=False, info=info),
            async_sessionmaker(engine, expire_on_commit=False, autoflush=False, info=info),
            dialect,
            statement_timeout,
            prefix,
        )

    async def set_lock_timeout(self, session: AsyncSession, *, brief: bool) -> None:
        """Limit how long the session's transaction waits for a lock: at its beginning, in every transaction.

        A single command waits up to the statement timeout. A group waits less: otherwise all of its
        commands would wait, and again in each half into which the group is split.
        """
        await self.dialect.set_lock_timeout(session, self.statement_timeout, brief=brief)

    async def check(self) -> None:
        """Check that the server can be used.

        :raises UnsupportedServer: it cannot, as it is configured
        """
        await self.dialect.check_server(self.engine, Timeouts(self.statement_timeout))

    async def close(self) -> None:
        """Close all connections. Those to a server that does not respond end with the process."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.engine.dispose(), _CLOSE_TIMEOUT)
