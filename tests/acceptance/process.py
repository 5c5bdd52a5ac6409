"""The service as its operators run it: a process of its own, with its own database and prefix."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import broker
from tests.support.waiting import GENEROUS

ROOT = Path(__file__).parents[2]

started: list["Service"] = []
"""Those that run, and the one that was started last: what they logged is shown when a test fails."""


def environment(database_url: str, prefix: str, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give an environment with these settings and no others."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("CRUDMQ_")}
    return {
        **mine,
        "CRUDMQ_BROKER_URL": broker.url(),
        "CRUDMQ_DATABASE_URL": database_url,
        "CRUDMQ_PREFIX": prefix,
        "CRUDMQ_LOG_FORMAT": "json",
        **(settings or {}),
    }


def crudmq(*arguments: str, environ: Mapping[str, str], root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Type a command, and wait for its end."""
    command = [sys.executable, "-m", "crudmq", *arguments]
    return subprocess.run(
        command, cwd=root, env=dict(environ), capture_output=True, text=True, timeout=GENEROUS, check=False
    )


class Service:
    """`crudmq run` as a process: `with Service(...)` migrates, starts and, at the end, terminates it."""

    module = "crudmq"
    """What is run: `python -m <module> run`."""
    options: tuple[str, ...] = ()
    """What else is said."""
    root = ROOT
    """The source tree that it is run from."""

    def __init__(self, database_url: str, prefix: str, settings: Mapping[str, str] | None = None) -> None:
        self.database_url = database_url
        self.prefix = prefix
        self.environ = environment(database_url, prefix, settings)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: list[str] = []
        self._seen: set[str] = set()
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self.migrate()
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.is_running:
            return
        if exc is None:
            self.terminate()
        else:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        with self._changed:
            return "\n".join(self._lines)

    def migrate(self, *options: str) -> None:
        done = crudmq("migrate", *options, environ=self.environ, root=self.root)
        assert done.returncode == 0, done.stderr

    def start(self) -> Self:
        """Start the process, and wait until it consumes."""
        self.launch()
        self.wait_for("consuming")
        return self

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        assert not self.is_running
        started[:] = [*(service for service in started if service.is_running and service is not self), self]
        self._seen.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module, "run", *self.options],
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def wait_for(self, event: str, seconds: float = GENEROUS) -> None:
        """Wait until the process, as it runs now, has logged this."""
        with self._changed:
            came = self._changed.wait_for(lambda: event in self._seen or not self.is_running, seconds)
            assert event in self._seen, f"crudmq did not log {event!r} " + ("in time" if not came else "and ended")

    def wait_for_line(self, text: str, seconds: float = GENEROUS) -> None:
        """Wait until a line of the log has this text."""
        with self._changed:
            came = self._changed.wait_for(lambda: any(text in line for line in self._lines), seconds)
            assert came, f"crudmq did not log {text!r}"

    def terminate(self) -> None:
        """Ask the process to finish what is in hand, as a supervisor does."""
        self.signal_termination()
        code = self.end()
        assert code == 0, f"crudmq ended with {code}"

    def signal_termination(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a crash does: nothing of it runs any more."""
        assert self._process is not None
        self._process.kill()
        code = self.end()
        assert code == -signal.SIGKILL, f"crudmq ended with {code} before it was killed"

    def end(self) -> int:
        """Wait for the end that a signal asked for, and give the exit code."""
        assert self._process is not None
        assert self._process.stderr is not None
        assert self._reader is not None
        code = self._process.wait(GENEROUS)
        self._reader.join(GENEROUS)
        self._process.stderr.close()
        return code

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._seen.add(_event(line))
                self._changed.notify_all()
        process.wait()
        with self._changed:
            self._changed.notify_all()


class Deadline:
    """Until when something must have happened."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self._end - time.monotonic(), 0)


def _event(line: str) -> str:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return line.strip()
    return str(entry.get("event")) if isinstance(entry, dict) else line.strip()
