"""A competitor's process: start it, wait for it, measure it, stop it."""

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
_MAX_LINES_SHOWN = 20
_READY_MARKER = "consuming"


class ProcessError(Exception):
    """A competitor failed or was too slow; the message includes its last output."""


class Running:
    """A running process, and the output that it writes to standard error."""

    def __init__(self, process: Process) -> None:
        """Take a process whose standard error is a pipe."""
        self._process = process
        self._last_lines: deque[str] = deque(maxlen=_MAX_LINES_SHOWN)
        self._consuming = asyncio.Event()
        self._reading = asyncio.create_task(self._read_output())

    async def consuming(self) -> None:
        """Wait until the process consumes.

        :raises ProcessError: it ended first, or timed out
        """
        await self.unless_it_ends(self._consuming.wait(), _START_TIMEOUT)

    async def unless_it_ends(self, awaited: Coroutine[Any, Any, object], seconds: float) -> None:
        """Wait for something that this process must bring about.

        :raises ProcessError: it ended first, or timed out
        """
        waiting = asyncio.ensure_future(awaited)
        try:
            # Its output ends when it does.
            both = (waiting, self._reading)
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise self._error("ended" if self._reading.done() else f"took longer than {seconds:.0f} s")
        finally:
            waiting.cancel()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and wait until the process has exited.

        :raises ProcessError: it timed out, or failed
        """
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                code = await self._process.wait()
        except TimeoutError:
            raise self._error("did not stop") from None
        if code != 0:
            raise self._error(f"exited with code {code}")

    async def kill(self) -> None:
        """Kill the process and its children, if any of them still runs."""
        with suppress(ProcessLookupError):
            # The whole group: a surviving child would hold the pipe open.
            os.killpg(self._process.pid, signal.SIGKILL)
        async with asyncio.timeout(_STOP_TIMEOUT):
            await self._process.wait()
            await self._reading

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its children."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    def peak_bytes(self) -> int | None:
        """Return the peak resident memory of the process and its children; None where it is not reported."""
        peaks = [_peak_of(process.pid) for process in self._family()]
        return None if None in peaks else sum(peak for peak in peaks if peak)

    def _family(self) -> list[psutil.Process]:
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]

    async def _read_output(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was started with a pipe
        async for line in self._process.stderr:
            self._last_lines.append(line.decode(errors="replace").rstrip())
            if _READY_MARKER in self._last_lines[-1]:
                self._consuming.set()

    def _error(self, problem: str) -> ProcessError:
        return ProcessError("\n".join([f"the process {problem}; its last output:", *self._last_lines]))


@asynccontextmanager
async def started(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """Start a process, and kill it at the end of the block if it still runs."""
    # In a process group of its own: it does not get Ctrl-C, and its children can be killed with it.
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    running = Running(process)
    try:
        yield running
    finally:
        await running.kill()


class Clock:
    """Measures elapsed time, and the CPU time of a process, from its creation on."""

    def __init__(self, process: Running) -> None:
        """Start."""
        self._process = process
        self._cpu = process.cpu_seconds()
        self._start = time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Return elapsed seconds and CPU seconds."""
        seconds = time.perf_counter() - self._start
        return seconds, self._process.cpu_seconds() - self._cpu


def _peak_of(pid: int) -> int | None:
    """Return Linux's high-water mark of resident memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    peaks = [line.split() for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0][1]) * 1024 if peaks else None
