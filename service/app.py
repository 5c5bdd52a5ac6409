"""The composition root: checks what there is, and serves until a signal comes."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

from service import reporting
from service.assembly import histories, open_database
from service.execution.patience import Patience
from service.http import health
from service.http.health import PortError
from service.messaging.dead_letters import DeadLettersError
from service.messaging.declaration import TopologyError
from service.messaging.waiting import first
from service.resources.mapping import ExposureError
from service.resources.registry import Registry, load
from service.serving import GraceExceededError, Service
from service.settings import Settings
from service.storage import revisions
from service.storage.engine import Database
from service.storage.errors import StorageError
from service.supervisor import Supervisor, WorkerError

_EXIT_AT_ONCE = 1

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
    answers = reporting.output() if is_worker else None
    resources = load(settings.models)
    database = open_database(settings)
    service = Service(settings, resources, database)
    # A worker is asked by its supervisor, which has the port.
    answering = asyncio.create_task(reporting.answer(service.ready, stopping, answers)) if answers else None
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
