"""Publishing to a real broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pamqp.commands import Basic
from pika.adapters.blocking_connection import BlockingChannel

from service.messaging import publisher as publishing_module
from service.messaging.amqp import Outgoing
from service.messaging.publisher import Publisher
from service.messaging.topology import Topology
from tests.support import broker

SECONDS = 20
MANY = 2000


@pytest.fixture
async def publisher(broker_url: str, prefix: str) -> AsyncIterator[Publisher]:
    found = Publisher(broker_url, Topology(prefix), ())
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
def channel() -> Iterator[BlockingChannel]:
    connection = broker.connect()
    yield connection.channel()
    connection.close()


@pytest.fixture
def queue(channel: BlockingChannel) -> str:
    return str(channel.queue_declare("", exclusive=True).method.queue)


def outgoing(
    queue: str, body: bytes, *, message_id: str | None = None, is_result: bool = True, **properties: object
) -> Outgoing:
    found = Basic.Properties(message_id=message_id, **properties)  # type: ignore[arg-type]
    return Outgoing("", queue, body, found, mandatory=True, is_result=is_result)


def arrived(channel: BlockingChannel, queue: str) -> list[bytes]:
    found: list[bytes] = []
    while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
        found.append(message[2])  # type: ignore[arg-type]  # bytes, whatever the stubs say
    return found


async def publish(publisher: Publisher, *messages: Outgoing) -> None:
    async with asyncio.timeout(SECONDS):
        await publisher.publish(messages)


async def test_messages_arrive_in_their_order_whatever_their_size(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    bodies = [b"first", b"", b"x" * 131_072, b"y" * (2**20 + 7), b"last"]
    await publish(publisher, *(outgoing(queue, body) for body in bodies))
    assert arrived(channel, queue) == bodies


async def test_what_nobody_can_receive_is_dropped_and_its_neighbours_arrive(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    gone = [outgoing("no-such-queue", b"gone", message_id=f"gone-{number}") for number in range(3)]
    await publish(publisher, outgoing(queue, b"1", message_id="1"), *gone, outgoing(queue, b"2", message_id="2"))
    assert arrived(channel, queue) == [b"1", b"2"]
    assert publisher.dropped == 3
    assert publisher.is_ready


async def test_what_is_no_result_waits_until_its_queue_is_declared_again(
    publisher: Publisher, channel: BlockingChannel, prefix: str
) -> None:
    names = Topology(prefix)
    await publish(publisher, outgoing(names.dead_letters, b"1", message_id="1", is_result=False))
    channel.queue_delete(names.dead_letters)
    await publish(publisher, outgoing(names.dead_letters, b"2", message_id="2", is_result=False))
    assert arrived(channel, names.dead_letters) == [b"2"]
    assert publisher.dropped == 0


async def test_what_a_full_queue_refuses_is_sent_again_alone_and_on_the_same_link(
    publisher: Publisher, channel: BlockingChannel, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    def told(*_: object) -> float:
        refused.set()
        return 0.05

    monkeypatch.setattr(publishing_module, "pause", told)
    full = _limited(channel, 1)
    await publish(publisher, outgoing(full, b"1"))
    link = publisher._link
    waiting = asyncio.create_task(publish(publisher, outgoing(full, b"2", is_result=False), outgoing(queue, b"a")))
    await asyncio.wait_for(refused.wait(), SECONDS)
    await publish(publisher, outgoing(queue, b"b"))
    assert not waiting.done()
    assert arrived(channel, full) == [b"1"]
    await waiting
    assert arrived(channel, full) == [b"2"]
    assert arrived(channel, queue) == [b"a", b"b"]
    assert publisher._link is link


async def test_a_result_that_a_full_queue_refuses_is_dropped_in_the_end(
    publisher: Publisher, channel: BlockingChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_module, "_LONGEST_PAUSE", 0.01)
    full = _limited(channel, 1)
    await publish(publisher, outgoing(full, b"1"), outgoing(full, b"2"))
    assert publisher.dropped == 1
    assert arrived(channel, full) == [b"1"]


def _limited(channel: BlockingChannel, most: int) -> str:
    arguments = {"x-max-length": most, "x-overflow": "reject-publish"}
    return str(channel.queue_declare("", exclusive=True, arguments=arguments).method.queue)


async def test_what_cannot_be_encoded_is_reported_and_its_neighbours_arrive(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    odd = outgoing(queue, b"odd", headers={"x": object()})
    await publish(publisher, outgoing(queue, b"1"), odd, outgoing(queue, b"2"))
    assert arrived(channel, queue) == [b"1", b"2"]


async def test_nothing_is_lost_with_the_connection_and_the_order_stays(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    await publish(publisher, outgoing(queue, b"ready"))
    assert arrived(channel, queue) == [b"ready"]
    bodies = [str(number).encode() for number in range(MANY)]
    batches = [bodies[start : start + 100] for start in range(0, MANY, 100)]
    publishing = [asyncio.create_task(publish(publisher, *(outgoing(queue, one) for one in some))) for some in batches]
    await asyncio.wait(publishing[:1])
    async with lost(publisher):
        await asyncio.gather(*publishing)
    assert list(dict.fromkeys(arrived(channel, queue))) == bodies


@asynccontextmanager
async def lost(publisher: Publisher) -> AsyncIterator[None]:
    """Cut the connection under the publisher."""
    link = publisher._link
    assert link is not None
    closing = asyncio.create_task(link.channel.connection.close())
    yield
    await closing
