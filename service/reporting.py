"""What a worker and its supervisor say to each other over the worker's standard input and output.

A line is a question, the answer is a line with the worker's readiness as JSON. When the input ends the supervisor is
gone, and the worker stops as well.
"""

import asyncio
import json
import sys

from service.http.health import Ready

QUESTION = b"?\n"


async def answer(ready: Ready, stopping: asyncio.Event) -> None:
    """Answer for as long as there is a supervisor, then say that it is time to stop."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        sys.stdout.write(json.dumps(dict(await ready())) + "\n")
        sys.stdout.flush()
    stopping.set()


def is_ready(line: bytes) -> bool:
    """Read an answer; none is a no."""
    parts: dict[str, bool] = json.loads(line) if line else {}
    return bool(parts) and all(parts.values())
