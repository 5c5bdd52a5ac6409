"""Round-trip latency: from publishing a command to its reply, in a closed loop or at a fixed offered load."""

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
from bench.environment import Environment, prepared
from bench.process import Running, started
from bench.servers import Servers
from bench.workload import Command
from bench.workloads import ANSWERED

_TIMEOUT = 30
_WARM_UP = 100
_MAX_COMMANDS = 100_000
_SECONDS_PER_RATE = 5
_MAX_P99 = 1.0
"""Seconds: with a higher p99 a competitor does not sustain the load."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from publishing a command to its reply."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Self:
        """Summarize at least two round trips."""
        return cls(median(seconds) * 1e3, quantiles(seconds, n=100, method="inclusive")[-1] * 1e3)


@dataclass(frozen=True, slots=True)
class Load:
    """The latency at an offered load, in commands per second."""

    offered: int
    latency: Latency

    @property
    def is_sustained(self) -> bool:
        """Whether replies kept up with the load."""
        return self.latency.p99 < _MAX_P99 * 1e3


@dataclass(slots=True)
class _Sender:
    """Publishes commands and times their replies."""

    channel: Channel
    environment: Environment
    competitor: Competitor
    reply_queue: str
    due: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    all_answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, command: Command, due: float) -> None:
        """Publish a command. Its time counts from when it was due, so that a late sender hides no latency."""
        self.due[command.id] = due
        self.all_answered.clear()
        commands = self.environment.topology.commands
        body, properties = self.competitor.envelope(command, commands, self.reply_queue)
        await self.channel.basic_publish(
            body,
            exchange=commands,
            routing_key=command.routing_key,
            properties=properties,
            timeout=_TIMEOUT,
            wait=False,
        )

    async def on_reply(self, message: DeliveredMessage) -> None:
        """Record the time of a reply."""
        due = self.due.pop(message.header.properties.correlation_id or "")
        self.seconds.append(perf_counter() - due)
        if not self.due:
            self.all_answered.set()


async def closed_loop(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None, number: int
) -> Latency:
    """Send one command at a time, each after the reply to the previous one."""
    commands = ANSWERED.commands(_WARM_UP + number)
    async with _consuming(servers, template, competitor, concurrency) as (sender, process):
        for command in commands:
            await sender.send(command, perf_counter())
            await process.unless_it_ends(sender.all_answered.wait(), _TIMEOUT)
        return Latency.of(sender.seconds[_WARM_UP:])


async def open_loop(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None, rates: tuple[int, ...]
) -> list[Load]:
    """Send at increasing rates, up to and including the first that is not sustained."""
    loads: list[Load] = []
    commands = ANSWERED.commands(_MAX_COMMANDS)
    async with _consuming(servers, template, competitor, concurrency) as (sender, process):
        await _send_at(_WARM_UP, sender, process, commands)
        for rate in rates:
            loads.append(Load(rate, await _send_at(rate, sender, process, commands)))
            if not loads[-1].is_sustained:
                break
    return loads


async def _send_at(rate: int, sender: _Sender, process: Running, commands: Iterator[Command]) -> Latency:
    sender.seconds.clear()
    start = perf_counter()
    for index in range(rate * _SECONDS_PER_RATE):
        due = start + index / rate
        if (early := due - perf_counter()) > 0:
            await asyncio.sleep(early)
        await sender.send(next(commands), due)
    await process.unless_it_ends(sender.all_answered.wait(), _TIMEOUT * 2)
    return Latency.of(sender.seconds)


@asynccontextmanager
async def _consuming(
    servers: Servers, template: str, competitor: Competitor, concurrency: int | None
) -> AsyncIterator[tuple[_Sender, Running]]:
    async with (
        prepared(servers, template, competitor) as environment,
        await environment.connection.channel(publisher_confirms=False) as channel,
        started(competitor.command(concurrency), environment.variables) as process,
    ):
        underlay = cast("Channel", await channel.get_underlay_channel())
        replies = await channel.declare_queue(exclusive=True, timeout=_TIMEOUT)
        sender = _Sender(underlay, environment, competitor, replies.name)
        await underlay.basic_consume(replies.name, sender.on_reply, no_ack=True, timeout=_TIMEOUT)
        await process.consuming()
        yield sender, process
        await process.stop()
