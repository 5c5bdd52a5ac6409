"""A disk so small that it can be filled."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.rig.program import NotInstalledError, find

_MIB = 32
_CHUNK = bytes(64 * 1024)
_SECONDS = 30


class SmallDisk:
    """A file system in memory, at a directory of ours."""

    def __init__(self, directory: Path, owner: str | None) -> None:
        """Take where it is mounted, and who may write there.

        :raises NotInstalledError: only root may mount
        """
        if os.geteuid() != 0:
            raise NotInstalledError("a small disk is mounted, and only root may do that")
        self.directory = directory
        self.tablespace = "small"
        options = f"size={_MIB}m,mode=0700"
        _run(find("mount"), "-t", "tmpfs", "-o", options, "tmpfs", str(directory))
        if owner is not None:
            shutil.chown(directory, owner)

    def close(self) -> None:
        """Take it away; nobody may use it any more."""
        _run(find("umount"), str(self.directory))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room on it, for as long as the block runs."""
        ballast = self.directory / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                _fill(file.fileno())
            yield
        finally:
            ballast.unlink(missing_ok=True)


def _fill(file: int) -> None:
    chunk = _CHUNK
    while chunk:
        try:
            os.write(file, chunk)
        except OSError:
            # There may be room for less.
            chunk = chunk[: len(chunk) // 2]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
