"""A fault as a value, and the run that it is injected into."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tests.acceptance.process import Deadline
from tests.faults.evidence import Evidence, Expected, Received
from tests.faults.injection import Injection
from tests.faults.load import Load
from tests.faults.observer import Observer
from tests.faults.replica import LIMIT, Replica
from tests.faults.workload import Operation, Workload
from tests.support import broker, databases

_POLL_SECONDS = 0.1

Route = Callable[[str], str]
"""Maps a server's URL to the one by which the service reaches it, such as a proxy's."""


class NotInjectedError(AssertionError):
    """A fault did not take hold, so that its run proves nothing."""


def direct(url: str) -> str:
    """Route the service to the server itself."""
    return url


@dataclass(frozen=True)
class Fault:
    """What is done to the service under load, and what it is allowed to cause."""

    name: str
    inject: Callable[["Run"], None]
    """Injects the fault, proves that with `run.prove`, and returns when it is over, unless `run.end_fault` said so."""
    prepare: Callable[["Run"], None] = lambda _: None
    """Called before the service starts; it may change `run.settings`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    injection: Injection = field(default_factory=Injection)
    """What the first replica injects into itself."""
    replicas: int = 1
    partitions: int = 1
    database: str = "postgresql"
    is_clustered: bool = False
    """Whether the broker is a cluster of three nodes."""
    without: tuple[Operation, ...] = ()
    """Operations that the load leaves out."""
    min_bytes: int = 0
    """The least size of a command's body."""
    commands: int = 500
    commands_after: int = 150
    """The least number of commands that are published after the fault."""
    window: int | None = 100
    copies: int = 1
    expected: Expected = field(default_factory=Expected)
    may_lose: str = ""
    """What is lost outside crudmq, and left out by `run.amend`."""
    drain_seconds: float = LIMIT

    @property
    def allowed(self) -> str:
        """What the fault may cause, for the table of all faults."""
        codes = sorted(self.expected.errors | self.expected.dead | self.expected.unstored)
        effects = [f"the error `{code}`" for code in codes]
        effects += ["dead letters of these messages"] if self.expected.poison else []
        effects += [self.may_lose] if self.may_lose else []
        return ", ".join(effects)


class Run:
    """One run: what an injection may use."""

    def __init__(self, fault: Fault, route: Route, directory: Path, stack: ExitStack) -> None:
        self.fault = fault
        self.stack = stack
        """Contexts that are entered here are closed at the end of the run."""
        self.prefix = stack.enter_context(broker.fresh_prefix())
        self.settings = {
            "CRUDMQ_BROKER_URL": route(broker.url()),
            "CRUDMQ_PARTITIONS": str(fault.partitions),
            **fault.settings,
        }
        self.database_url = _fresh_database(fault.database, directory, stack)
        self.routed_database_url = route(self.database_url)
        self.replicas: list[Replica] = []
        self.ended_at: float | None = None
        self.proofs: list[str] = []
        self.notes: list[str] = []
        """Measurements that the report shows."""
        self.amend: Callable[[Evidence], Evidence] = lambda evidence: evidence
        """Leaves out of the evidence what the fault is allowed to lose."""
        self.observer = Observer(self.prefix, self._receive, is_replicated=fault.is_clustered)
        commands = Workload(without=fault.without, min_bytes=fault.min_bytes)
        initial = commands.initial()
        self.load = Load(
            self.prefix,
            self.observer.reply_to,
            chain(initial, commands),
            goal=len(initial),
            window=fault.window,
            copies=fault.copies,
        )
        self._answered: dict[str, float] = {}

    @property
    def replica(self) -> Replica:
        """The replica that was started at the beginning of the run."""
        return self.replicas[0]

    def prove(self, proof: str, *, holds: bool = True) -> None:
        """Record a proof that the fault was injected.

        :raises NotInjectedError: the proof does not hold
        """
        if not holds:
            raise NotInjectedError(f"the fault `{self.fault.name}` was not injected: not so: {proof}")
        if proof not in self.proofs:
            self.proofs.append(proof)

    def prove_soon(self, proof: str, condition: Callable[[], bool], seconds: float = LIMIT) -> None:
        """Wait for the proof that the fault was injected.

        :raises NotInjectedError: the condition does not become true in time
        """
        self.prove(proof, holds=self.wait_until(condition, seconds))

    def check_injected(self) -> None:
        """Check that there is a proof that the fault was injected.

        :raises NotInjectedError: there is none
        """
        if not self.proofs:
            raise NotInjectedError(f"the fault `{self.fault.name}` was not injected: it proves nothing")

    def add_replica(self, injection: Injection | None = None) -> Replica:
        """Start another replica."""
        replica = Replica(self.routed_database_url, self.prefix, self.settings, injection or Injection())
        self.add_stopped(replica)
        return replica.start()

    def add_stopped(self, replica: Replica) -> None:
        """Add a replica that is started later; it is killed at the end of the run."""
        self.replicas.append(replica)
        self.stack.callback(_kill, replica)

    def wait_answered(self, more: int, seconds: float = LIMIT) -> None:
        """Wait until so many more commands are answered."""
        goal = len(self._answered) + more
        assert self.observer.wait_until(lambda: len(self._answered) >= goal, seconds), (
            f"{more} more answers did not arrive within {seconds} s: {len(self._answered)} of {goal}"
        )

    def restart_until(self, condition: Callable[[], bool], seconds: float = LIMIT) -> list[str]:
        """Restart the first replica whenever it has killed itself, until a condition is true; return the proofs."""
        proofs = []
        deadline = Deadline(seconds)
        while not self.observer.wait_until(condition, _POLL_SECONDS):
            assert deadline.left, f"the condition did not become true within {seconds} s"
            if not self.replica.is_running:
                proofs.append(self.replica.wait_died())
                self.replica.launch()
        if not self.replica.is_running:
            proofs.append(self.replica.wait_died())
            self.replica.start()
        return proofs

    def end_fault(self) -> None:
        """Note that the fault is over: the time to recover counts from now."""
        self.ended_at = time.monotonic()

    def wait_until(self, condition: Callable[[], bool], seconds: float = LIMIT) -> bool:
        """Poll until a condition is true, and return whether it is."""
        deadline = Deadline(seconds)
        while not condition():
            if not deadline.left:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def unanswered(self) -> int:
        """Return the number of commands that are not answered yet."""
        sent = list(self.load.sent.values())
        return sum(each.command.id not in self._answered and each.reply_to == self.observer.reply_to for each in sent)

    def answer_times(self) -> dict[str, float]:
        """Return when each command was first answered."""
        return dict(self._answered)

    def _receive(self, received: Received) -> None:
        if received.command in self.load.sent:
            self._answered.setdefault(received.command, received.at)
            self.load.answered(received.command)


def _kill(replica: Replica) -> None:
    if replica.is_running:
        replica.kill()


def _fresh_database(kind: str, directory: Path, stack: ExitStack) -> str:
    runner = stack.enter_context(asyncio.Runner())
    fresh = databases.fresh(kind, directory)
    url = runner.run(_enter(fresh))
    stack.callback(lambda: runner.run(_exit(fresh)))
    return url


async def _enter(context: AbstractAsyncContextManager[str]) -> str:
    return await context.__aenter__()


async def _exit(context: AbstractAsyncContextManager[str]) -> None:
    await context.__aexit__(None, None, None)
