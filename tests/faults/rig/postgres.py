"""A PostgreSQL cluster of our own, on a private port."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from deploy import probe
from deploy.cluster import OWNER, binaries
from deploy.host import HOST, free_port, is_root, run
from tests.faults.rig.program import NotInstalledError, Program

_SECONDS = 30
_CONNECTIONS = 40
_SETTINGS: Mapping[str, object] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # it would need a directory that everybody may write to
    "max_connections": _CONNECTIONS,
}


class Postgres:
    """One cluster. Its databases outlive `kill` and `stop`, as long as its directory is there."""

    def __init__(self, directory: Path) -> None:
        """Make a cluster in an empty directory.

        :raises NotInstalledError: PostgreSQL is not installed
        """
        programs = binaries()
        if programs is None:
            raise NotInstalledError("PostgreSQL is not installed")
        self.port = free_port()
        self.owner = OWNER if is_root() else None
        """Who it runs as, where that is not us."""
        data = directory / "data"
        if self.owner is not None:
            # PostgreSQL refuses to run as root.
            shutil.chown(directory, self.owner)
        _as(self.owner, str(programs / "initdb"), *_init_options(data))
        settings = {"port": self.port, **_SETTINGS}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # Where it runs as somebody else, that somebody has no business in our environment.
        self._server = Program(
            [str(programs / "postgres"), "-D", str(data), *options],
            log=directory / "server.log",
            environ={"PATH": os.environ.get("PATH", os.defpath)},
            user=self.owner,
        )

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@{HOST}:{self.port}/postgres"

    @property
    def is_running(self) -> bool:
        return self._server.is_running

    def start(self) -> None:
        """Start the server, and wait until it lets us in."""
        self._server.start(lambda: probe.postgres(self.port))

    def stop_at_once(self) -> None:
        """Abort every session, as an immediate shutdown does: the next start has to recover."""
        self._server.stop(signal.SIGQUIT)

    def stop(self) -> None:
        """Disconnect everybody, and end it."""
        self._server.stop(signal.SIGINT)

    def execute(self, *statements: str) -> None:
        """Run statements as the operator, past everything that may be between the server and the service."""
        asyncio.run(self._execute(statements))

    @contextmanager
    def without_room(self) -> Iterator[None]:
        """End everybody's connections, and take all that there are."""
        held: list[asyncpg.Connection[asyncpg.Record]] = []
        with asyncio.Runner() as runner:
            try:
                runner.run(self._take_all(held))
                yield
            finally:
                runner.run(_close(held))

    async def _take_all(self, held: "list[asyncpg.Connection[asyncpg.Record]]") -> None:
        async with asyncio.timeout(_SECONDS):
            held.append(await self._connect())
            while True:
                # Those that are ours are in this database, the others' in databases of their own.
                await held[0].execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()"
                )
                try:
                    while len(held) < _CONNECTIONS:
                        held.append(await self._connect())
                except asyncpg.TooManyConnectionsError:
                    continue
                return

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self.url.replace("+asyncpg", "", 1))

    async def _execute(self, statements: Sequence[str]) -> None:
        async with asyncio.timeout(_SECONDS):
            connection = await self._connect()
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()


def _init_options(data: Path) -> tuple[str, ...]:
    return "--pgdata", str(data), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"


def _as(owner: str | None, *command: str) -> None:
    prefix = () if owner is None else ("runuser", "--user", owner, "--")
    run(*prefix, *command, timeout=120)


async def _close(connections: "Iterable[asyncpg.Connection[asyncpg.Record]]") -> None:
    for connection in connections:
        await connection.close()
