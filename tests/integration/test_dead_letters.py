"""A replay whose confirmation is lost on its way, which no broker does when it is asked to."""

import asyncio
from collections.abc import Sequence

import pytest
from aiormq.channel import Channel
from pika import BasicProperties

from service.contract.dead_letter import Letter
from service.messaging import batch, dead_letters
from service.messaging.amqp import Outgoing
from service.messaging.connection import close, connect
from service.messaging.dead_letters import DeadLettersError
from service.messaging.declaration import declare
from service.messaging.topology import Topology
from tests.support import broker


async def lay(url: str, names: Topology) -> None:
    connection = await connect(url, "a test")
    await declare(connection, names, ())
    await close(connection)
    await asyncio.to_thread(lay_one, names)


def lay_one(names: Topology) -> None:
    with broker.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(names.dead_letters, "any", b"{}", BasicProperties(message_id="one"))


async def all_of(url: str, names: Topology) -> list[Letter]:
    async with dead_letters.opened(url, names) as letters:
        return [letter async for letter in letters.look()]


async def replay_all(url: str, names: Topology) -> None:
    async with dead_letters.opened(url, names) as letters:
        async for letter in letters.look():
            await letters.replay(letter)


def depth(queue: str) -> int:
    with broker.connect() as connection:
        return connection.channel().queue_declare(queue, passive=True).method.message_count or 0


async def test_it_leaves_the_dead_letter_and_perhaps_a_copy(
    broker_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Topology(prefix)
    await lay(broker_url, names)
    publish = batch.publish

    async def confirmed_to_nobody(channel: Channel, messages: Sequence[Outgoing]) -> list[BaseException | None]:
        await publish(channel, messages)
        raise TimeoutError

    monkeypatch.setattr(batch, "publish", confirmed_to_nobody)
    with pytest.raises(DeadLettersError, match="did not confirm one, so it stays"):
        await replay_all(broker_url, names)
    assert [letter.id for letter in await all_of(broker_url, names)] == ["one"]
    assert await asyncio.to_thread(depth, names.commands) == 1
