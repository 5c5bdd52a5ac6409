"""A fault as a value, and what it can take hold of while it is injected."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tests.acceptance.process import Deadline
from tests.faults.evidence import Expected, Heard
from tests.faults.failpoints import Asked
from tests.faults.load import Load
from tests.faults.observer import Observer
from tests.faults.replica import Replica
from tests.faults.workload import Kind, Workload
from tests.support import broker, databases

_LOOK = 0.1

Route = Callable[[str], str]
"""From a server's address to the one by which the service reaches it: through a proxy, perhaps."""


def straight(url: str) -> str:
    """Lead the service to the server itself."""
    return url


@dataclass(frozen=True)
class Fault:
    """What is done to the service while it is under load, and what may come of it."""

    name: str
    inject: Callable[["Run"], None]
    """Does it, and returns when it is over, or says so before with `run.over()`."""
    prepare: Callable[["Run"], None] = lambda _: None
    """Is called before the service starts: it may change `run.settings`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)
    """What the first replica is told to do."""
    replicas: int = 1
    partitions: int = 1
    kind: str = "postgresql"
    without: tuple[Kind, ...] = ()
    """Kinds of commands that the load leaves out."""
    commands: int = 500
    after: int = 150
    """How many commands are published after the fault at least."""
    window: int | None = 100
    copies: int = 1
    expected: Expected = field(default_factory=Expected)
    quiet_seconds: float = 60


class Run:
    """One run: what an injection can take hold of."""

    def __init__(self, fault: Fault, route: Route, directory: Path, stack: ExitStack) -> None:
        self.fault = fault
        self.stack = stack
        """What is entered here ends with the run."""
        self.prefix = stack.enter_context(broker.fresh_prefix())
        self.settings = {
            "CRUDMQ_BROKER_URL": route(broker.url()),
            "CRUDMQ_PARTITIONS": str(fault.partitions),
            **fault.settings,
        }
        self.database_url = _fresh_database(fault.kind, directory, stack)
        self.seen_database_url = route(self.database_url)
        self.replicas: list[Replica] = []
        self.over_at: float | None = None
        self.notes: list[str] = []
        """What the row tells besides."""
        self.observer = Observer(self.prefix, self._hear)
        commands = Workload(without=fault.without)
        first = commands.first()
        self.load = Load(
            self.prefix,
            self.observer.reply_to,
            chain(first, commands),
            enough=len(first),
            window=fault.window,
            copies=fault.copies,
        )
        self._answered: dict[str, float] = {}

    @property
    def replica(self) -> Replica:
        """Give the first one."""
        return self.replicas[0]

    def add_replica(self, asked: Asked | None = None) -> Replica:
        """Start one more."""
        replica = Replica(self.seen_database_url, self.prefix, self.settings, asked or Asked())
        self.add_stopped(replica)
        return replica.start()

    def add_stopped(self, replica: Replica) -> None:
        """Take one more that is started later; it ends with the run."""
        self.replicas.append(replica)
        self.stack.callback(_end, replica)

    def answered(self, more: int, seconds: float = 60) -> None:
        """Wait until so many more commands are answered."""
        goal = len(self._answered) + more
        assert self.observer.wait_until(lambda: len(self._answered) >= goal, seconds), (
            f"{more} more answers did not come within {seconds} s: {len(self._answered)} of {goal}"
        )

    def keep_alive(self, until: Callable[[], bool], seconds: float) -> None:
        """Start the first replica again whenever it has died, until something is so."""
        deadline = Deadline(seconds)
        while not self.observer.wait_until(until, _LOOK):
            assert deadline.left, f"what was waited for did not happen within {seconds} s"
            if not self.replica.is_running:
                self.replica.died()
                self.replica.launch()
        if not self.replica.is_running:
            self.replica.died()
            self.replica.start()

    def over(self) -> None:
        """Say that the fault is over: from now on the service has to be back at work soon."""
        self.over_at = time.monotonic()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for something that can only be looked at."""
        deadline = Deadline(seconds)
        while not condition():
            if not deadline.left:
                return False
            time.sleep(_LOOK)
        return True

    def unanswered(self) -> int:
        """Count the commands that have yet to be answered."""
        sent = list(self.load.sent.values())
        return sum(one.command.id not in self._answered and one.reply_to == self.observer.reply_to for one in sent)

    def answer_times(self) -> dict[str, float]:
        """Give when each command was answered first."""
        return dict(self._answered)

    def _hear(self, heard: Heard) -> None:
        if heard.command in self.load.sent:
            self._answered.setdefault(heard.command, heard.at)
            self.load.answered(heard.command)


def _end(replica: Replica) -> None:
    if replica.is_running:
        replica.kill()


def _fresh_database(kind: str, directory: Path, stack: ExitStack) -> str:
    runner = stack.enter_context(asyncio.Runner())
    fresh = databases.fresh(kind, directory)
    url = runner.run(_entered(fresh))
    stack.callback(lambda: runner.run(_left(fresh)))
    return url


async def _entered(fresh: AbstractAsyncContextManager[str]) -> str:
    return await fresh.__aenter__()


async def _left(fresh: AbstractAsyncContextManager[str]) -> None:
    await fresh.__aexit__(None, None, None)
