"""The client, over links that end or stand still."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pika
import pytest

from service.client import Client, ClientError, Event
from tests.faults.rig.proxy import Proxy
from tests.support import broker


@pytest.fixture
def link(broker_url: str) -> Iterator[Proxy]:
    with Proxy(urlsplit(broker_url).port or 5672) as found:
        yield found
        found.mend()


@pytest.fixture
def linked_url(broker_url: str, link: Proxy) -> str:
    parts = urlsplit(broker_url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{link.port}").geturl()


def publish(prefix: str, *numbers: int) -> None:
    with broker.connect() as connection:
        for number in numbers:
            body = json.dumps({"data": number}).encode()
            connection.channel().basic_publish(f"{prefix}.events", "people.created", body, pika.BasicProperties())


async def test_events_that_came_before_the_link_was_cut_are_given_and_then_the_loss_is_told(
    linked_url: str, link: Proxy, prefix: str
) -> None:
    found: list[int] = []

    async def listen_until_cut(events: AsyncIterator[Event]) -> None:
        async for event in events:
            found.append(event.content["data"])
            if len(found) == 2:
                link.cut()

    async with Client(linked_url, prefix=prefix) as client, client.events("people.*") as events:
        await asyncio.to_thread(publish, prefix, 1, 2)
        with pytest.raises(ClientError, match="was lost"):
            await listen_until_cut(events)
    assert found == [1, 2]


async def test_a_command_on_a_link_that_was_cut_says_so(linked_url: str, link: Proxy, prefix: str) -> None:
    async with Client(linked_url, prefix=prefix) as client, client.events() as events:
        link.cut()
        with pytest.raises(ClientError):
            await anext(events)
        with pytest.raises(ClientError, match="did not take"):
            await client.send({"resource": "people", "action": "get", "key": {"id": 1}})


async def test_a_listener_on_a_link_that_stands_still_can_be_cancelled(
    linked_url: str, link: Proxy, prefix: str
) -> None:
    listening = asyncio.Event()

    async def listen() -> None:
        async with Client(linked_url, prefix=prefix) as client, client.events() as events:
            listening.set()
            await anext(events)

    task = asyncio.create_task(listen())
    await asyncio.wait_for(listening.wait(), 30)
    link.hold()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
