"""The composition root: builds the parts, runs them, drains them."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import structlog

from service.contract.limits import Limits
from service.execution.answers import Answers
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import RETRY_DELAYS
from service.execution.patience import Patience
from service.messaging.consumer import Consumer, GroupSize
from service.messaging.publisher import Publisher
from service.messaging.source import Source
from service.messaging.topology import Topology, TopologyError
from service.messaging.waiting import first
from service.resources import description
from service.resources.mapping import ExposureError
from service.resources.registry import Registry, load
from service.settings import EXAMPLE, Settings
from service.storage import revisions
from service.storage.engine import Database
from service.storage.errors import StorageError, translated

log = structlog.get_logger(__name__)

_QUERIES_AT_ONCE = 4
_HOUSEKEEPING_SECONDS = 15
_EXIT_AT_ONCE = 1


class GraceExceededError(Exception):
    """What was in hand did not end within the grace period; the broker will deliver it again."""


FAILURES = (revisions.WrongRevisionError, StorageError, ExposureError, TopologyError, GraceExceededError)
"""What an operator can do something about, and needs no traceback for."""


def histories(settings: Settings) -> list[str]:
    """Say which histories of revisions the settings need."""
    return [revisions.SERVICE, *([revisions.EXAMPLE] if settings.models == EXAMPLE else [])]


def open_database(settings: Settings) -> Database:
    """Prepare for the database of the settings."""
    return Database.open(
        settings.database_url,
        statement_timeout=settings.statement_timeout,
        connections=_QUERIES_AT_ONCE + 3,
        echo=settings.sql_echo,
    )


def limits_of(settings: Settings) -> Limits:
    """Give the limits of the settings."""
    return Limits(
        max_bytes=settings.max_message_bytes,
        max_page=settings.max_page,
        max_include_depth=settings.max_include_depth,
        max_where_depth=settings.max_where_depth,
        max_conditions=settings.max_conditions,
        max_in=settings.max_in,
        max_commands=settings.max_commands,
        max_rows=settings.max_rows,
    )


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


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in hand. A second signal ends the process at once.

    :raises WrongRevisionError: the database is not at the newest revision
    :raises ExposureError: the models cannot be exposed
    :raises TopologyError: the broker has other queues under these names
    :raises GraceExceededError: what was in hand did not end in time
    """
    stopping = _on_signals()
    resources = load(settings.models)
    database = open_database(settings)
    try:
        if await _is_fit(database, settings, resources, stopping):
            await _Service(settings, resources, database).serve(stopping)
    except BaseExceptionGroup as group:
        # What an operator can mend is told by itself, without the tasks around it.
        raise next(iter(_leaves(group.subgroup(FAILURES))), group) from None
    finally:
        await database.close()


async def _is_fit(database: Database, settings: Settings, resources: Registry, stopping: asyncio.Event) -> bool:
    """Wait for the database and check it; False where a signal came first."""
    tables = [resource.table for resource in resources]
    needed = histories(settings)
    checking = asyncio.create_task(Patience(database).through(lambda: revisions.check(database, needed, tables)))
    await first(stopping.wait(), checking)
    if not checking.done():
        checking.cancel()
        return False
    await checking
    return True


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> Iterator[BaseException]:
    for one in () if group is None else group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one


class _Service:
    def __init__(self, settings: Settings, resources: Registry, database: Database) -> None:
        names = Topology(settings.prefix)
        limits = limits_of(settings)
        self._settings = settings
        self._publisher = Publisher(settings.broker_url)
        self._source = Source(settings.broker_url, names, prefetch=settings.prefetch, delays=RETRY_DELAYS)
        self._executor = Executor(database, Answers(settings.source))
        self._consumer = Consumer(
            source=self._source,
            intake=Intake(resources, limits),
            executor=self._executor,
            publisher=self._publisher,
            names=names,
            size=GroupSize(settings.group_size, settings.max_message_bytes),
            queries=_QUERIES_AT_ONCE,
        )

    async def serve(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publisher.run())
            consuming = tasks.create_task(self._source.run())
            housekeeping = tasks.create_task(self._keep_house())
            working = tasks.create_task(self._consumer.run())
            await first(stopping.wait(), working)
            housekeeping.cancel()
            await self._drain(working, self._settings.shutdown_grace)
            publishing.cancel()
            self._source.finish()
            await first(consuming)
            log.info("stopped")

    async def _drain(self, working: asyncio.Task[None], grace: timedelta) -> None:
        log.info("finishing what is in hand")
        self._source.stop()
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await working
        except TimeoutError:
            raise GraceExceededError(f"what was in hand took longer than {grace}") from None

    async def _keep_house(self) -> None:
        """Publish what nobody else will, and forget what is old."""
        while True:
            await self._consumer.relay()
            await self._executor.forget(self._settings.retention)
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def _on_signals() -> asyncio.Event:
    """Listen for signals: the first sets the event, the second exits."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(_EXIT_AT_ONCE)
        stopping.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop)
    return stopping
