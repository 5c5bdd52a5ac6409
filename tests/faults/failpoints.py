"""Faults inside the process: the named steps of a command's life, wrapped so that one of their calls ends it."""

import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, ParamSpec, Self, TypeVar

from service import housekeeping
from service.contract import delivery, event
from service.contract.delivery import Delivery
from service.execution.attempt import Attempt
from service.execution.executor import Executor
from service.execution.group import Group
from service.execution.intake import Intake
from service.messaging import batch
from service.messaging.amqp import Outgoing
from service.messaging.source import Source
from service.storage import engine, outbox
from service.storage.engine import Database

VARIABLE = "CRUDMQ_TEST_CHILD"

P = ParamSpec("P")
T = TypeVar("T")


class Step(StrEnum):
    """Where in a command's life the process can be ended."""

    RECEIVED = "received"
    IN_TRANSACTION = "in the transaction"
    COMMITTED = "committed"
    PUBLISHING = "publishing"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Asked:
    """What the child is to do besides serving."""

    die: str | None = None
    """The step at which it kills itself."""
    call: int = 5
    """At which call of that step."""
    lease: int = 3
    """Seconds, not a minute: the relay is to be seen at work within a test."""
    housekeeping: float = 1
    killer: str | None = None
    """A body: whoever reads a command that has it is killed."""
    pause: bool = False
    """Whether it stops itself, as SIGSTOP does, in the transaction at that call."""
    connections: int | None = None
    """How many connections to the database it has, where that is fewer than it wants."""
    shift: float = 0
    """Seconds by which its clock is wrong."""
    bug: str | None = None


def environment(asked: Asked) -> dict[str, str]:
    """Give the variable that tells the child."""
    return {VARIABLE: json.dumps(asdict(asked))}


def read(environ: Mapping[str, str]) -> Asked:
    """Read what the child is told."""
    return Asked(**json.loads(environ.get(VARIABLE, "{}")))


def install(asked: Asked) -> None:
    """Wrap the steps of the service in this process."""
    outbox.LEASE = timedelta(seconds=asked.lease)
    housekeeping._EVERY_SECONDS = asked.housekeeping  # type: ignore[assignment]  # less than a second will do
    housekeeping._STEADY_ROUNDS = 5
    if asked.shift:
        _shift_clock(asked.shift)
    if asked.connections is not None:
        _with_few(asked.connections)
    if asked.pause:
        _after(Group, "run", asked.call, _pause)
    if asked.killer is not None:
        _die_of(asked.killer.encode())
    if asked.die is not None:
        _INSTALL[Step(asked.die)](asked.call)


def die() -> None:
    """End as a crash does: nothing of this process runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)


def _pause() -> None:
    """Stop the process as it is, until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _after(owner: Any, name: str, call: int, act: Callable[[], None] = die) -> None:  # noqa: ANN401 - any class
    """Do something to the process when a step has been done so often."""
    _wrap(owner, name, lambda step: _acting_after(step, call, act))


def _before(owner: Any, name: str, call: int) -> None:  # noqa: ANN401 - any class
    """End the process before a step is done for the so-manieth time."""
    _wrap(owner, name, lambda step: _dying_before(step, call))


def _wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:  # noqa: ANN401 - any class or module
    setattr(owner, name, wrapper(getattr(owner, name)))


def _acting_after(step: Callable[P, Awaitable[T]], call: int, act: Callable[[], None]) -> Callable[P, Awaitable[T]]:
    calls = 0

    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal calls
        result = await step(*args, **kwargs)
        calls += 1
        if calls == call:
            act()
        return result

    return wrapped


def _dying_before(step: Callable[P, Awaitable[T]], call: int) -> Callable[P, Awaitable[T]]:
    calls = 0

    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal calls
        calls += 1
        if calls == call:
            die()
        return await step(*args, **kwargs)

    return wrapped


def _die_while_publishing(call: int) -> None:
    publish = batch.publish
    calls = 0

    async def wrapped(
        channel: Any,  # noqa: ANN401 - the client's channel
        messages: Sequence[Outgoing],
    ) -> list[BaseException | None]:
        nonlocal calls
        calls += 1
        if calls < call or len(messages) < 2:
            return await publish(channel, messages)
        # The first half is with the broker, the second one never was.
        await publish(channel, messages[: len(messages) // 2])
        die()
        raise AssertionError

    batch.publish = wrapped


def _with_few(connections: int) -> None:
    """Give the pool less than the service has uses for, and let it be told of that soon."""
    open_database = Database.open

    def wrapped(url: str, **rest: Any) -> Database:  # noqa: ANN401 - whatever it is opened with
        return open_database(url, **{**rest, "connections": connections})

    engine._POOL_TIMEOUT = 1
    setattr(Database, "open", staticmethod(wrapped))  # noqa: B010 - a classmethod is replaced


def _die_of(body: bytes) -> None:
    take = Intake.take

    def wrapped(self: Intake, delivery: Delivery) -> Attempt:
        if delivery.body == body:
            die()
        return take(self, delivery)

    _wrap(Intake, "take", lambda _: wrapped)


_INSTALL: Mapping[Step, Callable[[int], None]] = {
    Step.RECEIVED: lambda call: _after(Source, "take", call),
    Step.IN_TRANSACTION: lambda call: _after(Group, "run", call),
    Step.COMMITTED: lambda call: _after(Executor, "_commit", call),
    Step.PUBLISHING: _die_while_publishing,
    Step.CONFIRMED: lambda call: _before(Source, "acknowledge", call),
}


def _shift_clock(seconds: float) -> None:
    """Give the process a clock that is wrong; what measures how long something takes stays as it is."""
    seconds_now, nanoseconds_now = time.time, time.time_ns

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=seconds)

    time.time = lambda: seconds_now() + seconds
    time.time_ns = lambda: nanoseconds_now() + int(seconds * 1e9)
    for module in (event, delivery):
        module.__dict__["datetime"] = Wrong
