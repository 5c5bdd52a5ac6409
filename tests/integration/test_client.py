"""The client: refusals of the broker, and links that end or stand still."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from crudmq.client import Client, ClientError, Event
from tests.faults.fixtures.proxy import Proxy
from tests.support import broker
from tests.support.waiting import GENEROUS

COMMAND = {"resource": "people", "action": "get", "key": 1}


@pytest.fixture
def link(broker_url: str) -> Iterator[Proxy]:
    with Proxy(urlsplit(broker_url).port or 5672) as proxy:
        yield proxy
        proxy.repair()


@pytest.fixture
def linked_url(broker_url: str, link: Proxy) -> str:
    url = urlsplit(broker_url)
    return url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{link.port}").geturl()


async def reply(channel: AbstractChannel, request: AbstractIncomingMessage) -> None:
    assert request.reply_to is not None
    answer = aio_pika.Message(b'{"status":"ok"}', correlation_id=request.correlation_id)
    await channel.default_exchange.publish(answer, request.reply_to)


@contextlib.asynccontextmanager
async def silent_service(
    prefix: str, *, answers: bool = False
) -> AsyncIterator["asyncio.Queue[AbstractIncomingMessage]"]:
    """Receive commands as a service does; its exchange disappears at the end."""
    received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    async with await aio_pika.connect(broker.url()) as connection, connection.channel() as channel:

        async def receive(request: AbstractIncomingMessage) -> None:
            received.put_nowait(request)
            if answers:
                await reply(channel, request)

        exchange = await channel.declare_exchange(f"{prefix}.commands", aio_pika.ExchangeType.TOPIC)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")
        await queue.consume(receive, no_ack=True)
        yield received
        await exchange.delete()


def answering_service(prefix: str) -> AbstractAsyncContextManager[object]:
    return silent_service(prefix, answers=True)


def publish(prefix: str, *numbers: int) -> None:
    with broker.connect() as connection:
        for number in numbers:
            body = json.dumps({"data": number}).encode()
            connection.channel().basic_publish(f"{prefix}.events", "people.created", body, pika.BasicProperties())


async def test_events_received_before_the_link_was_cut_are_delivered_before_the_error(
    linked_url: str, link: Proxy, prefix: str
) -> None:
    received: list[int] = []

    async def listen_until_cut(events: AsyncIterator[Event]) -> None:
        async for event in events:
            received.append(event.content["data"])
            if len(received) == 2:
                link.cut()

    async with Client(linked_url, prefix=prefix) as client, client.events("people.*") as events:
        await asyncio.to_thread(publish, prefix, 1, 2)
        with pytest.raises(ClientError, match="was lost"):
            await listen_until_cut(events)
    assert received == [1, 2]


async def test_a_command_on_a_link_that_was_cut_says_so(linked_url: str, link: Proxy, prefix: str) -> None:
    async with Client(linked_url, prefix=prefix) as client, client.events() as events:
        link.cut()
        with pytest.raises(ClientError):
            await anext(events)
        with pytest.raises(ClientError, match="is lost; open a new client"):
            await client.send(COMMAND)


async def test_a_subscription_on_a_link_that_was_cut_fails(linked_url: str, link: Proxy, prefix: str) -> None:
    async with Client(linked_url, prefix=prefix) as client, client.events() as events:
        link.cut()
        with pytest.raises(ClientError):
            await anext(events)
        with pytest.raises(ClientError, match="is lost; open a new client"):
            async with client.events():
                pass


async def test_a_command_that_waits_for_its_result_on_a_link_that_is_cut_fails_at_once(
    linked_url: str, link: Proxy, prefix: str
) -> None:
    async with silent_service(prefix) as received, Client(linked_url, prefix=prefix) as client:
        pending = asyncio.create_task(client.send(COMMAND, timeout=10 * GENEROUS))
        await asyncio.wait_for(received.get(), GENEROUS)
        link.cut()
        with pytest.raises(ClientError, match="is lost; open a new client"):
            await asyncio.wait_for(pending, GENEROUS)


async def test_a_command_that_waits_for_its_result_fails_when_the_client_is_closed(
    broker_url: str, prefix: str
) -> None:
    async with silent_service(prefix) as received:
        async with Client(broker_url, prefix=prefix) as client:
            pending = asyncio.create_task(client.send(COMMAND))
            await asyncio.wait_for(received.get(), GENEROUS)
        with pytest.raises(ClientError, match="the client was closed"):
            await asyncio.wait_for(pending, GENEROUS)


async def test_a_closed_client_says_so(broker_url: str, prefix: str) -> None:
    async with Client(broker_url, prefix=prefix) as client, client.events() as events:
        pass
    with pytest.raises(ClientError, match="the client was closed"):
        await anext(events)
    with pytest.raises(ClientError, match="the client was closed"):
        await client.send(COMMAND)
    with pytest.raises(ClientError, match="the client was closed"):
        await client.events().__aenter__()


async def test_a_command_can_be_sent_again_after_the_broker_refused_it(broker_url: str, prefix: str) -> None:
    async with Client(broker_url, prefix=prefix) as client:
        for _ in range(2):
            with pytest.raises(ClientError, match="NOT_FOUND"):
                await client.send(COMMAND, message_id="again")
        async with answering_service(prefix):
            assert (await client.send(COMMAND, message_id="again")).ok


async def test_a_refused_command_leaves_others_their_results(broker_url: str, prefix: str) -> None:
    async with Client(broker_url, prefix=prefix) as client:
        async with silent_service(prefix) as received:
            pending = asyncio.create_task(client.send(COMMAND))
            request = await asyncio.wait_for(received.get(), GENEROUS)
        with pytest.raises(ClientError, match="NOT_FOUND"):
            await client.send(COMMAND)
        async with await aio_pika.connect(broker_url) as connection, connection.channel() as channel:
            await reply(channel, request)
            assert (await asyncio.wait_for(pending, GENEROUS)).ok


async def test_commands_sent_at_once_after_a_refusal_share_one_new_channel(broker_url: str, prefix: str) -> None:
    async with Client(broker_url, prefix=prefix) as client:
        with pytest.raises(ClientError):
            await client.send(COMMAND)
        async with answering_service(prefix):
            results = await asyncio.gather(*(client.send(COMMAND) for _ in range(10)))
    assert all(result.ok for result in results)


@pytest.mark.parametrize(
    "headers",
    [{"x": object()}, {1: "x"}, {"x": "\ud800"}, {"x": 2**70}, 5],
    ids=["type", "name", "text", "size", "form"],
)
async def test_headers_that_amqp_cannot_represent_are_an_error_of_that_command_alone(
    broker_url: str,
    prefix: str,
    headers: Any,  # noqa: ANN401 - as a user may
) -> None:
    async with answering_service(prefix), Client(broker_url, prefix=prefix) as client:
        with pytest.raises(ClientError, match="cannot be encoded"):
            await client.send(COMMAND, headers=headers)
        assert (await client.send(COMMAND)).ok


@pytest.mark.parametrize("resource", ["x" * 300, "é" * 200])
async def test_a_name_too_long_for_a_routing_key_reaches_the_service(
    broker_url: str, prefix: str, resource: str
) -> None:
    async with answering_service(prefix), Client(broker_url, prefix=prefix) as client:
        assert (await client.send({"resource": resource, "action": "get"})).ok


async def test_a_subscription_with_a_pattern_that_amqp_cannot_represent_is_an_error(
    broker_url: str, prefix: str
) -> None:
    async with Client(broker_url, prefix=prefix) as client:
        with pytest.raises(ClientError, match="cannot be encoded"):
            await client.events("x" * 300).__aenter__()


async def test_an_unknown_virtual_host_is_named(broker_url: str, prefix: str) -> None:
    url = urlsplit(broker_url)._replace(path="/no%20where").geturl()
    with pytest.raises(ClientError, match="the virtual host no where is not found"):
        await Client(url, prefix=prefix).__aenter__()


async def test_a_refused_login_shows_no_password(broker_url: str, prefix: str) -> None:
    url = urlsplit(broker_url)
    wrong = url._replace(netloc=f"guest:secret-word@{url.hostname}:{url.port or 5672}").geturl()
    with pytest.raises(ClientError, match="ACCESS_REFUSED") as raised:
        await Client(wrong, prefix=prefix).__aenter__()
    assert "secret-word" not in str(raised.value)


async def test_a_client_without_a_broker_says_which_one_it_wants(broker_url: str, prefix: str) -> None:
    with Proxy(urlsplit(broker_url).port or 5672) as proxy:
        port = proxy.port
    with pytest.raises(ClientError, match=f"cannot connect to the broker at 127.0.0.1:{port}"):
        await Client(f"amqp://guest:guest@127.0.0.1:{port}/", prefix=prefix).__aenter__()


async def test_a_listener_on_a_link_that_stands_still_can_be_cancelled(
    linked_url: str, link: Proxy, prefix: str
) -> None:
    listening = asyncio.Event()

    async def listen() -> None:
        async with Client(linked_url, prefix=prefix) as client, client.events() as events:
            listening.set()
            await anext(events)

    task = asyncio.create_task(listen())
    await asyncio.wait_for(listening.wait(), GENEROUS)
    link.hold()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, GENEROUS)
