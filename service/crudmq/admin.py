"""Administrative operations: migrate, describe, and manage dead letters."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from crudmq.messaging.dead_letters import queue as dead_letters
from crudmq.messaging.dead_letters.letter import Letter
from crudmq.messaging.dead_letters.queue import Limit, Report, Selection, open_dead_letters
from crudmq.messaging.topology import Topology
from crudmq.resources import description
from crudmq.resources.registry import load
from crudmq.settings import EXAMPLE, Settings
from crudmq.storage import revisions
from crudmq.storage.database import Database
from crudmq.storage.translation import translated

CONCURRENT_READS = 4
CONNECTIONS = CONCURRENT_READS + 3
"""Size of the connection pool: concurrent reads, a group, the query for conflicting values, and maintenance."""
POOL_TIMEOUT = timedelta(seconds=10)

OnProgress = Callable[[int], None]
"""Called once for each dead letter examined, with the total number of dead letters."""


def histories(settings: Settings) -> list[str]:
    """Return the migration histories that the settings require."""
    return [revisions.SERVICE, *([revisions.EXAMPLE] if settings.models == EXAMPLE else [])]


def open_database(settings: Settings) -> Database:
    """Return the configured database. Does not connect yet."""
    return Database.open(
        settings.database_url,
        statement_timeout=settings.statement_timeout,
        prefix=settings.prefix,
        connections=CONNECTIONS,
        pool_timeout=POOL_TIMEOUT,
        echo=settings.sql_echo,
    )


def describe(settings: Settings) -> tuple[dict[str, Any], dict[str, int]]:
    """Return a description of the exposed models, and the limits.

    :raises ExposureError: the models cannot be exposed
    """
    return description.describe(load(settings.models)), asdict(settings.limits())


async def migrate(settings: Settings, *, create_tables: bool) -> None:
    """Upgrade the database to the newest revision. Safe to repeat.

    :param create_tables: also create missing tables of the models
    :raises StorageError: the database failed or is unavailable
    """
    database = open_database(settings)
    try:
        with translated():
            await database.check()
            await revisions.upgrade(database, histories(settings))
            if create_tables:
                await revisions.create_tables(database, [resource.table for resource in load(settings.models)])
    finally:
        await database.close()


async def each_dead_letter(
    settings: Settings, selection: Selection, on_letter: Callable[[Letter], None], on_progress: OnProgress
) -> None:
    """Call `on_letter` with each selected dead letter, oldest first. The queue stays unchanged.

    :raises DeadLettersError: the dead letters cannot be read
    """
    async with open_dead_letters(settings.broker_url, Topology(settings.prefix)) as queue:
        async for letter in dead_letters.selected(queue, selection, on_progress):
            on_letter(letter)


async def replay_dead_letters(  # noqa: PLR0913 - each is an option of the command line
    settings: Settings,
    selection: Selection,
    limit: Limit,
    report: Report,
    on_progress: OnProgress,
    *,
    without_actor: bool,
) -> None:
    """Republish the selected dead letters as commands, and count the outcomes in `report`.

    :param without_actor: also republish those with a `user_id`, without it
    :raises DeadLettersError: the dead letters cannot be read, or the broker did not confirm one
    """
    async with open_dead_letters(settings.broker_url, Topology(settings.prefix)) as queue:
        letters_to_replay = dead_letters.selected(queue, selection, on_progress)
        await dead_letters.replay(queue, letters_to_replay, limit, report, without_actor=without_actor)


async def discard_dead_letters(
    settings: Settings, selection: Selection, limit: Limit, report: Report, on_progress: OnProgress
) -> None:
    """Delete the selected dead letters, and count them in `report`.

    :raises DeadLettersError: the dead letters cannot be read
    """
    async with open_dead_letters(settings.broker_url, Topology(settings.prefix)) as queue:
        await dead_letters.discard(queue, dead_letters.selected(queue, selection, on_progress), limit, report)
