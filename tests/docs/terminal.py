"""A reader who types what a page shows, and compares what comes with what the page says should come."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.docs.markdown import ROOT, Block
from tests.support.waiting import GENEROUS

_DEFAULT_BROKER = "amqp://guest:guest@127.0.0.1:5672/"
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
)
_CRUDMQ = """\
#!{python} -P
import sys
sys.path.append({root!r})
from crudmq.cli import main
main()
"""


def plain(text: str) -> str:
    """Leave out what is another each time, ids and times, and blanks where no reader sees them."""
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


class Terminal:
    """Runs the commands of a page in a directory, under a prefix of its own."""

    def __init__(self, directory: Path, broker_url: str, prefix: str) -> None:
        self.directory = directory
        self._prefix = prefix
        self._broker_url = broker_url
        self._staying: list[_Staying] = []
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # A shell's background jobs start deaf to Ctrl-C, and so would all that they start.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("CRUDMQ_", "PYTHON"))}
        self.environ = {
            **environ,
            "PATH": os.pathsep.join([str(self._commands()), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "service"),
            "CRUDMQ_BROKER_URL": broker_url,
            "CRUDMQ_PREFIX": prefix,
        }

    def save(self, block: Block) -> None:
        """Save a script under the name in the words before it, with this test's prefix and broker."""
        name = re.findall(r"`([\w/]+\.py)`", block.before)[-1]
        text = block.text.replace('"crudmq.', f'"{self._prefix}.').replace(_DEFAULT_BROKER, self._broker_url)
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("Client(BROKER)", f"Client(BROKER, prefix={self._prefix!r})"))

    def type(self, block: Block) -> None:
        """Type all commands of a block, and compare what comes."""
        for command, expected in _typed(block):
            if block.kind == "stays":
                self._start(command, expected)
            else:
                _, output = self._run(command)
                assert self._came(output) == plain(expected), f"not what comes of: {command}"

    def run(self, block: Block) -> None:
        """Type all commands of a block, whatever comes as long as none fails."""
        for command, _ in _typed(block):
            code, output = self._run(command)
            assert code == 0, output

    def close(self) -> None:
        """Compare what came of that which stayed, and end it."""
        for process in self._staying:
            assert self._came("\n".join(process.wait_for(len(process.expected)))) == plain("\n".join(process.expected))
        self.kill()

    def kill(self) -> None:
        """End all that stayed."""
        while self._staying:
            self._staying.pop().interrupt()

    def _run(self, command: str) -> tuple[int, str]:
        if command.startswith("export "):
            self.environ |= dict(word.split("=", 1) for word in shlex.split(command)[1:])
            return 0, ""
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - what a reader's terminal runs
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=GENEROUS,
            check=False,
        )
        return done.returncode, done.stdout

    def _start(self, command: str, expected: str) -> None:
        """Start what stays, in the place of what ran under this name, and wait for its first line."""
        for process in [process for process in self._staying if process.command == command]:
            self._staying.remove(process)
            process.interrupt()
        started = _Staying(command, expected.splitlines(), self.directory, self.environ)
        self._staying.append(started)
        started.wait_for(1)

    def _came(self, output: str) -> str:
        return plain(output.replace(self._prefix, "crudmq"))

    def _commands(self) -> Path:
        """Make the command `crudmq` as an installation does, wherever the package comes from."""
        directory = self.directory / "bin"
        directory.mkdir()
        command = directory / "crudmq"
        command.write_text(_CRUDMQ.format(python=sys.executable, root=str(ROOT / "service")))
        command.chmod(0o755)
        return directory


def _typed(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a block, each with its expected output."""
    commands = [typed.partition("\n") for typed in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]]
    return [(command, expected) for command, _, expected in commands]


class _Staying:
    """A process that runs until it is interrupted, and its lines."""

    def __init__(self, command: str, expected: list[str], directory: Path, environ: dict[str, str]) -> None:
        self.command = command
        self.expected = expected
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            shlex.split(command),
            cwd=directory,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, number: int) -> list[str]:
        """Return the first lines."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._lines) >= number or self._ended, GENEROUS)
            return self._lines[:number]

    def interrupt(self) -> None:
        """Type Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(GENEROUS)
        self._reader.join(GENEROUS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
