"""Queues and exchanges are what the contract says."""

from typing import Any

import pytest
from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker
from pika.exchange_type import ExchangeType

from tests.acceptance.commands import create, unique
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq
from tests.support import broker

DELIVERY_LIMIT = 100
NO_LIMIT = 2**31 - 1
SAFE = {"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


def arguments(prefix: str, queue: str) -> dict[str, Any]:
    """Give what a queue must have been declared with."""
    if queue == "dead-letters":
        return {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}
    if queue == "commands":
        return {**SAFE, "x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": f"{prefix}.dead-letters"}
    return {**SAFE, "x-dead-letter-exchange": f"{prefix}.commands", "x-message-ttl": int(queue.rpartition(".")[2])}


QUEUES = ["commands", "dead-letters", "commands.retry.1000", "commands.retry.10000", "commands.retry.60000"]
EXCHANGES = ["commands", "events", "dead-letters"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchanges_are_durable_and_route_by_topic(peer: Peer, name: str) -> None:
    # The broker refuses to declare again with other properties.
    peer.channel.exchange_declare(f"{peer.prefix}.{name}", ExchangeType("topic"), durable=True)


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_quorum_queues_with_the_arguments_of_the_contract(peer: Peer, name: str) -> None:
    queue = f"{peer.prefix}.{name}"
    peer.channel.queue_declare(queue, durable=True, arguments=arguments(peer.prefix, name))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("commands", {"x-delivery-limit": DELIVERY_LIMIT + 1}),
        ("commands", {"x-dead-letter-exchange": "another"}),
        ("commands", {"x-overflow": "drop-head"}),
        ("commands.retry.1000", {"x-message-ttl": 1001}),
        ("dead-letters", {"x-queue-type": "classic"}),
    ],
)
def test_queues_have_no_other_arguments(peer: Peer, name: str, other: dict[str, Any]) -> None:
    other_arguments = {**arguments(peer.prefix, name), **other}
    with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
        peer.channel.queue_declare(f"{peer.prefix}.{name}", durable=True, arguments=other_arguments)


def test_an_exchange_of_another_type_is_reported_in_one_line(service: Service, peer: Peer) -> None:
    with broker.fresh_prefix() as prefix:
        peer.channel.exchange_declare(f"{prefix}.events", ExchangeType("fanout"), durable=True)
        environ = {**service.environ, "CRUDMQ_PREFIX": prefix}
        assert crudmq("migrate", environ=environ).returncode == 0
        done = crudmq("run", environ=environ)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("crudmq: the broker refused a declaration: PRECONDITION_FAILED - inequivalent arg 'type'")


@pytest.mark.parametrize("key", ["people.create", "transaction", "call", "a.b.c.d", ""])
def test_commands_arrive_whatever_their_routing_key(peer: Peer, key: str) -> None:
    peer.channel.basic_publish(
        f"{peer.prefix}.commands",
        key,
        b'{"resource": "people", "action": "list", "limit": 1}',
        BasicProperties(message_id=unique(), reply_to=peer.reply_to),
    )
    assert peer.reply().status == "ok"


def test_a_message_sent_to_the_queue_directly_is_a_command(peer: Peer) -> None:
    peer.channel.basic_publish(
        "",
        f"{peer.prefix}.commands",
        b'{"resource": "people", "action": "list", "limit": 1}',
        BasicProperties(message_id=unique(), reply_to=peer.reply_to),
    )
    assert peer.reply().status == "ok"


def test_a_message_in_a_retry_queue_returns_as_a_command(peer: Peer) -> None:
    peer.channel.basic_publish(
        "",
        f"{peer.prefix}.commands.retry.1000",
        b'{"resource": "people", "action": "create", "data": {"name": "late"}}',
        BasicProperties(message_id=unique(), reply_to=peer.reply_to, delivery_mode=2),
    )
    assert peer.reply().data["name"] == "late"


def test_dead_letters_stay_in_their_queue(peer: Peer) -> None:
    peer.channel.basic_publish(
        f"{peer.prefix}.dead-letters", "any.key", b"rest in peace", BasicProperties(message_id=unique())
    )
    assert [dead.body for dead in peer.dead_letters()] == [b"rest in peace"]


def test_a_reply_reaches_who_asks_through_the_direct_reply_queue(peer: Peer) -> None:
    results: list[bytes] = []
    direct = "amq.rabbitmq.reply-to"
    peer.channel.basic_consume(direct, lambda _channel, _method, _properties, body: results.append(body), auto_ack=True)
    peer.publish(create("people", name="Tom"), reply_to=direct)
    peer.until(lambda: bool(results), "the direct reply")
    assert b'"name":"Tom"' in results[0]
