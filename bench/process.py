"""A competitor's process: started, listened to, measured, stopped."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

_START_TIMEOUT = 60
_STOP_TIMEOUT = 30
_LINES_TO_SHOW = 20
_SIGN = "consuming"


class ProcessError(Exception):
    """A competitor did not do what it has to; says what it wrote last."""


class Running:
    """A process that runs, and the lines that it writes."""

    def __init__(self, process: Process) -> None:
        """Take a process whose standard error is a pipe."""
        self._process = process
        self._last: deque[str] = deque(maxlen=_LINES_TO_SHOW)
        self._consuming = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def consuming(self) -> None:
        """Wait until it consumes.

        :raises ProcessError: it ended before, or took too long
        """
        await self.unless_it_ends(self._consuming.wait(), _START_TIMEOUT)

    async def unless_it_ends(self, awaited: Coroutine[Any, Any, object], seconds: float) -> None:
        """Wait for something that this process has to bring about.

        :raises ProcessError: it ended before, or took longer
        """
        waiting = asyncio.ensure_future(awaited)
        try:
            # What it writes ends when it does.
            both = (waiting, self._listening)
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise self._error("ended" if self._listening.done() else f"took longer than {seconds:.0f} s")
        finally:
            waiting.cancel()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to finish, and wait until it has.

        :raises ProcessError: it did not in time, or failed
        """
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                code = await self._process.wait()
        except TimeoutError:
            raise self._error("did not stop") from None
        if code != 0:
            raise self._error(f"exited with {code}")

    async def kill(self) -> None:
        """End it, and what it started, if any of that still runs."""
        with suppress(ProcessLookupError):
            # The whole group: a child that survives would hold the pipe open.
            os.killpg(self._process.pid, signal.SIGKILL)
        async with asyncio.timeout(_STOP_TIMEOUT):
            await self._process.wait()
            await self._listening

    def cpu_seconds(self) -> float:
        """Give the CPU time that it and its children have used."""
        return sum(sum(one.cpu_times()[:2]) for one in self._family())

    def peak_bytes(self) -> int | None:
        """Give the most memory that was ever resident, its own and its children's."""
        peaks = [_peak_of(one.pid) for one in self._family()]
        return None if None in peaks else sum(peak for peak in peaks if peak)

    def _family(self) -> list[psutil.Process]:
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]

    async def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was started with a pipe
        async for line in self._process.stderr:
            self._last.append(line.decode(errors="replace").rstrip())
            if _SIGN in self._last[-1]:
                self._consuming.set()

    def _error(self, what: str) -> ProcessError:
        return ProcessError("\n".join([f"the process {what}; its last lines:", *self._last]))


@asynccontextmanager
async def started(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """Start a process; it does not outlive the block."""
    # A group of its own: Ctrl-C is for us alone, and we can kill what it starts with it.
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    running = Running(process)
    try:
        yield running
    finally:
        await running.kill()


class Clock:
    """Seconds, and CPU seconds of a process, since it was started."""

    def __init__(self, process: Running) -> None:
        """Start."""
        self._process = process
        self._cpu = process.cpu_seconds()
        self._begun = time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Give both."""
        seconds = time.perf_counter() - self._begun
        return seconds, self._process.cpu_seconds() - self._cpu


def _peak_of(pid: int) -> int | None:
    """Read what Linux calls the high water mark."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("VmHWM:")]
    return int(found[0][1]) * 1024 if found else None
