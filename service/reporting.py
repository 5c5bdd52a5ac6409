"""What a worker and its supervisor say to each other over the worker's standard input and output.

A line is a question, a number; the answer is a line with that number and the worker's readiness as JSON. When the
input ends the supervisor is gone, and the worker stops as well.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from typing import TextIO

from service.http.health import Ready


def output() -> TextIO:
    """Take the standard output for answers alone: what else is written to it goes to the standard error from now on."""
    ours = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return ours


async def answer(ready: Ready, stopping: asyncio.Event, answers: TextIO) -> None:
    """Answer for as long as there is a supervisor, then say that it is time to stop."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while question := await reader.readline():
        print(int(question), json.dumps(dict(await ready())), file=answers, flush=True)
    stopping.set()


async def ask(worker: Process, number: int) -> bool:
    """Ask a worker whether it is ready; no two at a time. What it answered too late before is left out.

    :raises ConnectionError: it has ended
    """
    assert worker.stdin is not None  # noqa: S101 - it was started with pipes
    assert worker.stdout is not None  # noqa: S101 - as above
    worker.stdin.write(b"%d\n" % number)
    await worker.stdin.drain()
    while line := await worker.stdout.readline():
        found, _, parts = line.partition(b" ")
        if found == b"%d" % number:
            return all(json.loads(parts).values())
    return False
