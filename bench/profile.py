"""Where the time of one process goes while it works creates off: the share of each step, and a flame graph.

Run by `make bench-profile`; writes `docs/profile.svg`. py-spy samples its own child, which needs no privilege but
`SYS_PTRACE` in a container. Samples are taken while Python runs, so waiting for servers is not in them.
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
from bench.place import prepared
from bench.process import started
from bench.servers import Servers
from bench.workloads import CREATES

COMMANDS, PER_SECOND, LONGEST = 40_000, 500, 300
GRAPH = Path(__file__).parent.parent / "docs" / "profile.svg"
STARTING = "starting"
STEPS = {
    "checking commands: JSON, fields, types": ("service/execution/intake.py",),
    "results and events: values to JSON, ids, attributes": ("service/execution/answers.py",),
    "encoding, publishing, confirms": ("service/messaging/publisher.py", "service/messaging/batch.py"),
    "inbox and outbox": ("service/storage/inbox.py", "service/storage/outbox.py", "service/storage/boxes.py"),
    "inserting the rows": ("service/storage/inserting.py",),
    "carrying plans out in memory": ("service/execution/actions/", "service/execution/rows.py"),
    STARTING: ("<frozen importlib", "service/cli/startup.py"),
}
_ARRIVALS = tuple(f"service/messaging/{name}.py" for name in ("decoding", "subscription", "source", "amqp", "acks"))
LIBRARIES = {
    "SQLAlchemy, whatever for: compiling, executing, transactions": ("sqlalchemy/",),
    "reading frames, decoding properties, making deliveries": ("aiormq/", "pamqp/", *_ARRIVALS),
    "forming groups, settling them": ("service/execution/", "service/messaging/"),
}
REST = "the rest: the loop itself, sockets, beginning and ending transactions"
_TITLE = re.compile(r'(id="title"[^>]*>)[^<]*<')
_FILE = re.compile(r"\(([^()]*):\d+\)$")


async def main() -> None:
    """Record twice, since py-spy writes one form at a time."""
    with tempfile.TemporaryDirectory() as directory:
        stacks = Path(directory) / "stacks"
        await record("raw", stacks)
        shares = Counter[str]()
        for line in stacks.read_text(encoding="utf-8").splitlines():
            stack, _, samples = line.rpartition(" ")
            shares[step(stack)] += int(samples)
    del shares[STARTING]
    for name, number in shares.most_common():
        print(f"| {name} | {number / shares.total():.0%} |")
    await record("flamegraph", GRAPH)
    GRAPH.write_text(
        _TITLE.sub(r"\1creates, groups of 200, one process<", GRAPH.read_text(encoding="utf-8")), encoding="utf-8"
    )


def step(stack: str) -> str:
    """Name the innermost step of ours, or else the innermost library."""
    files = [found[1] for frame in reversed(stack.split(";")) if (found := _FILE.search(frame))]
    for names in (STEPS, LIBRARIES):
        for file in files:
            for name, places in names.items():
                if file.startswith(places):
                    return name
    return REST


async def record(form: str, output: Path) -> None:
    """Work creates off under py-spy."""
    sampler = ("py-spy", "record", "--gil", "--rate", str(PER_SECOND), "--format", form, "--output", str(output), "--")
    sampled = replace(OURS, argv=(str(Path(sys.executable).parent / sampler[0]), *sampler[1:], *OURS.argv))
    servers = Servers.from_environment()
    async with databases.migrated(servers) as template, prepared(servers, template, sampled) as place:
        await queues.fill(place.connection, place.names, CREATES.commands(COMMANDS), sampled.envelope)
        async with (
            queues.finish_line(place.connection, place.names, COMMANDS) as crossed,
            started(sampled.argv, place.environment) as process,
        ):
            await process.unless_it_ends(crossed.wait(), LONGEST)
            await process.stop(signal.SIGINT)


if __name__ == "__main__":
    asyncio.run(main())
