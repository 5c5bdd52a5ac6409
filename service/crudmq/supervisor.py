"""Runs several worker processes and restarts those that are killed."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from itertools import count
from typing import TextIO

import structlog

from crudmq.aio import Backoff, race
from crudmq.http.health import Readiness, Ready

log = structlog.get_logger(__name__)

WORKER = (sys.executable, "-m", "crudmq", "run", "--worker")
_MIN_RESTART_DELAY = 0.1
_TERMINATED_EARLY = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Exit codes of SIGTERM before the interpreter, and before the service, has installed its handler."""
_MAX_RESTART_DELAY = 30.0
_PROBE_TIMEOUT = 1.0
_NOT_READY = Readiness({})


class WorkerError(Exception):
    """Workers cannot be started, or a worker exited with an error, which it has logged."""


class Supervisor:
    """Starts workers, restarts killed ones, and stops all of them."""

    def __init__(self, workers: int, argv: Sequence[str] = WORKER) -> None:
        """Set the number of workers and the command that starts one. Starts nothing yet."""
        self._argv = argv
        self._workers: list[Process | None] = [None] * workers
        self._probing = [asyncio.Lock() for _ in range(workers)]
        self._probe_numbers = count()
        self._exit_codes: list[int] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the workers running until `stopping` is set, then let them drain.

        :raises WorkerError: a worker exited with an error; the others were stopped
        """
        async with asyncio.TaskGroup() as tasks:
            slots = [tasks.create_task(self._run_worker(slot, stopping)) for slot in range(len(self._workers))]
            await race(stopping.wait(), *slots)
            stopping.set()
            log.info("stopping workers")
            for worker in self._workers:
                _terminate(worker)
        failures = [code for code in self._exit_codes if code]
        if failures:
            raise WorkerError(f"a worker exited with code {failures[0]}, see its log")

    async def ready(self) -> Readiness:
        """Return the readiness of each worker, by name. A worker that does not respond in time is not ready."""
        probed = await asyncio.gather(*(self._probe(slot) for slot in range(len(self._workers))))
        workers = {f"worker {number}": readiness for number, readiness in enumerate(probed, 1)}
        reasons = {name: "; ".join(worker.reasons.values()) for name, worker in workers.items() if worker.reasons}
        return Readiness({name: worker.is_ready for name, worker in workers.items()}, reasons)

    async def _run_worker(self, slot: int, stopping: asyncio.Event) -> None:
        """Run a worker, and restart it whenever it is killed. Return when it exits by itself or all are stopping."""
        clock = asyncio.get_running_loop().time
        backoff = Backoff(_MIN_RESTART_DELAY, _MAX_RESTART_DELAY)
        while not stopping.is_set():
            worker = await asyncio.create_subprocess_exec(*self._argv, stdin=PIPE, stdout=PIPE, start_new_session=True)
            self._workers[slot] = worker
            if stopping.is_set():
                _terminate(worker)
            started_at = clock()
            code = await worker.wait()
            self._workers[slot] = None
            if code >= 0 or stopping.is_set():
                # SIGTERM ends a worker that has not installed its signal handlers yet: not a failure.
                self._exit_codes.append(0 if code in _TERMINATED_EARLY else code)
                return
            log.error("worker killed, restarting", signal=signal.Signals(-code).name)
            if clock() - started_at > _MAX_RESTART_DELAY:
                backoff.reset()
            await race(stopping.wait(), backoff.wait())

    async def _probe(self, slot: int) -> Readiness:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT), self._probing[slot]:
                worker = self._workers[slot]
                return _NOT_READY if worker is None else await probe(worker, next(self._probe_numbers))
        except (TimeoutError, ConnectionError):
            return _NOT_READY

    def kill(self) -> None:
        """Kill all workers at once: the broker redelivers their unacknowledged messages."""
        for worker in self._workers:
            if worker is not None and worker.returncode is None:
                worker.kill()


def _terminate(worker: Process | None) -> None:
    if worker is not None and worker.returncode is None:
        worker.send_signal(signal.SIGTERM)


def reserve_stdout() -> TextIO:
    """Return the standard output, reserved for responses: other writes to it go to the standard error from now on."""
    responses = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return responses


async def serve_readiness(ready: Ready, stopping: asyncio.Event, responses: TextIO) -> None:
    """Respond to probes until the supervisor exits, then set `stopping`."""
    reader = asyncio.StreamReader()
    event_loop = asyncio.get_running_loop()
    await event_loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while request := await reader.readline():
        print(int(request), json.dumps((await ready()).as_json()), file=responses, flush=True)
    stopping.set()


async def probe(worker: Process, number: int) -> Readiness:
    """Return the readiness of a worker. Late responses to earlier probes are skipped.

    Not safe to call concurrently for the same worker.

    :param number: identifies the probe; unique for this worker
    :raises ConnectionError: the worker has exited
    """
    assert worker.stdin is not None  # noqa: S101 - it was started with pipes
    assert worker.stdout is not None  # noqa: S101 - as above
    worker.stdin.write(b"%d\n" % number)
    await worker.stdin.drain()
    while line := await worker.stdout.readline():
        answered, _, readiness = line.partition(b" ")
        if answered == b"%d" % number:
            return Readiness.from_json(json.loads(readiness))
    return _NOT_READY
