"""Publishing to a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, UnroutableError
from structlog.testing import capture_logs

from crudmq.aio import Backoff
from crudmq.contract.errors import Unavailable
from crudmq.contract.result import Message
from crudmq.failpoints import Failpoint, set_handler
from crudmq.messaging import envelopes, republishing
from crudmq.messaging.publisher import Publisher
from crudmq.messaging.topology import Topology
from crudmq.messaging.wire.outgoing import Kind, Outgoing
from crudmq.messaging.wire.publishing import Publication
from tests.support import broker
from tests.support.waiting import GENEROUS

SECONDS = 20
MANY = 2000
LOST_AT = 10


class Signalling(Backoff):
    """Short pauses that set an event."""

    def __init__(self, paused: asyncio.Event) -> None:
        super().__init__(0, 0.05)
        self._paused = paused

    def next_pause(self) -> float:
        self._paused.set()
        super().next_pause()
        return 0.05


@asynccontextmanager
async def running(publisher: Publisher) -> AsyncIterator[Publisher]:
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
async def publisher(broker_url: str, prefix: str) -> AsyncIterator[Publisher]:
    async with running(Publisher(broker_url, Topology(prefix), ())) as publisher:
        yield publisher


@pytest.fixture
def paused() -> asyncio.Event:
    """Return an event that is set when refused messages wait to be published again."""
    return asyncio.Event()


@pytest.fixture
async def quick_publisher(broker_url: str, prefix: str, paused: asyncio.Event) -> AsyncIterator[Publisher]:
    """Return a publisher that publishes refused messages again after short pauses."""
    publisher = Publisher(broker_url, Topology(prefix), (), new_backoff=lambda: Signalling(paused))
    async with running(publisher):
        yield publisher


@pytest.fixture
def channel() -> Iterator[BlockingChannel]:
    connection = broker.connect()
    yield connection.channel()
    connection.close()


@pytest.fixture
def queue(channel: BlockingChannel) -> str:
    return str(channel.queue_declare("", exclusive=True).method.queue)


@pytest.fixture(autouse=True)
def failpoint_reset() -> Iterator[None]:
    yield
    set_handler(Failpoint.PUBLISHING, None)


def outgoing(
    queue: str, body: bytes, *, message_id: str | None = None, kind: Kind = Kind.RESULT, **properties: object
) -> Outgoing:
    own = {"message_id": message_id or uuid4().hex, **properties}
    all_properties = Basic.Properties(**own)  # type: ignore[arg-type]
    return Outgoing("", queue, body, all_properties, mandatory=True, kind=kind)


def arrived(channel: BlockingChannel, queue: str) -> list[bytes]:
    bodies: list[bytes] = []
    while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(message[2])  # type: ignore[arg-type]  # bytes, whatever the stubs say
    return bodies


def limited_queue(channel: BlockingChannel, max_length: int) -> str:
    arguments = {"x-max-length": max_length, "x-overflow": "reject-publish"}
    return str(channel.queue_declare("", exclusive=True, arguments=arguments).method.queue)


async def publish(publisher: Publisher, *messages: Outgoing) -> None:
    async with asyncio.timeout(SECONDS):
        sending = await publisher.publish(messages)
        for pending in sending.pending:
            await pending.done()


async def test_messages_of_any_size_arrive_in_order(publisher: Publisher, channel: BlockingChannel, queue: str) -> None:
    bodies = [b"first", b"", b"x" * 131_072, b"y" * (2**20 + 7), b"last"]
    await publish(publisher, *(outgoing(queue, body) for body in bodies))
    assert arrived(channel, queue) == bodies


async def test_results_that_no_queue_can_receive_are_dropped_and_other_messages_arrive(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    unroutable = [outgoing("no-such-queue", b"gone", message_id=f"gone-{number}") for number in range(3)]
    await publish(publisher, outgoing(queue, b"1", message_id="1"), *unroutable, outgoing(queue, b"2", message_id="2"))
    assert arrived(channel, queue) == [b"1", b"2"]
    assert publisher.dropped == 3
    assert publisher.is_ready


async def test_a_message_that_is_not_a_result_waits_until_its_queue_is_declared_again(
    publisher: Publisher, channel: BlockingChannel, prefix: str
) -> None:
    topology = Topology(prefix)
    await publish(publisher, outgoing(topology.dead_letters, b"1", message_id="1", kind=Kind.COMMAND))
    channel.queue_delete(topology.dead_letters)
    await publish(publisher, outgoing(topology.dead_letters, b"2", message_id="2", kind=Kind.COMMAND))
    assert arrived(channel, topology.dead_letters) == [b"2"]
    assert publisher.dropped == 0


async def test_only_the_message_that_a_full_queue_refuses_is_published_again_and_on_the_same_connection(
    quick_publisher: Publisher, channel: BlockingChannel, queue: str, paused: asyncio.Event
) -> None:
    full = limited_queue(channel, 1)
    await publish(quick_publisher, outgoing(full, b"1"))
    messages = outgoing(full, b"2", kind=Kind.COMMAND), outgoing(queue, b"a")
    publishing = asyncio.create_task(publish(quick_publisher, *messages))
    await asyncio.wait_for(paused.wait(), SECONDS)
    await publish(quick_publisher, outgoing(queue, b"b"))
    assert not publishing.done()
    assert arrived(channel, full) == [b"1"]
    await publishing
    assert arrived(channel, full) == [b"2"]
    assert arrived(channel, queue) == [b"a", b"b"]
    assert quick_publisher.connections == 1


async def test_a_result_that_a_full_queue_keeps_refusing_is_dropped(
    quick_publisher: Publisher, channel: BlockingChannel
) -> None:
    full = limited_queue(channel, 1)
    await publish(quick_publisher, outgoing(full, b"1"), outgoing(full, b"2"))
    assert quick_publisher.dropped == 1
    assert arrived(channel, full) == [b"1"]


async def test_a_message_that_cannot_be_encoded_is_dropped_and_other_messages_arrive(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    odd = outgoing(queue, b"odd", headers={"x": object()})
    await publish(publisher, outgoing(queue, b"1"), odd, outgoing(queue, b"2"))
    assert arrived(channel, queue) == [b"1", b"2"]


async def test_no_message_is_lost_with_the_connection_and_their_order_stays(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    channels: list[object] = []

    def lose_connection(publication: object) -> None:
        """Lose the tenth batch, and all that follow it on the same connection."""
        assert isinstance(publication, Publication)
        channels.append(publication.channel)
        if len(channels) >= LOST_AT and publication.channel is channels[0]:
            raise ConnectionError("the connection is lost")

    set_handler(Failpoint.PUBLISHING, lose_connection)
    bodies = [str(number).encode() for number in range(MANY)]
    batches = [bodies[start : start + 100] for start in range(0, MANY, 100)]
    await asyncio.gather(*(publish(publisher, *(outgoing(queue, body) for body in batch)) for batch in batches))
    assert publisher.connections == 2
    assert list(dict.fromkeys(arrived(channel, queue))) == bodies


async def test_a_batch_whose_first_half_was_sent_is_published_again_in_order(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    async def send_half(publication: object) -> None:
        assert isinstance(publication, Publication)
        set_handler(Failpoint.PUBLISHING, None)
        await publication.send(len(publication.messages) // 2)
        raise ConnectionError("the connection ends")

    set_handler(Failpoint.PUBLISHING, send_half)
    await publish(publisher, outgoing(queue, b"1"), outgoing(queue, b"2"))
    assert arrived(channel, queue) == [b"1", b"1", b"2"]
    assert publisher.connections == 2


def event(prefix: str, body: str, row: str, **properties: object) -> Outgoing:
    own = Basic.Properties(message_id=uuid4().hex, **properties)  # type: ignore[arg-type]
    exchange = Topology(prefix).events
    return Outgoing(exchange, "people.updated", body.encode(), own, mandatory=False, kind=Kind.EVENT, row=row)


def subscriber(channel: BlockingChannel, prefix: str, max_length: int | None = None) -> str:
    """Return a queue that receives all events."""
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    queue = queue if max_length is None else limited_queue(channel, max_length)
    channel.exchange_declare(Topology(prefix).events, "topic", durable=True)  # type: ignore[arg-type]  # as good as the enum
    channel.queue_bind(queue, Topology(prefix).events, "#")
    return queue


async def take(channel: BlockingChannel, queue: str, count: int, each: Callable[[bytes], object]) -> None:
    """Take messages from a queue until there were that many different ones."""
    different: set[bytes] = set()
    async with asyncio.timeout(SECONDS):
        while len(different) < count:
            for body in arrived_once(channel, queue):
                each(body)
                different.add(body)
            await asyncio.sleep(0.01)


def arrived_once(channel: BlockingChannel, queue: str) -> list[bytes]:
    method, _, body = channel.basic_get(queue, auto_ack=True)
    return [] if method is None else [body]  # type: ignore[list-item]  # bytes, whatever the stubs say


BAD_ADDRESSES = ["amq.rabbitmq.reply-to.!!!.x", "amq.rabbitmq.reply-to.g2dkAA==.x", "amq.rabbitmq.reply-to.\u00e9.x"]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
async def test_a_result_whose_address_makes_the_broker_close_the_link_is_dropped_and_its_neighbours_arrive(
    publisher: Publisher, channel: BlockingChannel, queue: str, address: str
) -> None:
    bodies = [str(number).encode() for number in range(50)]
    batch = [outgoing(queue, body) for body in bodies]
    batch.insert(25, outgoing(address, b"bad"))
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(publish(publisher, *batch), publish(publisher, outgoing(queue, b"next")))
        await publish(publisher, outgoing(queue, b"last"))
    assert set(arrived(channel, queue)) == {*bodies, b"next", b"last"}
    assert publisher.dropped == 1


async def test_bad_addresses_one_after_another_do_not_make_the_others_wait_longer_and_longer(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    with capture_logs() as logged:
        for number in range(8):
            await publish(publisher, outgoing(BAD_ADDRESSES[0], b"bad"), outgoing(queue, str(number).encode()))
    assert len(arrived(channel, queue)) >= 8
    assert publisher.dropped == 8
    assert [entry["connection"] for entry in logged if entry["event"] == "broker unavailable, reconnecting"] == []


async def test_what_the_broker_refuses_is_reported_with_its_reason_and_the_neighbours_arrive(
    quick_publisher: Publisher, channel: BlockingChannel, queue: str, prefix: str
) -> None:
    bad = event(prefix, "bad", "people/1", expiration="soon")
    sending = await asyncio.wait_for(quick_publisher.publish([bad, outgoing(queue, b"1")]), SECONDS)
    assert not sending.is_complete
    for pending in sending.pending:
        await asyncio.wait_for(pending.done(), SECONDS)
    refused, neighbour = sending.pending
    assert refused.failure is not None
    assert "invalid expiration 'soon'" in refused.failure
    assert neighbour.is_confirmed
    assert arrived(channel, queue) == [b"1"]


async def test_an_event_that_may_not_be_published_waits_and_its_neighbours_arrive(
    quick_publisher: Publisher, channel: BlockingChannel, queue: str, paused: asyncio.Event
) -> None:
    own = Basic.Properties(message_id="1")
    forbidden = Outgoing("amq.rabbitmq.trace", "a", b"", own, mandatory=False, kind=Kind.EVENT, row="people/1")
    sending = await asyncio.wait_for(quick_publisher.publish([forbidden, outgoing(queue, b"1")]), SECONDS)
    await asyncio.wait_for(sending.pending[1].done(), SECONDS)
    await asyncio.wait_for(paused.wait(), SECONDS)
    await publish(quick_publisher, outgoing(queue, b"2"))
    assert arrived(channel, queue) == [b"1", b"2"]
    assert not sending.pending[0].is_confirmed
    assert sending.pending[0].failure is None


async def test_a_direct_reply_is_not_taken_for_unroutable(publisher: Publisher, broker_url: str) -> None:
    connection = await aio_pika.connect(broker_url)
    async with connection:
        requesting = await connection.channel()
        received: asyncio.Queue[bytes] = asyncio.Queue()
        underlying = await requesting.get_underlay_channel()

        async def receive(message: DeliveredMessage) -> None:
            received.put_nowait(message.body)

        await underlying.basic_consume("amq.rabbitmq.reply-to", receive, no_ack=True)
        queue = await requesting.declare_queue(exclusive=True)
        request = aio_pika.Message(b"", reply_to="amq.rabbitmq.reply-to")
        await requesting.default_exchange.publish(request, queue.name)
        address = (await queue.get(timeout=SECONDS)).reply_to
        result = envelopes.outgoing(Message("1", "{}", reply_to=address), Topology("unused"))
        await publish(publisher, result)
        assert await asyncio.wait_for(received.get(), SECONDS) == b"{}"
    # Its consumer is gone now: the result is lost, as any reply to nobody.
    await publish(publisher, result)
    assert publisher.dropped == 0


def delivered(headers: dict[str, object], message_id: str | None) -> DeliveredMessage:
    header = ContentHeader(properties=Basic.Properties(message_id=message_id, headers=headers))  # type: ignore[arg-type]
    return DeliveredMessage(Basic.Deliver("tag", 1, exchange="", routing_key="a"), header, b"{}", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("message_id", [None, "shared"])
async def test_dead_letters_without_an_id_of_their_own_survive_a_missing_queue(
    publisher: Publisher, channel: BlockingChannel, prefix: str, message_id: str | None
) -> None:
    topology = Topology(prefix)
    await publish(publisher, outgoing(topology.dead_letters, b"declared", kind=Kind.COMMAND))
    channel.queue_delete(topology.dead_letters)
    commands = [envelopes.delivery(delivered({"number": number}, message_id), topology) for number in range(50)]
    letters = [republishing.dead_letter(command, Unavailable(), topology) for command in commands]
    await asyncio.gather(*(publish(publisher, letter) for letter in letters))
    numbers = set()
    while (message := channel.basic_get(topology.dead_letters, auto_ack=True))[1] is not None:
        numbers.add((message[1].headers or {})["number"])
    assert numbers == set(range(50))


async def test_events_of_a_row_first_arrive_in_order_at_a_queue_that_has_refused_one(
    publisher: Publisher, channel: BlockingChannel, prefix: str
) -> None:
    healthy, full = subscriber(channel, prefix), subscriber(channel, prefix, max_length=2)
    refused = await publisher.publish([event(prefix, f"full {number}", "full") for number in range(3)])
    assert not refused.is_complete
    bodies = [f"{row}/{version}" for version in range(20) for row in range(6)]
    publishing = [
        asyncio.create_task(publish(publisher, event(prefix, body, body.partition("/")[0]))) for body in bodies
    ]
    first_arrivals: dict[bytes, None] = {}
    await take(channel, full, len(bodies) + 3, first_arrivals.setdefault)
    await asyncio.gather(*publishing)
    at_healthy = arrived(channel, healthy)
    for received in (first_arrivals, dict.fromkeys(at_healthy)):
        for row in range(6):
            versions = [int(body.split(b"/")[1]) for body in received if body.startswith(b"%d/" % row)]
            assert versions == list(range(20))
    assert len(at_healthy) < 4 * len(bodies)


async def test_a_full_queue_holds_only_the_rows_that_it_refuses_and_copies_are_few(
    publisher: Publisher, channel: BlockingChannel, prefix: str
) -> None:
    healthy, full = subscriber(channel, prefix), subscriber(channel, prefix, max_length=1)
    await publish(publisher, event(prefix, "fills it", "0"))
    held = [await asyncio.wait_for(publisher.publish([event(prefix, str(row), str(row))]), SECONDS) for row in range(9)]
    assert not any(sending.is_complete for sending in held)
    later = await asyncio.wait_for(publisher.publish([event(prefix, "later", "1")]), SECONDS)
    assert not later.is_complete
    channel.queue_unbind(full, Topology(prefix).events, "#")
    for sending in (*held, later):
        await asyncio.wait_for(sending.pending[0].done(), SECONDS)
    copies = arrived(channel, healthy)
    assert set(copies) == {b"fills it", b"later", *(b"%d" % row for row in range(9))}
    assert len(copies) < 40


@pytest.mark.parametrize("name", ["commands", "events", "dead-letters"])
async def test_an_exchange_that_was_deleted_is_declared_again_with_its_binding(
    publisher: Publisher, channel: BlockingChannel, prefix: str, name: str
) -> None:
    await connected(publisher)
    channel.exchange_delete(f"{prefix}.{name}")
    await until(lambda: is_declared(f"{prefix}.{name}"))
    if name != "events":
        await until(lambda: is_routed(channel, f"{prefix}.{name}"))


@pytest.mark.parametrize("name", ["commands", "dead-letters"])
async def test_a_binding_that_was_removed_is_bound_again_on_the_same_connection(
    publisher: Publisher, channel: BlockingChannel, prefix: str, name: str
) -> None:
    await connected(publisher)
    channel.queue_unbind(f"{prefix}.{name}", f"{prefix}.{name}", "#")
    await until(lambda: is_routed(channel, f"{prefix}.{name}"))
    assert publisher.connections == 1


async def test_an_event_waits_until_its_exchange_is_declared_again(
    publisher: Publisher, channel: BlockingChannel, prefix: str
) -> None:
    await connected(publisher)
    channel.exchange_delete(Topology(prefix).events)
    await publish(publisher, event(prefix, "1", "1"))
    assert publisher.connections == 2


async def connected(publisher: Publisher) -> None:
    await until(lambda: publisher.is_ready)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(GENEROUS):
        while not condition():  # noqa: ASYNC110 - the broker sends no signal
            await asyncio.sleep(0.05)


def is_declared(exchange: str) -> bool:
    connection = broker.connect()
    try:
        connection.channel().exchange_declare(exchange, passive=True)
    except ChannelClosedByBroker:
        return False
    finally:
        connection.close()
    return True


def is_routed(channel: BlockingChannel, exchange: str) -> bool:
    """Return whether a queue receives what is published to an exchange."""
    channel.confirm_delivery()
    try:
        channel.basic_publish(exchange, "a", b"", mandatory=True)
    except UnroutableError:
        return False
    return True
