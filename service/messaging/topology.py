"""The names of queues and exchanges, as the contract has them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Topology:
    """The names, all derived from the prefix."""

    prefix: str
    partitions: int = 1
    """Among how many queues the commands are divided by their keys; 1 for a single queue."""

    @property
    def commands(self) -> str:
        """Name the exchange, and the queue, of commands."""
        return f"{self.prefix}.commands"

    @property
    def by_key(self) -> str:
        """Name the exchange that divides commands among the partitions."""
        return f"{self.commands}.by-key"

    @property
    def events(self) -> str:
        """Name the exchange of events."""
        return f"{self.prefix}.events"

    @property
    def dead_letters(self) -> str:
        """Name the exchange, and the queue, of dead letters."""
        return f"{self.prefix}.dead-letters"

    @property
    def partition_queues(self) -> tuple[str, ...]:
        """Name the partitions; there are none where all commands share a queue."""
        return tuple(self.partition(number) for number in range(self.partitions)) if self.partitions > 1 else ()

    @property
    def queues(self) -> tuple[str, ...]:
        """Name all queues that are consumed: with partitions, what was left in the single queue as well."""
        return (self.commands, *self.partition_queues)

    def partition(self, number: int) -> str:
        """Name a partition."""
        return f"{self.commands}.{number}"

    def retry(self, delay: timedelta) -> str:
        """Name the queue in which commands wait so long."""
        return f"{self.commands}.retry.{milliseconds(delay)}"


def milliseconds(delay: timedelta) -> int:
    """Count the milliseconds of a delay."""
    return delay // timedelta(milliseconds=1)
