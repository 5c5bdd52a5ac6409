"""A program that is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.envelope import Envelope, plain
from bench.workload import Workload


@dataclass(frozen=True, slots=True, eq=False)
class Competitor:
    """A program that processes commands until SIGTERM, and then exits with 0.

    It reads the service's environment variables `CRUDMQ_BROKER_URL`, `CRUDMQ_DATABASE_URL` and `CRUDMQ_PREFIX`, and
    writes a line with the word `consuming` to standard error when it starts to consume.
    """

    name: str
    argv: tuple[str, ...]
    guarantees: str
    """Its delivery guarantees, in a few words."""
    has_inbox: bool
    """Whether it maintains the service's inbox and outbox; runs verify both."""
    workloads: tuple[Workload, ...]
    """The workloads that it supports."""
    concurrencies: tuple[int, ...] = ()
    """The concurrencies to calibrate with; the chosen one is appended to its arguments."""
    settings: tuple[tuple[str, str], ...] = ()
    """Additional environment variables."""
    share: float = 1.0
    """The fraction of the commands that it gets: slow competitors would dominate the duration."""
    envelope: Envelope = plain
    """The message format of its framework."""
    prepare: Callable[[], str | None] = lambda: None
    """Installs its dependencies; returns the reason if it cannot take part, else None."""

    def command(self, concurrency: int | None) -> Sequence[str]:
        """Return its command line."""
        return self.argv if concurrency is None else (*self.argv, str(concurrency))
