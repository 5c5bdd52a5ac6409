"""Commands, packages and ports of this machine."""

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
    """A command failed, or the server that it started does not respond."""


def say(line: str) -> None:
    """Report progress on stderr; stdout is for the URL."""
    sys.stderr.write(f"{line}\n")


def run(*command: str, timeout: float = 60) -> str:
    """Run a command and return its output.

    Raises:
        CommandError: it cannot be started, fails, or exceeds the timeout.
    """
    # Through files: a server that the command leaves running would hold a pipe open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                timeout=timeout,
                cwd="/",  # A server must not keep the user's directory busy.
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
    """Whether this process can install packages and start servers as other users."""
    return os.geteuid() == 0


def install(package: str) -> None:
    """Install a Debian package, and report that first.

    Raises:
        CommandError: apt-get fails.
    """
    say(f"installing the Debian package {package}")
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--option", "DPkg::Lock::Timeout=120")
    run(*apt, "update", timeout=300)
    run(*apt, "install", "--yes", "--no-install-recommends", package, timeout=900)


def free_port(preferred: int = 0) -> int:
    """Return the preferred port if it is free, else another free port."""
    with socket.socket() as probe:
        # Lingering connections of a stopped server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, preferred))
        except OSError:
            probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(name: str, responds: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until the server responds.

    Raises:
        CommandError: it does not in time.
    """
    deadline = time.monotonic() + seconds
    while not responds():
        if time.monotonic() >= deadline:
            raise CommandError(f"{name} does not respond within {seconds:.0f} seconds")
        time.sleep(0.2)
