"""What this machine offers: commands, packages and ports."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO

HOST = "127.0.0.1"


class CommandError(Exception):
    """A command failed, or what it started does not answer."""


def say(line: str) -> None:
    """Tell the user what is being done; stdout is for the URL."""
    sys.stderr.write(f"{line}\n")


def run(*command: str, timeout: float = 60) -> str:
    """Run a command and return its output.

    Raises:
        CommandError: it cannot be run, fails, or takes longer than the timeout.
    """
    # Through files: a server that the command leaves behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                timeout=timeout,
                cwd="/",  # Servers stay there, and must not keep a directory of the user's busy.
                start_new_session=True,  # Ctrl-C stops make, not the server.
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            reason = _last_line(errors) or _last_line(output) or str(error)
            raise CommandError(f"{shlex.join(command)}: {reason}") from error
        return _text(output)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()


def _last_line(file: IO[bytes]) -> str:
    return _text(file).rpartition("\n")[2]


def has(command: str) -> bool:
    """Whether the command is on PATH."""
    return shutil.which(command) is not None


def is_root() -> bool:
    """Whether packages can be installed and other users' servers started."""
    return os.geteuid() == 0


def install(package: str) -> None:
    """Install a package of Debian's, saying so before.

    Raises:
        CommandError: apt-get fails.
    """
    say(f"installing Debian's package {package}")
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--option", "DPkg::Lock::Timeout=120")
    run(*apt, "update", timeout=300)
    run(*apt, "install", "--yes", "--no-install-recommends", package, timeout=900)


def free_port(wish: int = 0) -> int:
    """Return the port wished for if nobody has it, else another that is free."""
    with socket.socket() as probe:
        # Connections of a server that has just stopped do not count as somebody.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wish))
        except OSError:
            probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(name: str, answers: Callable[[], bool], seconds: float = 90) -> None:
    """Return as soon as the server answers.

    Raises:
        CommandError: it does not within the time.
    """
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() >= deadline:
            raise CommandError(f"{name} does not answer within {seconds:.0f} seconds")
        time.sleep(0.2)
