"""An executor on a migrated database of its own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from service.contract.delivery import Delivery
from service.contract.limits import Limits
from service.contract.message import Message
from service.execution.answers import Answers
from service.execution.attempt import Attempt
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import Batch
from service.resources.registry import load
from service.storage import revisions
from service.storage.engine import Database

STATEMENT_TIMEOUT = timedelta(seconds=5)


@dataclass
class Bench:
    """Runs commands as the consumer does, without a broker."""

    database: Database
    executor: Executor
    intake: Intake
    sent: int = 0
    published: list[Message] = field(default_factory=list)
    """All that was told, in order; nothing is marked as published until `mark` says so."""
    batches: list[Batch] = field(default_factory=list)

    def attempt(self, command: dict[str, Any] | bytes, message_id: str | None = None, **rest: Any) -> Attempt:  # noqa: ANN401
        self.sent += 1
        body = command if isinstance(command, bytes) else json.dumps(command).encode()
        name = message_id or f"m{self.sent}"
        return self.intake.take(Delivery(body, message_id=name, **{"reply_to": "replies", **rest}))

    async def read(self, attempt: Attempt) -> dict[str, Any]:
        """Run a query as it is run beside the groups."""
        (settled,) = (await self.executor.read(attempt)).settled
        self.published += settled.messages
        found: dict[str, Any] = json.loads(settled.messages[0].body)
        return found

    async def run(self, *attempts: Attempt) -> list[dict[str, Any]]:
        """Run attempts as one group, and give their results in the order of the attempts."""
        answers: dict[int, dict[str, Any]] = {}
        async for batch in self.executor.execute(attempts):
            self.batches.append(batch)
            for row in batch.leftovers.values():
                self.published += row
            for settled in batch.settled:
                self.published += settled.messages
                (told,) = [json.loads(one.body) for one in settled.messages if one.reply_to]
                answers[id(settled.delivery)] = told
        return [answers[id(attempt.delivery)] for attempt in attempts]

    async def ask(self, command: dict[str, Any] | bytes, message_id: str | None = None) -> dict[str, Any]:
        """Run one command by itself."""
        attempt = self.attempt(command, message_id)
        return await self.read(attempt) if attempt.runs_beside else (await self.run(attempt))[0]

    @property
    def url(self) -> str:
        return self.database.engine.url.render_as_string(hide_password=False)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.published if one.event_type]

    async def mark(self) -> None:
        """Say that all batches were published."""
        for batch in self.batches:
            self.executor.published(batch)
        await self.executor.mark_published()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a database at the newest revision, with the example's tables."""
    found = Database.open(database_url, statement_timeout=STATEMENT_TIMEOUT)
    await revisions.upgrade(found, [revisions.SERVICE, revisions.EXAMPLE])
    yield found
    await found.close()


def bench_on(database: Database) -> Bench:
    """Make what one process of the service would be."""
    return Bench(database, Executor(database, Answers("/test")), Intake(load("service.examples.models"), Limits()))


@pytest.fixture
def bench(database: Database) -> Bench:
    """Give a process of the service."""
    return bench_on(database)


@pytest.fixture
def other_bench(database: Database) -> Bench:
    """Give another process of the service, on the same database."""
    return bench_on(database)
