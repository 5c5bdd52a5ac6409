"""Declaring the queues and exchanges. All are durable, all may be declared again."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionCommandInvalid,
)
from pamqp.common import FieldTable

from service.messaging.connection import open_channel
from service.messaging.topology import Topology, milliseconds

PARTITION_KEY = "partition-key"
_DELIVERY_LIMIT = 100
"""The last resort: what ends the process, or the connection, is found out by ourselves long before."""
_NO_LIMIT = 2**31 - 1
"""A dead letter is not lost by being looked at: from RabbitMQ 4 on, a queue that says nothing has a limit of 20."""
_TIMEOUT = 30
_SAFE_DEAD_LETTERS: FieldTable = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""A dead letter leaves its queue only when its next queue has confirmed it (RabbitMQ, quorum queues)."""


class TopologyError(Exception):
    """What is declared on the broker is not what this version declares; says what."""


async def declare(connection: AbstractConnection, names: Topology, delays: tuple[timedelta, ...]) -> None:
    """Declare everything. Idempotent.

    :raises TopologyError: a queue or exchange of that name exists with other arguments, may not be declared, or needs
        a plugin that the broker does not have
    """
    await _check_no_other_partitions(connection, names)
    channel = await open_channel(connection, publisher_confirms=False)
    try:
        await _declare_all(channel, names, delays)
    except (ChannelPreconditionFailed, ChannelAccessRefused) as exc:
        raise TopologyError(f"the broker refuses a declaration: {exc}") from exc
    except ConnectionCommandInvalid as exc:
        raise TopologyError(
            f"the broker refuses a declaration: {exc}. CRUDMQ_PARTITIONS needs its plugin: "
            "rabbitmq-plugins enable rabbitmq_consistent_hash_exchange"
        ) from exc
    await channel.close()


async def _declare_all(channel: AbstractChannel, names: Topology, delays: tuple[timedelta, ...]) -> None:
    await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)
    await _declare_bound(channel, names.dead_letters, {"x-delivery-limit": _NO_LIMIT})
    await _declare_commands(channel, names)
    for delay in delays:
        # By the way that it first came, a command finds its partition again.
        back: FieldTable = {
            "x-message-ttl": milliseconds(delay),
            "x-dead-letter-exchange": names.commands,
            **_SAFE_DEAD_LETTERS,
        }
        await _declare_queue(channel, names.retry(delay), back)


async def _declare_commands(channel: AbstractChannel, names: Topology) -> None:
    arguments: FieldTable = {
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": names.dead_letters,
        **_SAFE_DEAD_LETTERS,
    }
    if names.partitions == 1:
        await _declare_bound(channel, names.commands, arguments)
        return
    await _declare_topic(channel, names.commands)
    await _declare_queue(channel, names.commands, arguments)
    divide: FieldTable = {"hash-header": PARTITION_KEY}
    await channel.declare_exchange(
        names.by_key, ExchangeType.X_CONSISTENT_HASH, durable=True, arguments=divide, timeout=_TIMEOUT
    )
    for name in names.partition_queues:
        await _declare_queue(channel, name, {**arguments, "x-single-active-consumer": True})
        # For this kind of exchange the routing key of a binding is its weight.
        await _bind(channel, name, names.by_key, routing_key="1")
    by_key = await channel.get_exchange(names.by_key, ensure=False)
    await by_key.bind(names.commands, routing_key="#", timeout=_TIMEOUT)
    # Last, so that no command is without a queue; what two queues have, the inbox knows.
    await (await channel.get_queue(names.commands, ensure=False)).unbind(
        names.commands, routing_key="#", timeout=_TIMEOUT
    )


async def _check_no_other_partitions(connection: AbstractConnection, names: Topology) -> None:
    """See that no partition is filled that nobody would empty.

    :raises TopologyError: there are more partitions on the broker than now are wanted
    """
    following = names.partition(names.partitions if names.partitions > 1 else 0)
    channel = await open_channel(connection, publisher_confirms=False)
    if await _exists(channel.declare_queue(following, passive=True, timeout=_TIMEOUT)):
        raise TopologyError(
            f"the broker has the queue {following}: CRUDMQ_PARTITIONS was larger. Let the service empty its "
            f"queues with the old number, stop it, delete the exchange {names.by_key} and its queues, and start again"
        )


async def _exists(asked: Awaitable[Any]) -> bool:
    try:
        await asked
    except ChannelNotFoundEntity:
        return False
    return True


async def _declare_bound(channel: AbstractChannel, name: str, arguments: FieldTable) -> None:
    """Declare a queue and a topic exchange of one name, that routes everything to it."""
    await _declare_topic(channel, name)
    await _declare_queue(channel, name, arguments)
    await _bind(channel, name, name, routing_key="#")


async def _declare_topic(channel: AbstractChannel, name: str) -> None:
    await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)


async def _declare_queue(channel: AbstractChannel, name: str, arguments: FieldTable) -> None:
    found: FieldTable = {"x-queue-type": "quorum", **arguments}
    await channel.declare_queue(name, durable=True, arguments=found, timeout=_TIMEOUT)


async def _bind(channel: AbstractChannel, queue: str, exchange: str, *, routing_key: str) -> None:
    found = await channel.get_queue(queue, ensure=False)
    await found.bind(exchange, routing_key=routing_key, timeout=_TIMEOUT)
