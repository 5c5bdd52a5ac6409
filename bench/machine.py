"""The machine and the servers that the figures were measured on."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

import psutil

from bench.competitors import node
from bench.servers import Servers

_LIBRARIES = ("SQLAlchemy", "asyncpg", "aio-pika", "aiormq", "uvloop", "FastStream", "Celery", "Dramatiq", "psycopg")


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware and software versions."""

    rabbitmq: str
    postgres: str
    node: str | None

    @classmethod
    async def of(cls, servers: Servers) -> Self:
        """Query the servers for their versions."""
        return cls(await _rabbitmq(servers), await _postgres(servers), node.versions())

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield names and values."""
        memory = psutil.virtual_memory().total / 2**30
        yield "date", f"{datetime.now(UTC):%Y-%m-%d}"
        yield "machine", f"{_processor()}, {os.cpu_count()} cores shared with the servers, {memory:.0f} GiB"
        yield "system", f"{platform.system()} {platform.release()}"
        yield "Python", platform.python_version()
        yield "libraries", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
        yield "Node.js", self.node or "not installed"
        yield "RabbitMQ", self.rabbitmq
        yield "PostgreSQL", self.postgres


async def _rabbitmq(servers: Servers) -> str:
    async with await servers.connect() as connection:
        channel = await connection.channel()
        underlay = await channel.get_underlay_channel()
        server_version = underlay.connection.server_properties.get("version")
    return server_version.decode() if isinstance(server_version, bytes) else str(server_version)


async def _postgres(servers: Servers) -> str:
    async with servers.connected_to() as connection:
        return str(await connection.fetchval("SHOW server_version"))


def _processor() -> str:
    """Return the processor's name, which Python itself knows on few platforms only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
