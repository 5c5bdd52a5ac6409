"""What an operator does beside running the service."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from service.assembly import histories, limits_of, open_database
from service.contract.dead_letter import Letter, Selection
from service.messaging import clearing, dead_letters
from service.messaging.clearing import Bounds, Cleared
from service.messaging.topology import Topology
from service.resources import description
from service.resources.registry import load
from service.settings import Settings
from service.storage import revisions
from service.storage.errors import translated


def describe(settings: Settings) -> tuple[dict[str, Any], dict[str, int]]:
    """Describe what the models expose, and the limits.

    :raises ExposureError: the models cannot be exposed
    """
    return description.describe(load(settings.models)), asdict(limits_of(settings))


async def migrate(settings: Settings, *, create_tables: bool) -> None:
    """Bring the database to the newest revision."""
    database = open_database(settings)
    try:
        with translated():
            await revisions.upgrade(database, histories(settings))
            if create_tables:
                await revisions.create_tables(database, [resource.table for resource in load(settings.models)])
    finally:
        await database.close()


async def each_dead_letter(
    settings: Settings, selection: Selection, tell: Callable[[Letter], None], looked: Callable[[int], None]
) -> None:
    """Tell of each dead letter that is meant; all stay where they are.

    :param looked: called for each that was looked at, with how many there are
    :raises DeadLettersError: they cannot be looked at
    """
    async with dead_letters.opened(settings.broker_url, Topology(settings.prefix)) as letters:
        async for letter in clearing.selected(letters, selection, looked):
            tell(letter)


async def replay_dead_letters(  # noqa: PLR0913 - what to do, how much of it, and whom to tell
    settings: Settings,
    selection: Selection,
    bounds: Bounds,
    cleared: Cleared,
    looked: Callable[[int], None],
    *,
    without_actor: bool,
) -> None:
    """Send dead letters as commands again, and count in `cleared` what became of them.

    :raises DeadLettersError: they cannot be looked at, or the broker did not confirm one
    """
    async with dead_letters.opened(settings.broker_url, Topology(settings.prefix)) as letters:
        found = clearing.selected(letters, selection, looked)
        await clearing.replay(letters, found, bounds, cleared, without_actor=without_actor)


async def discard_dead_letters(
    settings: Settings, selection: Selection, bounds: Bounds, cleared: Cleared, looked: Callable[[int], None]
) -> None:
    """Throw dead letters away, and count them in `cleared`.

    :raises DeadLettersError: they cannot be looked at
    """
    async with dead_letters.opened(settings.broker_url, Topology(settings.prefix)) as letters:
        await clearing.discard(letters, clearing.selected(letters, selection, looked), bounds, cleared)
