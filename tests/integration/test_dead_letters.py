"""A replay whose confirmation is lost, which no broker does on request."""

import asyncio
from collections.abc import Iterator

import pytest
from pika import BasicProperties

from crudmq.failpoints import Failpoint, set_handler
from crudmq.messaging.connection import close, connect
from crudmq.messaging.dead_letters.letter import Letter
from crudmq.messaging.dead_letters.queue import DeadLettersError, open_dead_letters
from crudmq.messaging.topology import Topology, declare
from crudmq.messaging.wire.publishing import Publication
from tests.support import broker


@pytest.fixture
def confirmations_lost() -> Iterator[None]:
    """Let messages be published, and their confirmations be lost."""

    async def lose_confirmations(publication: object) -> None:
        assert isinstance(publication, Publication)
        await publication.send()
        raise TimeoutError

    set_handler(Failpoint.PUBLISHING, lose_confirmations)
    yield
    set_handler(Failpoint.PUBLISHING, None)


async def declare_with_dead_letter(url: str, topology: Topology) -> None:
    connection = await connect(url, "a test")
    await declare(connection, topology, ())
    await close(connection)
    await asyncio.to_thread(publish_dead_letter, topology)


def publish_dead_letter(topology: Topology) -> None:
    with broker.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(topology.dead_letters, "any", b"{}", BasicProperties(message_id="one"))


async def browse_all(url: str, topology: Topology) -> list[Letter]:
    async with open_dead_letters(url, topology) as dead_letters:
        return [letter async for letter in dead_letters.browse()]


async def replay_all(url: str, topology: Topology) -> None:
    async with open_dead_letters(url, topology) as dead_letters:
        async for letter in dead_letters.browse():
            await dead_letters.replay(letter)


def depth(queue: str) -> int:
    with broker.connect() as connection:
        return connection.channel().queue_declare(queue, passive=True).method.message_count or 0


@pytest.mark.usefixtures("confirmations_lost")
async def test_it_leaves_the_dead_letter_and_perhaps_a_copy(broker_url: str, prefix: str) -> None:
    topology = Topology(prefix)
    await declare_with_dead_letter(broker_url, topology)
    with pytest.raises(DeadLettersError, match="cannot replay one, it stays in the queue: publish not confirmed"):
        await replay_all(broker_url, topology)
    assert [letter.id for letter in await browse_all(broker_url, topology)] == ["one"]
    assert await asyncio.to_thread(depth, topology.commands) == 1
