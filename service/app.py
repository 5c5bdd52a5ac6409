"""The composition root: builds the parts, runs them, drains them."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import structlog

from service import reporting
from service.contract.dead_letter import Letter, Selection
from service.contract.limits import Limits
from service.execution.answers import Answers
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import RETRY_DELAYS
from service.execution.patience import Patience
from service.execution.suspects import Suspects
from service.http import health
from service.http.health import PortError
from service.messaging import clearing, dead_letters
from service.messaging.clearing import Bounds, Cleared
from service.messaging.consumer import Consumer, GroupSize
from service.messaging.dead_letters import DeadLettersError
from service.messaging.declaration import TopologyError
from service.messaging.publisher import Publisher
from service.messaging.source import Source
from service.messaging.topology import Topology
from service.messaging.waiting import first
from service.resources import description
from service.resources.mapping import ExposureError
from service.resources.registry import Registry, load
from service.settings import EXAMPLE, Settings
from service.storage import revisions
from service.storage.engine import Database
from service.storage.errors import StorageError, translated
from service.supervisor import Supervisor, WorkerError

log = structlog.get_logger(__name__)

_QUERIES_AT_ONCE = 4
_HOUSEKEEPING_SECONDS = 15
_EXIT_AT_ONCE = 1


class GraceExceededError(Exception):
    """What was in hand did not end within the grace period; the broker will deliver it again."""


FAILURES = (
    revisions.WrongRevisionError,
    StorageError,
    ExposureError,
    TopologyError,
    DeadLettersError,
    GraceExceededError,
    PortError,
    WorkerError,
)
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


async def supervise(settings: Settings, workers: int) -> None:
    """Have several processes serve, as `run` does.

    :raises WorkerError: one of them could not; it has said why
    :raises PortError: the health port cannot be had
    """
    if settings.database_url.startswith("sqlite"):
        raise WorkerError("SQLite is for one process: leave --workers out, or take another database")
    supervisor = Supervisor(workers)
    stopping = _on_signals(supervisor.kill)
    async with health.served(settings.health_host, settings.health_port, supervisor.ready):
        await supervisor.run(stopping)


async def run(settings: Settings, *, is_worker: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in hand. A second signal ends the process at once.

    :raises WrongRevisionError: the database is not at the newest revision
    :raises ExposureError: the models cannot be exposed
    :raises TopologyError: the broker has other queues under these names
    :raises GraceExceededError: what was in hand did not end in time
    :raises PortError: the health port cannot be had
    """
    stopping = _on_signals()
    resources = load(settings.models)
    database = open_database(settings)
    service = _Service(settings, resources, database)
    # A worker is asked by its supervisor, which has the port.
    answering = asyncio.create_task(reporting.answer(service.ready, stopping)) if is_worker else None
    try:
        async with health.served(settings.health_host, 0 if is_worker else settings.health_port, service.ready):
            if await _is_fit(database, settings, resources, stopping):
                await service.serve(stopping)
    except BaseExceptionGroup as group:
        # What an operator can mend is told by itself, without the tasks around it.
        raise next(iter(_leaves(group.subgroup(FAILURES))), group) from None
    finally:
        if answering is not None:
            answering.cancel()
        await database.close()


async def _is_fit(database: Database, settings: Settings, resources: Registry, stopping: asyncio.Event) -> bool:
    """Wait for the database and check it; False where a signal came first."""
    tables = [resource.table for resource in resources]
    needed = histories(settings)
    checking = asyncio.create_task(Patience().through(lambda: revisions.check(database, needed, tables)))
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
        names = Topology(settings.prefix, settings.partitions)
        limits = limits_of(settings)
        self._settings = settings
        self._publisher = Publisher(settings.broker_url, names, RETRY_DELAYS)
        self._source = Source(settings.broker_url, names, prefetch=settings.prefetch, delays=RETRY_DELAYS)
        self._executor = Executor(database, Answers(settings.source))
        self._is_serving = False
        self._consumer = Consumer(
            source=self._source,
            intake=Intake(resources, limits),
            executor=self._executor,
            suspects=Suspects(database, self._executor.patience),
            publisher=self._publisher,
            names=names,
            size=GroupSize(settings.group_size, settings.max_message_bytes),
            queries=_QUERIES_AT_ONCE,
        )

    async def ready(self) -> Mapping[str, bool]:
        """Say of each part whether it is ready; none is, before the database was found fit and while it drains."""
        return {
            "database": self._is_serving and not self._executor.patience.is_away,
            "consumer": self._is_serving and self._source.is_ready,
            "publisher": self._is_serving and self._publisher.is_ready,
        }

    async def serve(self, stopping: asyncio.Event) -> None:
        self._is_serving = True
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publisher.run())
            consuming = tasks.create_task(self._source.run())
            housekeeping = tasks.create_task(self._keep_house())
            working = tasks.create_task(self._consumer.run())
            await first(stopping.wait(), working)
            self._is_serving = False
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


def _on_signals(at_once: Callable[[], None] = lambda: None) -> asyncio.Event:
    """Listen for signals: the first sets the event, the second exits."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            at_once()
            os._exit(_EXIT_AT_ONCE)
        stopping.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop)
    return stopping
