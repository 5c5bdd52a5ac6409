"""Ways to run messages: through the executor of the service here; a broker may be another one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, Self

from service.contract.delivery import Delivery
from service.contract.limits import Limits
from service.execution.answers import Answers
from service.execution.attempt import Attempt
from service.execution.executor import Executor
from service.execution.intake import Intake
from service.execution.outcome import Batch
from service.resources import Registry
from service.storage.engine import Database
from service.storage.tables import metadata as service_tables
from tests.property import models, tables
from tests.property.messages import Sent
from tests.property.reference import limits
from tests.property.tables import Rows

_MINE = limits.LIMITS
LIMITS = Limits(
    max_page=_MINE.page,
    max_include_depth=_MINE.include_depth,
    max_where_depth=_MINE.where_depth,
    max_conditions=_MINE.conditions,
    max_in=_MINE.values,
    max_commands=_MINE.commands,
    max_rows=_MINE.rows,
)


@dataclass
class Reply:
    """What became of one message."""

    result: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    replayed: bool = False


class Runner(Protocol):
    """Something that runs messages, and tells what came of each."""

    async def run(self, messages: Sequence[Sent]) -> list[Reply]:
        """Run messages that arrived together."""

    async def rows(self) -> Rows:
        """Give all rows of each table in the order of their keys, hidden fields too, as the model holds them."""

    async def clear(self) -> None:
        """Forget everything."""


@dataclass
class Bench:
    """Runs messages as the consumer does, without a broker. Its tables stay; `clear` empties them."""

    database: Database
    intake: Intake
    executor: Executor

    @classmethod
    async def open(cls, url: str, registry: Registry) -> Self:
        database = Database.open(url, statement_timeout=timedelta(seconds=20), connections=3)
        async with database.writing_engine.begin() as connection:
            await connection.run_sync(service_tables.create_all)
            await connection.run_sync(models.prepare)
            await connection.run_sync(tables.relax)
        # What was set for the database counts for connections that are made from now on.
        await database.engine.dispose()
        return cls(database, Intake(registry, LIMITS), Executor(database, Answers("/test")))

    async def close(self) -> None:
        await self.database.close()

    async def run(self, messages: Sequence[Sent]) -> list[Reply]:
        attempts = [self.attempt(message) for message in messages]
        replies = {id(attempt.delivery): Reply() for attempt in attempts}
        # What is in a group sees what is before it; a query has to see no more than that.
        group: list[Attempt] = []
        for attempt in attempts:
            if not attempt.runs_beside:
                group.append(attempt)
                continue
            await self._execute(group, replies)
            self._note(await self.executor.read(attempt), replies)
            group = []
        await self._execute(group, replies)
        return [replies[id(attempt.delivery)] for attempt in attempts]

    def attempt(self, message: Sent) -> Attempt:
        body = message.body if isinstance(message.body, bytes) else json.dumps(message.body).encode()
        rest: dict[str, Any] = {"reply_to": "replies", **message.properties}
        return self.intake.take(Delivery(body, message_id=message.id, **rest))

    async def _execute(self, group: list[Attempt], replies: dict[int, Reply]) -> None:
        if group:
            async for batch in self.executor.execute(group):
                self._note(batch, replies)

    def _note(self, batch: Batch, replies: dict[int, Reply]) -> None:
        assert not batch.leftovers, "all is published"
        for settled in batch.settled:
            reply = replies[id(settled.delivery)]
            for message in settled.messages:
                if message.reply_to:
                    reply.result, reply.replayed = json.loads(message.body), message.replayed
                else:
                    reply.events.append(json.loads(message.body))
        self.executor.published(batch)

    async def rows(self) -> Rows:
        return await tables.rows(self.database)

    async def clear(self) -> None:
        await tables.clear(self.database)
        self.executor = Executor(self.database, Answers("/test"))
