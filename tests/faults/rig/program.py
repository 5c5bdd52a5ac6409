"""A server as a process of ours: started, killed, and gone when we are, whatever we die of."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.host import wait_for

_STOP_SECONDS = 60
_START_SECONDS = 90


class NotInstalledError(Exception):
    """The machine lacks a program; says which."""


def find(name: str, *places: Path) -> str:
    """Find a program in some places, or else on PATH.

    :raises NotInstalledError: it is in none of them
    """
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=path)
    if found is None:
        raise NotInstalledError(f"{name} is not installed")
    return found


class Program:
    """One server's process, in a process group of its own."""

    def __init__(
        self, command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None, user: str | None = None
    ) -> None:
        """Take what to run; `user` is who runs it, where that is not us."""
        self._command = command
        self._log = log
        self._environ = environ
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, answers: Callable[[], bool]) -> None:
        """Start it, and wait until it answers.

        :raises RuntimeError: it ended instead, with what it said last
        :raises CommandError: it does not answer in time
        """
        assert not self.is_running
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=None if self._environ is None else dict(self._environ),
                start_new_session=True,
                user=self._user,
                group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
                extra_groups=None if self._user is None else [],
            )
        self._watch = _watch(self._process.pid)
        wait_for(self._command[0], lambda: self._is_up(answers), _START_SECONDS)

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal that ends it, and wait for the end. Does nothing where it does not run."""
        if self._process is None:
            return
        if self.is_running:
            self._process.send_signal(sent)
        self._process.wait(_STOP_SECONDS)
        if self._watch is not None:
            # What the server leaves behind in its group goes with the watch.
            self._watch.communicate(timeout=_STOP_SECONDS)
        self._process = self._watch = None

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.stop(signal.SIGKILL)

    def _is_up(self, answers: Callable[[], bool]) -> bool:
        if not self.is_running:
            raise RuntimeError(f"{self._command[0]} ended: {self._log.read_text(errors='replace')[-2000:]}")
        return answers()


def _watch(group: int) -> subprocess.Popen[bytes]:
    """Kill a process group as soon as our end of a pipe is closed, which the kernel does when we die."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"cat; kill -s KILL -- -{group}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
