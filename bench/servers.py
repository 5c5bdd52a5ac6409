"""The servers that all competitors use."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aio_pika
import asyncpg
from aio_pika.abc import AbstractConnection
from sqlalchemy import make_url

_BROKER, _POSTGRES = "CRUDMQ_BROKER_URL", "CRUDMQ_TEST_POSTGRES_URL"
_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs of RabbitMQ, and of a PostgreSQL server on which databases may be created."""

    broker: str
    postgres: str

    @classmethod
    def from_environment(cls) -> Self:
        """Read the URLs from the environment; local servers by default."""
        return cls(
            os.environ.get(_BROKER) or "amqp://guest:guest@127.0.0.1:5672/",
            os.environ.get(_POSTGRES) or "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres",
        )

    def database(self, name: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return make_url(self.postgres).set(database=name).render_as_string(hide_password=False)

    async def connect(self) -> AbstractConnection:
        """Connect to the broker."""
        return await aio_pika.connect(self.broker, timeout=_TIMEOUT)

    @asynccontextmanager
    async def connected_to(self, database: str | None = None) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Connect to a database; by default, to the maintenance database."""
        url = self.postgres if database is None else self.database(database)
        dsn = url.replace("+asyncpg", "", 1)
        connection = await asyncpg.connect(dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT)
        try:
            yield connection
        finally:
            await connection.close(timeout=_TIMEOUT)
