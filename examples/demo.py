"""Commands, results and events on SQLite and a real RabbitMQ, checked and shown as a table.

Run by `make demo`. Creates a temporary database and prefix, and removes both.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
from rich.console import Console
from rich.live import Live
from rich.table import Table

from crudmq.client import Client, Event, Result
from examples.steps import STEPS, Step

BROKER = os.environ.get("CRUDMQ_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/")
TIMEOUT = 30
console = Console(width=150 if not sys.stdout.isatty() else None)


async def main() -> int:
    """Run every step, and return the number of mismatches."""
    prefix = f"demo-{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as directory:
        try:
            async with service(prefix, Path(directory)), Client(BROKER, prefix=prefix) as client:
                return await run_steps(client)
        finally:
            await remove(prefix)


async def run_steps(client: Client) -> int:
    """Send the commands one by one, and show results and events as they arrive."""
    table = Table(show_lines=True)
    for column in ("", "command", "result", "events"):
        table.add_column(column, overflow="fold")
    faults = arrived = 0
    async with client.events() as events:
        with Live(table, console=console, auto_refresh=False, vertical_overflow="visible") as live:
            for number, step in enumerate(STEPS, start=1):
                result = await client.send(step.command, message_id=step.id, timeout=TIMEOUT)
                followed = [await asyncio.wait_for(anext(events), TIMEOUT) for _ in step.events]
                wrong = faults_of(step, result, followed)
                command = f"[bold]{step.title}[/]\n{shown_command(step.command)}"
                table.add_row(str(number), command, shown_result(result, wrong), "\n".join(map(shown_event, followed)))
                live.refresh()
                faults += len(wrong)
                arrived += len(followed)
    if not console.is_terminal:
        # Without a terminal, the table ends without a newline.
        console.print()
    verdict = "[red]not as expected" if faults else "[green]all as expected"
    console.print(f"{len(STEPS)} commands, {arrived} events: {verdict}")
    return faults


def faults_of(step: Step, result: Result, events: list[Event]) -> list[str]:
    """Compare a result, and the events after it, with the expected ones."""
    content = result.content
    status = "ok" if result.ok else content["error"]["code"]
    faults = [] if status == step.expect else [f"expected {step.expect}"]
    if step.data is not None and result.data != step.data:
        faults.append(f"expected {json.dumps(step.data)}")
    if result.replayed is not step.replayed:
        faults.append("expected the stored result" if step.replayed else "unexpected stored result")
    if [event.type for event in events] != step.events:
        faults.append(f"expected the events {step.events}")
    return faults


def shown_command(command: dict[str, Any] | bytes) -> str:
    """Return a command as its routing key and its arguments."""
    if isinstance(command, bytes):
        return shown(command)
    rest = {name: value for name, value in command.items() if name not in ("resource", "action")}
    return f"{command['resource']}.{command['action']} {shown(rest) if rest else ''}"


def shown_result(result: Result, wrong: list[str]) -> str:
    """Return a result with its mismatches."""
    content = result.content
    again = " [cyan](the stored result)[/]" if result.replayed else ""
    if result.ok:
        text = f"[green]ok[/]{again}  {shown(content['data'])}"
    else:
        error = content["error"]
        details = [
            f"{detail['path']} {detail['message']}"
            for detail in error.get("details", [])
            if detail["message"] != error["message"]
        ]
        text = "\n".join([f"[yellow]{error['code']}[/]{again}  {error['message']}", *details])
    return "\n".join([text, *(f"[red]{fault}[/]" for fault in wrong)])


def shown_event(event: Event) -> str:
    """Return an event: its type, its row and the changed fields."""
    data = event.content["data"]
    changes = [
        f"{name}: {shown(data['before'][name])} → {shown(data['after'][name])}" for name in data.get("changed", [])
    ]
    return " ".join([f"[magenta]{event.type}[/]", event.content.get("subject", ""), *changes])


def shown(value: object) -> str:
    """Return a value as JSON, with markup of rich escaped."""
    text = value.decode() if isinstance(value, bytes) else json.dumps(value)
    return text.replace("[", "\\[")


@asynccontextmanager
async def service(prefix: str, directory: Path) -> AsyncIterator[None]:
    """Run the service as an operator would: migrate, run, and stop it with SIGTERM."""
    environment = {
        **os.environ,
        "CRUDMQ_BROKER_URL": BROKER,
        "CRUDMQ_DATABASE_URL": f"sqlite+aiosqlite:///{directory / 'demo.db'}",
        "CRUDMQ_PREFIX": prefix,
        "CRUDMQ_LOG_FORMAT": "json",
    }
    migrating = await crudmq("migrate", environment)
    if await asyncio.wait_for(migrating.wait(), TIMEOUT):
        sys.exit("crudmq migrate failed")
    process = await crudmq("run", environment, log=asyncio.subprocess.PIPE)
    ready = asyncio.Event()
    reading = asyncio.create_task(follow(process, ready))
    try:
        await asyncio.wait_for(ready.wait(), TIMEOUT)
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), TIMEOUT)
        await reading


async def crudmq(command: str, environment: dict[str, str], log: int | None = None) -> asyncio.subprocess.Process:
    """Start a command of `crudmq`."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "crudmq", command, env=environment, stderr=log)


async def follow(process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
    """Read the service's log: set `ready` when it consumes, and show warnings and errors."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    async for line in process.stderr:
        entry = json.loads(line) if line.startswith(b"{") else {"event": line.decode(), "level": "error"}
        if entry["event"] == "consuming":
            ready.set()
        elif entry["level"] in ("warning", "error"):
            console.print(f"[red]{shown(entry)}")


async def remove(prefix: str) -> None:
    """Remove the demo's queues and exchanges."""
    connection = await aio_pika.connect(BROKER, timeout=TIMEOUT)
    async with connection, connection.channel() as channel:
        for queue in ("commands", "dead-letters", *(f"commands.retry.{delay}" for delay in (1000, 10000, 60000))):
            await channel.queue_delete(f"{prefix}.{queue}", timeout=TIMEOUT)
        for exchange in ("commands", "events", "dead-letters"):
            await channel.exchange_delete(f"{prefix}.{exchange}", timeout=TIMEOUT)


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main()) else 0)
