"""Who is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.envelope import Envelope, plain
from bench.workload import Workload


@dataclass(frozen=True, slots=True, eq=False)
class Competitor:
    """A program that works commands off until SIGTERM, and then exits with 0.

    It finds its place in the environment variables of the service (`CRUDMQ_BROKER_URL`, `CRUDMQ_DATABASE_URL`,
    `CRUDMQ_PREFIX`), and writes a line with the word `consuming` to standard error when it begins.
    """

    name: str
    argv: tuple[str, ...]
    guarantees: str
    """What it promises, in a few words."""
    has_inbox: bool
    """Whether it keeps the service's inbox and outbox: it is checked that it did."""
    workloads: tuple[Workload, ...]
    """What it can do."""
    concurrencies: tuple[int, ...] = ()
    """Those to choose from; the one that is chosen becomes its last argument."""
    settings: tuple[tuple[str, str], ...] = ()
    """More environment variables."""
    share: float = 1.0
    """Which part of the commands it is given: the slow ones would take most of the time."""
    envelope: Envelope = plain
    """How its framework wraps a command."""
    prepare: Callable[[], str | None] = lambda: None
    """Installs what it needs; says why it cannot take part, None if it can."""

    def command(self, concurrency: int | None) -> Sequence[str]:
        """Give what to execute."""
        return self.argv if concurrency is None else (*self.argv, str(concurrency))
