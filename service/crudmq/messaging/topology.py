"""The queues and exchanges: their names, as the contract defines them, and their declaration.

All are durable, and all may be declared repeatedly.
"""

import hashlib
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import translate
from functools import partial
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

from crudmq.contract.headers import PARTITION_KEY
from crudmq.messaging.connection import Probe, open_channel

_DIRECT_REPLY = "amq.rabbitmq.reply-to."
_PRIORITY_BYTES = 3
_DELIVERY_LIMIT = 100
"""A last resort: poison detection identifies messages that crash the process or the connection much earlier."""
_UNLIMITED = 2**31 - 1
"""Browsing must not lose dead letters: since RabbitMQ 4, a queue declared without a delivery limit has one of 20."""
_TIMEOUT = 30
_AT_LEAST_ONCE: FieldTable = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""A dead-lettered message leaves its queue only once the next queue has confirmed it (RabbitMQ, quorum queues)."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The names, all derived from the prefix."""

    prefix: str
    partitions: int = 1
    """The number of queues among which commands are divided by their keys; 1 for a single queue."""

    @property
    def commands(self) -> str:
        """The exchange, and the queue, of commands."""
        return f"{self.prefix}.commands"

    @property
    def by_key(self) -> str:
        """The exchange that divides commands among the partitions."""
        return f"{self.commands}.by-key"

    @property
    def events(self) -> str:
        """The exchange of events."""
        return f"{self.prefix}.events"

    @property
    def dead_letters(self) -> str:
        """The exchange, and the queue, of dead letters."""
        return f"{self.prefix}.dead-letters"

    @property
    def partition_queues(self) -> tuple[str, ...]:
        """The queues of the partitions; empty if all commands share a queue."""
        return tuple(self.partition(number) for number in range(self.partitions)) if self.partitions > 1 else ()

    @property
    def queues(self) -> tuple[str, ...]:
        """All consumed queues: with partitions, the single queue as well, for the commands still in it."""
        return (self.commands, *self.partition_queues)

    def partition(self, number: int) -> str:
        """Return the queue of a partition."""
        return f"{self.commands}.{number}"

    def owns(self, queue: str) -> bool:
        """Whether a queue belongs to the service."""
        if not queue.startswith(f"{self.prefix}."):
            return False
        return queue in (self.commands, self.dead_letters) or queue.startswith(f"{self.commands}.")

    def retry(self, delay: timedelta) -> str:
        """Return the queue in which commands wait for a retry after this delay."""
        return f"{self._retry}{milliseconds(delay)}"

    def is_retry(self, queue: str) -> bool:
        """Whether commands wait in a queue for a retry."""
        return queue.startswith(self._retry)

    @property
    def _retry(self) -> str:
        return f"{self.commands}.retry."


class ReplyQueues:
    """The queues to which publishers may have results sent: those that match a pattern, but never the service's own."""

    def __init__(self, topology: Topology, patterns: Sequence[str] = ("*",)) -> None:
        """Set the names of the service, and shell-style patterns such as `replies.*`."""
        self._topology = topology
        # Every command is checked, so the patterns are one expression.
        self._matches = re.compile("|".join(map(translate, patterns))).match

    def allow(self, queue: str) -> bool:
        """Whether results may be sent to a queue."""
        return self._matches(queue) is not None and not self._topology.owns(queue)


def milliseconds(delay: timedelta) -> int:
    """Return a delay in whole milliseconds."""
    return delay // timedelta(milliseconds=1)


def is_direct_reply(queue: str) -> bool:
    """Whether a reply address is a channel, not a queue (https://www.rabbitmq.com/docs/direct-reply-to)."""
    return queue.startswith(_DIRECT_REPLY)


def priority(replica: str, queue: str) -> int:
    """Return the priority of a replica for a partition: replicas prefer different partitions, for balance.

    Rendezvous hashing (Thaler and Ravishankar, 1996). Brokers that ignore priorities among the consumers of a queue
    with a single active consumer choose the first one.
    """
    return int.from_bytes(hashlib.blake2b(f"{replica}/{queue}".encode(), digest_size=_PRIORITY_BYTES).digest())


class TopologyError(Exception):
    """The broker's queues and exchanges conflict with those that this version declares."""


class Declaration:
    """The queues, exchanges and bindings of a process, declared on each of its connections."""

    def __init__(self, topology: Topology, delays: tuple[timedelta, ...]) -> None:
        """Set the names and the delays of the retry queues."""
        self._topology = topology
        self._delays = delays
        self._is_declared = False

    async def declare(self, connection: AbstractConnection) -> None:
        """Declare everything. May be repeated.

        :raises TopologyError: the broker refused it the first time
        :raises ConnectionError: the broker refused it later: a permission may have been revoked for a while
        """
        try:
            await declare(connection, self._topology, self._delays)
        except TopologyError as exc:
            if self._is_declared:
                raise ConnectionError(str(exc)) from exc
            raise
        self._is_declared = True

    def probes(self) -> list[Probe]:
        """Return probes that fail if a queue or an exchange is missing, and that bind again what is not bound.

        The broker offers no check for bindings.
        """
        names = self._topology
        exchanges = [
            names.commands,
            names.events,
            names.dead_letters,
            *([names.by_key] if names.partitions > 1 else []),
        ]
        queues = [names.dead_letters, *(names.retry(delay) for delay in self._delays)]
        return [
            *(partial(_check_exchange, exchange) for exchange in exchanges),
            *(partial(_check_queue, queue) for queue in queues),
            partial(_bind_all, names),
        ]


