"""Round trips: a command is published, its answer awaited; one at a time, or at a rate that waits for nobody."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter
from typing import Self, cast

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from bench.competitor import Competitor
from bench.place import Place, prepared
from bench.process import Running, started
from bench.servers import Servers
from bench.workload import Command
from bench.workloads import ANSWERED

_TIMEOUT = 30
_WARM_UP = 100
_MOST = 100_000
_SECONDS = 5
_TOO_LATE = 1.0
"""Seconds: who answers one in a hundred later than this does not keep up."""


@dataclass(frozen=True, slots=True)
class Trips:
    """Milliseconds from a command's publishing to its answer."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Self:
        """Sum up; there must be two at least."""
        return cls(median(seconds) * 1e3, quantiles(seconds, n=100, method="inclusive")[-1] * 1e3)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of so many commands a second."""

    offered: int
    trips: Trips

    @property
    def is_kept_up_with(self) -> bool:
        """Whether the answers came in time."""
        return self.trips.p99 < _TOO_LATE * 1e3


@dataclass(slots=True)
class _Sender:
    """Publishes commands and times their answers."""

    channel: Channel
    place: Place
    competitor: Competitor
    replies: str
    due: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, command: Command, due: float) -> None:
        """Publish it; the time is counted from when it was due, not from when we got round to it."""
        self.due[command.id] = due
        self.answered.clear()
        body, properties = self.competitor.envelope(command, self.place.names.commands, self.replies)
        await self.channel.basic_publish(
            body,
            exchange=self.place.names.commands,
            routing_key=command.routing_key,
            properties=properties,
            timeout=_TIMEOUT,
            wait=False,
        )

    async def take(self, message: DeliveredMessage) -> None:
        """Note when an answer came."""
        due = self.due.pop(message.header.properties.correlation_id or "")
        self.seconds.append(perf_counter() - due)
        if not self.due:
            self.answered.set()


async def closed_loop(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None, number: int
) -> Trips:
    """Send one command at a time, each after the answer to the one before."""
    commands = ANSWERED.commands(_WARM_UP + number)
    async with _serving(servers, template, competitor, concurrency) as (sender, process):
        for command in commands:
            await sender.send(command, perf_counter())
            await process.unless_it_ends(sender.answered.wait(), _TIMEOUT)
        return Trips.of(sender.seconds[_WARM_UP:])


async def offered(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None, rates: tuple[int, ...]
) -> list[Load]:
    """Send at growing rates, up to the first that it does not keep up with; that one is the last of the list."""
    found: list[Load] = []
    commands = ANSWERED.commands(_MOST)
    async with _serving(servers, template, competitor, concurrency) as (sender, process):
        await _send(sender, process, commands, _WARM_UP)
        for rate in rates:
            found.append(Load(rate, await _send(sender, process, commands, rate)))
            if not found[-1].is_kept_up_with:
                break
    return found


async def _send(sender: _Sender, process: Running, commands: Iterator[Command], rate: int) -> Trips:
    sender.seconds.clear()
    begun = perf_counter()
    for index in range(rate * _SECONDS):
        due = begun + index / rate
        if (early := due - perf_counter()) > 0:
            await asyncio.sleep(early)
        await sender.send(next(commands), due)
    await process.unless_it_ends(sender.answered.wait(), _TIMEOUT * 2)
    return Trips.of(sender.seconds)


@asynccontextmanager
async def _serving(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None
) -> AsyncIterator[tuple[_Sender, Running]]:
    async with (
        prepared(servers, template, competitor) as place,
        await place.connection.channel(publisher_confirms=False) as channel,
        started(competitor.command(concurrency), place.environment) as process,
    ):
        underlay = cast("Channel", await channel.get_underlay_channel())
        replies = await channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        sender = _Sender(underlay, place, competitor, replies.name)
        await underlay.basic_consume(replies.name, sender.take, no_ack=True, timeout=_TIMEOUT)
        await process.consuming()
        yield sender, process
        await process.stop()
