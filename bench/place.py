"""Where one run happens: a database and queues that nobody else uses."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection

from bench import databases, queues
from bench.competitor import Competitor
from bench.servers import Servers
from service.messaging.topology import Topology


@dataclass(frozen=True, slots=True)
class Place:
    """What a run needs to know of where it happens."""

    connection: AbstractConnection
    names: Topology
    database: str
    environment: Mapping[str, str]
    """What a competitor finds this place with."""


@asynccontextmanager
async def prepared(servers: Servers, template: str, competitor: Competitor) -> AsyncIterator[Place]:
    """Make a place for a competitor, and remove it."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await servers.connect())
        database = await stack.enter_async_context(databases.copied(servers, template))
        names = await stack.enter_async_context(queues.topology(connection))
        yield Place(connection, names, database, _environment(servers, database, names, competitor))


def _environment(servers: Servers, database: str, names: Topology, competitor: Competitor) -> dict[str, str]:
    # No setting of ours may leak in: the defaults are measured.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CRUDMQ_")}
    return inherited | {
        "CRUDMQ_BROKER_URL": servers.broker,
        "CRUDMQ_DATABASE_URL": servers.database(database),
        "CRUDMQ_PREFIX": names.prefix,
        **dict(competitor.settings),
    }
