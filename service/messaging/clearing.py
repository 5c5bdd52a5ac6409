"""Taking dead letters out: which, how many, how fast."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from service.contract.dead_letter import Letter, Selection
from service.messaging.dead_letters import DeadLetters


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many are taken out at most, and how many a second; None for no bound."""

    limit: int | None = None
    rate: float | None = None


@dataclass(slots=True)
class Cleared:
    """What became of those that were selected."""

    done: int = 0
    stay: Counter[str] = field(default_factory=Counter)
    """Those that were left where they are, by the reason."""


async def selected(letters: DeadLetters, selection: Selection, looked: Callable[[int], None]) -> AsyncIterator[Letter]:
    """Give those that are meant; for each that was looked at, `looked` is told how many there are."""
    async for letter in letters.look():
        if selection.has(letter):
            yield letter
        looked(letters.waiting)


async def discard(letters: DeadLetters, found: AsyncIterator[Letter], bounds: Bounds, cleared: Cleared) -> None:
    """Take them out for good."""
    await _clear(found, letters.discard, bounds, cleared)


async def replay(
    letters: DeadLetters, found: AsyncIterator[Letter], bounds: Bounds, cleared: Cleared, *, without_actor: bool
) -> None:
    """Send them as commands again.

    :param without_actor: also those that were published in somebody's name, which they lose
    :raises DeadLettersError: the broker did not confirm one; `cleared` tells what was done before
    """

    async def fit() -> AsyncIterator[Letter]:
        async for letter in found:
            reason = _why_not(letter, without_actor=without_actor)
            if reason is None:
                yield letter
            else:
                cleared.stay[reason] += 1

    await _clear(fit(), letters.replay, bounds, cleared)


def _why_not(letter: Letter, *, without_actor: bool) -> str | None:
    if letter.id is None:
        return "without a message_id, so never a command"
    if letter.actor is not None and not without_actor:
        return "in somebody's name, which a replay loses: say --without-actor"
    return None


async def _clear(
    found: AsyncIterator[Letter], act: Callable[[Letter], Awaitable[None]], bounds: Bounds, cleared: Cleared
) -> None:
    clock = asyncio.get_running_loop().time
    begun = clock()
    async for letter in found:
        if bounds.rate is not None:
            await asyncio.sleep(begun + cleared.done / bounds.rate - clock())
        await act(letter)
        cleared.done += 1
        if cleared.done == bounds.limit:
            return
