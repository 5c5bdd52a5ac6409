"""The servers that the faults are done to: nothing else on this machine is touched."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.rig.disk import SmallDisk
from tests.faults.rig.postgres import Postgres
from tests.faults.rig.proxy import Proxy
from tests.faults.rig.rabbitmq import RabbitMQ


class Rig:
    """A RabbitMQ and a PostgreSQL of our own, and links to them, for as long as the block runs.

    The service goes by the links, and whoever watches it does not.
    """

    def __init__(self, directory: Path) -> None:
        """Take an empty directory."""
        # The servers may run as other users.
        directory.chmod(0o755)
        self._places = {name: directory / name for name in ("rabbitmq", "postgres", "disk")}
        for place in self._places.values():
            place.mkdir()
        self._stack = ExitStack()
        self._without_servers = ExitStack()
        """What is left when no server runs any more."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._without_servers)
            self.broker = RabbitMQ(self._places["rabbitmq"])
            stack.callback(self.broker.stop)
            self.broker.start()
            self.postgres = Postgres(self._places["postgres"])
            stack.callback(self.postgres.stop)
            self.postgres.start()
            self.to_broker = stack.enter_context(Proxy(self.broker.port))
            self.to_postgres = stack.enter_context(Proxy(self.postgres.port))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """Give what tells the tests' own tools to use these servers."""
        return {"CRUDMQ_BROKER_URL": self.broker.url, "CRUDMQ_TEST_POSTGRES_URL": self.postgres.url}

    @cached_property
    def disk(self) -> SmallDisk:
        """Give the disk that PostgreSQL has a tablespace on. It is made when it is asked for first.

        :raises NotInstalledError: it cannot be made here
        """
        found = SmallDisk(self._places["disk"], self.postgres.owner)
        self._without_servers.callback(found.close)
        self.postgres.execute(f"CREATE TABLESPACE {found.tablespace} LOCATION '{found.directory}'")
        return found

    def mend(self) -> None:
        """Undo what a fault that failed may have left."""
        self.to_broker.mend()
        self.to_postgres.mend()
        for server in (self.broker, self.postgres):
            if not server.is_running:
                server.start()

    def route(self, url: str) -> str:
        """Lead the service to a server by way of its link."""
        for server, link in ((self.broker, self.to_broker), (self.postgres, self.to_postgres)):
            url = url.replace(f":{server.port}/", f":{link.port}/")
        return url
