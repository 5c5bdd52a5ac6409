"""An executor on a migrated database of its own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from crudmq.contract.command import Limits
from crudmq.contract.delivery import Delivery
from crudmq.contract.result import Message
from crudmq.execution.job import Batch, Job
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import load
from crudmq.storage import revisions
from crudmq.storage.database import Database
from tests.support.execution import Execution

STATEMENT_TIMEOUT = timedelta(seconds=5)


@dataclass
class Bench:
    """Runs commands as the consumer does, without a broker."""

    database: Database
    execution: Execution
    decoder: Decoder
    sent: int = 0
    published: list[Message] = field(default_factory=list)
    """All results and events, in order; none is marked as published before `mark`."""
    batches: list[Batch] = field(default_factory=list)

    def job(self, command: dict[str, Any] | bytes, message_id: str | None = None, **rest: Any) -> Job:  # noqa: ANN401
        self.sent += 1
        body = command if isinstance(command, bytes) else json.dumps(command).encode()
        name = message_id or f"m{self.sent}"
        return self.decoder.decode(Delivery(body, message_id=name, **{"reply_to": "replies", **rest}))

    async def read(self, job: Job) -> dict[str, Any]:
        """Run a deferred read, as the service does after the groups."""
        (outcome,) = (await self.execution.executor.read(job)).outcomes
        self.published += outcome.messages
        result: dict[str, Any] = json.loads(outcome.messages[0].body)
        return result

    async def run(self, *jobs: Job) -> list[dict[str, Any]]:
        """Run jobs as one group, and return their results in the order of the jobs."""
        results: dict[int, dict[str, Any]] = {}
        async for batch in self.execution.executor.execute(jobs):
            self.batches.append(batch)
            for row in batch.unpublished.values():
                self.published += row
            for outcome in batch.outcomes:
                self.published += outcome.messages
                (result,) = [json.loads(message.body) for message in outcome.messages if message.reply_to]
                results[id(outcome.delivery)] = result
        return [results[id(job.delivery)] for job in jobs]

    async def ask(self, command: dict[str, Any] | bytes, message_id: str | None = None) -> dict[str, Any]:
        """Run one command by itself."""
        job = self.job(command, message_id)
        return await self.read(job) if job.is_deferred_read else (await self.run(job))[0]

    @property
    def url(self) -> str:
        return self.database.engine.url.render_as_string(hide_password=False)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.published if message.event_type]

    async def mark(self) -> None:
        """Say that all batches were published."""
        for batch in self.batches:
            self.execution.publication.confirm(batch.outbox_keys())
        await self.execution.publication.delete_published()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a database at the newest revision, with the example's tables."""
    opened = Database.open(database_url, statement_timeout=STATEMENT_TIMEOUT)
    await revisions.upgrade(opened, [revisions.SERVICE, revisions.EXAMPLE])
    yield opened
    await opened.close()


def bench_on(database: Database) -> Bench:
    """Make what one process of the service would be."""
    return Bench(database, Execution.on(database), Decoder(load("crudmq.examples.models"), Limits()))


@pytest.fixture
def bench(database: Database) -> Bench:
    """Give a process of the service."""
    return bench_on(database)


@pytest.fixture
def other_bench(database: Database) -> Bench:
    """Give another process of the service, on the same database."""
    return bench_on(database)
