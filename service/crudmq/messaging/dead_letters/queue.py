"""The queue of dead letters, open to one operator at a time: selection, replay, discard, with limits and a report."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from pamqp.commands import Basic

from crudmq.contract.headers import publisher_headers
from crudmq.messaging.connection import CONNECTION_ERRORS, close, connect, open_channel
from crudmq.messaging.dead_letters.browser import Browser, wait_requeued
from crudmq.messaging.dead_letters.letter import Letter
from crudmq.messaging.republishing import republish
from crudmq.messaging.topology import Topology
from crudmq.messaging.verdicts import explain
from crudmq.messaging.wire.channel import underlay
from crudmq.messaging.wire.publishing import ConfirmChannel, PublishingError, UnroutableError, unconfirmed

_TIMEOUT = 30


class DeadLettersError(Exception):
    """The dead letters cannot be read, or a dead letter could not be replayed and stays in the queue."""


@asynccontextmanager
async def open_dead_letters(url: str, topology: Topology) -> AsyncIterator["DeadLetters"]:
    """Lock the queue of dead letters while the block runs: no other client receives the browsed messages.

    :raises DeadLettersError: the broker is unavailable, the queue does not exist, or another client has locked it
    """
    with _translated():
        async with asyncio.timeout(_TIMEOUT):
            connection = await connect(url, "crudmq dead-letters")
        try:
            channel = await _open_channel(connection)
            browser = Browser(channel, topology.dead_letters)
            await _lock(browser, topology)
            try:
                yield DeadLetters(browser, ConfirmChannel(channel), topology)
            finally:
                if not channel.is_closed:
                    count = await browser.finish_browsing()
                    await channel.close()
                    await wait_requeued(await _open_channel(connection), topology.dead_letters, count)
        finally:
            await close(connection)


class DeadLetters:
    """The dead letters that were in the queue when it was opened."""

    def __init__(self, browser: Browser, channel: ConfirmChannel, topology: Topology) -> None:
        """Set a browser that has locked the queue, and a channel for replays."""
        self._browser = browser
        self._channel = channel
        self._topology = topology

    @property
    def total(self) -> int:
        """The number of dead letters when the queue was opened."""
        return self._browser.total

    async def browse(self) -> AsyncIterator[Letter]:
        """Yield the dead letters, oldest first, except those that arrive after the queue was opened."""
        while (message := await self._browser.next()) is not None:
            yield _letter(message)

    async def discard(self, letter: Letter) -> None:
        """Remove a dead letter permanently."""
        await self._browser.remove(letter.origin.delivery_tag)

    async def replay(self, letter: Letter) -> None:
        """Publish a dead letter as it was first published, but without its actor; remove it once that is confirmed.

        An event for which no queue is bound is discarded, as events are.

        :raises DeadLettersError: the broker did not confirm it; it stays in the queue
        """
        exchange = self._topology.events if letter.is_event else self._topology.commands
        headers = publisher_headers(letter.headers)
        message = republish(letter.origin, exchange, letter.original_routing_key, headers)
        error: PublishingError | None
        try:
            async with asyncio.timeout(_TIMEOUT):
                (error,) = await self._channel.publish([message])
        except CONNECTION_ERRORS as exc:
            error = unconfirmed(exc)
        if isinstance(error, UnroutableError) and not letter.is_event:
            raise DeadLettersError(
                f"cannot replay {letter.id}, it stays in the queue: no queue is bound, start `crudmq run`"
            )
        if error is not None and not isinstance(error, UnroutableError):
            raise DeadLettersError(
                f"cannot replay {letter.id}, it stays in the queue: publish not confirmed: {explain(error)}"
            )
        await self.discard(letter)


async def _lock(browser: Browser, topology: Topology) -> None:
    try:
        await browser.lock()
    except ChannelNotFoundEntity:
        raise DeadLettersError(
            f"the queue {topology.dead_letters} does not exist: start `crudmq run`, which declares it"
        ) from None
    except ChannelLockedResource:
        raise DeadLettersError(
            "the dead letters are locked by another `crudmq dead-letters`: try again later"
        ) from None


async def _open_channel(connection: AbstractConnection) -> Channel:
    return await underlay(await open_channel(connection, publisher_confirms=True))


def _letter(message: DeliveredMessage) -> Letter:
    properties = message.header.properties
    values = {name: getattr(properties, name) for name in Basic.Properties.attributes() if name != "headers"}
    return Letter(
        body=message.body,
        routing_key=message.routing_key or "",
        properties={name: value for name, value in values.items() if value not in (None, "")},
        headers=properties.headers or {},
        origin=message,
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except CONNECTION_ERRORS as exc:
        raise DeadLettersError(f"broker unavailable: {_reason(exc)}") from exc


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of dead letters: those that match every criterion given; all if none is given."""

    ids: Collection[str] = ()
    codes: Collection[str] = ()
    resources: Collection[str] = ()

    def __bool__(self) -> bool:
        """Whether any criterion is given."""
        return bool(self.ids or self.codes or self.resources)

    def matches(self, letter: Letter) -> bool:
        """Whether a dead letter is selected."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.codes or letter.code in self.codes)
            and (not self.resources or letter.resource in self.resources)
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum number of dead letters to process, in all and per second; None for no maximum."""

    max_letters: int | None = None
    rate: float | None = None


@dataclass(slots=True)
class Report:
    """The outcome for the selected dead letters."""

    done: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """The number of dead letters that were left in the queue, by reason."""


async def selected(
    dead_letters: DeadLetters, selection: Selection, on_progress: Callable[[int], None]
) -> AsyncIterator[Letter]:
    """Yield the selected dead letters; `on_progress` is called with the total for each one browsed."""
    async for letter in dead_letters.browse():
        if selection.matches(letter):
            yield letter
        on_progress(dead_letters.total)


async def discard(dead_letters: DeadLetters, letters: AsyncIterator[Letter], limit: Limit, report: Report) -> None:
    """Delete dead letters permanently, and count them in `report`."""
    await _for_each(letters, dead_letters.discard, limit, report)


async def replay(
    dead_letters: DeadLetters, letters: AsyncIterator[Letter], limit: Limit, report: Report, *, without_actor: bool
) -> None:
    """Publish dead letters as commands again, and count them in `report`.

    :param without_actor: also replay those with a user_id, without it
    :raises DeadLettersError: the broker did not confirm one; `report` contains those replayed before
    """
    replayable = _replayable(letters, report, without_actor=without_actor)
    await _for_each(replayable, dead_letters.replay, limit, report)


async def _replayable(letters: AsyncIterator[Letter], report: Report, *, without_actor: bool) -> AsyncIterator[Letter]:
    async for letter in letters:
        reason = _reason_to_skip(letter, without_actor=without_actor)
        if reason is None:
            yield letter
        else:
            report.skipped[reason] += 1


def _reason_to_skip(letter: Letter, *, without_actor: bool) -> str | None:
    if letter.id is None:
        return "not a command: no message_id"
    if letter.actor is not None and not without_actor:
        return "a replay would lose the user_id: use --without-actor"
    return None


async def _for_each(
    letters: AsyncIterator[Letter], act: Callable[[Letter], Awaitable[None]], limit: Limit, report: Report
) -> None:
    now = asyncio.get_running_loop().time
    started = now()
    async for letter in letters:
        if limit.rate is not None:
            await asyncio.sleep(started + report.done / limit.rate - now())
        await act(letter)
        report.done += 1
        if report.done == limit.max_letters:
            return
