"""The names of queues and exchanges, as the contract defines them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

_DIRECT_REPLY = "amq.rabbitmq.reply-to."

_PRIORITY_BYTES = 3


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
        return queue in (self.commands, self.dead_letters) or queue.startswith(f"{self.commands}.")

    def retry(self, delay: timedelta) -> str:
        """Return the queue in which commands wait for a retry after this delay."""
        return f"{self.commands}.retry.{milliseconds(delay)}"


@dataclass(frozen=True, slots=True)
class ReplyQueues:
    """The queues to which publishers may have results sent: those that match a pattern, but never the service's own."""

    topology: Topology
    patterns: Sequence[str] = ("*",)
    """Shell-style patterns: `replies.*`."""

    def allow(self, queue: str) -> bool:
        """Whether results may be sent to a queue."""
        return not self.topology.owns(queue) and any(fnmatchcase(queue, pattern) for pattern in self.patterns)


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
