"""Lists the functions and files of the service that a lone create passes: `python -m dev.trace`.

Runs the service in this process on a temporary SQLite database, sends it two creates over RabbitMQ and traces the
second one, from the delivery to the acknowledgement. Exits with 1 if the create passes more than MAX_FILES files.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from uuid import uuid4

import aio_pika

from crudmq import admin, app, settings
from crudmq.client import Client, ClientError

PACKAGE = Path(app.__file__).parent
LAYERS = "execution", "processing", "storage"
MAX_FILES = 24
TIMEOUT = 60
UNTIL_ACKNOWLEDGED = 0.3
"""The result arrives before the acknowledgement of the delivery is sent."""


async def main() -> int:
    """Print the functions by file, in the order of their first calls, and return the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        passed = await trace_create(Path(directory))
    files: dict[Path, list[str]] = {}
    for code in passed:
        files.setdefault(Path(code.co_filename).relative_to(PACKAGE), []).append(code.co_qualname)
    for file, functions in files.items():
        sys.stdout.write(f"{file}\n" + "".join(f"    {function}\n" for function in functions))
    sys.stdout.write(
        f"{len(passed)} functions in {len(files)} files of {', '.join(LAYERS)} (limit {MAX_FILES} files)\n"
    )
    return 1 if len(files) > MAX_FILES else 0


async def trace_create(directory: Path) -> list[CodeType]:
    """Return the functions that a create passes, in the order of their first calls."""
    prefix = f"trace-{uuid4().hex[:8]}"
    os.environ |= {
        "CRUDMQ_DATABASE_URL": f"sqlite+aiosqlite:///{directory / 'trace.db'}",
        "CRUDMQ_PREFIX": prefix,
    }
    configured = settings.read()
    await admin.migrate(configured, create_tables=False)
    try:
        async with running(configured), connected(configured) as client:
            passed: dict[CodeType, None] = {}
            sys.setprofile(recorder(passed))
            try:
                await client.send({"resource": "people", "action": "create", "data": {"name": "Tom", "age": 38}})
                await asyncio.sleep(UNTIL_ACKNOWLEDGED)
            finally:
                sys.setprofile(None)
            return list(passed)
    finally:
        await remove(configured.broker_url, prefix)


def recorder(passed: dict[CodeType, None]) -> Callable[[FrameType, str, Any], None]:
    """Return a profile function that records calls of functions of the traced layers."""
    roots = tuple(f"{PACKAGE / layer}{os.sep}" for layer in LAYERS)

    def record(frame: FrameType, event: str, _: Any) -> None:  # noqa: ANN401 - as sys.setprofile calls it
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(roots) and not code.co_name.startswith("<"):
            passed.setdefault(code)

    return record


@asynccontextmanager
async def running(configured: settings.Settings) -> AsyncIterator[None]:
    """Run the service as a task, and stop it as an operator does."""
    service = asyncio.create_task(app.run(configured))
    try:
        yield
    finally:
        if not service.done():
            signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(service, TIMEOUT)


@asynccontextmanager
async def connected(configured: settings.Settings) -> AsyncIterator[Client]:
    """Connect a client and send a create, until the service answers: what runs once is not traced."""
    async with asyncio.timeout(TIMEOUT) as limit:
        while True:
            async with Client(configured.broker_url, prefix=configured.prefix) as client:
                # The channel closes if the service has not declared its exchange yet.
                with suppress(ClientError):
                    await client.send({"resource": "people", "action": "create", "data": {"name": "Ann"}})
                    limit.reschedule(None)
                    yield client
                    return
            await asyncio.sleep(0.1)


async def remove(broker_url: str, prefix: str) -> None:
    """Remove the queues and exchanges of the trace."""
    connection = await aio_pika.connect(broker_url, timeout=TIMEOUT)
    async with connection, connection.channel() as channel:
        for queue in ("commands", "dead-letters", *(f"commands.retry.{delay}" for delay in (1000, 10000, 60000))):
            await channel.queue_delete(f"{prefix}.{queue}", timeout=TIMEOUT)
        for exchange in ("commands", "events", "dead-letters"):
            await channel.exchange_delete(f"{prefix}.{exchange}", timeout=TIMEOUT)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
