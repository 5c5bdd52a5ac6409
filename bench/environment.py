"""The environment of one run: a database and queues of its own."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection

from bench import databases, queues
from bench.competitor import Competitor
from bench.servers import Servers
from crudmq.messaging.topology import Topology


def inherited_variables() -> dict[str, str]:
    """Return the environment variables of this process, without settings of the service: the defaults are measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CRUDMQ_")}


@dataclass(frozen=True, slots=True)
class Environment:
    """The resources of a run."""

    connection: AbstractConnection
    topology: Topology
    database: str
    variables: Mapping[str, str]
    """The environment variables of the competitor's process."""


@asynccontextmanager
async def prepared(servers: Servers, template: str, competitor: Competitor) -> AsyncIterator[Environment]:
    """Create an environment for a competitor, and remove it at the end of the block."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await servers.connect())
        database = await stack.enter_async_context(databases.copied(servers, template))
        topology = await stack.enter_async_context(queues.temporary_topology(connection))
        yield Environment(connection, topology, database, _variables(servers, database, topology, competitor))


def _variables(servers: Servers, database: str, topology: Topology, competitor: Competitor) -> dict[str, str]:
    return inherited_variables() | {
        "CRUDMQ_BROKER_URL": servers.broker,
        "CRUDMQ_DATABASE_URL": servers.database(database),
        "CRUDMQ_PREFIX": topology.prefix,
        **dict(competitor.settings),
    }
