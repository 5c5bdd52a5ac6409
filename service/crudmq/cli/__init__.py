"""The command `crudmq`. Only `main` is imported here: it runs before anything that takes time to import."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> None:
    """Run the command line. Return normally or raise SystemExit.

    Until a command handles SIGTERM itself, the signal ends the process at once, even as process 1 of a container,
    for which the kernel discards signals without a handler.
    """
    signal.signal(signal.SIGTERM, _terminate)
    _open_standard_streams()
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    try:
        from crudmq.cli import commands  # noqa: PLC0415 - takes most of the start, and needs the extra `server`
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.startswith("crudmq"):
            raise
        sys.exit(f'crudmq: the module {exc.name} is not installed: run `pip install "crudmq[server]"`')
    commands.main()


def _open_standard_streams() -> None:
    """Open closed standard streams on the null device: another file would get their numbers, and uvloop would abort."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is assigned, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    # The status that a shell reports for a process that the signal killed.
    os._exit(128 + number)


__all__ = ["main"]
