"""One process of the service that injects faults into itself, and can be stopped and started like any other."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

from crudmq.failpoints import Failpoint
from tests.acceptance.process import Service
from tests.faults import injection as injections
from tests.faults.injection import Injection

LIMIT = 300.0
"""Seconds; only what hangs takes that long, on a busy machine too."""
_NOTHING = Injection()


class Replica(Service):
    """The service as a child process with an `Injection`."""

    module = "tests.faults.child"

    def __init__(
        self, database_url: str, prefix: str, settings: Mapping[str, str], injection: Injection = _NOTHING
    ) -> None:
        super().__init__(database_url, prefix, settings)
        self._proven = 0
        self.injection = injection
        self.inject(injection)

    def inject(self, injection: Injection | None = None) -> None:
        """Set what the process injects from its next start on; nothing by default."""
        self.injection = injection or _NOTHING
        self.environ.update(injections.environment(self.injection))

    def start(self) -> Self:
        """Start the process, and wait until it consumes."""
        self.launch()
        self.wait_for("consuming", LIMIT)
        return self

    def wait_died(self) -> str:
        """Wait until the process has killed itself at a failpoint, and return the proof."""
        code = self.end()
        point = Failpoint.DECODING if self.injection.poison else self.injection.kill_at
        assert point is not None, "this process has no failpoint at which to die"
        return self._proof(point, is_injected=code == -signal.SIGKILL, observed=f"it ended with {code}")

    def wait_paused(self) -> str:
        """Wait until the process has stopped itself at a failpoint, and return the proof."""
        point = self.injection.pause_at
        assert point is not None, "this process has no failpoint at which to pause"
        deadline = time.monotonic() + LIMIT
        while not (is_paused := self.is_paused) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.wait_for_line(injections.reached(point), LIMIT)
        return self._proof(point, is_injected=is_paused, observed="it still runs")

    def pause(self) -> None:
        """Stop the process as it is: it neither works nor notices that time passes."""
        os.kill(self.pid, signal.SIGSTOP)

    @property
    def is_paused(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def resume(self) -> None:
        """Continue a process that was stopped."""
        os.kill(self.pid, signal.SIGCONT)

    def peak_bytes(self) -> int:
        """Return the peak resident memory of the process."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def _proof(self, point: Failpoint, *, is_injected: bool, observed: str) -> str:
        """Check that the process wrote one more line about the failpoint than were checked before."""
        line = injections.reached(point)
        lines = [logged for logged in self.log.splitlines() if logged.startswith("failpoint reached: ")]
        self._proven += 1
        assert is_injected, f"{line}: was not injected: {observed}"
        assert len(lines) == self._proven, f"{line}: was not injected: {lines}"
        assert lines[-1] == line, f"{line}: was not injected: {lines}"
        return line


def wait(seconds: float) -> None:
    """Let a fault last. Nothing is waited for: its duration is part of the fault."""
    time.sleep(seconds)
