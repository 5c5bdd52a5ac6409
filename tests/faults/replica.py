"""One process of the service, with failpoints, that can be stopped and started like any other."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.acceptance.process import Service
from tests.faults import failpoints
from tests.faults.failpoints import Asked

_PLAIN = Asked()


class Replica(Service):
    """The service as a child that may be told where to die."""

    module = "tests.faults.child"

    def __init__(self, database_url: str, prefix: str, settings: Mapping[str, str], asked: Asked = _PLAIN) -> None:
        super().__init__(database_url, prefix, settings)
        self.ask(asked)

    def ask(self, asked: Asked) -> None:
        """Say what the process is to do from its next start on."""
        self.environ.update(failpoints.environment(asked))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def died(self) -> None:
        """Wait until it has ended itself as a failpoint said."""
        code = self.end()
        assert code == -signal.SIGKILL, f"crudmq ended with {code}, not at its failpoint"

    def pause(self) -> None:
        """Stop it as it is: it neither works nor notices that time goes by."""
        os.kill(self.pid, signal.SIGSTOP)

    @property
    def is_paused(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def peak_bytes(self) -> int:
        """Give the most memory that was ever resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def wait(seconds: float) -> None:
    """Let a fault last. Nothing is waited for: the time itself is the fault."""
    time.sleep(seconds)
