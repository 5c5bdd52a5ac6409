"""Who is measured."""

from collections.abc import Sequence
from dataclasses import dataclass


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
    concurrencies: tuple[int, ...] = ()
    """Those to choose from; the one that is chosen becomes its last argument."""
    settings: tuple[tuple[str, str], ...] = ()
    """More environment variables."""

    def command(self, concurrency: int | None) -> Sequence[str]:
        """Give what to execute."""
        return self.argv if concurrency is None else (*self.argv, str(concurrency))
