"""The composition root: from the settings to a service, which runs until a signal arrives."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator

from crudmq.admin import CONCURRENT_READS, histories, open_database
from crudmq.aio import race
from crudmq.execution.executor import Executor
from crudmq.execution.job import RETRY_DELAYS
from crudmq.execution.publication import Publication
from crudmq.execution.query.order import Cursors
from crudmq.execution.responses import Responses
from crudmq.http import health
from crudmq.http.health import PortError
from crudmq.messaging.consumer import Consumer
from crudmq.messaging.dead_letters.queue import DeadLettersError
from crudmq.messaging.publisher import Publisher
from crudmq.messaging.topology import ReplyQueues, Topology, TopologyError
from crudmq.processing.decoder import Decoder
from crudmq.processing.maintenance import Maintenance
from crudmq.processing.poison import PoisonDetector
from crudmq.processing.service import GraceExceededError, Service
from crudmq.processing.worker import GroupSize, Worker
from crudmq.resources.mapping import ExposureError
from crudmq.resources.registry import Registry, load
from crudmq.settings import Settings
from crudmq.storage import revisions
from crudmq.storage.database import Database
from crudmq.storage.dialects import dialect_for
from crudmq.storage.errors import DatabaseFault, DatabaseUnavailable, StatementTimeout, StorageError, Transient
from crudmq.storage.retry import OutageGate
from crudmq.storage.tables import shared_secret
from crudmq.storage.translation import translated
from crudmq.supervisor import Supervisor, WorkerError, reserve_stdout, serve_readiness

_SECOND_SIGNAL_EXIT_CODE = 1

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
"""Errors that an operator can resolve; they are printed without a traceback."""


def compose(settings: Settings, resources: Registry, database: Database, cursors: Cursors) -> Service:
    """Return the service that the settings describe. Nothing runs yet, and nothing connects."""
    topology = Topology(settings.prefix, settings.partitions)
    replies = ReplyQueues(topology, [pattern.strip() for pattern in settings.reply_queues.split(",")])
    gate = OutageGate(lambda: _check_while_serving(database, settings, resources))
    publication = Publication(database, gate)
    publisher = Publisher(settings.broker_url, topology, RETRY_DELAYS)
    consumer = Consumer(settings.broker_url, topology, prefetch=settings.prefetch, delays=RETRY_DELAYS)
    worker = Worker(
        consumer=consumer,
        decoder=Decoder(resources, settings.limits(), cursors=cursors, replies=replies),
        executor=Executor(database, gate, publication, Responses(settings.source, settings.max_result_bytes)),
        publication=publication,
        publisher=publisher,
        poison=PoisonDetector(database, gate),
        topology=topology,
        group_size=GroupSize(settings.group_size, settings.max_message_bytes),
        concurrent_reads=CONCURRENT_READS,
    )
    maintenance = Maintenance(
        database=database,
        gate=gate,
        publication=publication,
        consumer=consumer,
        worker=worker,
        retention=settings.retention,
    )
    return Service(publisher, consumer, worker, maintenance, gate, settings.shutdown_grace)


async def run(settings: Settings, *, is_worker: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, then complete the commands in flight. A second signal ends the process at once.

    :raises WrongRevisionError: the database has an older revision or lacks a table
    :raises ExposureError: the models cannot be exposed
    :raises TopologyError: the broker refused a declaration of a queue or exchange
    :raises GraceExceededError: the commands in flight did not complete in time
    :raises PortError: the health port cannot be bound
    """
    stopping = _on_signals()
    responses = reserve_stdout() if is_worker else None
    resources = load(settings.models)
    database = open_database(settings)
    cursors = Cursors()
    service = compose(settings, resources, database, cursors)

    async def prepare() -> None:
        await database.check()
        await revisions.check(database, histories(settings), resources.tables)
        async with database.writing.begin() as session:
            cursors.share(await shared_secret(session))

    # The supervisor serves the health port and probes its workers.
    responding = asyncio.create_task(serve_readiness(service.ready, stopping, responses)) if responses else None
    try:
        async with health.served(settings.health_host, 0 if is_worker else settings.health_port, service.ready):
            if await _completes(service.gate.run(lambda: _patiently(prepare)), stopping):
                await service.serve(stopping)
    except BaseExceptionGroup as group:
        # Report the failure itself, without the task groups that wrap it.
        raise next(iter(_leaves(group.subgroup(FAILURES))), group) from None
    finally:
        if responding is not None:
            responding.cancel()
        await database.close()


async def supervise(settings: Settings, workers: int) -> None:
    """Run several processes that serve as `run` does.

    :raises WorkerError: a worker failed; it has logged the reason
    :raises PortError: the health port cannot be bound
    """
    if dialect_for(settings.database_url).is_single_process:
        raise WorkerError("SQLite supports one process only: omit --workers, or use another database")
    supervisor = Supervisor(workers)
    stopping = _on_signals(supervisor.kill)
    async with health.served(settings.health_host, settings.health_port, supervisor.ready):
        await supervisor.run(stopping)


async def _patiently(prepare: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a preparation; what only delays it is an outage.

    :raises DatabaseUnavailable: also if a statement of it timed out, or conflicted with another session
    """
    try:
        with translated():
            await prepare()
    except (StatementTimeout, Transient) as exc:
        if isinstance(exc, DatabaseFault):
            raise
        raise DatabaseUnavailable(f"cannot check the tables, another session may have locked a table: {exc}") from exc


async def _completes(preparation: Coroutine[None, None, None], stopping: asyncio.Event) -> bool:
    """Wait for a preparation; cancel it and return False if a signal arrives first."""
    preparing = asyncio.create_task(preparation)
    await race(stopping.wait(), preparing)
    if not preparing.done():
        preparing.cancel()
        return False
    await preparing
    return True


async def _check_while_serving(database: Database, settings: Settings, resources: Registry) -> None:
    """Check the schema as at startup.

    :raises DatabaseUnavailable: a revision, a table or a column is missing, so that commands have to wait
    """
    try:
        await revisions.check(database, histories(settings), resources.tables)
    except revisions.WrongRevisionError as exc:
        raise DatabaseUnavailable(str(exc)) from exc


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> Iterator[BaseException]:
    for exc in () if group is None else group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from _leaves(exc)
        else:
            yield exc


def _on_signals(kill: Callable[[], None] = lambda: None) -> asyncio.Event:
    """Return an event that the first signal sets; the second one kills and exits."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            kill()
            os._exit(_SECOND_SIGNAL_EXIT_CODE)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopping
