"""Several workers, each a process that serves by itself, under one process that starts them again."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from itertools import count

import structlog

from service.backoff import pause
from service.messaging.waiting import first
from service.reporting import ask

log = structlog.get_logger(__name__)

WORKER = (sys.executable, "-m", "service", "run", "--worker")
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_ANSWER = 1.0


class WorkerError(Exception):
    """There can be no workers, or one ended with an error, which it has told."""


class Supervisor:
    """Starts workers, starts those again that were killed, and ends all of them."""

    def __init__(self, number: int, argv: Sequence[str] = WORKER) -> None:
        """Take how many to start, and what."""
        self._argv = argv
        self._workers: list[Process | None] = [None] * number
        self._asking = [asyncio.Lock() for _ in range(number)]
        self._questions = count()
        self._codes: list[int] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the workers running until told to stop; then let them finish what is in hand.

        :raises WorkerError: one ended with an error, as a process without a supervisor would; the others were stopped
        """
        async with asyncio.TaskGroup() as tasks:
            keeping = [tasks.create_task(self._keep(place, stopping)) for place in range(len(self._workers))]
            await first(stopping.wait(), *keeping)
            stopping.set()
            log.info("stopping the workers")
            for worker in self._workers:
                _stop(worker)
        failed = [code for code in self._codes if code]
        if failed:
            raise WorkerError(f"a worker ended with {failed[0]}")

    async def ready(self) -> Mapping[str, bool]:
        """Say of each worker whether it is ready."""
        answers = await asyncio.gather(*(self._is_ready(place) for place in range(len(self._workers))))
        return {f"worker {number}": found for number, found in enumerate(answers, 1)}

    async def _keep(self, place: int, stopping: asyncio.Event) -> None:
        """Have a worker run in a place, until it ends by itself or all are to stop."""
        tries = 0
        while not stopping.is_set():
            worker = await asyncio.create_subprocess_exec(*self._argv, stdin=PIPE, stdout=PIPE, start_new_session=True)
            self._workers[place] = worker
            if stopping.is_set():
                _stop(worker)
            begun = asyncio.get_running_loop().time()
            code = await worker.wait()
            self._workers[place] = None
            if code >= 0 or stopping.is_set():
                # By itself, as it would have without a supervisor.
                # So early that it did not yet know what to do with the signal.
                self._codes.append(0 if code == -signal.SIGTERM else code)
                return
            log.error("a worker was killed, another is started", signal=signal.Signals(-code).name)
            tries = 0 if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE else tries + 1
            await first(stopping.wait(), asyncio.sleep(pause(tries, _FIRST_PAUSE, _LONGEST_PAUSE)))

    async def _is_ready(self, place: int) -> bool:
        try:
            async with asyncio.timeout(_ANSWER), self._asking[place]:
                worker = self._workers[place]
                return worker is not None and await ask(worker, next(self._questions))
        except (TimeoutError, ConnectionError):
            return False

    def kill(self) -> None:
        """End all workers at once: the broker delivers again what they had."""
        for worker in self._workers:
            if worker is not None and worker.returncode is None:
                worker.kill()


def _stop(worker: Process | None) -> None:
    if worker is not None and worker.returncode is None:
        worker.send_signal(signal.SIGTERM)
