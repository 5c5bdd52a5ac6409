"""The queues and exchanges, as the contract names them. All are durable, all may be declared again."""

from dataclasses import dataclass
from datetime import timedelta

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed
from pamqp.common import FieldTable

_DELIVERY_LIMIT = 20
_TIMEOUT = 30
_SAFE_DEAD_LETTERS: FieldTable = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""A dead letter leaves its queue only when its next queue has confirmed it (RabbitMQ, quorum queues)."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The names, all derived from the prefix."""

    prefix: str

    @property
    def commands(self) -> str:
        """Name the exchange, and the queue, of commands."""
        return f"{self.prefix}.commands"

    @property
    def events(self) -> str:
        """Name the exchange of events."""
        return f"{self.prefix}.events"

    @property
    def dead_letters(self) -> str:
        """Name the exchange, and the queue, of dead letters."""
        return f"{self.prefix}.dead-letters"

    def retry(self, delay: timedelta) -> str:
        """Name the queue in which commands wait so long."""
        return f"{self.commands}.retry.{_milliseconds(delay)}"


class TopologyError(Exception):
    """What is declared on the broker is not what this version declares; says what."""


async def declare(channel: AbstractChannel, names: Topology, delays: tuple[timedelta, ...]) -> None:
    """Declare everything. Idempotent.

    :raises TopologyError: a queue or exchange of that name exists with other arguments, or may not be declared
    """
    try:
        await _declare_all(channel, names, delays)
    except (ChannelPreconditionFailed, ChannelAccessRefused) as exc:
        raise TopologyError(f"the broker refuses a declaration: {exc}") from exc


async def _declare_all(channel: AbstractChannel, names: Topology, delays: tuple[timedelta, ...]) -> None:
    await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)
    await _declare_bound(channel, names.dead_letters, {})
    commands: FieldTable = {
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": names.dead_letters,
        **_SAFE_DEAD_LETTERS,
    }
    await _declare_bound(channel, names.commands, commands)
    for delay in delays:
        back: FieldTable = {
            "x-message-ttl": _milliseconds(delay),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": names.commands,
            **_SAFE_DEAD_LETTERS,
        }
        await _declare_queue(channel, names.retry(delay), back)


async def _declare_bound(channel: AbstractChannel, name: str, arguments: FieldTable) -> None:
    """Declare a queue and a topic exchange of one name, that routes everything to it."""
    await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True, timeout=_TIMEOUT)
    await _declare_queue(channel, name, arguments)
    queue = await channel.get_queue(name, ensure=False)
    await queue.bind(name, routing_key="#", timeout=_TIMEOUT)


async def _declare_queue(channel: AbstractChannel, name: str, arguments: FieldTable) -> None:
    found: FieldTable = {"x-queue-type": "quorum", **arguments}
    await channel.declare_queue(name, durable=True, arguments=found, timeout=_TIMEOUT)


def _milliseconds(delay: timedelta) -> int:
    return delay // timedelta(milliseconds=1)