async def declare(connection: AbstractConnection, topology: Topology, delays: tuple[timedelta, ...]) -> None:
    """Declare all queues, exchanges and bindings. May be repeated.

    :raises TopologyError: a queue or exchange of that name exists with other arguments, may not be declared, or needs
        a plugin that the broker does not have
    """
    await _check_partitions(connection, topology)
    channel = await open_channel(connection, publisher_confirms=False)
    try:
        await _declare_all(channel, topology, delays)
    except (ChannelPreconditionFailed, ChannelAccessRefused) as exc:
        raise TopologyError(f"the broker refused a declaration: {exc}") from exc
    except ConnectionCommandInvalid as exc:
        raise TopologyError(
            f"the broker refused a declaration: {exc}. CRUDMQ_PARTITIONS requires a plugin: run "
            "`rabbitmq-plugins enable rabbitmq_consistent_hash_exchange`"
        ) from exc
    await channel.close()


async def _declare_all(channel: AbstractChannel, topology: Topology, delays: tuple[timedelta, ...]) -> None:
    await _declare_topic(channel, topology.events)
    await _declare_topic(channel, topology.dead_letters)
    await _declare_queue(channel, topology.dead_letters, {"x-delivery-limit": _UNLIMITED})
    await _declare_commands(channel, topology)
    for delay in delays:
        # Expired messages return through the exchange of commands, which routes them to their partitions.
        arguments: FieldTable = {
            "x-message-ttl": milliseconds(delay),
            "x-dead-letter-exchange": topology.commands,
            **_AT_LEAST_ONCE,
        }
        await _declare_queue(channel, topology.retry(delay), arguments)
    await _bind_all(topology, channel)


async def _declare_commands(channel: AbstractChannel, topology: Topology) -> None:
    arguments: FieldTable = {
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": topology.dead_letters,
        **_AT_LEAST_ONCE,
    }
    await _declare_topic(channel, topology.commands)
    await _declare_queue(channel, topology.commands, arguments)
    if topology.partitions == 1:
        return
    hash_header: FieldTable = {"hash-header": PARTITION_KEY}
    await channel.declare_exchange(
        topology.by_key, ExchangeType.X_CONSISTENT_HASH, durable=True, arguments=hash_header, timeout=_TIMEOUT
    )
    for queue in topology.partition_queues:
        await _declare_queue(channel, queue, {**arguments, "x-single-active-consumer": True})


async def _bind_all(topology: Topology, channel: AbstractChannel) -> None:
    await _bind(channel, topology.dead_letters, topology.dead_letters, routing_key="#")
    if topology.partitions == 1:
        await _bind(channel, topology.commands, topology.commands, routing_key="#")
        return
    for queue in topology.partition_queues:
        # For this type of exchange the routing key of a binding is its weight.
        await _bind(channel, queue, topology.by_key, routing_key="1")
    by_key = await channel.get_exchange(topology.by_key, ensure=False)
    await by_key.bind(topology.commands, routing_key="#", timeout=_TIMEOUT)
    # Last, so that every command has a queue. The inbox detects a command that was routed to two queues meanwhile.
    single_queue = await channel.get_queue(topology.commands, ensure=False)
    await single_queue.unbind(topology.commands, routing_key="#", timeout=_TIMEOUT)


async def _check_partitions(connection: AbstractConnection, topology: Topology) -> None:
    """Check that no partition would receive commands without having a consumer.

    :raises TopologyError: the broker has more partitions than are configured
    """
    next_partition = topology.partition(topology.partitions if topology.partitions > 1 else 0)
    channel = await open_channel(connection, publisher_confirms=False)
    if await _exists(channel.declare_queue(next_partition, passive=True, timeout=_TIMEOUT)):
        raise TopologyError(
            f"CRUDMQ_PARTITIONS cannot be decreased while the queue {next_partition} exists: run crudmq with the "
            "previous number until its queues are empty, stop it, "
            f"delete the exchange {topology.by_key} and its queues, and start again"
        )


async def _exists(declaring: Awaitable[Any]) -> bool:
    try:
        await declaring
    except ChannelNotFoundEntity:
        return False
    return True


async def _declare_topic(channel: AbstractChannel, name: str) -> None:
    await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)


async def _declare_queue(channel: AbstractChannel, name: str, arguments: FieldTable) -> None:
    arguments = {"x-queue-type": "quorum", **arguments}
    await channel.declare_queue(name, durable=True, arguments=arguments, timeout=_TIMEOUT)


async def _bind(channel: AbstractChannel, name: str, exchange: str, *, routing_key: str) -> None:
    queue = await channel.get_queue(name, ensure=False)
    await queue.bind(exchange, routing_key=routing_key, timeout=_TIMEOUT)


async def _check_exchange(exchange: str, channel: AbstractChannel) -> None:
    await channel.get_exchange(exchange)


async def _check_queue(queue: str, channel: AbstractChannel) -> None:
    await channel.declare_queue(queue, passive=True)
