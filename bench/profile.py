"""Where one process spends its time while it executes creates: the share of each step, and a flame graph.

Run by `make bench-profile`; writes `docs/profile.svg`. py-spy samples its own child, which needs no privileges except
`SYS_PTRACE` in a container. Only running Python code is sampled, not waiting for servers.
"""

import asyncio
import re
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from bench import databases, queues
from bench.competitors import OURS
from bench.environment import prepared
from bench.process import started
from bench.servers import Servers
from bench.workloads import CREATES

COMMANDS, SAMPLES_PER_SECOND, TIMEOUT = 40_000, 500, 300
GRAPH = Path(__file__).parent.parent / "docs" / "profile.svg"
START_UP = "start-up"
STEPS = {
    "validating commands: JSON, fields, types": ("crudmq/processing/decoder.py",),
    "results and events: values to JSON, ids, attributes": ("crudmq/execution/responses.py",),
    "encoding, publishing, confirms": (
        "crudmq/messaging/publisher.py",
        *(f"crudmq/messaging/wire/{name}.py" for name in ("publishing", "channel")),
    ),
    "inbox and outbox": ("crudmq/storage/journal.py",),
    "inserting rows": ("crudmq/execution/pending_writes.py", "crudmq/storage/dialects/"),
    "executing plans in memory": ("crudmq/execution/actions/", "crudmq/execution/unit_of_work.py"),
    START_UP: ("<frozen importlib", "crudmq/aio.py"),
}
"""Prefixes of the files of each step; those of a folder end with a slash."""
_RECEIVING = tuple(f"crudmq/messaging/{name}.py" for name in ("consumer", "subscription", "wire/decoding"))
LIBRARIES = {
    "SQLAlchemy: compiling, executing, transactions": ("sqlalchemy/",),
    "reading frames, decoding properties, creating deliveries": ("aiormq/", "pamqp/", *_RECEIVING),
    "grouping commands and deciding their outcome": ("crudmq/execution/", "crudmq/processing/", "crudmq/messaging/"),
}
REST = "the rest: event loop, sockets, starting and ending transactions"
_TITLE = re.compile(r'(id="title"[^>]*>)[^<]*<')
_FILE = re.compile(r"\(([^()]*):\d+\)$")


async def main() -> None:
    """Record twice, since py-spy writes one format at a time."""
    with tempfile.TemporaryDirectory() as directory:
        stacks = Path(directory) / "stacks"
        await record("raw", stacks)
        shares = Counter[str]()
        for line in stacks.read_text(encoding="utf-8").splitlines():
            stack, _, samples = line.rpartition(" ")
            shares[step(stack)] += int(samples)
    del shares[START_UP]
    for name, number in shares.most_common():
        print(f"| {name} | {number / shares.total():.0%} |")
    await record("flamegraph", GRAPH)
    GRAPH.write_text(
        _TITLE.sub(r"\1creates, groups of 200, one process<", GRAPH.read_text(encoding="utf-8")), encoding="utf-8"
    )


def step(stack: str) -> str:
    """Return the innermost step of the service in a stack, or else the innermost library."""
    frames = (_FILE.search(frame) for frame in reversed(stack.split(";")))
    files = [frame[1].removeprefix("service/") for frame in frames if frame]
    for steps in (STEPS, LIBRARIES):
        for file in files:
            for name, prefixes in steps.items():
                if file.startswith(prefixes):
                    return name
    return REST


async def record(output_format: str, output: Path) -> None:
    """Execute creates under py-spy."""
    options = ("--gil", "--rate", str(SAMPLES_PER_SECOND), "--format", output_format, "--output", str(output))
    py_spy = Path(sys.executable).parent / "py-spy"
    sampled = replace(OURS, argv=(str(py_spy), "record", *options, "--", *OURS.argv))
    servers = Servers.from_environment()
    async with databases.migrated(servers) as template, prepared(servers, template, sampled) as environment:
        connection, topology = environment.connection, environment.topology
        await queues.fill(connection, topology, CREATES.commands(COMMANDS), sampled.envelope)
        async with (
            queues.finish_line(connection, topology, COMMANDS) as crossed,
            started(sampled.argv, environment.variables) as process,
        ):
            await process.unless_it_ends(crossed.wait(), TIMEOUT)
            await process.stop(signal.SIGINT)


if __name__ == "__main__":
    asyncio.run(main())
